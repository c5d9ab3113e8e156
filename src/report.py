"""The results of all runs at a glance: a table of accuracies against what the handout asks, and a picture.

    python src/report.py [--eval_corpus_path birth_dev.tsv]

Reads the dev predictions in the working directory and the loss curves below expt/; writes results.png.
"""

import argparse
import glob
import os
from typing import List, Optional, Tuple

from command_line import OneLineParser, run_command
from figures import LONDON, NOT_PRETRAINED, PERCEIVER, VANILLA, save
from files import BadInput, check_writable, find_file, read_text
from london_baseline import london_accuracy
from utils import evaluate_places

# name, predictions on the dev set, what the handout asks (a share, or words), colour
MODELS = [
    ("vanilla, not pretrained", "vanilla.nopretrain.dev.predictions", "below London", NOT_PRETRAINED),
    ("vanilla, pretrained", "vanilla.pretrain.dev.predictions", 0.10, VANILLA),
    ("perceiver, pretrained", "perceiver.pretrain.dev.predictions", 0.06, PERCEIVER),
]
# panel title, [(name of the curve, folders below expt/, colour)]
CURVES = [
    (
        "Pretraining",
        [
            ("vanilla", "pretrain/scratch_vanilla_*", VANILLA),
            ("perceiver", "pretrain/scratch_perceiver_*", PERCEIVER),
        ],
    ),
    (
        "Fine-tuning",
        [
            ("vanilla, not pretrained", "finetune/scratch_vanilla_*", NOT_PRETRAINED),
            ("vanilla, pretrained", "finetune/pretrained_vanilla_*", VANILLA),
            ("perceiver, pretrained", "finetune/pretrained_perceiver_*", PERCEIVER),
        ],
    ),
]


def accuracy(predictions_path: str, eval_corpus_path: str) -> Optional[float]:
    """The share of right places, or None when there are no predictions yet."""
    if not os.path.exists(predictions_path):
        return None
    lines = read_text(predictions_path).split("\n")
    try:
        total, correct = evaluate_places(eval_corpus_path, lines[:-1] if lines[-1] == "" else lines)
    except BadInput as error:
        raise BadInput(f"{predictions_path}: does not belong to this set: {error}") from None
    return correct / total


def loss_curve(pattern: str) -> Tuple[List[int], List[float]]:
    """(steps, losses) of the runs in expt/`pattern`, the later run counting where a resumed run repeats a step."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    losses = {}
    for folder in sorted(glob.glob(os.path.join("expt", pattern))):
        events = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
        if "train/loss" in events.Tags()["scalars"]:
            losses.update((event.step, event.value) for event in events.Scalars("train/loss"))
    return sorted(losses), [losses[step] for step in sorted(losses)]


def draw(path: str, names: List[str], shares: List[Optional[float]], colours: List[str], asked: List[object]) -> None:
    """Writes the picture: a panel of loss curves for each kind of training, and the accuracies as bars."""
    import matplotlib

    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, 3, figsize=(15, 4.8), layout="constrained", gridspec_kw={"width_ratios": [1, 1, 1.15]}
    )
    for axis, (title, curves) in zip(axes, CURVES):
        for name, pattern, colour in curves:
            steps, losses = loss_curve(pattern)
            if steps:
                axis.plot(steps, losses, color=colour, label=name, linewidth=1.8)
        axis.set(title=title, xlabel="optimizer steps", ylabel="training loss (nats a character)")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(frameon=False)
        else:
            axis.text(0.5, 0.5, "no run below expt/ with run.sh's names", ha="center", transform=axis.transAxes)
    bars = axes[2]
    percents = [100 * (share or 0) for share in shares]
    bars.barh(names, percents, color=colours)
    for row, (percent, share, ask) in enumerate(zip(percents, shares, asked)):
        bars.text(percent, row, " not run yet" if share is None else f" {percent:.1f} %", va="center")
        if isinstance(ask, float):
            label = "the handout asks" if row == asked.index(0.10) else None
            bars.plot([100 * ask] * 2, [row - 0.4, row + 0.4], color="black", linestyle="--", label=label)
    bars.invert_yaxis()
    bars.set(title="Accuracy on the dev set", xlabel="right birth places (%)", xlim=(0, 1.2 * max(percents + [10])))
    bars.legend(frameon=False, loc="upper right")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def main() -> None:
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval_corpus_path", default="birth_dev.tsv", help="default: birth_dev.tsv")
    parser.add_argument("--picture", default="results.png", help="default: results.png")
    args = parser.parse_args()
    path = str(find_file(args.eval_corpus_path))

    check_writable(args.picture, [path])
    total, correct = london_accuracy(path)
    names = ["always London"] + [name for name, *_ in MODELS]
    shares = [correct / total] + [accuracy(predictions, path) for _, predictions, *_ in MODELS]
    asked = [""] + [ask for *_, ask, _ in MODELS]
    print(f"{'Accuracy on ' + path:<46}{'here':>8}   the handout asks")
    for name, share, ask in zip(names, shares, asked):
        shown = "-" if share is None else f"{100 * share:.1f} %"
        print(f"{name:<46}{shown:>8}   {f'{100 * ask:.0f} %' if isinstance(ask, float) else ask}")
    draw(args.picture, names, shares, [LONDON] + [colour for *_, colour in MODELS], asked)
    print(f"Loss curves and accuracies drawn in {args.picture}")


if __name__ == "__main__":
    run_command(main)
