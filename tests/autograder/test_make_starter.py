"""The student version: what is given works, what is to be written fails and says so, no solution survives in it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bank
import proof
from make_starter import ROOT, STAFF_SOURCES, Broken, make_starter, regions, student_version

SOURCES = sorted((ROOT / "src").glob("*.py"))


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    out = tmp_path_factory.mktemp("starter") / "of students"
    make_starter(out)
    return out


def run(starter, *command, status=0):
    done = subprocess.run([sys.executable, *command], cwd=starter, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def lines_of(kind_wanted=None):
    """(lines inside marked regions of src/, lines outside), stripped."""
    inside, outside = set(), set()
    for path in SOURCES:
        lines = path.read_text(encoding="utf-8").split("\n")
        marked = {i for kind, first, last in regions("\n".join(lines), path.name) for i in range(first, last + 1)}
        for number, line in enumerate(lines):
            (inside if number in marked or path.name in STAFF_SOURCES else outside).add(line.strip())
    return inside, outside


def test_no_line_of_a_solution_survives(starter):
    inside, outside = lines_of()
    given = "\n".join(outside)
    telling = {
        line for line in inside - outside if len(line) > 20 and not line.startswith(("#", '"""')) and line not in given
    }
    assert len(telling) > 200, "the regions hold whole solutions"
    for path in starter.rglob("*"):
        if path.is_file() and "data" not in path.relative_to(starter).parts[:1]:
            text = path.read_bytes().decode("utf-8", "replace")
            assert not [line for line in telling if line in text], path.name
            assert "### BEGIN" not in text and "### END" not in text, path.name


def test_the_files_of_staff_stay_with_staff(starter):
    names = {path.relative_to(starter).as_posix() for path in starter.rglob("*") if path.is_file()}
    assert not [
        name
        for name in names
        if re.search(r"oracle|generate|bank|answers|autograder|benchmark|bonus|exploration|\.ci|plain", name)
    ]
    assert {
        "README.md",
        "run.sh",
        "src/run.py",
        "mingpt-demo/play_char.ipynb",
        "data/wiki.txt",
        "data/laptop/wiki.txt",
        "tests/graded/cases.npz",
    } <= names
    readme = (starter / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"(?:src|tests|data)/[\w./]+\.(?:py|txt|tsv|sh)", readme):
        assert name in names, f"the README speaks of {name}"


def test_every_part_of_the_handouts_is_to_be_written(starter):
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((starter / "src").glob("*.py")))
    parts = re.findall(
        r"# YOUR CODE HERE\n\s+raise NotImplementedError\('(.*): not written yet, see src/\w+\.py'\)", text
    )
    assert sorted(parts) == sorted(bank.FILLS) and len(parts) == text.count("# YOUR CODE HERE")


def test_the_sources_compile_and_import(starter):
    names = [path.stem for path in (starter / "src").glob("*.py")]
    run(starter, "-c", f"import sys; sys.path.insert(0, 'src')\nfor name in {names!r}: __import__(name)")


def test_what_is_given_works(starter):
    assert run(starter, "src/dataset.py", "namedata").count("x: Where was ") == 4
    assert "usage" in run(starter, "src/run.py", "--help")
    checks = """
import sys; sys.path.insert(0, 'src')
import torch
from model import GPT, GPTConfig
from attention import CausalSelfAttention
from utils import sample
model = GPT(GPTConfig(10, 16, n_layer=1, n_embd=16, n_head=2))
logits, loss = model(torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long))
assert logits.shape == (2, 8, 10) and loss > 0 and sample(model, torch.ones(1, 3, dtype=torch.long), 4).shape == (1, 7)
"""
    run(starter, "-c", checks)


