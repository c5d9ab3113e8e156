"""run.sh and the two scripts that make zips, in a copy of the repository with a tiny world and one epoch a run."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NINE_FILES = [
    "vanilla.model.params", "vanilla.nopretrain.dev.predictions", "vanilla.nopretrain.test.predictions",
    "vanilla.finetune.params", "vanilla.pretrain.dev.predictions", "vanilla.pretrain.test.predictions",
    "perceiver.finetune.params", "perceiver.pretrain.dev.predictions", "perceiver.pretrain.test.predictions",
]  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy whose .venv is this Python and whose laptop preset trains one epoch."""
    copy = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run.sh", "collect_submission.sh", "create_submission.sh", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    (copy / ".venv/bin").mkdir(parents=True)
    (copy / ".venv/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (copy / ".venv/bin/python").chmod(0o755)
    shutil.copy(ROOT / "requirements.txt", copy / ".venv/installed.txt")
    recipes = copy / "src/recipes.py"
    recipes.write_text(re.sub(r"Recipe\(\d+,", "Recipe(1,", recipes.read_text()))
    data = copy / "data/laptop"
    data.mkdir(parents=True)
    people = [("Ada Hale", "Turin"), ("Bo Lund", "Oslo"), ("Eva Rossi", "London")]
    (data / "wiki.txt").write_text(
        "".join(f"{name} was born in {place}.\n" for name, place in people) + "Where? Who?\n"
    )
    rows = [f"Where was {name} born?\t{place}\n" for name, place in people]
    (data / "birth_places_train.tsv").write_text("".join(rows[:2]))
    (data / "birth_dev.tsv").write_text("".join(rows[1:]))
    (data / "birth_test_inputs.tsv").write_text("".join(row.split("\t")[0] + "\n" for row in rows))
    return copy


def bash(repository, *command):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        ["bash", *command], cwd=repository, env=environment, capture_output=True, text=True, timeout=900
    )
    return done.returncode, done.stdout, done.stderr


def test_collecting_names_every_missing_file_with_its_command_and_leaves_no_zip(repository):
    (repository / "assignment5.zip").write_text("an old one")
    (repository / "vanilla.model.params").write_text("there")
    status, _, errors = bash(repository, "collect_submission.sh")
    (repository / "vanilla.model.params").unlink()
    assert status == 1 and not (repository / "assignment5.zip").exists()
    missing = re.findall(r"^missing: (\S+)\n    python src/run\.py (\w+) (\w+) ", errors, re.M)
    assert [name for name, *_ in missing if not name.endswith("pretrain.params")] == NINE_FILES[1:], errors
    for name, function, variant in missing:
        made_by = {"pretrain.params": "pretrain", "finetune.params": "finetune"}
        assert function == made_by.get(name.partition(".")[2], "evaluate") and name.startswith(variant)
    order = [name for name, *_ in missing]
    assert order.index("vanilla.pretrain.params") + 1 == order.index("vanilla.finetune.params"), "can be run as listed"


def test_run_does_everything_once_and_what_it_leaves_can_be_collected(repository):
    status, output, errors = bash(repository, "run.sh")
    assert status == 0, errors
    commands = re.findall(r"^\$ python src/run\.py (\w+ \w+)", output, re.M)
    models = ["finetune vanilla", "pretrain vanilla", "finetune vanilla", "pretrain perceiver", "finetune perceiver"]
    answers = {0: ["evaluate vanilla"] * 2, 2: ["evaluate vanilla"] * 2, 4: ["evaluate perceiver"] * 2}
    assert commands == [command for i, model in enumerate(models) for command in [model, *answers.get(i, [])]]
    assert all((repository / name).stat().st_size for name in NINE_FILES)
    assert not list(repository.glob("*.ckpt"))
    assert re.search(r"^always London +50\.0 %", output, re.M), "the table at the end"
    assert len(re.findall(r"^(?:vanilla|perceiver), .* \d+\.\d %", output, re.M)) == 3
    assert (repository / "results.png").read_bytes().startswith(b"\x89PNG")

    before = {name: (repository / name).read_bytes() for name in NINE_FILES}
    status, output, _ = bash(repository, "run.sh")
    assert status == 0 and "$ python" not in output and output.count("is there; --force redoes it") == 11

    (repository / "perceiver.finetune.params").unlink()  # only what hangs on a missing file is made again
    status, output, _ = bash(repository, "run.sh")
    assert re.findall(r"^\$ python src/run\.py (\w+)", output, re.M) == ["finetune", "evaluate", "evaluate"]
    assert {name: (repository / name).read_bytes() for name in NINE_FILES} == before, "the same seed, the same files"

    status, _, errors = bash(repository, "run.sh", "--preset", "course")
    assert status == 2 and "were made with --preset laptop" in errors

    assert bash(repository, "collect_submission.sh")[0] == 0
    with zipfile.ZipFile(repository / "assignment5.zip") as archive:
        names = set(archive.namelist())
    assert set(NINE_FILES) | {"src/run.py", "src/model.py", "src/attention.py", "src/dataset.py"} <= names
    assert not [name for name in names if "pycache" in name or name.startswith(("data", "expt", ".venv"))]


