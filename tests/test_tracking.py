"""What TensorBoard gets to show: looked at in the files, and through TensorBoard itself, started as a user would."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

import run as run_module
import tracking

PEOPLE = [("Ada Hale", "Turin"), ("Bo Lund", "Oslo"), ("Eva Rossi", "London"), ("Ugo Ferri", "Lima")]
CURVES = {f"train/{tag}" for tag in ("loss", "lr", "grad_norm", "tokens_per_second")}


def run(*arguments):
    """A command of run.py, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["run.py", *arguments])
        run_module.main()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A working directory in which both models were pretrained, fine-tuned and evaluated, for a moment each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("runs"))
        corpus = [f"{name} was born in {place}." for name, place in PEOPLE] + ["Where did Eva go? | Hi"]
        Path("wiki.txt").write_text("\n".join(corpus) + "\n", encoding="utf-8")
        rows = [f"Where was {name} born?\t{place}\n" for name, place in PEOPLE]
        Path("train.tsv").write_text("".join(rows), encoding="utf-8")
        Path("birth_dev.tsv").write_text("".join(rows[:2]), encoding="utf-8")
        quick = ["--preset", "laptop", "--max_epochs", "12", "--batch_size", "4", "--device", "cpu", "--tb_expt_name"]
        for variant in ("vanilla", "perceiver"):
            run("pretrain", variant, "wiki.txt", "--writing_params_path", f"{variant}.pre", *quick, "scratch")
            run("finetune", variant, "wiki.txt", "--reading_params_path", f"{variant}.pre", "--finetune_corpus_path",
                "train.tsv", "--writing_params_path", f"{variant}.fine", *quick, "pretrained")  # fmt: skip
            shutil.move(f"{variant}.fine", "renamed")
            run("evaluate", variant, "wiki.txt", "--reading_params_path", "renamed", "--eval_corpus_path",
                "birth_dev.tsv", "--outputs_path", f"{variant}.predictions")  # fmt: skip
        yield Path.cwd()


