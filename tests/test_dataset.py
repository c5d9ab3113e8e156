"""Span corruption and name data, checked by property over thousands of draws; sampling errors come from the sample.

Nothing here knows how a span is drawn: each draw is taken apart at its ⁇ and put together again. If a share or a set
of lengths is off, look at the bounds of the random draws; if a draw cannot be put together, look at the order of its
parts.
"""
import functools
import math
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset import CharCorruptionDataset, CorpusWithQuestions, NameDataset

ROOT = Path(__file__).resolve().parent.parent
PAD, MASK = "□", "⁇"
BLOCK_SIZES = [16, 32, 64, 128]
every_span_start = pytest.mark.parametrize("span_start", ["uniform", "word"])
DRAWS = 12000

# One document longer than any truncation, in words of 1 to 9 letters, with no long stretch repeated.
LETTERS = random.Random(0)
DOCUMENT = " ".join("".join(LETTERS.choices("abcdefghijklmnopqrstuvwxyz", k=LETTERS.randint(1, 9))) for _ in range(60))


class Draw(NamedTuple):
    prefix: str
    masked: str
    suffix: str

    @property
    def length(self):
        """The truncated length."""
        return len(self.prefix) + len(self.masked) + len(self.suffix)


def text(dataset, ids):
    return "".join(dataset.itos[i] for i in ids.tolist())


def whole(dataset, x, y):
    """The string of block_size + 1 characters of which x is all but the last and y all but the first."""
    size = dataset.block_size
    assert x.dtype == y.dtype == torch.long, "x and y are LongTensors"
    assert tuple(x.shape) == tuple(y.shape) == (size,), f"x {tuple(x.shape)}, y {tuple(y.shape)}, block_size {size}"
    assert torch.equal(x[1:], y[:-1]), "y is x shifted by one: x = s[:-1], y = s[1:]"
    return text(dataset, x) + text(dataset, y[-1:])


def take_apart(s):
    """prefix ⁇ suffix ⁇ masked content, pads."""
    body = s.rstrip(PAD)
    assert PAD not in body, f"a pad stands before the end of {s!r}"
    assert body.count(MASK) == 2, f"expected prefix {MASK} suffix {MASK} masked content, then pads: {s!r}"
    prefix, suffix, masked = body.split(MASK)
    return Draw(prefix, masked, suffix)


@functools.lru_cache(maxsize=None)
def draws(block_size, span_start, count=DRAWS):
    """Many draws of DOCUMENT, taken apart; a tuple, shared by the tests."""
    dataset = CharCorruptionDataset(DOCUMENT, block_size, span_start=span_start)
    return tuple(take_apart(whole(dataset, *dataset[0])) for _ in range(count))


def by_length(block_size, span_start):
    """Truncated length -> its draws."""
    groups = defaultdict(list)
    for draw in draws(block_size, span_start):
        groups[draw.length].append(draw)
    return groups


# ------------------------------------------------------------------------------------------------ one draw

@every_span_start
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_masked_content_put_back_at_the_first_mask_gives_the_start_of_the_document(block_size, span_start):
    for draw in draws(block_size, span_start):
        restored = draw.prefix + draw.masked + draw.suffix
        assert restored == DOCUMENT[:len(restored)], f"{draw} is not a start of the document"
        assert draw.masked, f"nothing is masked in {draw}"


@every_span_start
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_documents_are_cut_to_every_length_from_4_to_seven_eighths_of_the_block_and_no_other(block_size, span_start):
    seen = {draw.length for draw in draws(block_size, span_start)}
    expected = set(range(4, int(block_size * 7 / 8) + 1))
    assert seen == expected, f"never drawn: {sorted(expected - seen)}; not allowed: {sorted(seen - expected)}"


@pytest.mark.parametrize("characters", [4, 5, 11, 27, 28, 29])
def test_a_short_document_is_truncated_to_every_length_up_to_its_own(characters):
    dataset = CharCorruptionDataset(DOCUMENT[:characters] + "\n", 32)
    seen = {take_apart(whole(dataset, *dataset[0])).length for _ in range(600)}
    assert seen == set(range(4, min(characters, 28) + 1))


