"""The trainer: its schedule at named points, its optimizer groups, clipping, trimming, and resuming exactly."""

import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import trainer as trainer_module
from dataset import CharCorruptionDataset
from files import BadInput
from model import GPT, GPTConfig
from trainer import Interrupted, Trainer, TrainerConfig, lr_factor, make_optimizers, split_by_length

CORPUS = "Ada Hale was born in Turin.\nBo Lund was a baker.\nIn 1920 Eva Rossi left Oslo.\nÉ.\n" * 3


def tiny_model(dropout=0.0, **kw):
    torch.manual_seed(0)
    config = GPTConfig(
        CharCorruptionDataset(CORPUS, 32).vocab_size, 32, n_layer=2, n_head=2, n_embd=16,
        embd_pdrop=dropout, resid_pdrop=dropout, attn_pdrop=dropout, **kw,
    )  # fmt: skip
    return GPT(config)


def tiny_trainer(model=None, **kw):
    settings = dict(max_epochs=3, batch_size=4, learning_rate=1e-2, lr_decay=True, warmup_tokens=200, final_tokens=900)
    return Trainer(model or tiny_model(), CharCorruptionDataset(CORPUS, 32), None, TrainerConfig(**{**settings, **kw}))


# --- schedule


@pytest.mark.parametrize(
    "tokens, expected",
    [
        (0, 0.0),
        (5_120, 0.5),  # half of the warm-up
        (10_240, 1.0),  # the end of the warm-up
        (10_240 + 500_000, 0.5),  # half way down the cosine
        (10_240 + 250_000, 0.5 * (1 + math.cos(math.pi / 4))),
        (10_240 + 900_000, 0.1),  # 0.5 (1 + cos 0.9 pi) = 0.024: never under a tenth
        (1_010_240, 0.1),  # the bottom
        (10_240 + 1_500_000, 0.5),  # past the end the cosine rises again
        (10_240 + 2_000_000, 1.0),
    ],
)
def test_the_learning_rate_follows_warm_up_and_cosine(tokens, expected):
    config = TrainerConfig(lr_decay=True, warmup_tokens=10_240, final_tokens=1_010_240)
    assert lr_factor(config, tokens) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "tokens, expected",
    [(5_120, 0.5), (10_240, 1.0), (10_240 + 250_000, 0.75), (10_240 + 990_000, 0.01), (1_010_240, 0.0), (2_000_000, 0.0)],
)
def test_a_linear_decay_falls_to_zero_and_stays_there(tokens, expected):
    config = TrainerConfig(lr_decay=True, warmup_tokens=10_240, final_tokens=1_010_240, decay="linear")
    assert lr_factor(config, tokens) == pytest.approx(expected, abs=1e-9)


def test_without_lr_decay_the_learning_rate_is_constant():
    config = TrainerConfig(lr_decay=False)
    assert {lr_factor(config, tokens) for tokens in (0, 10, 10**9)} == {1.0}


def test_the_schedule_counts_block_size_tokens_for_every_example_padding_included():
    trainer = tiny_trainer(max_epochs=2)
    trainer.train()
    assert trainer.tokens == 2 * len(trainer.train_dataset) * 32


# --- optimizer


@pytest.mark.parametrize("muon_lr", [None, 0.02])
@pytest.mark.parametrize("perceiver", [False, True])
def test_only_the_weights_of_linear_layers_decay(perceiver, muon_lr):
    model = tiny_model(perceiver=perceiver, bottleneck_dim=4 if perceiver else None)
    optimizers = make_optimizers(model, TrainerConfig(weight_decay=0.3, betas=(0.8, 0.9), muon_lr=muon_lr))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    parameters = list(model.parameters())
    assert len(decay) == sum(len(g["params"]) for g in groups) == len(parameters), "each belongs to exactly one group"
    for name, p in model.named_parameters():
        is_linear_weight = name.endswith("weight") and p.dim() == 2 and name != "tok_emb.weight"
        assert decay[id(p)] == (0.3 if is_linear_weight else 0.0), name
    assert {group["betas"] for group in groups if "betas" in group} == {(0.8, 0.9)}


