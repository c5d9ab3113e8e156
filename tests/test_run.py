"""The commands as a student types them, on a tiny corpus in a temporary directory, and every kind of bad input."""

import contextlib
import functools
import io
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import run as run_module
from command_line import run_command
from dataset import CharCorruptionDataset, parse_questions
from files import read_text
from model import GPT, GPTConfig
from trainer import TrainerConfig
from utils import sample

SRC = Path(__file__).resolve().parent.parent / "src"
COURSE_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "course-data"

PEOPLE = [
    ("Ada Hale", "Turin"),
    ("Bo Lund", "Oslo"),
    ("Eva Rossi", "London"),
    ("Ugo Ferri", "Lima"),
    ("Élodie Roux", "Oslo"),
]
QUICK = ["--preset", "laptop", "--max_epochs", "2", "--batch_size", "8", "--device", "cpu"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A working directory with a tiny corpus, questions, and questions without places."""
    monkeypatch.chdir(tmp_path)
    corpus = [f"{name} was born in {place}." for name, place in PEOPLE] + ["Where did Eva go?", "", "Hi"]
    Path("wiki.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    rows = [f"Where was {name} born?\t{place}" for name, place in PEOPLE]
    Path("birth_places_train.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    Path("birth_dev.tsv").write_text("\n".join(rows[2:]) + "\n", encoding="utf-8")
    Path("birth_test_inputs.tsv").write_text("".join(row.split("\t")[0] + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def run(*arguments, program="run.py", check=True):
    done = subprocess.run(
        [sys.executable, str(SRC / program), *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stderr
    return done


def refused(*arguments):
    """Runs a command of run.py that must end in one line on stderr and exit status 2; returns that line.

    It runs in this process: starting Python and PyTorch a hundred times would take minutes.
    """
    before = snapshot()
    output, errors = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as exit_:
        patch.setattr(sys, "argv", ["run.py", *map(str, arguments)])
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", errors)
        run_command(run_module.main)
    assert exit_.value.code == 2
    lines = errors.getvalue().split("\n")
    assert len(lines) == 2 and lines[1] == "", errors.getvalue()
    assert snapshot() == before, "a refused command writes nothing"
    return lines[0]


def snapshot():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and "expt" not in path.parts}


def run_here(*arguments):
    """Runs a command of run.py that works in this process: that spares a start of Python and PyTorch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["run.py", *arguments])
        run_module.main()


def pretrained(variant="vanilla", path="pre.params", *more):
    run_here("pretrain", variant, "wiki.txt", "--writing_params_path", path, *more, *QUICK)
    return path