@every_span_start
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_a_quarter_of_the_truncated_length_is_masked_on_average_at_every_length(block_size, span_start):
    scores = []
    for length, group in sorted(by_length(block_size, span_start).items()):
        masked = np.array([len(draw.masked) for draw in group])
        error = masked.std(ddof=1) / math.sqrt(len(masked))
        if error == 0:
            assert masked.mean() == length / 4, f"{masked[0]} characters masked of {length}, always"
            continue
        scores.append((masked.mean() - length / 4) / error)
        assert abs(scores[-1]) < 5, \
            f"{masked.mean():.3f} +- {error:.3f} characters masked of {length}, expected {length / 4}"
    together = sum(scores) / math.sqrt(len(scores))  # a small bias of the same sign everywhere adds up here
    assert abs(together) < 4, f"over all lengths the masked share is {together:.1f} standard errors off 1/4"


@every_span_start
@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_masked_length_varies_at_every_truncated_length_that_leaves_it_room(block_size, span_start):
    for length, group in by_length(block_size, span_start).items():
        if length >= 8:
            widths = Counter(len(draw.masked) for draw in group)
            assert len(widths) >= 2 and max(widths.values()) < 0.9 * len(group), \
                f"of {length} characters nearly always the same number is masked: {dict(widths)}"


@every_span_start
def test_masked_length_varies_by_more_than_rounding_in_a_long_document(span_start):
    shares = [len(draw.masked) / draw.length for draw in draws(128, span_start) if draw.length >= 80]
    assert np.std(shares) > 0.05, f"the masked share only ranges over {min(shares):.3f} to {max(shares):.3f}"


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_a_span_may_begin_anywhere_it_fits_each_place_equally_often(block_size):
    """The mean place is the middle of what fits; at one truncated length every place from first to last occurs."""
    sample = [(len(d.prefix), len(d.prefix) + len(d.suffix)) for d in draws(block_size, "uniform") if d.length > 4]
    offsets = np.array([(start - last / 2) / last for start, last in sample])
    error = offsets.std(ddof=1) / math.sqrt(len(offsets))
    assert abs(offsets.mean()) < 4 * error, f"spans begin {offsets.mean():+.3f} of the free room off the middle"
    if block_size <= 32:  # in a longer block one truncated length comes up too rarely to see all of its places
        starts = {len(d.prefix) for d in by_length(block_size, "uniform")[10] if len(d.masked) == 2}
        assert starts == set(range(9)), f"2 of 10 characters may begin at 0 to 8, seen: {sorted(starts)}"


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_a_span_that_starts_at_words_starts_at_the_first_letter_of_one_and_not_always_the_same(block_size):
    starts = Counter()
    for draw in draws(block_size, "word"):
        start = len(draw.prefix)
        assert start == 0 or draw.prefix.endswith(" "), f"starts inside a word: {draw}"
        starts[start] += 1
    possible = {i for i in range(int(block_size * 3 / 4)) if i == 0 or DOCUMENT[i - 1] == " "}
    assert len(possible) >= 2 and possible <= starts.keys(), \
        f"of the words at {sorted(possible)} these were never masked: {sorted(possible - starts.keys())}"


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_where_a_span_starts_does_not_change_how_long_it_is(block_size):
    uniform, word = by_length(block_size, "uniform"), by_length(block_size, "word")
    assert uniform.keys() == word.keys()
    for moment in (1, 2):
        scores = []
        for length in uniform:
            a, b = (np.array([len(d.masked) for d in g[length]], dtype=float) ** moment for g in (uniform, word))
            error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
            if error == 0:
                assert a.mean() == b.mean()
            else:
                scores.append((a.mean() - b.mean()) / error)
        assert max(map(abs, scores)) < 5 and abs(sum(scores)) / math.sqrt(len(scores)) < 4


def test_one_long_word_is_masked_from_its_first_letter():
    dataset = CharCorruptionDataset("a" * 40, 32, span_start="word")
    assert all(take_apart(whole(dataset, *dataset[0])).prefix == "" for _ in range(100))


def test_an_unknown_span_start_is_refused():
    with pytest.raises((ValueError, AssertionError)) as refusal:
        CharCorruptionDataset(DOCUMENT, 32, span_start="letter")
    assert "letter" in str(refusal.value)


# ------------------------------------------------------------------------------------------------ vocabulary, documents

def test_vocabulary_is_the_pad_the_mask_and_the_sorted_characters_of_the_corpus():
    data = "Zoë was born in Kraków.\nčaj, née 北京!\n"
    dataset = CharCorruptionDataset(data, 32)
    characters = [PAD, MASK] + sorted(set(data))
    assert (dataset.PAD_CHAR, dataset.MASK_CHAR) == (PAD, MASK) == ("\u25A1", "\u2047")
    assert "\n" in dataset.stoi, "the newline is one of the characters of the corpus"
    assert [dataset.itos[i] for i in range(len(characters))] == characters
    assert dict(dataset.stoi) == {c: i for i, c in enumerate(characters)}
    assert dataset.vocab_size == len(dataset.itos) == len(characters)
    assert dataset.block_size == 32