def test_gradients_are_clipped_to_the_given_norm():
    class Record(nn.Module):
        """One linear layer with a gradient of norm 1000 sqrt(3)."""

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 3, bias=False)

        def forward(self, x, y):
            return None, 1000 * self.linear.weight.sum()

    trainer = tiny_trainer(Record(), grad_norm_clip=0.25)
    x = y = torch.ones(2, 4, dtype=torch.long)
    _, norm, *_ = trainer._learn(x, y)
    assert norm.item() == pytest.approx(1000 * math.sqrt(3), rel=1e-4), "the norm reported is the one before clipping"
    assert trainer.model.linear.weight.grad.norm().item() == pytest.approx(0.25, rel=1e-3)


# --- trimming


@pytest.mark.parametrize("rows", [1, 2, 4, 6, 100, None])
@pytest.mark.parametrize(
    "sizes", [{}, {"perceiver": True, "bottleneck_dim": 5}, {"perceiver": True, "bottleneck_dim": 30}]
)
def test_a_step_in_parts_has_the_loss_and_every_gradient_of_the_whole_padded_batch(rows, sizes):
    x, y = CharCorruptionDataset(CORPUS, 32).batch(torch.arange(6))
    trainer = tiny_trainer(tiny_model(**sizes).double(), rows_at_once=rows, grad_norm_clip=1e9)
    _, whole = trainer.model(x, y)
    whole.backward()
    expected = [p.grad.clone() for p in trainer.model.parameters()]
    norm = torch.stack([grad.norm() for grad in expected]).norm()
    loss, grad_norm, targets, _ = trainer._learn(x, y)
    torch.testing.assert_close(loss.double(), whole.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(grad_norm, norm, rtol=1e-6, atol=0)
    assert targets == (y != 0).sum()
    for p, grad in zip(trainer.model.parameters(), expected):
        torch.testing.assert_close(p.grad, grad, rtol=1e-5, atol=1e-8)  # the shares are float32


def test_the_parts_hold_every_target_once_and_rows_of_similar_length_without_padding_at_their_ends():
    x, y = CharCorruptionDataset(CORPUS, 32).batch(torch.arange(11))
    parts = list(split_by_length(x, y, 4))
    assert [len(part) for part, _ in parts] == [4, 4, 3]
    widths = [part.size(1) for part, _ in parts]
    assert widths == sorted(widths) and widths[0] < x.size(1)
    rows = {tuple(row.tolist()): target for row, target in zip(x, y)}
    for part_x, part_y in parts:
        assert (part_y[:, -1] != 0).any(), "a column at the end that teaches nothing"
        for row, target in zip(part_x, part_y):
            whole = next(key for key in rows if key[: len(row)] == tuple(row.tolist()))
            assert torch.equal(rows[whole][: len(row)], target) and not rows[whole][len(row) :].any()
            del rows[whole]
    assert not rows


def test_rows_without_a_target_are_left_out():
    x, y = torch.ones(3, 7, dtype=torch.long), torch.zeros(3, 7, dtype=torch.long)
    assert list(split_by_length(x, y, 2)) == []
    y[1, 4] = 2
    ((part_x, part_y),) = split_by_length(x, y, 2)
    assert part_x.shape == part_y.shape == (1, 5)
    assert torch.equal(part_y, y[1:2, :5])


# --- learning


def test_training_lowers_the_loss():
    trainer = tiny_trainer(max_epochs=30, final_tokens=30 * 12 * 32)
    trainer.test_dataset = trainer.train_dataset
    before = trainer.test_loss()
    trainer.train()
    assert trainer.test_loss() < 0.75 * before


def test_the_same_seed_gives_the_same_params_with_any_number_of_workers_and_another_seed_others():
    def params(seed, workers):
        torch.manual_seed(seed)
        trainer = tiny_trainer(tiny_model(dropout=0.1), seed=seed, num_workers=workers)
        trainer.train()
        return torch.cat([p.flatten() for p in trainer.model.parameters()])

    once = params(1, 0)
    assert torch.equal(once, params(1, 0))
    assert torch.equal(once, params(1, 2))
    assert not torch.equal(once, params(2, 0))


def test_every_epoch_sees_every_document_once_in_an_order_of_its_own():
    trainer = tiny_trainer()
    epochs = [list(trainer._batches().sampler) for _ in range(2)]
    orders = [torch.cat([indices for indices, _ in epoch]).tolist() for epoch in epochs]
    for order in orders:
        assert sorted(order) == list(range(len(trainer.train_dataset)))
    assert orders[0] != orders[1]
    seeds = [seed for epoch in epochs for _, seed in epoch]
    assert len(set(seeds)) == len(seeds), "every batch is drawn with a seed of its own"


def test_a_loss_that_is_no_number_ends_training_in_one_line():
    model = tiny_model()
    with torch.no_grad():
        model.head.weight.fill_(float("nan"))
    with pytest.raises(BadInput, match="loss became nan.*lower learning rate"):
        tiny_trainer(model).train()


# --- interruption


def interrupted_after(trainer, steps):
    """Trains until SIGINT, which arrives in the middle of step `steps`."""
    learn, count = trainer._learn, [0]

    def learn_and_interrupt(x, y):
        count[0] += 1
        if count[0] == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return learn(x, y)

    trainer._learn = learn_and_interrupt
    with pytest.raises(Interrupted):
        trainer.train()


@pytest.mark.parametrize("workers, muon_lr", [(0, None), (0, 0.02), (2, None)])
@pytest.mark.parametrize("steps", [1, 3, 4, 8])  # within an epoch of 3 steps, at its end, after it
def test_a_resumed_run_ends_with_the_params_of_an_uninterrupted_one(tmp_path, steps, workers, muon_lr):
    def trainer(name):
        torch.manual_seed(7)
        path = str(tmp_path / name)
        settings = dict(ckpt_path=path, num_workers=workers, muon_lr=muon_lr, max_epochs=4)
        return tiny_trainer(tiny_model(dropout=0.1), **settings)

    whole = trainer("whole")
    whole.train()
    interrupted_after(trainer("cut"), steps)
    assert (tmp_path / "cut.ckpt").exists() and not (tmp_path / "cut").exists()
    resumed = trainer("cut")
    torch.manual_seed(99)  # whatever happened in between does not matter
    resumed.load_state()
    resumed.train()
    resumed.save_checkpoint()
    assert not (tmp_path / "cut.ckpt").exists(), "the training state goes when the params are there"
    assert resumed.step == whole.step
    for name, tensor in torch.load(tmp_path / "cut", weights_only=True).items():
        assert torch.equal(tensor, whole.model.state_dict()[name]), name


@pytest.mark.parametrize(
    "cost, steps",
    [
        (0.1, [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]),  # 0.1 s every 21 s are less than 1 %: at the end of every epoch
        (0.5, [3, 9, 15, 24, 30]),  # at an end where what was spent is less than 1 %, or after a minute
        (5.0, [3, 12, 21, 30]),  # each minute, and that is 9 steps of 7 s
    ],
)
def test_a_state_is_written_each_minute_and_at_the_end_of_an_epoch_where_that_costs_little(monkeypatch, cost, steps):
    clock, saved = [0.0], []
    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    trainer = tiny_trainer(max_epochs=10)
    learn = trainer._learn

    def learn_for_7_seconds(x, y):
        clock[0] += 7
        return learn(x, y)

    def save():
        clock[0] += cost
        saved.append(trainer.step)

    monkeypatch.setattr(trainer, "_learn", learn_for_7_seconds)
    monkeypatch.setattr(trainer, "_save_state", save)
    trainer.train()
    assert saved == steps


def test_a_state_of_another_run_is_refused_with_what_differs(tmp_path):
    path = str(tmp_path / "p")
    interrupted_after(tiny_trainer(ckpt_path=path, identity={"seed": "1", "corpus": "a"}), 1)
    with pytest.raises(BadInput, match="seed was 1, is 2"):
        tiny_trainer(ckpt_path=path, identity={"seed": "2", "corpus": "a"}).load_state()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x80\x04]\x94."])
