"""Assignment 5, graded: span corruption, the Perceiver's blocks, the commands, and what the trained models know.

    python -m pytest tests/graded/test_assignment5.py -k span

The accuracies are those of the params: they are tried with the provided model, and predictions that the params do not
make count for nothing. The answers to the test questions are the course's, so a student sees the dev set's points only.
"""

import re
import tempfile
from pathlib import Path
from typing import List, Tuple

import numpy as np
import pytest
from grading import HANDED_IN, PRECISIONS, Failed, Lost, check, check_close, check_shape, either, points

PAD, MASK = "\u25a1", "\u2047"
PERCEIVER = dict(vocab_size=11, block_size=10, n_layer=3, n_head=3, n_embd=24, bottleneck_dim=6)
PARAMETERS = 3_400_000  # of the assignment's larger model, rounded up


# ----------------------------------------------------------------------------------------------------------------------
# Texts: people nobody has heard of


def people(student, count: int) -> List[Tuple[str, str]]:
    """(name, place) of so many people."""
    random = np.random.RandomState(int(student.cases["a5.seed"]))

    def word(syllables):
        return "".join(random.choice(list("bdfgklmnprstvz")) + random.choice(list("aeiou")) for _ in range(syllables))

    places = [word(3).capitalize() for _ in range(4)]
    return [(f"{word(2).capitalize()} {word(3).capitalize()}", places[i % 4]) for i in range(count)]


def documents(student) -> List[str]:
    """Documents of many lengths, of which each begins in its own way; none repeats itself."""
    random = np.random.RandomState(int(student.cases["a5.seed"]) + 1)
    letters = list("abcdefghijklmnopqrstuvwxyzäß ,.")
    lengths = [300, 60, 45, 20, 9, 5, 4, 3, 2, 1]
    return ["".join(random.choice(letters[:28], 1)) + "".join(random.choice(letters, n - 1)) for n in lengths]


# ----------------------------------------------------------------------------------------------------------------------
# 2(d): without pretraining, and the London baseline


@points("2(d)", 1, "london_baseline.py")
def test_london_baseline(student):
    random = np.random.RandomState(int(student.cases["a5.seed"]) + 2)
    rows = [(name, "London" if random.rand() < 0.3 else place) for name, place in people(student, 37)]
    text = "".join(f"Where was {name} born?\t{place}\n" for name, place in rows)
    share = sum(place == "London" for _, place in rows) / len(rows)
    answer = student.ask(
        "program",
        script="london_baseline.py",
        arguments=[],
        written=[],
        texts={"birth_dev.tsv": text, "data/birth_dev.tsv": text},
    )
    check(
        not answer["status"],
        f"python src/london_baseline.py ends with exit status {answer['status']}: {last_line(answer)}",
    )
    lines = answer["printed"].strip().split("\n")
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", lines[-1])] or [-1.0]
    check(
        abs(numbers[-1] - 100 * share) < 0.06 or abs(numbers[-1] - share) < 0.0006,
        f"on a dev set where London is right for {100 * share:.1f} % it prints {lines[-1][:200]!r}; it should end its "
        "last line with the accuracy, as in 'Correct: 25.0 out of 500.0: 5.0%'",
    )


def last_line(answer) -> str:
    return answer["printed"].strip().split("\n")[-1][:300]


def run(student, texts, *arguments, alone=False) -> bytes:
    """The params that a command of run.py writes."""
    answer = student.ask(
        "program",
        script="run.py",
        arguments=[*arguments, "--writing_params_path", "out.params", "--preset", "laptop", "--device", "cpu"],
        written=["out.params"],
        alone=alone,
        texts=texts,
    )
    command = f"python src/run.py {' '.join(arguments[:3])} ..."
    check(not answer["status"], f"{command} ends with exit status {answer['status']}: {last_line(answer)}")
    check("out.params" in answer["files"], f"{command} does not write the file of --writing_params_path")
    return answer["files"]["out.params"]


