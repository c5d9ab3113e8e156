"""Programs that are killed, and disks, folders, files and processes that fail them: no work is ever lost.

The programs run in copies of this process (fork): to start Python and PyTorch hundreds of times would take minutes.
"""

import contextlib
import errno
import functools
import io
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import torch._dynamo  # noqa: F401, what a training imports: else every copy would have to do it
import torch.utils.tensorboard  # noqa: F401

import files
import report
import run as run_module
import trainer as trainer_module
from command_line import run_command
from files import BadInput, load_params, load_tensors, save_params
from test_trainer import interrupted_after, tiny_model, tiny_trainer
from trainer import Trainer, TrainerConfig

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PEOPLE = [("Ada Hale", "Turin"), ("Bo Lund", "Oslo"), ("Eva Rossi", "London"), ("Élodie Roux", "Oslo")]
EARLIER = b"an earlier params file"
COMMANDS = [
    ["pretrain", "vanilla", "wiki.txt"],
    ["pretrain", "perceiver", "wiki.txt", "--bottleneck_dim", "5"],
    ["finetune", "vanilla", "wiki.txt", "--finetune_corpus_path", "names.tsv"],
    ["finetune", "perceiver", "wiki.txt", "--finetune_corpus_path", "names.tsv", "--reading_params_path", "start"],
]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A working directory with a tiny corpus and questions, and a tiny model with dropout as the laptop preset."""
    monkeypatch.chdir(tmp_path)
    corpus = [f"{name} was born in {place}." for name, place in PEOPLE] + ["Where did Eva go?"] * 5
    Path("wiki.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    rows = [f"Where was {name} born?\t{place}\n" for name, place in PEOPLE]
    Path("names.tsv").write_text("".join(rows) * 2, encoding="utf-8")
    laptop = replace(run_module.PRESETS["laptop"], n_layer=2, n_embd=16, dropout=0.1)
    monkeypatch.setitem(run_module.PRESETS, "laptop", laptop)
    arguments = "run.py finetune perceiver wiki.txt --preset laptop".split()
    monkeypatch.setattr(sys, "argv", arguments)
    model = run_module.new_model(run_module.parse_arguments(), len(set("".join(corpus) + "\n")) + 2)
    save_params("start", model.state_dict())
    return tmp_path


class Ended(NamedTuple):
    """How a program ended: its exit status, or minus the signal that killed it, and what it said."""

    status: int
    output: str
    errors: str

    def line(self):
        """The one line on stderr beside the progress bar's."""
        lines = [line for line in re.split(r"[\r\n]", self.errors) if line and "step/s" not in line]
        assert len(lines) == 1 and "Traceback" not in self.errors, self.errors
        return lines[0]


def begin(
    command, path="p", epochs=30, batch_size=4, save_every=0.0, before=lambda: None, main=run_module.main, stdout=None
):
    """Starts a training, or with path=None any program, in a copy of this process, after `before` has been called."""
    arguments = [*command]
    if path is not None:
        arguments += ["--writing_params_path", path, "--preset", "laptop", "--device", "cpu"]
        arguments += ["--max_epochs", str(epochs), "--batch_size", str(batch_size)]
    pipes = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        for _, end in pipes:
            os.close(end)
        return pid, [end for end, _ in pipes]
    status = 1
    try:
        os.dup2(pipes[0][1] if stdout is None else os.open(stdout, os.O_WRONLY), 1)
        os.dup2(pipes[1][1], 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        sys.argv = ["run.py", *arguments]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.fsync = lambda number: None  # protects from power cuts, which are not tried here, and takes long
        run_module.TrainerConfig = functools.partial(TrainerConfig, save_every=save_every)
        before()
        run_command(main)
        status = 0
    except SystemExit as exit_:
        status = exit_.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def end(process):
    pid, ends = process
    deadline = time.monotonic() + 300
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.002)
    texts = [open(number, encoding="utf-8").read() for number in ends]
    return Ended(os.waitstatus_to_exitcode(status), *texts)


def run(command, **settings):
    return end(begin(command, **settings))