def test_a_damaged_state_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "p.ckpt").write_bytes(content)
    with pytest.raises(BadInput) as error:
        tiny_trainer(ckpt_path=str(tmp_path / "p")).load_state()
    assert "p.ckpt" in str(error.value) and "\n" not in str(error.value)


def test_sigterm_saves_the_state_and_a_second_signal_stops_at_once(tmp_path):
    program = textwrap.dedent(
        """
        import os, signal, sys, time
        sys.path[:0] = sys.argv[1:3]
        from test_trainer import tiny_trainer
        from trainer import Interrupted
        trainer = tiny_trainer(ckpt_path=sys.argv[3], max_epochs=10**6)
        learn = trainer._learn
        def slow(x, y):
            os.kill(os.getpid(), signal.SIGTERM)
            if sys.argv[4] == "twice":
                os.kill(os.getpid(), signal.SIGTERM)
            return learn(x, y)
        trainer._learn = slow
        try:
            trainer.train()
        except Interrupted as interruption:
            sys.exit(interruption.signum)
        except KeyboardInterrupt:
            sys.exit(77)
        """
    )
    here = os.path.dirname(__file__)
    for times, status, left in (("once", signal.SIGTERM, True), ("twice", 77, False)):
        path = tmp_path / times
        command = [sys.executable, "-c", program, here, os.path.join(here, "..", "src"), str(path), times]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stderr
        assert path.with_name(times + ".ckpt").exists() == left