@pytest.mark.parametrize("command, part", [
    (["src/dataset.py", "charcorruption"], "[part e]"), (["src/london_baseline.py"], "[part d]"),
    (["src/train.py", "--max_steps", "1"], "[part 3"),
    (["src/run.py", "pretrain", "vanilla", "wiki.txt", "--writing_params_path", "x"], "[part f]"),
    (["src/run.py", "finetune", "vanilla", "wiki.txt", "--writing_params_path", "x", "--finetune_corpus_path",
      "birth_places_train.tsv"], "[part c] [part f]"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_is_not_written_yet_names_its_part(starter, command, part):
    output = run(starter, *command, status=1)
    assert f"NotImplementedError: {part}" in output.strip().split("\n")[-1]


def test_every_graded_test_fails_and_names_its_part(starter):
    output = run(starter, "-m", "pytest", "-q", "-p", "no:cacheprovider", status=1)
    summary = output[output.index("= points =") :]
    assert not re.search(r"[1-9] of +\d", summary), "no points for nothing"
    assert len(re.findall(r"^[23]\([a-g]\) .* 0 of +\d+   lost, see above", summary, re.M)) == 22
    assert len(re.findall(r"not decided here", summary)) == 3, (
        "two tests need the course's answers, and the sum says so"
    )
    said = output[: output.index("= points =")]
    for part in (
        "[part 3(a)] MLP.forward",
        "[part e]",
        "[part c] [part f]",
        "[part d]",
        "[part f]",
        "[part g] UpProjectBlock",
    ):
        assert f"{part}" in said, f"nothing is said about {part}"
    assert said.count("NotImplementedError: [part") >= 18


def test_the_student_version_with_the_parts_filled_in_is_a_right_submission():
    """As bank.RIGHT is graded with full points, this holds for every part; here only that all of them are filled."""
    used = set()
    for path in SOURCES:
        if path.name not in STAFF_SOURCES:
            text = student_version(path.read_text(encoding="utf-8"), path.name)
            used.update(re.findall(proof.UNWRITTEN, text))
            assert not re.search(proof.UNWRITTEN, proof.fill_in(text, bank.FILLS))
    assert used == bank.FILLS.keys()


@pytest.mark.parametrize("text, line", [
    ("### BEGIN SOLUTION\nx\n", 1), ("x\n### END SOLUTION\n", 2), ("### BEGIN SOLUTION\n### BEGIN STAFF\n", 2),
    ("### BEGIN SOLUTION\n### END STAFF\n", 2), ("###BEGIN SOLUTION\n### END SOLUTION\n", 1),
    ("# no part\n### BEGIN SOLUTION\nx\n### END SOLUTION\n", 2), ("### BEGIN SOLUTIONS\n", 1),
])  # fmt: skip
def test_marks_that_do_not_fit_are_named_with_their_line(text, line):
    with pytest.raises(Broken, match=rf"^a\.py, line {line}: "):
        student_version(text, "a.py")


def test_a_region_keeps_its_indentation_and_the_rest_its_blank_lines():
    text = (
        "def f():\n    # [part z] Do it. So and so.\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n\n\n"
        "### BEGIN STAFF\ndef g():\n    pass\n### END STAFF\n\n\ndef h():\n    pass\n"
    )
    assert student_version(text, "a.py") == (
        "def f():\n    # [part z] Do it. So and so.\n    # YOUR CODE HERE\n"
        "    raise NotImplementedError('[part z] Do it: not written yet, see src/a.py')\n\n\n\ndef h():\n    pass\n"
    )


def test_the_command_refuses_a_folder_with_something_in_it(tmp_path):
    program = str(Path(bank.HERE) / "make_starter.py")
    (tmp_path / "x").write_text("")
    assert "is there already" in run(tmp_path, program, str(tmp_path), status=2)
    assert run(tmp_path, program, status=2).count("make_starter.py OUT") == 1
    inside = bank.ROOT / "src" / "starter"
    assert "lies in this repository" in run(tmp_path, program, str(inside), status=2) and not inside.exists()
    assert "next: cd" in run(tmp_path, program, str(tmp_path / "new"))