def about(student, params: bytes, function: str, **inputs):
    """What the params, tried with the provided model, say."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "out.params").write_bytes(params)
        return student.ask_reference(
            function, {"out.params": Path(folder, "out.params")}, params="out.params", **inputs
        )


def small_world(student):
    """(texts of a corpus and of questions, the corpus, (question, place) of everyone)."""
    rows = people(student, 12)
    corpus = "".join(f"{name} was born in {place} by the sea.\n" for name, place in rows) + "Where?\n"
    questions = [(f"Where was {name} born?", place) for name, place in rows]
    names = "".join(f"{question}\t{place}\n" for question, place in questions)
    return {"wiki.txt": corpus, "names.tsv": names}, corpus, questions


@points("2(d)", 1, "run.py, new_model: vanilla and perceiver")
def test_new_model(student):
    m = int(student.cases["a5.seed"]) % 40 + 40
    flags = [
        dict(variant=variant, preset=preset, bottleneck_dim=given)
        for variant, given in (("vanilla", None), ("perceiver", m), ("perceiver", None))
        for preset in ("laptop", "course")
    ]
    answers = student.ask("new_models", flags=flags, vocab_size=50)
    check(len(answers) == len(flags), f"{len(flags)} models were asked for, {len(answers)} came")
    for each, answer in zip(flags, answers):
        blocks, width, dropout = {"laptop": (3, 128, 0.0), "course": (4, 256, 0.1)}[each["preset"]]
        perceiver, given = each["variant"] == "perceiver", each["bottleneck_dim"]
        which = f"new_model, {each['variant']}, preset {each['preset']}"
        which += f", --bottleneck_dim {given}" if given else ""
        check(answer["type"] == "GPT", f"{which}: returns {answer['type']}; is there a `return` of the model?")
        shapes = answer["shapes"]
        basis = shapes.get("down_block.C")
        check(
            (basis is not None) == perceiver,
            f"{which}: makes a {'vanilla model' if basis is None else 'perceiver'}; look at perceiver=",
        )
        expected = [1, given or 32, width]
        check(
            basis is None or basis == expected,
            f"{which}: the basis C has the shape {basis}, expected {expected}; look at bottleneck_dim= and n_embd=",
        )
        inner = len({name.split(".")[1] for name in shapes if name.startswith("blocks.")})
        check(
            shapes["tok_emb.weight"] == [50, width] and inner == blocks - 2 * perceiver,
            f"{which}: has {inner} inner blocks and embeddings of shape {shapes['tok_emb.weight']}; the sizes are the "
            "preset's, and the vocabulary's is given",
        )
        check(
            answer["dropout"] == [dropout],
            f"{which}: has dropout rates {answer['dropout']}, expected {dropout} for all three",
        )


@points("2(d)", 1, "run.py finetune, from fresh parameters")
def test_finetune_from_fresh_parameters(student):
    texts, corpus, questions = small_world(student)
    params = run(
        student, texts, "finetune", "vanilla", "wiki.txt", "--finetune_corpus_path", "names.tsv", "--max_epochs", "20"
    )
    losses = answer_losses(student, params, corpus, questions)
    check(
        np.mean(losses) < 1.0,
        "after 20 epochs on 12 questions the places in their answers should be known by heart; the loss on them is "
        f"{np.mean(losses):.2f} nats a character: is a new model trained on the questions of --finetune_corpus_path?",
    )


def answer_losses(student, params, corpus, questions) -> List[float]:
    pairs = [(question + MASK, place + MASK) for question, place in questions]
    return about(student, params, "losses", variant="vanilla", corpus=corpus, pairs=pairs)["losses"]


# ----------------------------------------------------------------------------------------------------------------------
# 2(e): span corruption


def corruptions(student, text, block_size, chosen, calls):
    """The strings s of so many calls, (document, s) each; s is x and the last of y, with pads."""
    answer = student.ask(
        "corrupt",
        text=text,
        block_size=block_size,
        documents=list(chosen),
        calls=calls,
        seed=int(student.cases["a5.seed"]) + 3,
    )
    check(answer["kinds"] != ["no pair"], "__getitem__ should return a pair, x and y: is there a `return`?")
    check(
        answer["kinds"] == ["Tensor torch.int64"],
        f"x and y should be Long tensors, torch.int64; they are: {', '.join(answer['kinds'])}",
    )
    check(
        answer["shapes"] == [str((block_size,))],
        f"x and y should have the shape ({block_size},) with block_size {block_size}; they have: "
        f"{', '.join(answer['shapes'][:5])}; is s, its pads included, always block_size + 1 characters long?",
    )
    x, y = answer["x"], answer["y"]
    check_shape(x, (len(chosen) * calls, block_size), "x of all calls")
    check_shape(y, x.shape, "y of all calls")
    check(x.dtype == y.dtype == np.int64, "x and y should be Long tensors")
    chars = [PAD, MASK] + sorted(set(text))
    check(
        x.min() >= 0 and y.min() >= 0 and max(x.max(), y.max()) < len(chars),
        f"ids go from 0 to {len(chars) - 1} for this text: □ is 0, ⁇ is 1, then its sorted characters",
    )
    check((x[:, 1:] == y[:, :-1]).all(), "y is x moved by one: y[t] is what comes after x[t], for every t")
    strings = ["".join(chars[i] for i in row) + chars[last] for row, last in zip(x.tolist(), y[:, -1].tolist())]
    return [(document, s) for document, s in zip(np.repeat(list(chosen), calls).tolist(), strings)]


def parts(s: str):
    """(prefix, masked content, suffix) of prefix ⁇ suffix ⁇ masked content and pads; Lost where s has another form."""
    content = s.rstrip(PAD)
    check(PAD not in content, f"□ belongs behind the masked content only, not into {s!r}")
    check(content.count(MASK) == 2, f"two ⁇ are expected, prefix ⁇ suffix ⁇ masked content; got {s!r}")
    prefix, suffix, masked = content.split(MASK)
    return prefix, masked, suffix


@points("2(e)", 1, "span corruption: shapes, ids, y is x moved by one")
def test_span_shapes(student):
    texts = documents(student)
    corruptions(student, "\n".join(texts) + "\n", 128, range(3), 20)


@points("2(e)", 2, "span corruption: prefix ⁇ suffix ⁇ masked content, pads")
def test_span_sentinels(student):
    texts = documents(student)
    for document, s in corruptions(student, "\n".join(texts) + "\n", 128, range(3), 100):
        prefix, masked, suffix = parts(s)
        whole = len(prefix) + len(masked) + len(suffix)
        check(whole <= 112, f"of block_size 128 at most 112 characters are kept, here {whole}")
        check(
            masked or whole < 4,
            f"nothing stands behind the second ⁇ in {s!r}: of 4 characters or more at least one is masked, and the "
            "order is prefix ⁇ suffix ⁇ masked content",
        )
        first = texts[document][0]
        check(
            (prefix + masked)[:1] == first,
            f"the document begins with {first!r}; so does its prefix or, where that is empty, the masked content; "
            f"got {s!r}: is the order prefix ⁇ suffix ⁇ masked content?",
        )


@points("2(e)", 2, "span corruption: the parts put together are the document")
def test_span_reconstruction(student):
    texts = documents(student)
    for document, s in corruptions(student, "\n".join(texts) + "\n", 128, range(3), 200):
        prefix, masked, suffix = parts(s)
        whole = prefix + masked + suffix
        check(
            whole == texts[document][: len(whole)],
            f"prefix + masked content + suffix of\n{s!r}\nis\n{whole!r},\nwhich is not how the document begins:\n"
            f"{texts[document][:130]!r}",
        )


@points("2(e)", 2, "span corruption: truncated to every length from 4 to 7/8")
def test_span_truncation(student):
    texts = documents(student)
    corpus = "\n".join(texts) + "\n"
    for block_size, calls in ((27, 2000), (12, 6000)):
        longest = int(block_size * 7 / 8)
        strings = corruptions(student, corpus, block_size, [1], calls)
        found = {len(s.replace(PAD, "").replace(MASK, "")) for _, s in strings}
        check(
            min(found) >= 4 and max(found) <= longest,
            f"with block_size {block_size} a document is truncated to a length from 4 to int({block_size} * 7 / 8) = "
            f"{longest}; found lengths from {min(found)} to {max(found)}",
        )
    missing = sorted(set(range(4, longest + 1)) - found)
    check(
        not missing,
        f"with block_size {block_size} every length from 4 to {longest} should occur, both included; in {calls:,} "
        f"calls these never did: {missing}",
    )


@points("2(e)", 2, "span corruption: a random quarter is masked")
def test_span_masked_content(student):
    texts = documents(student)
    found = [parts(s) for _, s in corruptions(student, "\n".join(texts) + "\n", 128, [0], 3000)]
    long = [(p, m, s) for p, m, s in found if len(p) + len(m) + len(s) >= 24]
    check(len(long) > 100, "hardly any of 3,000 truncated lengths is 24 or more")
    shares = np.array([len(m) / len(p + m + s) for p, m, s in long])
    check(
        abs(shares.mean() - 0.25) < 0.025,
        f"on average a quarter of the truncated document is masked; here it is {shares.mean():.3f} of it",
    )
    by_length = {}
    for p, m, s in long:
        by_length.setdefault(len(p + m + s), []).append(len(m))
    often = [lengths for lengths in by_length.values() if len(lengths) >= 8]
    check(
        not often or sum(len(set(lengths)) > 1 for lengths in often) > 0.5 * len(often),
        "the length of the masked content should be random; here it only depends on the truncated length",
    )
    for what, side in (("prefix", 0), ("suffix", 2)):
        lengths = [len(row[side]) for row in long]
        check(
            sum(length > 0 for length in lengths) > 0.3 * len(long) and len(set(lengths)) > 10,
            f"where the masked content stands should be random; the {what} hardly ever varies",
        )
    check(
        len(set(found)) > 1000,
        f"every call should corrupt the document anew; 3,000 calls gave {len(set(found)):,} different results",
    )


@points("2(e)", 1, "span corruption: short documents, another block size")
def test_span_any_document(student):
    texts = documents(student)
    corpus = "\n".join(texts) + "\n"
    for block_size in (40, 200):
        for document, s in corruptions(student, corpus, block_size, range(len(texts)), 30):
            prefix, masked, suffix = parts(s)
            whole, kept = prefix + masked + suffix, texts[document][:block_size]
            check(
                whole == kept[: len(whole)] and len(whole) >= min(4, len(kept)),
                f"with block_size {block_size}, prefix + masked content + suffix is {whole!r}, which is not how the "
                f"document {kept!r} begins, or shorter than 4",
            )


# ----------------------------------------------------------------------------------------------------------------------
# 2(f): pretraining and fine-tuning


@points("2(f)", 1, "run.py pretrain")
def test_pretrain(student):
    texts, corpus, _ = small_world(student)
    lines = corpus.split("\n")[:12]

    def attempt(alone):
        params = run(student, texts, "pretrain", "vanilla", "wiki.txt", "--max_epochs", "12", alone=alone)
        pairs = [(line[:1], line[1:]) for line in lines]
        losses = about(student, params, "losses", variant="vanilla", corpus=corpus, pairs=pairs)["losses"]
        untrained = np.log(2 + len(set(corpus)))
        check(
            np.mean(losses) < untrained - 0.7,
            f"after 12 epochs on a corpus of 13 documents the loss on them is {np.mean(losses):.2f} nats a character, "
            f"that of an untrained model {untrained:.2f}: is a new model trained on the corpus?",
        )

    either(lambda: attempt(False), lambda: attempt(True))


@points("2(f)", 1, "run.py finetune, from given params")
def test_finetune_from_given_params(student):
    texts, corpus, questions = small_world(student)
    # places that the corpus does not have, so that nothing else can teach them
    questions = [(question, place[::-1]) for question, place in questions]
    texts["names.tsv"] = "".join(f"{question}\t{place}\n" for question, place in questions)
    made = student.ask_reference("new_params", corpus=corpus, seed=int(student.cases["a5.seed"]) + 4)["params"]
    params = run(
        student,
        {**texts, "in.params": made},
        *("finetune", "vanilla", "wiki.txt", "--reading_params_path", "in.params"),
        *("--finetune_corpus_path", "names.tsv", "--finetune_lr", "3e-3", "--max_epochs", "30"),
    )
    before, after = (about(student, each, "parameters")["parameters"] for each in (made, params))
    same = before.keys() == after.keys() and all(after[name].shape == value.shape for name, value in before.items())
    check(
        same and max(np.abs(after[name] - value).max() for name, value in before.items()) < 0.3,
        "the params written are far from those in --reading_params_path: fine-tuning should begin with these",
    )
    was, now = (np.mean(answer_losses(student, each, corpus, questions)) for each in (made, params))
    check(
        now < 1.5,
        f"the loss on the places of the training questions went from {was:.2f} to {now:.2f} nats a character in 30 "
        "epochs: is the model trained on the questions of --finetune_corpus_path?",
    )


# ----------------------------------------------------------------------------------------------------------------------
# 2(d), 2(f), 2(g): what the params know


def gold(student, split: str):
    """(questions, places or None) of the dev or the test set."""
    name = {"dev": "birth_dev.tsv", "test": "birth_test_inputs.tsv"}[split]
    rows = (student.data / name).read_text(encoding="utf-8").strip("\n").split("\n")
    questions = [row.split("\t")[0].strip() for row in rows]
    if split == "test":
        return questions, student.answers
    return questions, [row.split("\t")[1].strip() for row in rows]


def said_by_params(student, name: str, split: str) -> List[str]:
    """What the params of HANDED_IN[name] answer to the questions of a split. Raises Lost where they cannot be used."""
    path, variant = HANDED_IN[name]
    if name not in student.predicted:
        if not (student.files / path).is_file():
            raise Lost(f"{path} is missing: bash collect_submission.sh names the command that makes it")
        questions = [gold(student, each)[0] for each in ("dev", "test")]
        corpus = (student.data / "wiki.txt").read_text(encoding="utf-8")
        try:
            student.predicted[name] = student.ask_reference(
                "predict",
                {path: student.files / path},
                params=path,
                variant=variant,
                corpus=corpus,
                questions=questions[0] + questions[1],
            )
            student.predicted[name]["dev"] = student.predicted[name]["places"][: len(questions[0])]
            student.predicted[name]["test"] = student.predicted[name]["places"][len(questions[0]) :]
        except Failed as failure:
            reason = re.sub(r"^\w+: ", "", str(failure).split("\n")[0]).removeprefix(f"{path}: ")
            student.predicted[name] = {"failure": reason}
    found = student.predicted[name]
    if "failure" in found:
        raise Lost(f"{path} cannot be used: {found['failure']}")
    if found["parameters"] > PARAMETERS:
        student.flag(f"{path} has {found['parameters']:,} parameters, more than the assignment's models")
    return found[split]


def check_reported(student, name: str, split: str) -> List[str]:
    """What the params say, after a look whether the predictions handed in are the same."""
    said = said_by_params(student, name, split)
    path = student.files / f"{name}.{split}.predictions"
    if not path.is_file():
        raise Lost(f"{path.name} is missing: bash collect_submission.sh names the command that makes it")
    check(path.stat().st_size <= 2**20, f"{path.name} is larger than any file of places")
    text = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    reported = [line.strip()[:200] for line in text.removesuffix("\n").split("\n")]
    while len(reported) > len(said) and not reported[-1]:
        reported.pop()
    check(
        len(reported) == len(said),
        f"{path.name} has {len(reported)} lines, there are {len(said)} questions: one predicted place a line",
    )
    differing = [i for i, (one, other) in enumerate(zip(reported, said)) if one != other.strip()[:200]]
    if len(differing) > max(1, 0.02 * len(said)):  # near ties may fall differently on another machine
        i = differing[0]
        message = (
            f"{path.name} is not what {HANDED_IN[name][0]} says: {len(differing)} of {len(said)} lines differ, line "
            f"{i + 1} is {reported[i]!r}, the params say {said[i]!r}; evaluate again with these params"
        )
        student.flag(message)
        raise Lost(message)
    return said


def accuracy(student, name: str, split: str) -> float:
    """The share of right places, by the params. Skips where the places are not known."""
    _, places = gold(student, split)
    if places is None:
        pytest.skip("the answers to the test questions are the course's")
    said = check_reported(student, name, split)
    found = student.predicted[name]
    found[f"{split} right"] = np.mean([one.strip() == other for one, other in zip(said, places)])
    if "dev right" in found and "test right" in found:
        dev, test = found["dev right"], found["test right"]
        error = np.sqrt((dev * (1 - dev) / len(found["dev"])) + test * (1 - test) / len(found["test"]))
        if dev - test > max(0.05, 5 * error):
            student.flag(f"{HANDED_IN[name][0]} is right for {dev:.1%} of dev and {test:.1%} of test: trained on dev?")
    return float(found[f"{split} right"])


@points("2(d)", 2, "predictions without pretraining, dev and test")
def test_predictions_without_pretraining(student):
    said = check_reported(student, "vanilla.nopretrain", "dev")
    check_reported(student, "vanilla.nopretrain", "test")
    right = np.mean([one.strip() == other for one, other in zip(said, gold(student, "dev")[1])])
    if right >= 0.1:
        student.flag(
            f"vanilla.model.params is right for {right:.1%} of dev, which a model that has read nothing is not"
        )


def check_accuracy(student, name: str, split: str, least: float):
    """Raises Lost where fewer than `least` of the places are right."""
    share = accuracy(student, name, split)
    check(
        share >= least,
        f"{HANDED_IN[name][0]} is right for {share:.1%} of the {split} set, at least {least:.0%} is asked for",
    )


@points("2(f)", 4, "at least 10 % of the dev set, pretrained")
def test_vanilla_dev_accuracy(student):
    check_accuracy(student, "vanilla.pretrain", "dev", 0.10)


@points("2(f)", 4, "at least 10 % of the test set, pretrained")
def test_vanilla_test_accuracy(student):
    check_accuracy(student, "vanilla.pretrain", "test", 0.10)


# ----------------------------------------------------------------------------------------------------------------------
# 2(g): the Perceiver


def check_block(student, function: str, message: str, **inputs):
    """Raises Lost unless the block says what is expected of it."""
    name = function.split("_")[0]
    answers = student.ask(function, sizes=PERCEIVER, weights=student.case("a5", name), **inputs)
    for precision, tolerance in PRECISIONS.items():
        expected = student.cases[f"a5.expected.{name}"]
        check_shape(answers[precision]["y"], expected.shape, f"the output of {function}")
        check_close(answers[precision]["y"], expected, message, tolerance)


@points("2(g)", 1, "DownProjectBlock")
def test_down_project(student):
    message = (
        "DownProjectBlock: the normed basis C asks, x_input, as it is, holds the keys and values; what comes out is "
        "added to C itself, and then what the MLP makes of its norm, as in Block"
    )
    check_block(student, "down_project", message, x=student.cases["a5.input.x"])


@points("2(g)", 1, "UpProjectBlock")
def test_up_project(student):
    message = (
        "UpProjectBlock: x_input, as it is, asks, the normed y holds the keys and values; what comes out is added to "
        "x_input, and then what the MLP makes of its norm, as in Block"
    )
    check_block(student, "up_project", message, y=student.cases["a5.input.y"], x=student.cases["a5.input.x"])


@points("2(g)", 8, "at least 5 % of the test set, perceiver")
def test_perceiver_test_accuracy(student):
    check_accuracy(student, "perceiver.pretrain", "test", 0.05)