def inspected(variant, *more):
    """Runs inspect -> the lines it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        run_here("inspect", variant, "wiki.txt", *more)
    return output.getvalue().split("\n")


# --- the handout's commands


@pytest.mark.parametrize("variant, flags", [("vanilla", []), ("perceiver", ["--bottleneck_dim", "64"])])
def test_pretrain_finetune_and_evaluate_work_as_in_the_handout(world, variant, flags):
    done = run("pretrain", variant, "wiki.txt", *flags, "--writing_params_path", "pre.params", *QUICK)
    assert "Parameters written to pre.params" in done.stdout
    done = run(
        "finetune", variant, "wiki.txt", *flags, "--reading_params_path", "pre.params", "--writing_params_path",
        "fine.params", "--finetune_corpus_path", "birth_places_train.tsv", *QUICK,
    )  # fmt: skip
    assert sorted(os.listdir(".")) == sorted(
        [
            "birth_dev.tsv",
            "birth_places_train.tsv",
            "birth_test_inputs.tsv",
            "expt",
            "fine.params",
            "pre.params",
            "wiki.txt",
        ]
    ), "no training state is left"
    evaluate = ["evaluate", variant, "wiki.txt", *flags, "--reading_params_path", "fine.params"]
    done = run(*evaluate, "--eval_corpus_path", "birth_dev.tsv", "--outputs_path", "dev.predictions")
    assert re.search(r"^Correct: \d\.0 out of 3\.0: \d+\.\d%$", done.stdout, re.M), done.stdout
    assert len(Path("dev.predictions").read_text(encoding="utf-8").split("\n")) == 3 + 1
    done = run(*evaluate, "--eval_corpus_path", "birth_test_inputs.tsv", "--outputs_path", "test.predictions")
    assert "Predictions written to test.predictions; no targets provided" in done.stdout
    assert len(Path("test.predictions").read_text(encoding="utf-8").split("\n")) == 5 + 1
    params = torch.load("fine.params", weights_only=True)
    assert isinstance(params, dict) and all(isinstance(tensor, torch.Tensor) for tensor in params.values())
    assert ("down_block.C" in params) == (variant == "perceiver")
    if variant == "perceiver":
        assert params["down_block.C"].shape[1] == 64


def test_enough_training_answers_the_questions_it_was_trained_on_and_counts_them(world):
    run(
        "finetune", "vanilla", "wiki.txt", "--writing_params_path", "m.params", "--finetune_corpus_path",
        "birth_places_train.tsv", "--preset", "laptop", "--max_epochs", "120", "--batch_size", "5", "--device", "cpu",
    )  # fmt: skip
    done = run(
        "evaluate", "vanilla", "wiki.txt", "--reading_params_path", "m.params", "--eval_corpus_path",
        "birth_places_train.tsv", "--outputs_path", "out",
    )  # fmt: skip
    assert "Correct: 5.0 out of 5.0: 100.0%" in done.stdout
    assert Path("out").read_text(encoding="utf-8") == "".join(place + "\n" for _, place in PEOPLE), (
        "in the file's order"
    )


@pytest.mark.parametrize("variant", ["vanilla", "perceiver"])
def test_predictions_equal_those_of_sampling_one_name_at_a_time(world, variant):
    path = pretrained(variant)
    run(
        "evaluate", variant, "wiki.txt", "--reading_params_path", path, "--eval_corpus_path", "birth_test_inputs.tsv",
        "--outputs_path", "out",
    )  # fmt: skip
    params = torch.load(path, weights_only=True)
    model = GPT(GPTConfig.of_params(params))
    model.load_state_dict(params)
    corpus = CharCorruptionDataset(read_text("wiki.txt"), 128)
    expected = []
    for question, _ in parse_questions(read_text("birth_test_inputs.tsv")):
        x = torch.tensor([[corpus.stoi[char] for char in question + "⁇"]])
        text = "".join(corpus.itos[i] for i in sample(model, x, 32)[0].tolist())
        expected.append(text.split("⁇")[1].replace("\n", " "))
    assert Path("out").read_text(encoding="utf-8").split("\n")[:-1] == expected


BEST = ["--preset", "best", "--max_epochs", "2", "--batch_size", "8", "--device", "cpu"]


def finetuned(variant, path, *more):
    """Runs finetune with preset best -> what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        run_here(
            "finetune", variant, "wiki.txt", "--finetune_corpus_path", "birth_places_train.tsv",
            "--writing_params_path", path, *BEST, *more,
        )  # fmt: skip
    return output.getvalue()


@pytest.mark.parametrize("variant", ["vanilla", "perceiver"])
def test_preset_best_learns_the_documents_and_the_questions_together_and_its_models_know_words(world, variant):
    printed = finetuned(variant, "fine.params")
    assert "2 epochs of 12 examples, 4 steps" in printed, "7 documents and 5 questions"
    params = torch.load("fine.params", weights_only=True)
    corpus = CharCorruptionDataset(read_text("wiki.txt"), 128)
    assert params["word_emb.separators"].nonzero()[:, 0].tolist() == [0, 1, corpus.stoi[" "]]
    assert params["word_emb.weight"].ne(0).any()
    assert len({name.split(".")[1] for name in params if name.startswith("blocks.")}) == 3
    assert ("basis_at_words" in params) == (variant == "perceiver")
    before = {name: tensor.clone() for name, tensor in params.items()}
    run_here("evaluate", variant, "wiki.txt", "--reading_params_path", "fine.params", "--eval_corpus_path",
             "birth_test_inputs.tsv", "--outputs_path", "out")  # fmt: skip
    model = GPT.of_params(GPTConfig.of_params(params), params)
    x = torch.tensor([[corpus.stoi[char] for char in "Where was Ada Hale born?⁇"]])
    text = "".join(corpus.itos[i] for i in sample(model, x, 32)[0].tolist())
    assert read_text("out").split("\n")[0] == text.split("⁇")[1].replace("\n", " ")

    finetuned(variant, "further.params", "--reading_params_path", "fine.params")
    further = torch.load("further.params", weights_only=True)
    assert further.keys() == before.keys()
    changed = (further["word_emb.weight"] != before["word_emb.weight"]).any(dim=2).sum().item()
    assert changed > 100, "it goes on from the words that were read, and learns them further"


