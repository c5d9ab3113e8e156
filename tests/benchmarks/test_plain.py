"""src/ computes what the textbook formulation in plain.py computes: losses, gradients, steps, answers, examples."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import bench
import plain
from dataset import CharCorruptionDataset, NameDataset
from decoding import predict_places
from model import GPT, GPTConfig
from oracles import scramble
from trainer import Trainer, TrainerConfig

DATA = Path(__file__).parents[2] / "data"
WIKI = (DATA / "wiki.txt").read_text(encoding="utf-8")
NAMES = (DATA / "birth_places_train.tsv").read_text(encoding="utf-8")

CORPUS = CharCorruptionDataset(WIKI, 128)
NO_DROPOUT = dict(embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0)
COURSE = GPTConfig(CORPUS.vocab_size, 128, **NO_DROPOUT)
SMALL = replace(COURSE, n_layer=3, n_head=4, n_embd=32)
VARIANTS = {"vanilla": {}, "perceiver": {"perceiver": True, "bottleneck_dim": 64}}


def pair(config, scale, dtype=torch.float32):
    """(ours, plain): two models with the same params, far enough from the fresh ones that every one of them matters."""
    torch.manual_seed(0)
    ours = scramble(GPT(config), seed=1, scale=scale)
    textbook = plain.GPT(config)
    textbook.load_state_dict(ours.state_dict())
    return ours.to(dtype), textbook.to(dtype)


@pytest.mark.parametrize("variant", VARIANTS)
def test_params_fit_both_ways_and_a_batch_of_examples_gives_the_same_gradients(variant):
    for config, scale, rows in ((SMALL, 0.1, 16), (COURSE, 0.03, 8)):
        ours, textbook = pair(replace(config, **VARIANTS[variant]), scale)
        ours.load_state_dict(textbook.state_dict())
        for dataset in (plain.CharCorruptionDataset(WIKI, 128), plain.NameDataset(CORPUS, NAMES)):
            x, y = bench.batch_of(dataset, range(rows))
            losses = []
            for model in (ours, textbook):
                model.zero_grad()
                losses.append(model(x, y)[1])
                losses[-1].backward()
            torch.testing.assert_close(*losses, rtol=1e-5, atol=0)
            expected = {name: p.grad for name, p in textbook.named_parameters()}
            total = torch.stack([grad.norm() for grad in expected.values()]).norm()
            assert total > 0.1
            for name, p in ours.named_parameters():
                # a key's bias moves all scores of a query alike: its gradient is 0, up to rounding, on both sides
                size = total if name.endswith("key.bias") else expected[name].norm()
                assert (p.grad - expected[name]).norm() <= 1e-5 * size, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_of_the_trainer_leave_the_params_of_textbook_steps(variant, dtype):
    config = replace(SMALL, **VARIANTS[variant])
    ours, textbook = pair(config, 0.1, dtype)
    before = {name: p.detach().clone() for name, p in textbook.named_parameters()}
    text, steps = "\n".join(NAMES.split("\n")[:12]), 3  # one batch, so that its order does not matter
    Trainer(ours, NameDataset(CORPUS, text), None, TrainerConfig(max_epochs=steps, batch_size=12)).train()
    dataset, optimizer = plain.NameDataset(CORPUS, text), plain.make_optimizer(textbook)
    x, y = bench.batch_of(dataset, range(12))
    for _ in range(steps):
        plain.training_step(textbook, optimizer, x, y)
    for name, p in textbook.named_parameters():
        assert not torch.equal(p, before[name]), f"{name} has not moved"
        if not name.endswith("key.bias"):  # AdamW makes whole steps of the rounding that is its gradient
            difference = (ours.get_parameter(name) - p).norm()
            assert difference <= 1e-5 * p.norm(), name
            assert dtype is torch.float32 or difference <= 1e-6 * (p - before[name]).norm(), name


@pytest.mark.parametrize("variant, zeal", [("vanilla", 1.1), ("perceiver", 2.0)])
def test_answers_are_the_textbooks_name_by_name(variant, zeal):
    """Questions of every length that fits: with 32 characters more, half no longer do, and the window moves on."""
    corpus = CharCorruptionDataset(WIKI, 64)
    changes = {"perceiver": True, "bottleneck_dim": 24} if variant == "perceiver" else {}
    ours, textbook = pair(replace(SMALL, block_size=64, **changes), 0.5)
    with torch.no_grad():  # with as much zeal to end an answer, some end and others do not
        for model in (ours, textbook):
            model.head.weight[corpus.stoi[plain.MASK]] *= zeal
    questions = [WIKI.replace("\n", " ")[100 * n : 100 * n + n] for n in [*range(1, 64, 2), 62, 63, 63]]
    answers = [plain.answer(textbook, corpus.stoi, question) for question in questions]
    assert predict_places(ours, corpus, questions) == answers
    assert predict_places(ours, corpus, questions[:16]) == answers[:16], "questions whose answers all fit"
    ended = sum(len(answer) < 32 for answer in answers)
    assert 5 <= ended <= len(answers) - 5 and len(set(answers)) > 25


# --- the data sets


def test_questions_become_the_same_tensors():
    ours, textbook = NameDataset(CORPUS, NAMES), plain.NameDataset(CORPUS, NAMES)
    assert ours.stoi == textbook.stoi == plain.CharCorruptionDataset(WIKI, 128).stoi
    x, y = bench.batch_of(ours, list(range(len(ours))))
    for i in range(len(ours)):
        expected = textbook[i]
        assert torch.equal(x[i], expected[0]) and torch.equal(y[i], expected[1])


def corruptions(dataset, itos, document, count):
    """Draws a corruption of the only document `count` times -> (length kept, start of the span, its length) of each."""
    x, y = bench.batch_of(dataset, [0] * count)
    drawn = []
    for given, target in zip(x.tolist(), y.tolist()):
        assert given[1:] == target[:-1]
        prefix, suffix, masked = "".join(itos[i] for i in given + target[-1:]).rstrip(plain.PAD).split(plain.MASK)
        assert document.startswith(prefix + masked + suffix)
        drawn.append((len(prefix + masked + suffix), len(prefix), len(masked)))
    return drawn


def chi_square(counts, expected):
    """Pearson's statistic in standard deviations from its mean, where both are counts by outcome."""
    assert counts.keys() <= expected.keys()
    statistic = sum((counts[key] - expected[key]) ** 2 / expected[key] for key in expected)
    freedom = len(expected) - 1
    return (statistic - freedom) / (2 * freedom) ** 0.5