def whole(command, **settings):
    """The bytes of the params file of a run that nothing happens to."""
    ended = run(command, path="whole", save_every=1e9, **settings)
    assert ended.status == 0, ended.errors
    return Path("whole").read_bytes()


def during_write(name, count, action):
    """Has `action(file, data)` take the place of writing `data` the count-th time that `name` is written."""
    seen = [0]

    class Faulty(io.BufferedWriter):
        def write(self, data):
            seen[0] += 1
            return action(super(), data) if seen[0] == count else super().write(data)

    def open_faulty(path, mode="r", **kw):
        if mode == "wb" and re.fullmatch(rf"\.{re.escape(name)}\.\d+\.tmp", os.path.basename(path)):
            return Faulty(io.FileIO(path, mode))
        return open(path, mode, **kw)

    files.open = open_faulty


def kill_after_writing(name, count, share):
    """kill -9 when this share of the bytes of `name` is on the disk."""

    def action(file, data):
        file.write(data[: int(share * len(data))])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    during_write(name, count, action)


def kill_at(function, path, done):
    """kill -9 before or after the call of os.replace or os.remove that is about `path`."""
    original = getattr(os, function)

    def dying(*names):
        about = os.path.basename(names[-1]) == path
        if not about or done:
            original(*names)
        if about:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, function, dying)


def at_step(count, action):
    """Has `action(trainer)` happen after optimizer step `count` of this process."""
    learn, seen = Trainer._learn, [0]

    def counting(trainer, x, y):
        result = learn(trainer, x, y)
        seen[0] += 1
        if seen[0] == count:
            action(trainer)
        return result

    Trainer._learn = counting