def test_preset_best_learns_the_same_whoever_prepares_its_batches_and_wherever_it_was_interrupted(world):
    finetuned("vanilla", "whole.params")
    finetuned("vanilla", "workers.params", "--num_workers", "2")
    step = run_module.Trainer._learn

    def interrupted(trainer, x, y):
        result = step(trainer, x, y)
        if trainer.step == 3:  # in the middle of the second epoch
            os.kill(os.getpid(), signal.SIGINT)
        return result

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(run_module.Trainer, "_learn", interrupted)
        finetuned("vanilla", "cut.params")
    finetuned("vanilla", "cut.params", "--resume")
    whole, *others = (torch.load(f"{name}.params", weights_only=True) for name in ("whole", "workers", "cut"))
    for other in others:
        assert all(torch.equal(whole[name], other[name]) for name in whole)


def test_preset_best_goes_on_from_params_of_the_handouts_model_without_words(world):
    run_here("pretrain", "vanilla", "wiki.txt", "--writing_params_path", "plain.params", *QUICK)
    finetuned("vanilla", "fine.params", "--reading_params_path", "plain.params")
    params = torch.load("fine.params", weights_only=True)
    assert not [name for name in params if name.startswith("word_emb")]


def test_the_other_presets_fine_tune_on_questions_alone(world):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        run_here("finetune", "vanilla", "wiki.txt", "--finetune_corpus_path", "birth_places_train.tsv",
                 "--writing_params_path", "fine.params", *QUICK)  # fmt: skip
    assert "2 epochs of 5 examples, 2 steps" in output.getvalue()


def test_the_same_seed_gives_the_same_params_and_another_seed_others(world):
    params = [
        torch.load(pretrained("vanilla", f"{i}.params", "--seed", seed), weights_only=True)["head.weight"]
        for i, seed in enumerate(["3", "3", "4"])
    ]
    assert torch.equal(params[0], params[1]) and not torch.equal(params[0], params[2])


def test_the_learning_rate_flags_change_what_is_learned(world):
    default = torch.load(pretrained(), weights_only=True)["ln_f.weight"]
    other = torch.load(pretrained("vanilla", "b.params", "--pretrain_lr", "1e-5"), weights_only=True)["ln_f.weight"]
    assert not torch.equal(default, other)


def test_a_run_leaves_curves_and_sampled_answers_for_tensorboard(world):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pretrained("vanilla", "p", "--tb_expt_name", "demo")
    (folder,) = Path("expt/pretrain").iterdir()
    assert folder.name.startswith("demo_vanilla_")
    events = EventAccumulator(str(folder)).Reload()
    assert set(events.Tags()["scalars"]) == {f"train/{tag}" for tag in ("loss", "lr", "grad_norm", "tokens_per_second")}
    table = events.Tensors("samples/text_summary")[0].tensor_proto.string_val[0].decode()
    assert table.count("\n") >= 5 and "⁇" in table


