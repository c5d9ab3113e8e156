"""How many minutes from nothing to 10, 20, 40 % of the dev set: the curve of accuracy over training time.

    python tests/benchmarks/speedrun.py --data DIR --max_epochs 15
    python tests/benchmarks/speedrun.py --data DIR --seeds 0 1 2 --variant perceiver --out speedrun.png

DIR has wiki.txt, birth_places_train.tsv and birth_dev.tsv. For each seed it runs, in this process, the command

    python src/run.py finetune VARIANT DIR/wiki.txt --preset best --max_epochs N --seed SEED \\
        --finetune_corpus_path DIR/birth_places_train.tsv --writing_params_path PARAMS

and asks it the questions of the dev set as `evaluate` would, every few epochs and at the end. The clock runs from the
command's start (Python and PyTorch have been loaded, which takes some seconds) and stands still while it is asked.
Because the learning rate falls over the whole run, a run of fewer epochs is further at the same minute: the curve of a
run shows where this one was, not the fewest minutes possible. At the end the wrong answers are sorted by kind.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import List, Optional, Tuple
from unittest import mock

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

import run as run_module  # noqa: E402
from dataset import CharCorruptionDataset, parse_questions  # noqa: E402
from decoding import predict_places  # noqa: E402
from figures import LONDON, PERCEIVER, VANILLA, save  # noqa: E402
from files import read_text  # noqa: E402
from trainer import Trainer  # noqa: E402

MARKS = (0.1, 0.2, 0.4)
Curve = List[Tuple[float, float]]  # minutes of training, accuracy


def curve_of(args: argparse.Namespace, seed: int) -> Tuple[Curve, Counter]:
    """Trains with one seed: the accuracy on the dev set after every few epochs, and what the last answers were."""
    pairs = parse_questions(read_text(args.data / "birth_dev.tsv"))
    corpus = CharCorruptionDataset(read_text(args.data / "wiki.txt"), 128)  # for its vocabulary
    curve: Curve = []
    kinds = Counter()
    began, asking = time.monotonic(), 0.0

    class Asked(Trainer):
        """Asks the dev set where other trainers look at a test set: after an epoch."""

        def __init__(self, model, train_dataset, _, config):
            super().__init__(model, train_dataset, pairs, config)

        def test_loss(self) -> float:
            nonlocal asking
            if self.epoch % args.every and self.epoch != self.config.max_epochs:
                return curve[-1][1] if curve else 0.0
            paused = time.monotonic()
            answers = predict_places(self.model, corpus, [question for question, _ in pairs])
            kinds.clear()
            kinds.update(kind_of(said, place, question, corpus) for said, (question, place) in zip(answers, pairs))
            right = kinds["right"] / len(pairs)
            minutes = (paused - began - asking) / 60
            curve.append((minutes, right))
            print(f"\nseed {seed}, epoch {self.epoch}: {minutes:.2f} minutes, {100 * right:.1f} %", file=sys.stderr)
            asking += time.monotonic() - paused
            return right

    command = ["run.py", "finetune", args.variant, str(args.data / "wiki.txt"), "--preset", args.preset]
    command += ["--seed", str(seed), "--finetune_corpus_path", str(args.data / "birth_places_train.tsv")]
    command += ["--writing_params_path", f"seed{seed}.params"]
    for flag in ("max_epochs", "device", "bottleneck_dim"):
        if getattr(args, flag) is not None:
            command += [f"--{flag}", str(getattr(args, flag))]
    with mock.patch.object(run_module, "Trainer", Asked), mock.patch.object(sys, "argv", command):
        run_module.main()
    return curve, kinds


def kind_of(said: str, place: str, question: str, corpus: CharCorruptionDataset) -> str:
    """What an answer is, beside what the person's document says."""
    if said == place:
        return "right"
    name = question.removeprefix("Where was ").removesuffix(" born?")
    told = " ".join(document for document in corpus.data if name in document)
    if place not in told:
        return "wrong, and the right place is not in the person's document"
    return "another place or word of the person's document" if said in told else "not in the person's document"


def minutes_to(curve: Curve, mark: float) -> Optional[float]:
    """The minutes after which the accuracy was first at least `mark`; None if it never was."""
    return next((minutes for minutes, accuracy in curve if accuracy >= mark), None)


def table_of(curves: List[Curve], seeds: List[int]) -> str:
    """For each seed, when it reached each mark and where it ended, and the mean and spread of the ends; Markdown."""
    lines = ["| seed | " + " | ".join(f"{100 * mark:.0f} % after" for mark in MARKS) + " | at the end | minutes |"]
    lines.append("| --- |" + " ---: |" * (len(MARKS) + 2))
    for seed, curve in zip(seeds, curves):
        reached = [minutes_to(curve, mark) for mark in MARKS]
        cells = ["" if minutes is None else f"{minutes:.1f} min" for minutes in reached]
        lines.append(f"| {seed} | {' | '.join(cells)} | {100 * curve[-1][1]:.1f} % | {curve[-1][0]:.1f} |")
    ends = [100 * curve[-1][1] for curve in curves]
    spread = f"; standard deviation {statistics.stdev(ends):.1f}" if len(ends) > 1 else ""
    return "\n".join(lines) + f"\n\nMean at the end: {statistics.mean(ends):.1f} %{spread}"


def figure_of(curves: List[Curve], seeds: List[int], variant: str):
    """A matplotlib figure of the accuracy over the minutes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.add_subplot()
    for curve, seed, style in zip(curves, seeds, ["-", "--", ":", "-."] * len(seeds)):
        minutes, accuracies = zip(*[(0.0, 0.0), *curve])
        colour = VANILLA if variant == "vanilla" else PERCEIVER
        axis.plot(minutes, [100 * a for a in accuracies], style, color=colour, label=f"{variant}, seed {seed}")
    axis.axhline(5, color=LONDON, label="always London (the course's data)")
    axis.set(xlabel="minutes of training", ylabel="% of the dev set right", xlim=(0, None), ylim=(0, None))
    axis.legend(frameon=False)
    return figure


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder of wiki.txt and birth_*.tsv")
    parser.add_argument("--variant", choices=["vanilla", "perceiver"], default="vanilla")
    parser.add_argument("--bottleneck_dim", type=int, metavar="M", help="of the perceiver (default: run.py's)")
    parser.add_argument("--preset", default="best", help="the settings in src/recipes.py (default: best)")
    parser.add_argument("--max_epochs", type=int, metavar="N", help="instead of the preset's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42], help="one run for each (default: 42)")
    parser.add_argument("--every", type=int, default=3, metavar="N", help="asks after so many epochs (default: 3)")
    parser.add_argument("--device", help="cuda, mps or cpu (default: the first that is there)")
    parser.add_argument("--out", metavar="PNG", help="also draw the curves")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    args.data, out = args.data.resolve(), args.out and Path(args.out).resolve()
    with tempfile.TemporaryDirectory() as folder:  # for the params, and for TensorBoard's curves
        os.chdir(folder)
        curves, kinds = zip(*[curve_of(args, seed) for seed in args.seeds])
        os.chdir(ROOT)
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    print(f"\n{args.variant}, preset {args.preset}; {machine}, {torch.get_num_threads()} CPU threads\n")
    print(table_of(curves, args.seeds))
    total = sum(kinds, Counter())
    print("\n" + "\n".join(f"{100 * count / total.total():5.1f} %  {kind}" for kind, count in total.most_common()))
    if out:
        save(figure_of(curves, args.seeds, args.variant), str(out))


if __name__ == "__main__":
    main()
