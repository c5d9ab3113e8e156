"""The bonus of Assignment 3: the chain of changes is what it says, and nothing in it looks ahead."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import nn

import bonus
from command_line import run_command
from model_solution import CausalAttention, ModelConfig
from train import chunks_of_text, stories, train


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    """Small tables of n-grams: large ones take a second a step."""
    monkeypatch.setattr(bonus, "ROWS", 512)


@pytest.fixture(scope="module")
def chunks():
    """43 chunks of 64 characters, 2 held out: less than three steps' worth."""
    return chunks_of_text(stories(7), length=64)


def grown(model: nn.Module) -> nn.Module:
    """The model with random numbers where the chain starts at zero, so that every part of it does something."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.3)
    return model.eval()


@torch.no_grad()
@pytest.mark.parametrize("build", [bonus.tiny_transformer, bonus.NgramTransformer])
def test_no_position_sees_a_later_one(build):
    model = grown(build(11, 32))
    ids = torch.randint(11, (2, 20))
    before = model(ids)
    for t in (1, 7, 19):
        changed = ids.clone()
        changed[:, t] = (ids[:, t] + 1) % 11
        after = model(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t], rtol=1e-4, atol=1e-4)
        assert (after[:, t] - before[:, t]).abs().max() > 1e-2


@torch.no_grad()
def test_quick_attention_computes_what_causal_attention_does():
    config = ModelConfig(33, 3, 1, 40, 5)
    slow, quick = grown(CausalAttention(config)), bonus.QuickAttention(config)
    quick.load_state_dict(slow.state_dict())
    x = torch.randn(2, 40, 33)
    torch.testing.assert_close(quick(x), slow(x), rtol=1e-4, atol=1e-5)


def test_the_baseline_is_what_train_py_trains(chunks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ModelConfig(33, 3, 3, 64, chunks.vocab_size)
    expected = train(model_config=config, chunks=chunks, max_steps=3, seed=5).losses
    assert bonus.run(bonus.BASELINE, chunks, 3, seed=5).losses == pytest.approx(expected, abs=1e-5)


def test_every_variant_keeps_what_the_one_before_it_changed():
    parts = ("build", "initialise", "optimizers", "schedule")
    assert {field.name for field in fields(bonus.Variant)} == {"name", "change", "colour", *parts}
    changed = [
        {part for part in parts if getattr(earlier, part) is not getattr(later, part)}
        for earlier, later in zip(bonus.VARIANTS, bonus.VARIANTS[1:])
    ]
    assert changed == [{"optimizers"}, {"initialise", "schedule"}, {"build"}], "three kinds, none of them twice"
    assert len({variant.colour for variant in bonus.VARIANTS}) == 4


@pytest.mark.parametrize("build", [bonus.tiny_transformer, bonus.NgramTransformer])
def test_every_parameter_has_one_optimizer_and_muon_has_the_matrices_of_the_blocks(build):
    model = build(11, 16)
    muon, adamw = bonus.muon_and_adamw(model)
    groups = [[p for group in optimizer.param_groups for p in group["params"]] for optimizer in (muon, adamw)]
    assert sorted(map(id, groups[0] + groups[1])) == sorted(map(id, model.parameters()))
    assert {id(p) for p in groups[0]} == {id(p) for p in model.backbone.parameters() if p.dim() == 2}


def test_the_schedule_is_flat_and_then_falls_to_zero():
    factors = [bonus.down_to_zero(step, 100) for step in range(101)]
    assert factors[:71] == [1.0] * 71 and factors[85] == pytest.approx(0.5) and factors[100] == 0.0
    assert factors[99] == pytest.approx(1 / 30), "the last step still learns"
    assert all(later < earlier for earlier, later in zip(factors[70:], factors[71:]))


@torch.no_grad()
def test_blocks_start_as_the_identity_and_positions_as_waves():
    model = bonus.tiny_transformer(11, 16)
    bonus.initialise(model)
    x = torch.randn(2, 16, 33)
    assert all(torch.equal(block(x), x) for block in model.backbone)
    assert (model.backbone[0].mlp.fc1.weight.std() * 33**0.5).item() == pytest.approx(1, abs=0.05)
    waves = model.position_embeddings.weight
    assert waves[0, :4].tolist() == pytest.approx([0, 0.3, 0, 0.3], abs=1e-6)
    assert waves[1, 0].item() == pytest.approx(0.3 * 0.8414709848), "the first wave turns by 1 radian a position"


def test_an_ngram_has_one_row_wherever_it_stands():
    embedding = bonus.NgramEmbedding(4, orders=(1, 3), rows=2**14)
    ids = torch.tensor([[5, 1, 2, 3, 7, 1, 2, 3], [0, 0, 0, 9, 1, 2, 3, 9]])
    rows = embedding.hashed(ids, 3)
    assert rows.shape == ids.shape and 0 <= rows.min() and rows.max() < embedding.rows
    assert rows[0, 3] == rows[0, 7] == rows[1, 6] and rows[0, 4] != rows[1, 7]
    assert rows[1, 0] != rows[1, 2], "the start of the text is not the token 0"
    with torch.no_grad():
        embedding.table.copy_(torch.arange(2.0 * embedding.rows)[:, None].expand(-1, 4))
        expected = embedding.hashed(ids, 1) + rows + embedding.rows
        assert torch.equal(embedding(ids), expected[..., None].expand(-1, -1, 4).float())


def test_a_seed_decides_the_chunks_and_the_losses(chunks):
    def seen(variant, seed):
        """The batches that a training reads, its losses and its held-out loss."""
        batches = []

        def build(*sizes):
            model = variant.build(*sizes)
            loss = model.get_loss_on_batch
            model.get_loss_on_batch = lambda ids: batches.append(ids) or loss(ids)
            return model

        result = bonus.run(replace(variant, build=build), chunks, 2, seed)
        return torch.cat(batches[:2]), result.losses, result.held_out

    batches, losses, held_out = seen(bonus.ARCHITECTURE, 3)
    again = seen(bonus.ARCHITECTURE, 3)
    assert torch.equal(again[0], batches) and (again[1], again[2]) == (losses, held_out)
    assert len(batches.unique(dim=0)) == 32, "no chunk twice"
    assert torch.equal(seen(bonus.OPTIMIZER, 3)[0], batches), "another variant, the same chunks"
    assert not torch.equal(seen(bonus.OPTIMIZER, 4)[0], batches)


def test_the_changed_model_learns(chunks):
    result = bonus.run(bonus.ARCHITECTURE, chunks, 8, seed=0)
    assert result.losses[-1] < result.losses[3] < 0.9 * result.losses[0]
    assert result.held_out < result.losses[0]


def start(monkeypatch, folder: Path, *arguments: str) -> None:
    """The program, in `folder`."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["bonus.py", *arguments])
    run_command(bonus.main)