def test_characters_outside_ascii_are_kept():
    line = "Zoë née Müller, Kraków, Москва, 北京"
    dataset = CharCorruptionDataset(line, 64)
    for _ in range(200):
        draw = take_apart(whole(dataset, *dataset[0]))
        assert line.startswith(draw.prefix + draw.masked + draw.suffix)


@pytest.mark.parametrize("data, documents", [
    ("one line", ["one line"]), ("one line\n", ["one line"]), ("first\nsecond", ["first", "second"]),
    ("first\nsecond\n", ["first", "second"]), ("\n\nfirst\n\n\nsecond\n\n", ["first", "second"]),
    ("first\r\nsecond\r\n", ["first", "second"]), ("first\r\n\r\nsecond", ["first", "second"]),
    ("a\nbc\ndef\nghij\n", ["a", "bc", "def", "ghij"])])
def test_every_line_that_is_not_blank_is_a_document(data, documents):
    dataset = CharCorruptionDataset(data, 16)
    assert len(dataset) == len(documents)
    for i, document in enumerate(documents):
        for _ in range(50):
            draw = take_apart(whole(dataset, *dataset[i]))
            restored = draw.prefix + draw.masked + draw.suffix
            assert document.startswith(restored) and len(restored) >= min(4, len(document)), f"{draw} of {document!r}"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(alphabet=st.one_of(st.sampled_from("ab \n\r\t"), st.characters(exclude_characters=PAD + MASK,
                                                                            exclude_categories=["Cs"]))),
       st.sampled_from(BLOCK_SIZES), st.sampled_from(["uniform", "word"]))
def test_no_corpus_of_one_document_or_more_raises(data, block_size, span_start):
    data = "abc\n" + data  # so that there is a document at all
    dataset = CharCorruptionDataset(data, block_size, span_start=span_start)
    assert dataset.vocab_size == 2 + len(set(data))
    for i in range(len(dataset)):
        draw = take_apart(whole(dataset, *dataset[i]))
        assert draw.prefix + draw.masked + draw.suffix in data


def test_a_data_loader_stacks_examples():
    dataset = CharCorruptionDataset("first document\nsecond document\n", 32)
    (x, y), = torch.utils.data.DataLoader(dataset, batch_size=2)
    assert tuple(x.shape) == tuple(y.shape) == (2, 32)


# ------------------------------------------------------------------------------------------------ randomness

@pytest.mark.parametrize("law", [{}, {"span_start": "word"}, {"span_start": "word", "length_draws": 3},
                                 {"length_draws": 6, "length_rank": 4}])
@pytest.mark.parametrize("block_size", [8, 9, 32, 128])
@pytest.mark.parametrize(
    "data",
    [
        "a\nab\nabc\nabcd\n é x\n  y z \nü",
        "In 1920 Eva Rossi left Oslo for Turin.\nAda Hale was born in London, and lived there until she was ninety-one.",
        "word " * 60 + "\n" + "w" * 300,
    ],
)
def test_a_batch_is_what_its_examples_are_one_after_the_other(data, block_size, law):
    one, many = (CharCorruptionDataset(data, block_size, seed=5, **law) for _ in range(2))
    indices = torch.randint(len(one), (400,), generator=torch.Generator().manual_seed(6))
    x, y = many.batch(indices)
    examples = [one[i] for i in indices.tolist()]
    assert x.dtype == y.dtype == torch.long
    assert torch.equal(x, torch.stack([x for x, _ in examples]))
    assert torch.equal(y, torch.stack([y for _, y in examples]))
    assert torch.equal(many.batch(indices[:1])[0][0], one[int(indices[0])][0]), "both have drawn equally much"


def test_a_batch_of_questions_is_what_its_examples_are():
    lines = ["Where was Ada born?\tRome", "Where was Bo born?\tParis", "Where was É. P. born?\tA long, long place"]
    dataset = NameDataset(CharCorruptionDataset("".join(lines), 64), "\n".join(lines))
    x, y = dataset.batch(torch.tensor([2, 0, 1, 1]))
    for row, i in enumerate([2, 0, 1, 1]):
        assert torch.equal(x[row], dataset[i][0]) and torch.equal(y[row], dataset[i][1])