def wait_for_the_group(group):
    """Until no process of the group is left: one that saves its state outlives the shell that started it."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def test_run_interrupted_again_and_again_ends_with_the_files_of_a_run_never_interrupted(repository):
    status, _, errors = bash(repository, "run.sh")
    assert status == 0, errors
    names = [*NINE_FILES, "vanilla.pretrain.params", "perceiver.pretrain.params"]
    expected = {name: (repository / name).read_bytes() for name in names}
    for name in names:
        (repository / name).unlink()
    chance, interrupted = random.Random(5), 0
    for signum in [signal.SIGINT, signal.SIGTERM, signal.SIGKILL] * 2:
        process = subprocess.Popen(
            ["bash", "run.sh"], cwd=repository, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        for line in process.stdout:
            if line.startswith("$ python src/run.py"):
                time.sleep(chance.uniform(0, 4))  # it takes about that long to do
                os.killpg(process.pid, signum)
                break
        process.stdout.close()
        interrupted += process.wait(timeout=60) != 0
        wait_for_the_group(process.pid)
        for name in names:
            assert not (repository / name).exists() or (repository / name).read_bytes() == expected[name], name
    assert interrupted >= 3, "where there was nothing left to do there was nothing to interrupt"
    status, _, errors = bash(repository, "run.sh")
    assert status == 0, errors
    assert {name: (repository / name).read_bytes() for name in names} == expected
    assert not list(repository.glob("*.ckpt")) + list(repository.glob(".*.tmp"))  # a lock that nobody holds may stay


def test_a_training_that_was_killed_before_its_state_was_removed_is_finished(repository):
    assert bash(repository, "run.sh")[0] == 0
    before = (repository / "vanilla.model.params").read_bytes()
    (repository / "vanilla.model.params.ckpt").write_bytes(b"of another run")
    status, output, errors = bash(repository, "run.sh")
    assert status == 2 and "vanilla.model.params.ckpt" in errors.splitlines()[-1], "it is not passed over"
    assert (repository / "vanilla.model.params").read_bytes() == before
    (repository / "vanilla.model.params.ckpt").unlink()


def test_setting_up_that_was_interrupted_is_done_again(tmp_path):
    for name in ("run.sh", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in (".venv/bin", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")  # pip did not get there
    made = r'printf "#!/bin/sh\necho \"\$*\" >> log\n" > .venv/bin/python'
    (tmp_path / "bin/python3").write_text(f'#!/bin/sh\necho "$*" >> log\n{made}\n')
    for program in (tmp_path / ".venv/bin/python", tmp_path / "bin/python3"):
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    for _ in range(2):
        done = subprocess.run(
            ["bash", "run.sh", "test"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    log = (tmp_path / "log").read_text().splitlines()
    assert log[0] == "-m venv .venv" and "-m pip install" in log[1] and log[2:] == ["-m pytest"] * 2


@pytest.mark.parametrize(
    "arguments, complaint", [(["--prest", "x"], "unknown argument --prest"), (["--preset", "gpu"], "'gpu'")]
)
def test_run_refuses_what_it_does_not_know(repository, arguments, complaint):
    status, _, errors = bash(repository, "run.sh", *arguments)
    assert status == 2 and complaint in errors and errors.count("\n") == 1


def test_the_zip_of_assignment_3_works_when_unpacked_alone(repository, tmp_path):
    assert bash(repository, "create_submission.sh")[0] == 0
    with zipfile.ZipFile(repository / "submission.zip") as archive:
        assert sorted(archive.namelist()) == ["model_solution.py", "train.py", "utils.py"]
        archive.extractall(tmp_path)
    (tmp_path / "text.txt").write_text("once upon a time there was a fox. " * 40)
    done = subprocess.run(
        [sys.executable, "train.py", "--data", "text.txt", "--context_length", "32", "--max_steps", "1"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "losses_and_grad_norms.png").exists()


def test_what_would_be_a_pity_to_hand_in_is_said_and_handed_in(repository, tmp_path):
    for name in ("collect_submission.sh", "create_submission.sh"):
        shutil.copy(repository / name, tmp_path)
    shutil.copytree(repository / "src", tmp_path / "src")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/birth_dev.tsv").write_text("a?\tb\nc?\td\n")
    (tmp_path / "data/birth_test_inputs.tsv").write_text("e?\n")
    for name in NINE_FILES:
        (tmp_path / name).write_text("b\n" if name.endswith(".test.predictions") else "b\nd\n")
    for script in ("collect_submission.sh", "create_submission.sh"):
        status, output, _ = bash(tmp_path, script)
        assert status == 0 and "Note" not in output, "nothing to say"
    (tmp_path / "vanilla.pretrain.dev.predictions").write_text("b\n")
    with open(tmp_path / "src/model_solution.py", "a") as file:
        file.write("# YOUR CODE HERE\n")
    (tmp_path / "expt").mkdir()
    status, output, _ = bash(tmp_path, "collect_submission.sh")
    assert status == 0 and "Note: vanilla.pretrain.dev.predictions has 1 lines, data/birth_dev.tsv 2 questions" in output
    assert "Note: there is code still to be written in src/model_solution.py" in output and output.count("Note") == 2
    (tmp_path / "expt/preset").write_text("laptop\n")
    assert "on the small world in data/laptop/" in bash(tmp_path, "collect_submission.sh")[1]
    status, output, _ = bash(tmp_path, "create_submission.sh")
    assert status == 0 and output.startswith("Note: there is code still to be written in src/model_solution.py")


def test_the_zip_of_assignment_3_names_what_is_missing(repository):
    (repository / "src/train.py").rename(repository / "train.py")
    try:
        status, _, errors = bash(repository, "create_submission.sh")
    finally:
        (repository / "train.py").rename(repository / "src/train.py")
    assert status == 1 and "missing: src/train.py" in errors
    assert not (repository / "submission.zip").exists()