@pytest.mark.parametrize("kind", [CharCorruptionDataset, plain.CharCorruptionDataset])
def test_spans_are_drawn_from_the_contracts_distribution(kind):
    document = WIKI.replace("\n", " ")[:150]
    dataset, count = kind(document, 128, seed=3), 20_000
    drawn = corruptions(dataset, CharCorruptionDataset(document, 128).itos, document, count)
    lengths = Counter(length for length, _, _ in drawn)
    assert abs(chi_square(lengths, {length: count / 109 for length in range(4, 113)})) < 5
    errors = torch.tensor([span - length / 4 for length, _, span in drawn])
    assert abs(errors.mean()) < 5 * errors.std() / count**0.5, "a quarter is masked, on average"
    assert all(1 <= span <= max(1, length / 2) for length, _, span in drawn)
    places = torch.tensor([start / (length - span) for length, start, span in drawn])
    assert abs(places.mean() - 0.5) < 5 * places.std() / count**0.5
    ends = sum(start in (0, length - span) for length, start, span in drawn)
    expected = sum(2 / (length - span + 1) for length, _, span in drawn)
    assert abs(ends - expected) < 5 * expected**0.5, "the first and the last place are as likely as any other"


@pytest.mark.parametrize("document", ["A", "Ada", "Ada Hale", "Ada Hale was born"])
def test_short_documents_are_corrupted_in_the_same_way(document):
    """Every outcome (length, start, span) is about as frequent in 6,000 draws of one side as in those of the other."""
    count, itos = 6_000, CharCorruptionDataset(document, 32).itos
    ours, textbook = (
        Counter(corruptions(kind(document, 32, seed=4), itos, document, count))
        for kind in (CharCorruptionDataset, plain.CharCorruptionDataset)
    )
    for outcome in ours.keys() | textbook.keys():
        a, b = ours[outcome], textbook[outcome]
        assert abs(a - b) < 5.5 * (a + b) ** 0.5, outcome


# --- the benchmark


def test_the_useful_flop_of_a_small_model_counted_by_hand():
    # one block of width 2 over 3 positions: 2 * 2^2 * (2 * 3 + 10 * 3) for the weights, 6 pairs; a head of 2 by 5
    assert bench.forward_flop(layers=1, d=2, vocab_size=5, length=3, outputs=1) == 288 + 48 + 20
    # a Perceiver whose vectors are as many as the positions only saves the queries of the basis, 2 * 2^2 * 3
    assert bench.forward_flop(3, 2, 5, length=3, outputs=1, bottleneck=8) == 3 * (288 + 48) + 20 - 24


def test_the_benchmark_prints_its_table(tmp_path):
    command = [sys.executable, bench.__file__, "--quick", "--repeats", "1", "--only", "batches"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "table.md")],
        capture_output=True, text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "GFLOP/s" in done.stdout and "| a pretraining batch of 16 |" in done.stdout
    assert (tmp_path / "table.md").read_text() == done.stdout
