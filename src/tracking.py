"""What TensorBoard shows of a run beside its curves: its settings, its answers, where it looks, how accurate it became.

Every run has a folder of its own below expt/. The file run.json in it says which params the run wrote, so that whoever
evaluates these params later can add the accuracy to the run that they come from.
"""

import contextlib
import glob
import hashlib
import json
import os
import sys
import threading
from typing import Dict, List, Optional, Tuple, Union

from dataset import MASK_CHAR, NameDataset, decode, encode
from decoding import greedy_continuations
from files import BadInput, write_lines
from figures import any_script
from inspection import attention_figure
from model import GPT
from trainer import TrainerConfig, draw

METRICS = ["accuracy/birth_dev", "train/loss"]  # beside the settings in TensorBoard's table of runs


def summary_writer(folder: str):
    """A TensorBoard writer for one run."""
    from torch.utils.tensorboard import SummaryWriter  # takes a second to import, and evaluate does without it

    threading.excepthook = lambda failure: None  # what fails in the writer's thread is raised again by its next call
    try:
        return SummaryWriter(folder)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written ({error.strerror}); TensorBoard's curves go there") from None


def add_settings(config: TrainerConfig, settings: Dict[str, Union[str, float]]) -> None:
    """Puts a run and its settings into TensorBoard's table of runs (HPARAMS)."""
    if config.writer is not None:
        from torch.utils.tensorboard.summary import hparams

        table, row, _ = hparams(settings, {name: 0.0 for name in METRICS})
        for summary in (table, row):
            draw(config, "file_writer.add_summary", summary)


def add_answers(config: TrainerConfig, model: GPT, dataset, step: int) -> None:
    """Puts in what the model says after some of its training examples, and where it looks while it answers the first."""
    examples = [example(dataset, i) for i in range(min(8, len(dataset)))]
    prompts = [encode(dataset, prompt) for prompt, _ in examples]
    stop = dataset.stoi[MASK_CHAR]
    said = [
        decode(dataset, greedy_continuations(model, [prompt], len(answer), stop)[0])
        for prompt, (_, answer) in zip(prompts, examples)
    ]
    rows = [(prompt, answer, right) for (prompt, right), answer in zip(examples, said)]
    draw(config, "add_text", "samples", table(rows), step)
    if config.writer is not None:
        text = examples[0][0] + said[0]
        with contextlib.suppress(ValueError), any_script():  # a model of other parts goes without a picture
            figure = attention_figure(model, encode(dataset, text), len(prompts[0]) - 1, text)
            draw(config, "add_figure", "attention", figure, step)


def example(dataset, i: int) -> Tuple[str, str]:
    """Training example `i` up to the ⁇ that asks, and what should be said then."""
    marks = 1 if isinstance(dataset, NameDataset) else 2  # the answer follows the first ⁇ or, in a corpus, the second
    *asked, answer = decode(dataset, dataset[i][0].tolist()).rstrip(dataset.itos[0]).split(MASK_CHAR)[: marks + 1]
    return MASK_CHAR.join(asked) + MASK_CHAR, answer


def table(rows: List[Tuple[str, str, str]]) -> str:
    """What was asked, said and right, as a table in Markdown."""
    lines = ["| | asked | said | right |", "| --- | --- | --- | --- |"]
    for asked, said, right in rows:
        cells = ["✓" if said == right else "", asked, said, right]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def remember(folder: str, params_path: str, step: int, settings: Dict[str, Union[str, float]]) -> None:
    """Writes run.json: the params that this run wrote, known by their content, after how many steps."""
    run = {"params": params_path, "sha256": digest(params_path), "steps": step, "settings": settings}
    with contextlib.suppress(BadInput):  # the folder has gone, as `draw` will have said
        write_lines(os.path.join(folder, "run.json"), [json.dumps(run, indent=2)])


def add_evaluation(params_path: str, questions_path: str, accuracy: float, rows: List[Tuple[str, str, str]]) -> None:
    """Adds an accuracy and the first answers to the run that wrote the params, if there is one below expt/."""
    found = run_of(params_path)
    if found is None:
        return
    folder, step = found
    name = os.path.basename(questions_path).split(".")[0]
    try:
        with summary_writer(folder) as writer:
            writer.add_scalar(f"accuracy/{name}", accuracy, step)
            writer.add_text(f"answers/{name}", table(rows[:25]), step)
    except (OSError, BadInput):
        print(f"Note: the accuracy could not be added to TensorBoard's curves in {folder}", file=sys.stderr)


def run_of(params_path: str) -> Optional[Tuple[str, int]]:
    """The folder below expt/ of the run that wrote exactly these params, and its number of steps; None if none did."""
    sha256 = digest(params_path)
    for path in sorted(glob.glob(os.path.join("expt", "*", "*", "run.json")), reverse=True):
        try:
            with open(path, encoding="utf-8") as file:
                run = json.load(file)
            if run["sha256"] == sha256:
                return os.path.dirname(path), int(run["steps"])
        except (OSError, ValueError, LookupError, TypeError):  # somebody else's file
            continue
    return None


def digest(path: str) -> str:
    """The SHA-256 of a file's bytes, as sha256sum prints it."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