def full_disk(limit):
    """No file of this process can grow beyond `limit` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def check_whole(expected):
    """The params file is the earlier one or the new one, and the training state can be read."""
    assert Path("p").read_bytes() in (EARLIER, expected)
    if os.path.exists("p.ckpt"):
        load_tensors("p.ckpt")


def left_behind():
    """What lies here beside the inputs and the folder of the curves."""
    return sorted(set(os.listdir()) - {"wiki.txt", "names.tsv", "start", "expt", "whole"})


# --- kill -9


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:2]))
def test_a_run_killed_20_times_at_random_moments_ends_with_the_params_of_a_run_never_interrupted(world, command):
    expected = whole(command, epochs=80)
    Path("p").write_bytes(EARLIER)
    chance = random.Random(" ".join(command))
    kills = [lambda: None] * 8  # at a random time, whatever the program is doing
    kills += [
        functools.partial(kill_after_writing, "p.ckpt", chance.randint(1, 5), chance.random()) for _ in range(5)
    ] + [functools.partial(kill_at, "replace", "p.ckpt", done) for done in (False, True)]
    chance.shuffle(kills)
    kills += [functools.partial(kill_after_writing, "p", 1, chance.random()) for _ in range(2)]
    kills += [functools.partial(kill_at, "replace", "p", done) for done in (False, True)]
    kills += [functools.partial(kill_at, "remove", "p.ckpt", False)]
    assert len(kills) == 20
    for before in kills:
        process = begin([*command, "--resume"], epochs=80, before=before)
        if not isinstance(before, functools.partial):
            time.sleep(chance.uniform(0, 0.4))
            os.kill(process[0], signal.SIGKILL)
        assert end(process).status == -signal.SIGKILL
        check_whole(expected)
    ended = run([*command, "--resume"], epochs=80)
    assert ended.status == 0 and "Going on after step" in ended.output, ended.errors
    assert Path("p").read_bytes() == expected
    assert left_behind() == ["p"], "what was half written when the process was killed is gone as well"


# --- Ctrl-C and SIGTERM


@pytest.mark.parametrize("signum, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:2]))
def test_a_signal_saves_the_state_and_the_run_goes_on_to_the_same_params(world, command, signum, status):
    expected = whole(command, epochs=20)
    before = functools.partial(at_step, 35, lambda trainer: os.kill(os.getpid(), signum))
    ended = run(command, epochs=20, save_every=1e9, before=before)
    assert ended.status == status and "Traceback" not in ended.errors
    assert ended.errors.rstrip().endswith("--resume") and "To go on: python run.py " in ended.errors
    assert load_tensors("p.ckpt")["progress"][2] == 35
    workers = "1" if command[0] == "finetune" else "0"  # which do not matter
    ended = run([*command, "--resume", "--num_workers", workers], epochs=20)
    assert ended.status == 0 and "Going on after step 35, from p.ckpt" in ended.output, ended.errors
    assert Path("p").read_bytes() == expected


def test_a_state_of_another_corpus_model_recipe_or_seed_is_refused_with_what_differs(world):
    for command in (COMMANDS[1], COMMANDS[2]):
        before = functools.partial(at_step, 3, lambda trainer: os.kill(os.getpid(), signal.SIGTERM))
        assert run(command, before=before).status == 143
        state = Path("p.ckpt").read_bytes()
        others = [("seed was 42, is 43", ["--seed", "43"])]
        others += [("learning_rate was [0-9.]+, is 0.5", [f"--{command[0]}_lr", "0.5"])]
        others += [("max_epochs was 30, is 31", ["--max_epochs", "31"])]
        others += [("batch_size was 4, is 5", ["--batch_size", "5"])]
        if command[1] == "perceiver":
            others += [("bottleneck_dim was 5, is 6", ["--bottleneck_dim", "6"])]
        else:
            others += [("initial params was", ["--reading_params_path", "vanilla"])]
            assert run(command, path="vanilla", epochs=1).status == 0
        for complaint, flags in others:
            ended = run([*command, "--resume"], before=lambda: sys.argv.extend(flags))
            assert ended.status == 2 and re.search(complaint, ended.line()), complaint
        text = Path("wiki.txt").read_text(encoding="utf-8")
        Path("wiki.txt").write_text(text.replace("q", "k").replace("Eva go?", "Eva og?"), encoding="utf-8")
        ended = run([*command, "--resume"])
        assert ended.status == 2 and "corpus was" in ended.line(), "other texts with the same characters"
        Path("wiki.txt").write_text(text, encoding="utf-8")
        assert Path("p.ckpt").read_bytes() == state
        os.remove("p.ckpt")


# --- disks and folders


def test_a_disk_that_is_full_for_a_state_keeps_the_one_before_and_the_earlier_params(world):
    expected = whole(COMMANDS[0])
    for count, limit in ((1, 2000), (1, 60_000), (4, 2000)):
        Path("p").write_bytes(EARLIER)

        def fill(file, data):
            full_disk(limit)
            return file.write(data)

        ended = run(COMMANDS[0], before=lambda: during_write("p.ckpt", count, fill))
        assert ended.status == 2 and "p.ckpt: cannot be written (File too large)" in ended.line()
        assert Path("p").read_bytes() == EARLIER
        assert ("(p.ckpt keeps the training as it was after step 3)" in ended.line()) == (count == 4)
        assert left_behind() == ["p", "p.ckpt"] if count == 4 else ["p"], "nothing half written"
    assert "after step 3" in run([*COMMANDS[0], "--resume"]).output
    assert Path("p").read_bytes() == expected


def test_a_disk_that_is_full_for_the_params_keeps_the_state_and_the_earlier_params(world):
    expected = whole(COMMANDS[3])
    Path("p").write_bytes(EARLIER)

    def fill(file, data):
        full_disk(2000)
        return file.write(data)

    ended = run(COMMANDS[3], before=lambda: during_write("p", 1, fill))
    assert ended.status == 2 and "p: cannot be written (File too large) (p.ckpt keeps" in ended.line()
    assert Path("p").read_bytes() == EARLIER and left_behind() == ["p", "p.ckpt"]
    assert run([*COMMANDS[3], "--resume"]).status == 0
    assert Path("p").read_bytes() == expected


def test_a_disk_that_is_full_for_predictions_or_the_picture_keeps_the_earlier_ones(world):
    for name in ("out", "results.png"):
        Path(name).write_text("earlier")
    evaluate = ["evaluate", "perceiver", "wiki.txt", "--reading_params_path", "start", "--preset", "laptop"]
    evaluate += ["--eval_corpus_path", "names.tsv", "--outputs_path", "out"]
    for command, name, main in (
        (evaluate, "out", run_module.main),
        (["--eval_corpus_path", "names.tsv"], "results.png", report.main),
    ):
        ended = run(command, path=None, main=main, before=lambda: full_disk(3))
        assert ended.status == 2 and f"{name}: cannot be written (File too large)" in ended.line()
        assert left_behind() == ["out", "results.png"] and Path(name).read_text() == "earlier"


def test_output_on_a_full_disk_ends_in_one_line_and_not_in_a_traceback(world):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    ended = run(COMMANDS[0], stdout="/dev/full")
    assert ended.status == 2 and "No space left on device" in ended.line()
    program = [sys.executable, str(Path(run_module.__file__).with_name("dataset.py")), "namedata", "--names"]
    with open("/dev/full", "w") as full:
        for errors in (subprocess.PIPE, full):
            done = subprocess.run(
                [*program, "names.tsv", "--corpus", "wiki.txt"], stdout=full, stderr=errors, text=True, timeout=120
            )
            assert done.returncode == 2
            assert errors is full or (done.stderr.count("\n") == 1 and "No space left on device" in done.stderr)


def test_a_folder_that_is_removed_while_training_ends_in_one_line(world):
    Path("there").mkdir()
    ended = run(COMMANDS[0], path="there/p", before=lambda: at_step(5, lambda trainer: shutil.rmtree("there")))
    assert ended.status == 2 and "there/p.ckpt: cannot be written (No such file or directory)" in ended.line()


def test_a_folder_that_becomes_read_only_while_training_keeps_what_is_in_it(world):
    expected = whole(COMMANDS[0])
    Path("p").write_bytes(EARLIER)

    def refuse(*names):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for last, kept in ((5, 4), (86, 89)):  # modes do not hold root back, so the calls fail by themselves
        before = functools.partial(at_step, last, lambda trainer: setattr(os, "replace", refuse))
        ended = run([*COMMANDS[0], "--resume"], before=before)
        assert ended.status == 2 and f"(p.ckpt keeps the training as it was after step {kept})" in ended.line()
        assert "p.ckpt: cannot be written (Read-only file system)" in ended.line()
        assert Path("p").read_bytes() == EARLIER and left_behind() == ["p", "p.ckpt"]
    assert run([*COMMANDS[0], "--resume"]).status == 0
    assert Path("p").read_bytes() == expected


# --- damaged files


def damaged(content, chance):
    """The content cut at a random length, or with a few bits of it flipped."""
    if chance.random() < 0.4:
        return content[: chance.randrange(len(content))]
    flipped = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 50])):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def test_a_damaged_state_is_refused_in_one_line_or_leads_to_the_same_params(tmp_path):
    def trainer():
        return tiny_trainer(tiny_model(dropout=0.1), ckpt_path=str(tmp_path / "p"), max_epochs=2)

    interrupted_after(trainer(), 4)
    content = (tmp_path / "p.ckpt").read_bytes()
    chance, expected, refused = random.Random(1), None, 0
    for attempt in range(300):
        (tmp_path / "p.ckpt").write_bytes(damaged(content, chance) if attempt else content)
        resumed = trainer()
        try:
            resumed.load_state()
        except BadInput as error:
            assert "p.ckpt: " in str(error) and "\n" not in str(error)
            refused += 1
            continue
        resumed.train()
        params = torch.cat([p.detach().flatten() for p in resumed.model.parameters()])
        expected = params if expected is None else expected
        assert torch.equal(params, expected)
    assert 200 < refused < 300, "most of what a file holds matters"


def test_damaged_params_are_refused_in_one_line_or_hold_the_same_numbers(tmp_path):
    path, chance, refused = tmp_path / "p", random.Random(2), 0
    expected = tiny_model().state_dict()
    save_params(str(path), expected)
    content = path.read_bytes()
    for _ in range(500):
        path.write_bytes(damaged(content, chance))
        try:
            params = load_params(str(path))
        except BadInput as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert params.keys() == expected.keys() and all(torch.equal(params[k], expected[k]) for k in params)
    assert 300 < refused < 500


# --- two runs, dead processes, dead curves, numbers that are none


def test_a_second_run_that_would_write_the_same_file_is_refused_until_the_first_has_gone(world):
    expected = whole(COMMANDS[0])
    first = begin(COMMANDS[0], before=lambda: at_step(6, lambda trainer: time.sleep(60)))
    while not os.path.exists("p.ckpt"):
        time.sleep(0.01)
    os.symlink("p", "link")
    for path, flags in (("p", []), ("p", ["--resume"]), ("link", [])):
        ended = run([*COMMANDS[0], *flags], path=path)
        assert ended.status == 2 and f"{path}: another run is writing it" in ended.line()
    os.remove("link")
    assert run(COMMANDS[0], path="q", epochs=1).status == 0, "another path is free"
    os.kill(first[0], signal.SIGKILL)
    assert end(first).status == -signal.SIGKILL
    assert run([*COMMANDS[0], "--resume"]).status == 0
    assert Path("p").read_bytes() == expected and left_behind() == ["p", "q"]


@pytest.mark.parametrize("when", ["any time", "while it hands over a batch"])
def test_a_killed_worker_ends_in_one_line_with_the_state_of_its_last_step(world, when):
    expected = whole(COMMANDS[0], epochs=4, batch_size=1)  # batches enough that not all are ready when one dies
    command = [*COMMANDS[0], "--num_workers", "2"]

    def broken_off(*_, **__):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def kill(trainer):
        if when == "any time":
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
        else:  # what the connection to it then says, a moment before the system knows that it is dead
            torch.utils.data.dataloader._MultiProcessingDataLoaderIter._try_get_data = broken_off

    ended = run(command, epochs=4, batch_size=1, save_every=1e9, before=lambda: at_step(11, kill))
    assert ended.status == 2 and "a process that prepares batches has died; go on with --resume" in ended.line()
    kept = load_tensors("p.ckpt")["progress"][2]
    assert 11 <= kept <= 17 and f"after step {kept})" in ended.line()
    assert run([*COMMANDS[0], "--resume"], epochs=4, batch_size=1).status == 0
    assert Path("p").read_bytes() == expected


@pytest.mark.parametrize("what", ["removed", "full"])
def test_curves_that_cannot_be_written_any_more_do_not_end_a_training(world, what):
    from tensorboard.summary.writer.record_writer import RecordWriter

    expected = whole(COMMANDS[0])

    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def action(trainer):
        if what == "removed":
            shutil.rmtree("expt")
        else:
            RecordWriter.write = refuse

    ended = run(COMMANDS[0], before=lambda: at_step(5, action))
    assert ended.status == 0 and Path("p").read_bytes() == expected
    assert "Note: no curves from here on" in ended.line()


def test_a_folder_of_curves_that_cannot_be_made_is_refused_before_the_training(world):
    Path("expt").write_text("no folder")
    ended = run(COMMANDS[0])
    assert ended.status == 2 and "cannot be written" in ended.line() and "expt" in ended.line()
    assert left_behind() == []


@pytest.mark.parametrize("save_every", [0.0, 1e9])
def test_numbers_that_are_none_end_a_training_and_reach_neither_its_state_nor_its_params(world, save_every):
    Path("p").write_bytes(EARLIER)

    def spoil(trainer):
        with torch.no_grad():
            trainer.model.head.weight[0, 0] = float("nan")

    ended = run(COMMANDS[0], save_every=save_every, before=lambda: at_step(8, spoil))
    assert ended.status == 2 and "start again with a lower learning rate (p.ckpt keeps" in ended.line()
    state = load_tensors("p.ckpt")
    assert state["progress"][2] in ([7] if save_every == 0 else [3, 6])
    assert all(tensor.isfinite().all() for tensor in state["model"].values())
    assert Path("p").read_bytes() == EARLIER and left_behind() == ["p", "p.ckpt"]
