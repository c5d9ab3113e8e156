"""train.py: the loop, its data in every form, the picture, and what it says about bad input."""

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import train as train_module
from model_solution import ModelConfig, Transformer
from train import chunks_of_text, fit, held_out_loss, load_chunks, load_ids, split, stories, tiny_config, train

SRC = Path(train_module.__file__).parent
PNG = b"\x89PNG\r\n\x1a\n"


def tiny_model(vocab_size=7, context_length=9):
    torch.manual_seed(0)
    return Transformer(ModelConfig(8, 2, 1, context_length, vocab_size))


def program(folder, *arguments):
    done = subprocess.run(
        [sys.executable, SRC / "train.py", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


# ---------------------------------------------------------------------------------------------------------- the loop


class Recorder(torch.nn.Module):
    """A model whose loss is a parameter, and which remembers what it was shown."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(3.0))
        self.seen = []

    def get_loss_on_batch(self, batch):
        self.seen.append(batch[:, 0].tolist())
        return 5 * self.w


def test_every_chunk_is_seen_before_one_is_seen_again_and_the_seed_alone_decides_the_order():
    chunks = torch.arange(10)[:, None].expand(10, 4)

    def order(seed):
        model = Recorder()
        fit(model, chunks, [torch.optim.SGD(model.parameters(), lr=0.0)], 5, 4, 1.0, seed=seed)
        return model.seen

    seen = order(1)
    assert all(sorted(seen[i] + seen[i + 1]) == list(range(10)) for i in (0, 2))
    torch.manual_seed(123)
    assert seen == order(1) and seen != order(2)


def test_a_batch_that_is_larger_than_the_data_takes_chunks_again():
    model = Recorder()
    fit(model, torch.arange(3)[:, None].expand(3, 2), [torch.optim.SGD(model.parameters(), lr=0.0)], 8, 2, 1.0)
    assert [len(seen) for seen in model.seen] == [8, 8]


def test_the_gradient_is_clipped_its_norm_before_that_recorded_and_the_schedule_scales_every_rate():
    model = Recorder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    history = fit(model, torch.zeros(4, 2), [optimizer], 2, 3, 1.0, schedule=lambda step: [1.0, 0.5, 0.0][step])
    assert history.grad_norms == [5.0] * 3
    # clipped to norm 1: w falls by 0.5, then by 0.25, then not at all; losses are those before each step
    assert history.losses == pytest.approx([15.0, 12.5, 11.25], rel=1e-5)
    assert model.w.item() == pytest.approx(2.25, rel=1e-5)


def test_one_step_is_adamw_on_the_clipped_gradient_of_the_loss():
    chunks = torch.randint(7, (4, 9), generator=torch.Generator().manual_seed(3))
    ours, plain = tiny_model(), tiny_model()
    history = fit(ours, chunks, [torch.optim.AdamW(ours.parameters(), lr=0.01)], 4, 1, 0.1)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=0.01)
    loss = F.cross_entropy(plain(chunks)[:, :-1].flatten(0, 1), chunks[:, 1:].flatten())
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in plain.parameters()]).norm()
    for p in plain.parameters():
        p.grad *= min(1.0, 0.1 / norm)
    optimizer.step()
    assert history.losses == pytest.approx([loss.item()], rel=1e-6)
    assert history.grad_norms == pytest.approx([norm.item()], rel=1e-5)
    for (name, p), q in zip(ours.named_parameters(), plain.parameters()):
        assert torch.allclose(p, q, atol=2e-4), name


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step():
    model = Recorder()
    optimizer = torch.optim.SGD(model.parameters(), lr=float("inf"))
    with pytest.raises(FloatingPointError, match="at step 2; lower the learning rate"):
        fit(model, torch.zeros(4, 2), [optimizer], 2, 5, 1.0)


def test_the_held_out_loss_is_the_mean_over_the_chunks_held_out():
    ids = torch.randint(7, (45, 9), generator=torch.Generator().manual_seed(4))
    chunks, model = split(ids, 7), tiny_model()
    assert torch.equal(torch.cat((chunks.train, chunks.held_out)), ids) and len(chunks.held_out) == 2
    many = train_module.Chunks(ids[:5], ids[5:], 7)
    assert held_out_loss(model, many, 16) == pytest.approx(model.get_loss_on_batch(ids[5:]).item(), rel=1e-5)
    assert model.training


def test_training_writes_the_picture_prints_both_losses_and_repeats_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    chunks = chunks_of_text(stories(30), 64)
    config = tiny_config(chunks.vocab_size, 64)
    first = train(1e-3, 1.0, config, 8, 12, chunks, seed=5)
    assert Path("losses_and_grad_norms.png").read_bytes().startswith(PNG)
    assert os.listdir() == ["losses_and_grad_norms.png"]
    printed = capsys.readouterr().out
    assert f"Loss at step 12: {first.losses[-1]:.3f}; held-out: " in printed
    assert len(first.losses) == len(first.grad_norms) == 12
    assert first.losses[-1] < first.losses[0] - 0.1
    assert first == train(1e-3, 1.0, config, 8, 12, chunks, seed=5)
    assert first != train(1e-3, 1.0, config, 8, 12, chunks, seed=6)


def test_the_default_is_the_handouts_run():
    config = tiny_config(55)
    assert vars(config) == dict(d_model=33, n_heads=3, n_layers=3, context_length=512, vocab_size=55)
    assert train.__defaults__[:5] == (1e-5, 1.0, None, 16, 100)


# -------------------------------------------------------------------------------------------------------------- data


def test_the_stories_are_enough_for_a_hundred_steps_and_the_same_every_time():
    text = stories()
    chunks = chunks_of_text(text)
    assert len(chunks.train) >= 100 * 16 and chunks.train.size(1) == 512
    assert text == stories() and stories(5) != stories(5, seed=1)
    paragraphs = text.split("\n")
    assert len(set(paragraphs)) == len(paragraphs)  # so that what is held out has not been read


def test_text_becomes_chunks_of_the_numbers_of_its_sorted_characters():
    text = "héllo wörld\n" * 20 + "left over"
    chunks = chunks_of_text(text, 12)
    chars = sorted(set(text))
    ids = torch.cat((chunks.train, chunks.held_out))
    assert chunks.vocab_size == len(chars) and ids.shape == (20, 12)
    assert "".join(chars[i] for i in ids.flatten()) == "héllo wörld\n" * 20


def test_a_text_file_may_have_windows_line_ends_and_a_byte_order_mark(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + b"one two\r\n" * 50)
    chunks = load_chunks(str(tmp_path / "a.txt"), 10)
    assert chunks.vocab_size == len(set("one two\n"))


def test_a_tensor_file_is_taken_as_it_is(tmp_path):
    ids = torch.randint(30, (40, 12), generator=torch.Generator().manual_seed(5))
    torch.save(ids, tmp_path / "ids.pt")
    chunks = load_chunks(str(tmp_path / "ids.pt"))
    assert torch.equal(torch.cat((chunks.train, chunks.held_out)), ids) and chunks.vocab_size == int(ids.max()) + 1


@pytest.mark.parametrize(
    "content, message",
    [
        (torch.randn(4, 8), "holds torch.float32; expected a Long tensor"),
        (torch.ones(4, 8, dtype=torch.int32), "holds torch.int32; expected a Long tensor"),
        ({"ids": torch.ones(4, 8).long()}, "holds dict; expected a Long tensor"),
        (torch.ones(8).long(), r"has the shape \(8,\)"),
        (torch.ones(1, 8).long(), r"has the shape \(1, 8\)"),
        (torch.ones(8, 1).long(), r"has the shape \(8, 1\)"),
        (-torch.ones(4, 8).long(), "holds -1; token ids start at 0"),
        (torch.full((4, 8), 2**40), "stay below"),
        (torch.eye(4).long().to_sparse(), "expected a Long tensor"),
    ],
)
def test_a_tensor_file_that_cannot_serve_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "bad.pt")
    with pytest.raises(ValueError, match=f"bad.pt: .*{message}"):
        load_ids(str(tmp_path / "bad.pt"))


def test_nothing_in_a_tensor_file_is_run(tmp_path, recwarn):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save(Bomb(), tmp_path / "bomb2.pt")
    whole = tmp_path / "whole.pt"
    torch.save(torch.ones(400, 8).long(), whole)
    (tmp_path / "half.pt").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "empty.pt").touch()
    for name in ("bomb.pt", "bomb2.pt", "half.pt", "empty.pt"):
        with pytest.raises(ValueError, match="not a file of one tensor"):
            load_ids(str(tmp_path / name))
    assert not (tmp_path / "exploded").exists() and not recwarn.list


def fake_hub(monkeypatch, text="a b c", error=None):
    """Modules in the place of datasets and transformers: a tokenizer that numbers bytes, one story over and over."""
    tokenizer = type("T", (), {"eos_token_id": 50256, "__call__": lambda self, s: {"input_ids": list(s.encode())}})()

    def load_dataset(name, split, streaming):
        assert (name, split, streaming) == ("roneneldan/TinyStories", "train", True)
        if error:
            raise error
        return iter([{"text": text}] * 1000)

    loader = types.SimpleNamespace(from_pretrained=lambda name: tokenizer)
    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setitem(sys.modules, "transformers", types.SimpleNamespace(GPT2TokenizerFast=loader))


def test_tinystories_is_tokenized_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fake_hub(monkeypatch)
    ids = train_module.tinystories(length=8, count=20)
    assert ids.shape == (20, 8) and ids.flatten()[:7].tolist() == [97, 32, 98, 32, 99, 50256, 97]
    assert torch.equal(load_ids("tinystories.pt"), ids)
    fake_hub(monkeypatch, error=ConnectionError("no network"))
    assert torch.equal(train_module.tinystories(length=8, count=20), ids)
    assert load_chunks("tinystories", 8).vocab_size == 50257
    with pytest.raises(ValueError, match=r"the hub cannot be reached \(no network\); try --data FILE.txt"):
        train_module.tinystories(length=9)


@pytest.mark.parametrize("package", ["datasets", "transformers"])
def test_without_its_packages_tinystories_says_what_to_install(tmp_path, monkeypatch, package):
    monkeypatch.chdir(tmp_path)
    fake_hub(monkeypatch)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"needs {package}: pip install datasets transformers"):
        train_module.tinystories(length=8)


# -------------------------------------------------------------------------------------------------- the command line


def test_the_program_trains_and_leaves_picture_and_curves(tmp_path):
    (tmp_path / "text.txt").write_text(stories(20))
    status, out, errors = program(tmp_path, "--data", "text.txt", "--context_length", "32", "--max_steps", "2")
    assert status == 0, errors
    assert "Loss at step 2: " in out and "losses_and_grad_norms.png" in out and "2/2" in errors
    assert (tmp_path / "losses_and_grad_norms.png").read_bytes().startswith(PNG)
    assert list((tmp_path / "expt/train").glob("run_*/events*"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--data", "nope.txt"], "nope.txt: cannot be read (No such file or directory)"),
        (["--data", "nope.pt"], "nope.pt: cannot be read (No such file or directory)"),
        (["--data", "short.txt"], "short.txt: has 2 characters, too few for two chunks of 512; give a longer text"),
        (["--data", "latin.txt"], "latin.txt: not UTF-8; convert the text to UTF-8"),
        (["--max_steps", "0"], "--max_steps must be above 0, got 0"),
        (["--batch_size", "x"], "argument --batch_size: invalid int value: 'x' (see --help)"),
        (["--learning_rate", "nan"], "--learning_rate must be above 0, got nan"),
        (["--context_length", "1"], "--context_length must be at least 2, got 1"),
        (["--device", "abacus"], "--device abacus: not available on this machine; try --device cpu"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("short.txt").write_text("hi")
    Path("latin.txt").write_bytes("é".encode("latin-1") * 2000)
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        train_module.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"train.py: {message}\n"
    assert sorted(os.listdir()) == ["latin.txt", "short.txt"]


def test_a_run_that_diverges_and_a_folder_that_cannot_be_written_are_one_line_too(tmp_path):
    (tmp_path / "text.txt").write_text(stories(20))
    arguments = ["--data", "text.txt", "--context_length", "32", "--max_steps", "3"]
    status, _, errors = program(tmp_path, *arguments, "--learning_rate", "1e30")
    assert status == 2 and errors.splitlines()[-1].startswith("train.py: the loss is no number any more at step ")
    assert not (tmp_path / "losses_and_grad_norms.png").exists()
    (tmp_path / "losses_and_grad_norms.png").mkdir()
    status, _, errors = program(tmp_path, *arguments)
    assert status == 2 and "losses_and_grad_norms.png" in errors.splitlines()[-1] and "Traceback" not in errors
