"""speedrun.py: asks at the right times, reads its curves right, and sorts wrong answers by what the document says."""

import subprocess
import sys
from pathlib import Path

import pytest

import speedrun
from dataset import CharCorruptionDataset

CURVE = [(1.0, 0.02), (2.0, 0.25), (3.0, 0.19), (4.0, 0.41)]


def test_a_mark_is_reached_when_the_accuracy_is_first_that_high():
    assert [speedrun.minutes_to(CURVE, mark) for mark in (0.1, 0.25, 0.4, 0.5)] == [2.0, 2.0, 4.0, None]


def test_the_table_has_a_row_for_each_seed_and_the_mean_and_spread_of_the_ends():
    table = speedrun.table_of([CURVE, CURVE[:2]], [3, 4])
    assert "| 3 | 2.0 min | 2.0 min | 4.0 min | 41.0 % | 4.0 |" in table
    assert "| 4 | 2.0 min | 2.0 min |  | 25.0 % | 2.0 |" in table
    assert "Mean at the end: 33.0 %; standard deviation 11.3" in table


@pytest.mark.parametrize(
    "said, place, kind",
    [
        ("Rome", "Rome", "right"),
        ("Oslo", "Rome", "another place"),
        ("Lima", "Rome", "not in the person's document"),
        ("Oslo", "Italy", "the right place is not in"),
    ],
)
def test_an_answer_is_sorted_by_what_the_document_of_the_person_says(said, place, kind):
    corpus = CharCorruptionDataset("Ada Hale. Born in Rome, she left for Oslo.\nBo. Born in Lima.", 128)
    assert kind in speedrun.kind_of(said, place, "Where was Ada Hale born?", corpus)


def test_a_run_asks_the_dev_set_after_the_epochs_it_is_told_to_and_after_the_last(tmp_path):
    people = [("Ada Hale", "Turin"), ("Bo Lund", "Oslo"), ("Eva Rossi", "London")]
    corpus = [f"{name} was born in {place}." for name, place in people] + ["Where?"]
    (tmp_path / "wiki.txt").write_text("\n".join(corpus) + "\n")
    rows = "".join(f"Where was {name} born?\t{place}\n" for name, place in people)
    for name in ("birth_places_train.tsv", "birth_dev.tsv"):
        (tmp_path / name).write_text(rows)
    done = subprocess.run(
        [sys.executable, Path(speedrun.__file__), "--data", tmp_path, "--max_epochs", "3", "--every", "2", "--seeds", "1",
         "2", "--device", "cpu", "--out", tmp_path / "curve.png"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    asked = [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("seed ")]
    assert asked == ["seed 1, epoch 2", "seed 1, epoch 3", "seed 2, epoch 2", "seed 2, epoch 3"]
    assert "Mean at the end" in done.stdout
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "expt").exists()