# --- several processes


@pytest.fixture
def world(tmp_path):
    """A small world, and the programs with dropout in the laptop preset."""
    shutil.copytree(
        Path(trainer_module.__file__).parent, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "wiki.txt").write_text(CORPUS + "Where? What?\n")
    (tmp_path / "names.tsv").write_text("Where was Ada Hale born?\tTurin\nWhere was Bo Lund born?\tOslo\n" * 5)
    return tmp_path


def set_dropout(world, p):
    recipes = world / "src/recipes.py"
    recipes.write_text(recipes.read_text().replace("dropout=0.0", f"dropout={p}"))


def start(world, processes, *arguments):
    """run.py in this many processes under torchrun, or without it."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    return subprocess.Popen(
        [sys.executable, *(launch if processes else []), "src/run.py", *arguments, "--preset", "laptop"],
        cwd=world, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def run(world, processes, *arguments):
    process = start(world, processes, *arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def test_two_processes_learn_what_one_learns(world):
    params = {}
    for processes in (0, 2):
        # the last batch is a single example: one of two processes has nothing to learn from it
        command = ["finetune", "vanilla", "wiki.txt", "--finetune_corpus_path", "names.tsv", "--max_epochs", "3"]
        command += ["--batch_size", "3", "--writing_params_path", f"{processes}.params"]
        status, output, errors = run(world, processes, *command)
        assert status == 0, errors
        assert output.count("Parameters written") == 1, "one process speaks"
        params[processes] = torch.load(world / f"{processes}.params", weights_only=True)
    assert "in 2 processes" in output
    assert len(list((world / "expt/finetune").iterdir())) == 2, "one process writes the curves"
    for name, alone in params[0].items():
        if "key.bias" not in name:  # its gradient is nothing but rounding, which Adam makes whole steps of
            torch.testing.assert_close(params[2][name], alone, rtol=1e-3, atol=1e-5, msg=name)


def test_processes_drop_units_of_their_own_and_resume_to_the_params_of_a_run_never_stopped(world):
    set_dropout(world, 0.1)
    command = ["pretrain", "perceiver", "wiki.txt", "--max_epochs", "60", "--batch_size", "4", "--writing_params_path"]
    status, _, errors = run(world, 2, *command, "whole.params")
    assert status == 0, errors
    (world / "expt").rename(world / "before")
    process = start(world, 2, *command, "cut.params")
    while not list(world.glob("expt/pretrain/*/events*")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    process.terminate()
    _, errors = process.communicate(timeout=120)
    assert "Stopped in epoch" in errors and "with --resume" in errors, errors
    assert (world / "cut.params.ckpt").exists() and not (world / "cut.params").exists()
    dropout = torch.load(world / "cut.params.ckpt", weights_only=True)["dropout"]
    assert len(dropout) == 2 and not torch.equal(*dropout)
    status, _, errors = run(world, 0, *command, "cut.params", "--resume")
    assert status == 2 and "processes was 2, is 1" in errors, "another number of processes is refused"
    status, output, errors = run(world, 2, *command, "cut.params", "--resume")
    assert status == 0 and "Going on after step" in output, errors
    whole, cut = (torch.load(world / f"{name}.params", weights_only=True) for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_model_learns_what_the_model_itself_learns():
    losses, grads = [], []
    for compiled in (False, True):
        trainer = tiny_trainer(compile=compiled)
        x, y = trainer.train_dataset.batch(range(6))
        losses.append(trainer._backward(x, y))
        grads.append([p.grad for p in trainer.model.parameters()])
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)
