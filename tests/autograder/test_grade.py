"""grade.py as staff use it: one submission, a folder of them, Gradescope's layout, and what is wrong with an input."""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import grade
from bank import Entry
from grading import Lost, Submission
from proof import write_zip
from test_assignment5 import accuracy, check_reported
from world import HERE, ROOT, write_handed_in, write_world

GRADE = HERE / "grade.py"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with the bank's small world and right submissions of both assignments."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    (folder / "handed_in").mkdir()
    write_handed_in(folder, folder / "handed_in")
    for assignment in (3, 5):
        write_zip(Entry("right", assignment), folder / "handed_in", folder / f"a{assignment}.zip")
    subprocess.run([sys.executable, HERE / "cases.py", "--out", folder / "cases.npz", "--seed", "5"], check=True)
    return folder


def run(world, *arguments, status=0, **environment):
    command = [sys.executable, GRADE, *arguments, "--cases", world / "cases.npz"]
    done = subprocess.run(
        command, cwd=world, capture_output=True, text=True, timeout=600, env={**os.environ, **environment}
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def test_one_submission_is_graded_part_by_part(world):
    results = world / "results.json"
    output = run(world, "a5.zip", "--data", "data", "--answers", "answers.tsv", "--results", results)
    found = json.loads(results.read_text())
    assert found["score"] == 35 and output.rstrip().split("\n")[-1].startswith("35 of 35")
    assert found["extra_data"]["parts"] == {"2(d)": [5, 5], "2(e)": [10, 10], "2(f)": [10, 10], "2(g)": [10, 10]}
    assert sum(test["max_score"] for test in found["tests"]) == 35
    assert {"score", "tests", "output", "visibility", "stdout_visibility", "execution_time"} <= found.keys()
    assert all(test["visibility"] == "visible" and test["status"] == "passed" for test in found["tests"])
    assert [test["name"][:4] for test in found["tests"]] == sorted(test["name"][:4] for test in found["tests"])


def test_without_the_answers_the_test_set_is_not_decided(world):
    output = run(world, "a5.zip", "--data", "data", "--results", "r.json")
    found = json.loads((world / "r.json").read_text())
    assert found["score"] == 23 and "23 of 23" in output
    open_tests = [test for test in found["tests"] if "score" not in test]
    assert len(open_tests) == 2 and all("not decided" in test["output"] for test in open_tests)


def test_a_folder_is_graded_into_one_csv(world, tmp_path):
    zips = tmp_path / "zips"
    zips.mkdir()
    shutil.copy(world / "a3.zip", zips / "carol.zip")
    shutil.copy(world / "a5.zip", zips / "alice.zip")
    shutil.copy(world / "a5.zip", zips / os.fsdecode(b"bob\xff.zip"))
    (zips / "=dave.zip").write_bytes(b"no zip")
    (zips / "ivy.tar.gz").write_bytes(b"no zip either")
    shutil.unpack_archive(world / "a3.zip", zips / "unpacked")
    out = tmp_path / "grades.csv"
    output = run(world, zips, "--data", "data", "--answers", "answers.tsv", "--jobs", "2", "--csv", out)
    rows = {row["submission"]: row for row in csv.DictReader(out.read_text(encoding="utf-8").splitlines())}
    assert len(rows) == 6 and output.count("[") >= 6 and "6 submissions" in output
    assert (rows["carol.zip"]["score"], rows["carol.zip"]["3(a)"], rows["carol.zip"]["2(e)"]) == ("30", "20", "")
    assert (rows["alice.zip"]["score"], rows["alice.zip"]["of"], rows["alice.zip"]["2(g)"]) == ("35", "35", "10")
    assert "vanilla.finetune.params is also in bob" in rows["alice.zip"]["flags"], "nobody trains the same params twice"
    assert rows["'=dave.zip"]["refused"].startswith("not a readable zip file"), "and a spreadsheet runs no formula"
    assert rows["ivy.tar.gz"]["refused"] and rows["unpacked"]["score"] == "30", "nobody is passed over"


def test_a_judge_that_fails_is_reported_and_the_next_submission_is_graded(world, tmp_path):
    options = argparse.Namespace(
        cases=str(tmp_path / "nowhere"), data=str(world / "data"), seconds=60, memory=2, assignment=None, answers=None
    )
    slot = grade.Slot(0, tmp_path / "results.json")
    try:
        failed = slot.grade(world / "a3.zip", options)
        options.cases = str(world / "cases.npz")
        assert slot.grade(world / "a3.zip", options)["score"] == 30
    finally:
        slot.close()
    assert failed["score"] == 0 and "nowhere: no such file" in failed["output"]
    assert failed["extra_data"]["flags"] == ["the autograder failed: grade this one by hand"]


@pytest.mark.parametrize("arguments, says", [
    (["nowhere.zip"], "nowhere.zip: no such file"), (["a5.zip", "--answers", "nowhere"], "nowhere: no such file"),
    (["a5.zip", "--data", "handed_in"], "holds no wiki.txt"), (["a5.zip", "--jobs", "0"], "must be above 0"),
    (["a5.zip", "--data", "data", "--answers", "data/birth_dev.tsv"], "are not those of"),
    (["a5.zip", "--data", "data", "--answers", "data/wiki.txt"], "needs a question, a tab and a place"),
    (["a5.zip", "--results", "nowhere/results.json"], "the folder it should go to does not exist"),
    (["a5.zip", "--csv", "x.csv"], "--csv is not for one submission"),
    (["a5.zip", "--results", "data"], "is there already"),
    ([".", "--results", "r.json"], "--results is not for a folder"),
    ([".", "--csv", "nowhere/x.csv"], "does not exist"),
    ([], "required"),
    (["a5.zip", "--sedonds", "3"], "unrecognized"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_what_staff_give_wrongly_is_one_line(world, arguments, says):
    message = run(world, *arguments, status=2)
    assert says in message and message.count("\n") == 1 and message.startswith("grade.py: ")


def test_a_zip_of_the_wrong_kind_scores_nothing_and_says_why(world):
    output = run(world, "a3.zip", "--assignment", "5", "--results", "wrong.json")
    found = json.loads((world / "wrong.json").read_text())
    assert found["score"] == 0 and "bash collect_submission.sh" in found["output"] and found["output"] in output


def test_a_model_trained_on_dev_is_shown_to_staff(tmp_path, monkeypatch):
    places = [f"Place {i % 7}" for i in range(200)]
    rows = "".join(f"Where was {i} born?\t{place}\n" for i, place in enumerate(places))
    (tmp_path / "birth_dev.tsv").write_text(rows)
    (tmp_path / "birth_test_inputs.tsv").write_text("".join(row.split("\t")[0] + "\n" for row in rows.splitlines()))
    (tmp_path / "vanilla.finetune.params").write_text("")
    for test_right, flagged in ((180, False), (100, True)):
        said = {"dev": places, "test": places[:test_right] + ["?"] * (200 - test_right)}
        for split, lines in said.items():
            (tmp_path / f"vanilla.pretrain.{split}.predictions").write_text("".join(line + "\n" for line in lines))
        student = Submission(src=None, files=tmp_path, reference=None, data=tmp_path, answers=places, cases={})
        student.predicted["vanilla.pretrain"] = {"parameters": 1, **said}
        assert accuracy(student, "vanilla.pretrain", "dev") == 1.0
        assert accuracy(student, "vanilla.pretrain", "test") == test_right / 200
        assert any("trained on dev?" in flag for flag in student.flags) == flagged


@pytest.mark.parametrize("handed_in, right", [
    (["A", "", ""], True), (["A", "", "", "", ""], True), (["A", ""], False), (["A", "", "", "B"], False),
    (["A", "B", ""], True),
    (["B", "C", ""], False),
], ids=range(6))  # fmt: skip
def test_predictions_are_compared_line_by_line(tmp_path, handed_in, right):
    """The params say A, nothing, nothing; one line in fifty, but at least one, may differ."""
    (tmp_path / "vanilla.pretrain.dev.predictions").write_text("".join(line + "\n" for line in handed_in))
    student = Submission(src=None, files=tmp_path, reference=None, data=tmp_path, cases={})
    student.predicted["vanilla.pretrain"] = {"parameters": 1, "dev": ["A", "", ""]}
    if right:
        assert check_reported(student, "vanilla.pretrain", "dev") == ["A", "", ""]
    else:
        with pytest.raises(Lost):
            check_reported(student, "vanilla.pretrain", "dev")


# ----------------------------------------------------------------------------------------------------------------------
# Gradescope


@pytest.fixture(scope="module")
def gradescope(world, tmp_path_factory):
    """A folder laid out as /autograder is, with the zip of build.sh unpacked in source/."""
    root = tmp_path_factory.mktemp("autograder")
    command = [
        "bash",
        HERE / "build.sh",
        "--assignment",
        "5",
        "--data",
        world / "data",
        "--answers",
        world / "answers.tsv",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = ROOT / "autograder.zip"
    with zipfile.ZipFile(made) as archive:
        archive.extractall(root / "source")
    made.unlink()
    (root / "venv/bin").mkdir(parents=True)
    (root / "venv/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (root / "venv/bin/python").chmod(0o755)
    shutil.copy(root / "source/run_autograder", root)
    return root


def grade_there(root, handed_in):
    shutil.rmtree(root / "submission", ignore_errors=True)
    shutil.rmtree(root / "results", ignore_errors=True)
    handed_in(root / "submission")
    environment = {**os.environ, "AUTOGRADER_ROOT": str(root)}
    done = subprocess.run(
        ["bash", "run_autograder"], cwd=root, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads((root / "results/results.json").read_text())


def test_the_zip_for_gradescope_grades_an_unpacked_submission(gradescope, world):
    results = grade_there(gradescope, lambda folder: shutil.unpack_archive(world / "a5.zip", folder))
    assert results["score"] == 35
    assert (gradescope / "source/answers.tsv").stat().st_mode & 0o077 == 0, "the answers are nobody else's to read"
    assert not list(gradescope.rglob("*.ckpt")) and not list((gradescope / "submission").rglob("__pycache__"))


def test_the_zip_for_gradescope_refuses_the_other_assignment_and_survives_anything(gradescope, world):
    def a_zip(folder):
        folder.mkdir()
        shutil.copy(world / "a3.zip", folder)

    results = grade_there(gradescope, a_zip)
    assert results["score"] == 0 and "collect_submission.sh" in results["output"]
    assert grade_there(gradescope, lambda folder: folder.mkdir())["score"] == 0
    (gradescope / "source/tests/graded/cases.npz").rename(gradescope / "source/elsewhere")
    (gradescope / "source/tests/graded/probes.py").rename(gradescope / "source/probes")
    results = grade_there(gradescope, lambda folder: shutil.unpack_archive(world / "a5.zip", folder))
    assert results["score"] < 35, "and says something in any case"


def test_the_shell_scripts_are_sound_and_say_how_they_are_used():
    for name in ("build.sh", "setup.sh", "run_autograder"):
        assert subprocess.run(["bash", "-n", HERE / name]).returncode == 0
    usage = subprocess.run(["bash", HERE / "build.sh", "--help"], capture_output=True, text=True)
    assert usage.returncode == 0 and "--assignment 3" in usage.stdout and usage.stdout.count("\n") == 4
    for arguments, says in (
        (["--assignment", "4"], "is 3 or 5"), ([], "is 3 or 5"), (["x"], "unknown argument x"),
        (["--assignment", "5", "--data", "nowhere"], "nowhere: holds no wiki.txt"),
        (["--assignment", "5", "--answers", "nowhere"], "nowhere: no such file"),
        (["--data"], "--data needs a value"),
        (["--assignment", "5", "--answers", ROOT / "README.md"], "needs a question, a tab and a place"),
        (
            ["--assignment", "5", "--answers", ROOT / "data/birth_dev.tsv"],
            "are not those of data/birth_test_inputs.tsv",
        ),
    ):  # fmt: skip
        done = subprocess.run(["bash", HERE / "build.sh", *arguments], capture_output=True, text=True)
        assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1


def test_numbers_are_drawn_anew_for_every_run():
    options = argparse.Namespace(cases=None, seed=None)
    one, other = grade.read_cases(options), grade.read_cases(options)
    assert not np.array_equal(one["a3.input.mlp"], other["a3.input.mlp"])
    assert one["a5.seed"] != other["a5.seed"]