@pytest.mark.parametrize("draws, rank", [(1, 1), (3, 1), (3, 2), (4, 3)])
def test_a_document_is_truncated_to_the_chosen_of_several_uniform_lengths(draws, rank):
    """The share of documents of at most n characters is the chance that all but rank - 1 of the draws are."""
    dataset = CharCorruptionDataset("x" * 40, 32, length_draws=draws, length_rank=rank)
    x, _ = dataset.batch([0] * 20_000)
    lengths = (x != 0).sum(dim=1) - 2  # without the two masks
    for n in range(4, 29):
        u = (n - 3) / 25  # chance that one uniform length is at most n
        expected = sum(math.comb(draws, k) * u**k * (1 - u) ** (draws - k) for k in range(draws - rank + 1, draws + 1))
        assert abs((lengths <= n).double().mean().item() - expected) < 0.015, f"at most {n} characters"


@pytest.mark.parametrize("draws, rank", [(1, 2), (3, 0), (3, 4)])
def test_a_rank_beyond_the_draws_is_refused(draws, rank):
    with pytest.raises(ValueError, match="length_rank"):
        CharCorruptionDataset(DOCUMENT, 32, length_draws=draws, length_rank=rank)


def corpus_with_questions():
    lines = ["Where was Ada born?\tRome", "Where was Bo born?\tParis", "Where was É. P. born?\tA long place"]
    corpus = CharCorruptionDataset("\n".join(["Ada was born in Rome", "Bo lives", *lines]), 64, seed=3)
    return CorpusWithQuestions(corpus, NameDataset(corpus, "\n".join(lines)))


def test_a_corpus_with_questions_is_the_documents_and_then_the_questions():
    both, alone = corpus_with_questions(), corpus_with_questions()
    assert len(both) == 5 + 3 == len(alone.corpus) + len(alone.questions)
    for i in range(len(both)):
        part, index = (alone.corpus, i) if i < 5 else (alone.questions, i - 5)
        assert all(torch.equal(a, b) for a, b in zip(both[i], part[index]))
    assert both.stoi == alone.corpus.stoi and (both.vocab_size, both.block_size) == (alone.corpus.vocab_size, 64)


@pytest.mark.parametrize("indices", [[6, 0, 5, 1, 1, 7, 4], [2, 0], [7], []])
def test_a_batch_of_documents_and_questions_is_what_its_examples_are_in_their_order(indices):
    one, many = corpus_with_questions(), corpus_with_questions()
    x, y = many.batch(torch.tensor(indices, dtype=torch.long))
    examples = [one[i] for i in indices]
    assert x.shape == y.shape == (len(indices), 64)
    for row, example in enumerate(examples):
        assert torch.equal(x[row], example[0]) and torch.equal(y[row], example[1])


def test_the_draws_of_a_corpus_with_questions_come_from_the_generator_of_its_corpus():
    both = corpus_with_questions()
    both.generator.manual_seed(9)
    first = both.batch(range(8))
    both.corpus.generator.manual_seed(9)
    assert all(torch.equal(a, b) for a, b in zip(first, both.batch(range(8))))


def drawn(dataset, count=20):
    return [text(dataset, dataset[0][0]) for _ in range(count)]


@every_span_start
def test_the_same_index_is_corrupted_anew_every_time(span_start):
    seen = drawn(CharCorruptionDataset(DOCUMENT, 64, span_start=span_start))
    assert len(set(seen)) > 15, "__getitem__ of one index should hardly ever repeat itself"


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    first = drawn(CharCorruptionDataset(DOCUMENT, 64, seed=5))
    assert drawn(CharCorruptionDataset(DOCUMENT, 64, seed=5)) == first
    assert drawn(CharCorruptionDataset(DOCUMENT, 64, seed=6)) != first
    assert drawn(CharCorruptionDataset(DOCUMENT, 64)) == drawn(CharCorruptionDataset(DOCUMENT, 64, seed=0)), "default 0"


@every_span_start
def test_draws_come_from_the_datasets_own_generator_and_from_nothing_else(span_start):
    dataset = CharCorruptionDataset(DOCUMENT, 64, span_start=span_start)
    assert isinstance(dataset.generator, torch.Generator)
    state = dataset.generator.get_state()
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    first = drawn(dataset)
    assert random.getstate() == before[0], "a draw used Python's random module"
    assert np.array_equal(np.random.get_state()[1], before[1]), "a draw used NumPy's global generator"
    assert torch.equal(torch.get_rng_state(), before[2]), "a draw used torch's global generator"
    dataset.generator.set_state(state)
    assert drawn(dataset) == first, "the generator's state should decide the draws, so that a run can be resumed"


# ------------------------------------------------------------------------------------------------ names