def test_a_small_run_writes_the_table_and_the_picture(tmp_path, monkeypatch, capsys):
    (tmp_path / "text.txt").write_text(stories(40), encoding="utf-8")
    start(monkeypatch, tmp_path, "--data=text.txt", "--seeds=1", "--max_steps=2", "--picture=curves.png")
    lines = capsys.readouterr().out.splitlines()
    for variant in bonus.VARIANTS:
        (table_row,) = [line for line in lines if line.startswith(f"{variant.name}  ")]
        assert variant.change in table_row and table_row.count("%") == 1
        assert any(line.startswith(f"{variant.name}, seed 0: training ") for line in lines)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path)) == ["curves.png", "text.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seeds", "0"),
        ("--max_steps", "many"),
        ("--data", "missing.txt"),
        ("--data", "short.txt"),
        ("--data", "short.txt", "--picture", "short.txt"),
        ("--picture", "missing/curves.png"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments):
    (tmp_path / "short.txt").write_text("too short", encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        start(monkeypatch, tmp_path, *arguments)
    printed = capsys.readouterr()
    assert end.value.code == 2 and printed.out == ""
    assert printed.err.startswith("bonus.py: ") and printed.err.count("\n") == 1
    assert (tmp_path / "short.txt").read_text(encoding="utf-8") == "too short"


def test_it_starts_from_the_command_line():
    result = subprocess.run([sys.executable, bonus.__file__, "--seeds", "0"], capture_output=True, text=True)
    assert result.returncode == 2 and result.stderr.startswith("bonus.py: argument --seeds")