def events_of(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def folder_of(name):
    (folder,) = Path("expt").glob(f"{name}_*")
    return folder


def test_every_run_has_the_same_curves_answers_and_a_picture_and_a_folder_that_says_what_it_is(runs):
    folders = sorted(str(folder) for folder in Path("expt").glob("*/*"))
    names = [re.fullmatch(r"expt.(\w+).(\w+)_\d{8}-\d{6}", folder).groups() for folder in folders]
    assert names == [
        ("finetune", "pretrained_perceiver"), ("finetune", "pretrained_vanilla"),
        ("pretrain", "scratch_perceiver"), ("pretrain", "scratch_vanilla"),
    ]  # fmt: skip
    for folder in folders:
        tags = events_of(folder).Tags()
        assert set(tags["scalars"]) - {"accuracy/birth_dev"} == CURVES
        assert "attention" in tags["images"]
        table = events_of(folder).Tensors("samples/text_summary")[0].tensor_proto.string_val[0].decode()
        assert table.startswith("| | asked | said | right |") and "⁇" in table
        assert {line.replace("\\|", "").count("|") for line in table.split("\n")} == {5}, "a | in a text is no border"


@pytest.mark.parametrize("variant", ["vanilla", "perceiver"])
def test_evaluating_adds_the_accuracy_to_the_run_that_wrote_the_params_whatever_they_are_called_now(runs, variant):
    events = events_of(folder_of(f"finetune/pretrained_{variant}"))
    (accuracy,) = events.Scalars("accuracy/birth_dev")
    predictions = Path(f"{variant}.predictions").read_text().split("\n")[:2]
    assert accuracy.value == sum(said == place for said, (_, place) in zip(predictions, PEOPLE)) / 2
    assert accuracy.step == 12, "at the last step of that run"
    table = events.Tensors("answers/birth_dev/text_summary")[0].tensor_proto.string_val[0].decode()
    for (name, place), said in zip(PEOPLE[:2], predictions):
        mark = "✓" if said == place else ""
        assert f"| {mark} | Where was {name} born? | {said} | {place} |" in table
    assert "accuracy/birth_dev" not in events_of(folder_of(f"pretrain/scratch_{variant}")).Tags()["scalars"]


def test_params_that_no_run_here_wrote_are_evaluated_without_a_trace(runs, tmp_path):
    path = tmp_path / "other"
    shutil.copy("vanilla.pre", path)
    assert tracking.run_of(str(path)) == (str(folder_of("pretrain/scratch_vanilla")), 24)
    path.write_bytes(path.read_bytes() + b"\0")
    for unreadable in ("", "[]", '{"sha256": 1}', '{"sha256": "x", "steps": "y"}'):
        stranger = Path("expt/pretrain/zzz/run.json")
        stranger.parent.mkdir(exist_ok=True)
        stranger.write_text(unreadable)
        assert tracking.run_of(str(path)) is None
    shutil.rmtree(stranger.parent)
    before = sorted(Path().rglob("*"))
    tracking.add_evaluation(str(path), "birth_dev.tsv", 0.5, [])
    assert sorted(Path().rglob("*")) == before


def test_where_the_accuracy_cannot_be_added_the_evaluation_goes_on_with_a_note(runs, monkeypatch, capsys):
    def refuse(folder):
        raise tracking.BadInput("no")

    monkeypatch.setattr(tracking, "summary_writer", refuse)
    tracking.add_evaluation("renamed", "birth_dev.tsv", 0.5, [])
    assert "could not be added" in capsys.readouterr().err


def test_what_a_run_was_is_written_beside_its_curves(runs):
    folder = folder_of("finetune/pretrained_perceiver")
    kept = json.loads((folder / "run.json").read_text())
    assert kept["params"] == "perceiver.fine" and kept["steps"] == 12
    assert kept["settings"]["pretrained"] == "yes" and kept["settings"]["epochs"] == 12
    assert kept["settings"]["bottleneck_dim"] == 32


def test_tensorboard_shows_curves_texts_pictures_and_the_table_of_runs(runs):
    """Starts it as the README says and fetches what a browser would."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", "expt/", "--port", "0", "--load_fast", "false"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        for line in process.stderr:
            if "http://" in line:
                break
        url = re.search(r"http://\S+?:\d+", line).group()

        def fetch(path, body=None, **query):
            query = urllib.parse.urlencode(query)
            request = urllib.request.Request(f"{url}/data/{path}?{query}", data=body and json.dumps(body).encode())
            if body:
                request.add_header("Content-Type", "application/json")
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.read()

        folders = [str(folder.relative_to("expt")) for folder in sorted(Path("expt").glob("*/*"))]
        assert sorted(json.loads(fetch("runs"))) == folders
        tags = json.loads(fetch("plugin/scalars/tags"))
        assert all(CURVES <= set(tags[folder]) for folder in folders), "the same tags, so that curves overlay"
        losses = json.loads(fetch("plugin/scalars/scalars", tag="train/loss", run=folders[0]))
        assert losses and all(len(point) == 3 for point in losses)
        texts = json.loads(fetch("plugin/text/text", tag="answers/birth_dev/text_summary", run=folders[0]))
        assert "Where was Ada Hale born?" in texts[0]["text"] and "<table>" in texts[0]["text"]
        (picture,) = json.loads(fetch("plugin/images/images", tag="attention", run=folders[0], sample=0))
        assert fetch(f"plugin/images/individualImage?{picture['query']}&x=").startswith(b"\x89PNG")
        table = json.loads(fetch("plugin/hparams/experiment", {"experimentName": ""}))
        assert {"model", "pretrained", "learning_rate", "epochs"} <= {column["name"] for column in table["hparamInfos"]}
        assert [metric["name"]["tag"] for metric in table["metricInfos"]][:2] == tracking.METRICS
        columns = {"colParams": [{"metric": {"tag": tag, "group": ""}} for tag in tracking.METRICS]}
        asked = {"experimentName": "", "startIndex": 0, "sliceSize": 100,
                 "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"], **columns}  # fmt: skip
        groups = json.loads(fetch("plugin/hparams/session_groups", asked))["sessionGroups"]
        shown = {group["sessions"][0]["name"]: group for group in groups}
        assert sorted(shown) == folders
        values = {metric["name"]["tag"]: metric["value"] for metric in shown[folders[0]]["metricValues"]}
        assert values["accuracy/birth_dev"] in (0.0, 0.5, 1.0) and values["train/loss"] > 0
        assert shown[folders[0]]["hparams"]["model"] == "perceiver"
    finally:
        process.terminate()
        process.communicate(timeout=60)