CORPUS = "Khatchig Mouradian. Where was Zoë Müller born? In Kraków, Lebanon. Hf.\n"
QUESTION, ANSWER = "Where was Zoë Müller born?", "Kraków"


def names(data, block_size=64):
    pretraining = CharCorruptionDataset(CORPUS, block_size)
    return NameDataset(pretraining, data), pretraining


def check_name_example(dataset, i, question, answer, block_size):
    x, y = dataset[i]
    assert x.dtype == y.dtype == torch.long
    assert tuple(x.shape) == tuple(y.shape) == (block_size,), "both as long as a pretraining example"
    x, y = text(dataset, x), text(dataset, y)
    body = question + MASK + answer + MASK
    assert x == body.ljust(block_size, PAD), "x is question ⁇ answer ⁇, then pads"
    following = (x + PAD)[1:]
    assert all(target in (PAD, wanted) for target, wanted in zip(y, following)), "a target is a pad or the next of x"
    first = len(question)  # x[first] is the first ⁇: from there on the model must answer
    assert y[first:] == (answer + MASK).ljust(block_size - first, PAD), "the targets spell the answer and its ⁇"
    # The handout's formula leaves the first ⁇ as the target of the last character of the question.
    assert y[:first] in (PAD * first, PAD * (first - 1) + MASK), "the question is no target"


@pytest.mark.parametrize("block_size", [40, 64, 128])
@pytest.mark.parametrize("question, answer", [
    ("Where was Khatchig Mouradian born?", "Leba"), (QUESTION, ANSWER), ("W", "I"), ("Where was H born?", "H")])
def test_name_example_teaches_the_answer_and_nothing_of_the_question(question, answer, block_size):
    dataset, _ = names(f"{question}\t{answer}\n", block_size)
    assert len(dataset) == 1
    check_name_example(dataset, 0, question, answer, block_size)


def test_name_example_that_fills_the_block_to_the_last_character_is_kept_whole():
    block_size = len(QUESTION + MASK + ANSWER + MASK)
    dataset, _ = names(f"{QUESTION}\t{ANSWER}\n", block_size)
    check_name_example(dataset, 0, QUESTION, ANSWER, block_size)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_name_data_is_one_question_a_line_with_or_without_a_last_newline(end):
    line_end = end or "\n"
    pairs = [(QUESTION, ANSWER), ("Where was Hf born?", "Lebanon"), ("Where was Zoë born?", "Lebanon")]
    dataset, _ = names(line_end.join("\t".join(pair) for pair in pairs) + end)
    assert len(dataset) == 3
    for i, pair in enumerate(pairs):
        check_name_example(dataset, i, *pair, 64)


def test_name_data_uses_the_vocabulary_and_the_block_size_of_pretraining():
    dataset, pretraining = names(f"{QUESTION}\t{ANSWER}\n")
    assert dataset.stoi == pretraining.stoi and dataset.itos == pretraining.itos
    assert dataset.block_size == pretraining.block_size


def test_name_example_is_the_same_every_time():
    dataset, _ = names(f"{QUESTION}\t{ANSWER}\n")
    assert all(torch.equal(a, b) for a, b in zip(dataset[0], dataset[0]))


# ------------------------------------------------------------------------------------------------ command line

def command(*arguments):
    return subprocess.run([sys.executable, "src/dataset.py", *arguments], cwd=ROOT, capture_output=True,
                          encoding="utf-8", timeout=300, env={**os.environ, "PYTHONIOENCODING": "utf-8"})


@pytest.mark.parametrize("kind", ["namedata", "charcorruption"])
def test_command_prints_four_examples_as_lines_of_x_and_y(kind):
    done = command(kind)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("x: ", "y: "))]
    assert [line[:3] for line in lines] == ["x: ", "y: "] * 4, done.stdout
    for x, y in zip(lines[::2], lines[1::2]):
        x, y = x[3:], y[3:]
        assert len(x) == len(y) == 128, "block_size characters each"
        if kind == "charcorruption":
            assert x[1:] == y[:-1] and x.count(MASK) == 2
        else:
            question, answer, rest = x.split(MASK)
            assert question.startswith("Where was ") and set(rest) == {PAD}
            assert y[len(question):].rstrip(PAD) == answer + MASK


@pytest.mark.parametrize("arguments", [["nonsense"], []])
def test_command_refuses_another_argument_in_one_line_with_status_2(arguments):
    done = command(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert "Traceback" not in done.stderr
    complaints = [line for line in done.stderr.splitlines() if line and not line.startswith(("usage:", " "))]
    assert len(complaints) == 1, done.stderr
    assert not arguments or "nonsense" in complaints[0]