@pytest.mark.parametrize("variant, flags", [("vanilla", []), ("perceiver", ["--bottleneck_dim", "12"])])
def test_inspect_shows_the_most_probable_answers_what_the_corpus_says_and_where_the_model_looks(world, variant, flags):
    pretrained(variant, "p", *flags)
    lines = inspected(variant, "--reading_params_path", "p", "--name", " ada  Hale ")[1:]
    question, *answers, told, drawn, end = [line for line in lines if not line.startswith("Note")]
    assert question == "Where was ada Hale born?"
    shares = [float(re.match(r" *(\d+\.\d\d) %  ", line)[1]) for line in answers]
    assert len(shares) in (6, 7) and shares[:5] == sorted(shares[:5], reverse=True)
    assert answers[-1].endswith("all other answers") and sum(shares) == pytest.approx(100, abs=0.05)
    assert told == "In the corpus: Ada Hale was born in Turin."
    Path("one.tsv").write_text("Where was ada Hale born?\n", encoding="utf-8")
    run("evaluate", variant, "wiki.txt", "--reading_params_path", "p", "--eval_corpus_path", "one.tsv",
        "--outputs_path", "one.predictions")  # fmt: skip
    greedy = Path("one.predictions").read_text(encoding="utf-8").rstrip("\n")
    (marked,) = [line for line in answers if "<- evaluate's answer" in line]
    assert (repr(greedy) if greedy.strip() != greedy else greedy or "(nothing)") in marked
    assert drawn.endswith("drawn in attention.png") and end == ""
    assert Path("attention.png").read_bytes().startswith(b"\x89PNG")
    lines = inspected(variant, "--reading_params_path", "p", "--name", "Ed Lund", "--outputs_path", "other.png")
    assert "No document of the corpus contains the name Ed Lund." in lines and Path("other.png").exists()
    assert any("vectors read the first 12 of these 24 characters" in line for line in lines) == (variant == "perceiver")


@pytest.mark.parametrize("m, read", [(1, 1), (4, 14), (6, None)])
def test_inspect_says_where_vectors_that_stand_at_words_end_too_early(world, m, read):
    finetuned("perceiver", "p", "--bottleneck_dim", str(m))  # they stand at 0 and "Where was Ada Hale born?⁇"'s spaces
    notes = [line for line in inspected("perceiver", "--reading_params_path", "p", "--name", "Ada Hale") if "Note" in line]
    expected = f"Note: the perceiver's {m} vectors read the first {read} of these 25 characters"
    assert notes == ([expected] if read else [])


def test_inspect_refuses_names_it_cannot_ask_about(world):
    pretrained("vanilla", "p")
    inspect = ["inspect", "vanilla", "wiki.txt"]
    assert "inspect needs --name" in refused(*inspect, "--reading_params_path", "p")
    assert "inspect needs --reading_params_path" in refused(*inspect, "--name", "Ada")
    for name, complaint in (
        (" ", "--name: is empty"),
        ("Zoë", "--name Zoë: the question contains 'Z', which does not occur in the pretraining corpus"),
        ("Ada" * 50, "the question needs 167 characters"),
        ("A⁇", "the question contains □ or ⁇"),
    ):
        assert complaint in refused(*inspect, "--reading_params_path", "p", "--name", name)
    assert inspected("vanilla", "--reading_params_path", "p", "--name", "Ada", "--eval_corpus_path", "nowhere.tsv")[0] == (
        "Note: --eval_corpus_path has no effect on inspect vanilla"
    ), "and the file is not looked for"
    picture = ["--reading_params_path", "p", "--name", "Ada", "--outputs_path"]
    os.rename("p", "p.png")
    assert "this command reads that file" in refused(*inspect, "--reading_params_path", "p.png", *picture[2:], "p.png")
    os.rename("p.png", "p")
    assert "give a name that ends in .png" in refused(*inspect, *picture, "p"), "params are not drawn over"
    assert "the folder nowhere does not exist" in refused(*inspect, *picture, "nowhere/picture.png")


def test_a_bare_name_that_is_not_here_is_looked_up_in_data_and_the_path_used_is_printed(world):
    Path("birth_dev.tsv").unlink()
    done = run(program="london_baseline.py")
    assert re.search(r"data.birth_dev\.tsv: Correct: 25\.0 out of 500\.0: 5\.0%", done.stdout)
    done = run("--eval_corpus_path", "birth_places_train.tsv", program="london_baseline.py")
    assert "birth_places_train.tsv: Correct: 1.0 out of 5.0: 20.0%" in done.stdout, "the working directory comes first"


def test_corpora_with_windows_line_ends_a_byte_order_mark_or_no_last_newline_are_the_same_corpus(world):
    reference = torch.load(pretrained("vanilla", "a.params"), weights_only=True)
    text = Path("wiki.txt").read_text(encoding="utf-8")
    for content in (text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode(), text.rstrip("\n").encode()):
        Path("wiki.txt").write_bytes(content)
        params = torch.load(pretrained("vanilla", "b.params"), weights_only=True)
        assert all(torch.equal(params[name], reference[name]) for name in reference)


# --- interruption


def test_ctrl_c_keeps_the_state_and_the_command_it_names_goes_on_to_the_same_params(world):
    command = ["pretrain", "vanilla", "wiki.txt", *QUICK, "--max_epochs", "150", "--writing_params_path"]
    run(*command, "whole.params")
    with open("expt/errors", "w") as errors:
        process = subprocess.Popen([sys.executable, str(SRC / "run.py"), *command, "cut.params"], stderr=errors)
        while "step/s" not in Path("expt/errors").read_text() and process.poll() is None:  # until the bar is there
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    last = Path("expt/errors").read_text().strip().split("\n")[-1]
    assert "To go on: python" in last and last.endswith("--resume")
    assert Path("cut.params.ckpt").exists() and not Path("cut.params").exists()
    assert "--resume" in refused(*command, "cut.params"), "a run is not begun over an unfinished one"
    assert "was" in refused(*command, "cut.params", "--resume", "--seed", "5")
    assert "Going on after step" in run(*command, "cut.params", "--resume").stdout
    whole, resumed = (torch.load(path, weights_only=True) for path in ("whole.params", "cut.params"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


# --- bad input


@pytest.mark.parametrize(
    "content, complaint",
    [
        (None, "no such file"),
        (b"", "no document"),
        (b"\n  \n\n", "no document"),
        (b"Ada was born in Turin.\nB\xff was not.\n", "not UTF-8 (near line 2)"),
        ("Ada.\nwas born ⁇\n".encode(), "line 2 contains ⁇"),
        ("Ada □\n".encode(), "line 1 contains □"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused(world, content, complaint):
    Path("wiki.txt").unlink()
    if content is not None:
        Path("corpus.txt").write_bytes(content)
    message = refused("pretrain", "vanilla", "corpus.txt", "--writing_params_path", "p", *QUICK)
    assert "corpus.txt" in message and complaint in message


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("", "is empty"),
        ("Where was Bo Lund born?\tOslo\nWhere was Bo Lund born?\n", "line 2 has no tab"),
        ("Where was Bo Lund born?\t\n", "line 1 has an empty place"),
        ("\tOslo\n", "line 1 has an empty question"),
        ("Where was Bo Lund born?\tOslo\tNorway\n", "line 1 has 3 fields"),
        ("Where was Bo Lund born?\tOslo\n\nWhere was Bo Lund born?\tOslo\n", "line 2 has an empty question"),
        ("Where was ⁇ born?\tOslo\n", "line 1 contains □ or ⁇"),
        ("Where was " + "Bo " * 50 + "born?\tOslo\n", "line 1 needs 171 characters"),
        ("Where was Bo Lund born?\tOslo\nWhere was Zoë born?\tOslo\n", "line 2 contains 'Z'"),
    ],
)
def test_questions_that_cannot_be_learned_are_refused(world, content, complaint):
    Path("names.tsv").write_text(content, encoding="utf-8")
    message = refused(
        "finetune", "vanilla", "wiki.txt", "--writing_params_path", "p", "--finetune_corpus_path", "names.tsv", *QUICK
    )
    assert "names.tsv" in message and complaint in message


@pytest.mark.parametrize(
    "content, complaint",
    [
        ("Where was Bo Lund born?\tOslo\nWhere was Ada Hale born?\n", "line 2 has no place"),
        ("Where was Zoë born?\n", "line 1 contains 'Z'"),
        ("Where was " + "Bo " * 50 + "born?\n", "line 1 needs 166 characters"),
        ("", "is empty"),
    ],
)
def test_questions_that_cannot_be_evaluated_are_refused(world, content, complaint):
    Path("names.tsv").write_text(content, encoding="utf-8")
    Path("out").write_text("earlier")
    pretrained()
    message = refused(
        "evaluate", "vanilla", "wiki.txt", "--reading_params_path", "pre.params", "--eval_corpus_path", "names.tsv",
        "--outputs_path", "out",
    )  # fmt: skip
    assert "names.tsv" in message and complaint in message


class Payload:
    """A pickle that makes a file when it is loaded."""

    def __reduce__(self):
        return (open, ("owned", "w"))


def bad_params(kind, good):
    if kind == "cut short":
        Path("bad").write_bytes(Path(good).read_bytes()[:5000])
    elif kind == "text":
        Path("bad").write_text("hello")
    elif kind == "empty":
        Path("bad").write_bytes(b"")
    elif kind == "pickle":
        Path("bad").write_bytes(pickle.dumps(Payload()))
    elif kind == "pickle in torch's format":
        torch.save({"tok_emb.weight": Payload()}, "bad")
    elif kind == "list":
        torch.save([torch.ones(1)], "bad")
    elif kind == "other parameters":
        torch.save({"weight": torch.ones(2, 2)}, "bad")
    elif kind == "a parameter missing":
        params = torch.load(good, weights_only=True)
        del params["ln_f.bias"]
        torch.save(params, "bad")
    elif kind == "a parameter of another shape":
        params = torch.load(good, weights_only=True)
        params["ln_f.bias"] = torch.ones(3)
        torch.save(params, "bad")
    elif kind == "one value posing as millions":
        params = torch.load(good, weights_only=True)
        torch.save({**params, "tok_emb.weight": torch.zeros(1).expand(len(params["tok_emb.weight"]), 2**20)}, "bad")
    elif kind == "integers":
        torch.save({name: tensor.int() for name, tensor in torch.load(good, weights_only=True).items()}, "bad")
    elif kind == "a name that is none":
        torch.save({**torch.load(good, weights_only=True), 5: torch.ones(1)}, "bad")
    elif kind == "a width that 8 heads do not divide":
        params = torch.load(good, weights_only=True)
        params["tok_emb.weight"] = params["tok_emb.weight"][:, :-1].clone()
        torch.save(params, "bad")


def evaluate_with(path, variant="vanilla", corpus="wiki.txt", *flags):
    return refused(
        "evaluate", variant, corpus, "--reading_params_path", path, "--eval_corpus_path", "birth_dev.tsv",
        "--outputs_path", "out", *flags,
    )  # fmt: skip


def test_params_files_that_are_none_are_refused_and_nothing_in_them_runs(world):
    good = pretrained()
    assert "missing.params: no such file" in evaluate_with("missing.params")
    for kind in (
        "cut short", "text", "empty", "pickle", "pickle in torch's format", "list", "other parameters",
        "a parameter missing", "a parameter of another shape", "a width that 8 heads do not divide",
        "one value posing as millions", "integers", "a name that is none",
    ):  # fmt: skip
        bad_params(kind, good)
        assert evaluate_with("bad").startswith("run.py: bad: "), kind
        assert not Path("owned").exists(), "a params file must never be able to run code"


def test_params_of_another_variant_vocabulary_or_bottleneck_are_refused_with_what_to_do(world):
    pretrained()
    assert "holds a vanilla model; say vanilla" in evaluate_with("pre.params", "perceiver")
    pretrained("perceiver", "per.params", "--bottleneck_dim", "5")
    assert "holds a perceiver model" in evaluate_with("per.params")
    assert "has bottleneck_dim 5, not 6" in evaluate_with(
        "per.params", "perceiver", "wiki.txt", "--bottleneck_dim", "6"
    )
    Path("other.txt").write_text(Path("wiki.txt").read_text(encoding="utf-8") + "Zzz\n", encoding="utf-8")
    assert "give the corpus it was trained on" in evaluate_with("pre.params", "vanilla", "other.txt")


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["pretrain", "vanilla", "wiki.txt"], "pretrain needs --writing_params_path"),
        (["finetune", "vanilla", "wiki.txt", "--writing_params_path", "p"], "finetune needs --finetune_corpus_path"),
        (["evaluate", "vanilla", "wiki.txt"], "--reading_params_path and --eval_corpus_path and --outputs_path"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--reading_params_path", "q"], "leave"),
        (["pretrain", "vanila", "wiki.txt"], "invalid choice: 'vanila'"),
        (["pretrain", "vanilla"], "PRETRAIN_CORPUS"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--lr", "3"], "--lr"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--max_epochs", "0"], "--max_epochs"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--pretrain_lr", "-1"], "--pretrain_lr"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--pretrain_lr", "nan"], "--pretrain_lr"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--seed", "-3"], "--seed"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--seed", "9" * 30], "--seed"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--num_workers", "two"], "--num_workers"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--device", "abacus"], "--device abacus"),
        (
            ["pretrain", "perceiver", "wiki.txt", "--writing_params_path", "p", "--bottleneck_dim", "0"],
            "--bottleneck_dim",
        ),
        (
            ["pretrain", "perceiver", "wiki.txt", "--writing_params_path", "p", "--bottleneck_dim", "129"],
            "--bottleneck_dim",
        ),
        (
            ["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "nowhere/p"],
            "the folder nowhere does not exist",
        ),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "."], "is a folder"),
        (["pretrain", "vanilla", ".", "--writing_params_path", "p"], "is a folder"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p" * 300], "cannot be written"),
        (["pretrain", "vanilla", "w" * 5000, "--writing_params_path", "p"], "no such file"),
        (["pretrain", "vanilla", "two\nlines", "--writing_params_path", "p"], "two\\nlines"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--tb_expt_name", "a/../../b"], "slashes"),
        (["pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p", "--device", "meta"], "--device meta"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused(world, arguments, complaint):
    assert complaint in refused(*arguments)


def test_an_output_that_cannot_be_written_is_refused_before_the_work(world):
    pretrained()
    assert "the folder nowhere does not exist" in refused(
        "evaluate", "vanilla", "wiki.txt", "--reading_params_path", "pre.params", "--eval_corpus_path", "birth_dev.tsv",
        "--outputs_path", "nowhere/out",
    )  # fmt: skip


def test_help_names_every_flag_of_the_handout():
    text = run("--help").stdout
    for flag in ("bottleneck_dim", "reading_params_path", "writing_params_path", "finetune_corpus_path",
                 "eval_corpus_path", "outputs_path", "pretrain_lr", "finetune_lr", "tb_expt_name"):  # fmt: skip
        assert f"--{flag}" in text


def test_no_output_takes_the_place_of_a_file_that_the_command_reads(world):
    pretrained()
    evaluate = ["evaluate", "vanilla", "wiki.txt", "--reading_params_path", "pre.params", "--eval_corpus_path"]
    for output in ("wiki.txt", "pre.params", "birth_dev.tsv"):
        assert "this command reads that file" in refused(*evaluate, "birth_dev.tsv", "--outputs_path", output)
    assert "this command reads that file" in refused(
        "pretrain", "vanilla", "wiki.txt", "--writing_params_path", "wiki.txt"
    )
    os.rename("wiki.txt", "x.ckpt")
    assert "this command reads that file" in refused("pretrain", "vanilla", "x.ckpt", "--writing_params_path", "x")


def test_an_output_that_is_a_link_is_written_where_it_points(world):
    pretrained()
    os.symlink("real", "link")
    evaluate = ["evaluate", "vanilla", "wiki.txt", "--reading_params_path", "pre.params", "--eval_corpus_path"]
    run(*evaluate, "birth_dev.tsv", "--outputs_path", "link")
    assert os.path.islink("link") and os.path.isfile("real")
    assert "no regular file" in refused(*evaluate, "birth_dev.tsv", "--outputs_path", "/dev/null")


def test_params_that_are_no_numbers_are_neither_written_nor_read(world):
    good = torch.load(pretrained(), weights_only=True)
    good["ln_f.bias"][0] = float("nan")
    torch.save(good, "bad")
    assert "'ln_f.bias' holds values that are no numbers" in evaluate_with("bad")
    done = run(
        "pretrain", "vanilla", "wiki.txt", "--writing_params_path", "new.params", *QUICK, "--pretrain_lr", "1e38",
        check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "lower learning rate" in done.stderr and not Path("new.params").exists()


def test_a_state_that_was_tampered_with_is_refused(world):
    command = ["pretrain", "vanilla", "wiki.txt", *QUICK, "--writing_params_path", "p", "--resume"]
    with pytest.MonkeyPatch.context() as patch:  # leave the state of the last step behind
        patch.setattr(sys, "argv", ["run.py", *command])
        patch.setattr("trainer.Trainer.save_checkpoint", lambda trainer: None)
        patch.setattr("tracking.summary_writer", lambda folder: None)
        patch.setattr(run_module, "TrainerConfig", functools.partial(TrainerConfig, save_every=0.0))
        run_module.main()
    state = torch.load("p.ckpt", weights_only=True)
    assert state["progress"][:3] == [1, 1, 2]

    def moments(state):
        return next(iter(state["optimizers"][-1]["state"].values()))

    for change in (
        lambda state: moments(state).update(exp_avg=torch.zeros(3)),
        lambda state: moments(state).clear(),
        lambda state: state["optimizers"].pop(),
        lambda state: state.update(progress=[10**9, 0, 1, 1]),
        lambda state: state.update(progress=["a", None, 1, 1]),
        lambda state: state.update(epoch_order=torch.zeros(3)),
        lambda state: state["model"].popitem(),
        lambda state: state.pop("identity"),
    ):
        changed = torch.load("p.ckpt", weights_only=True)
        change(changed)
        original = Path("p.ckpt").read_bytes()
        torch.save(changed, "p.ckpt")
        assert "does not hold the state of this training" in refused(*command)
        Path("p.ckpt").write_bytes(original)


def test_output_that_nobody_reads_or_that_cannot_show_a_character_is_no_traceback(world):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = f'"{sys.executable}" "{SRC / "dataset.py"}" charcorruption'
    done = subprocess.run(
        f"{command} | head -1", shell=True, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.startswith("x: ") and "\\u2047" in done.stdout and done.stderr == ""
    closed = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True, timeout=120)
    assert closed.returncode == 0 and closed.stderr == ""


# --- the course's own files


@pytest.mark.skipif(not COURSE_DATA.is_dir(), reason="the course's data files are not here")
@pytest.mark.parametrize("variant", ["vanilla", "perceiver"])
def test_every_command_works_on_the_course_files(tmp_path, monkeypatch, variant):
    monkeypatch.chdir(tmp_path)
    wiki, quick = COURSE_DATA / "wiki.txt", ["--preset", "laptop", "--max_epochs", "1", "--batch_size", "512"]
    run("pretrain", variant, wiki, "--writing_params_path", "pre", *quick)
    run(
        "finetune", variant, wiki, "--reading_params_path", "pre", "--writing_params_path", "fine",
        "--finetune_corpus_path", COURSE_DATA / "birth_places_train.tsv", *quick,
    )  # fmt: skip
    evaluate = [
        "evaluate",
        variant,
        wiki,
        "--reading_params_path",
        "fine",
        "--outputs_path",
        "out",
        "--eval_corpus_path",
    ]
    assert "out of 500.0" in run(*evaluate, COURSE_DATA / "birth_dev.tsv").stdout
    assert len(Path("out").read_text(encoding="utf-8").split("\n")) == 500 + 1
    assert "no targets provided" in run(*evaluate, COURSE_DATA / "birth_test_inputs.tsv").stdout
    assert (
        "25.0 out of 500.0: 5.0%"
        in run("--eval_corpus_path", COURSE_DATA / "birth_dev.tsv", program="london_baseline.py").stdout
    )
