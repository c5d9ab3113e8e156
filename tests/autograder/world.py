"""A small world for the bank and for tests: sixty people, models that know their birth places, and what they answer."""

import os
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [path for path in (str(HERE), str(HERE.parent / "graded"), str(ROOT / "src")) if path not in sys.path]

import torch  # noqa: E402
from dataset import CharCorruptionDataset, NameDataset, parse_questions  # noqa: E402
from decoding import predict_places  # noqa: E402
from files import save_params, write_lines  # noqa: E402
from model import GPT, GPTConfig  # noqa: E402

WORLD = Path(tempfile.gettempdir(), f"autograder-bank-{os.getpid()}")  # where the bank has it


def write_world(world: Path) -> None:
    """Writes world/data, a corpus and questions as students have them, and world/answers.tsv."""
    data = world / "data"
    chance = random.Random(5)
    places = ["London", "Oslo", "Lima", "Cairo", "Turin"]

    def name():
        return " ".join(
            "".join(chance.choice("bdfklmnrst") + chance.choice("aeiou") for _ in range(3)).title() for _ in "ab"
        )

    people = [(name(), places[i % 5]) for i in range(60)]
    data.mkdir(parents=True, exist_ok=True)
    (data / "wiki.txt").write_text("".join(f"{who} was born in {where}. Why? \n" for who, where in people))
    rows = [f"Where was {who} born?\t{where}\n" for who, where in people]
    (data / "birth_dev.tsv").write_text("".join(rows[:30]))
    (data / "birth_test_inputs.tsv").write_text("".join(row.split("\t")[0] + "\n" for row in rows[30:]))
    (world / "answers.tsv").write_text("".join(rows[30:]))


def write_model(world: Path, folder: Path, variant: str, name: str, params: str, steps: int) -> None:
    """Writes params of a small model that has learned all answers in `steps` steps, and its predictions."""
    torch.manual_seed(1)
    data = world / "data"
    corpus = CharCorruptionDataset((data / "wiki.txt").read_text(), 128)
    dev = (data / "birth_dev.tsv").read_text()
    known = NameDataset(corpus, dev + (world / "answers.tsv").read_text())
    sizes = dict(n_layer=3, n_head=8, n_embd=32, embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0)
    perceiver = dict(perceiver=True, bottleneck_dim=64) if variant == "perceiver" else {}
    model = GPT(GPTConfig(corpus.vocab_size, 128, **sizes, **perceiver))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    x, y = known.batch(range(len(known)))
    width = int((y != 0).nonzero()[:, 1].max()) + 1
    for _ in range(steps):
        optimizer.zero_grad()
        model(x[:, :width], y[:, :width])[1].backward()
        optimizer.step()
    save_params(str(folder / params), model.state_dict())
    for split, text in (("dev", dev), ("test", (data / "birth_test_inputs.tsv").read_text())):
        places = predict_places(model, corpus, [question for question, _ in parse_questions(text)])
        write_lines(str(folder / f"{name}.{split}.predictions"), (" ".join(place.split("\n")) for place in places))


def write_handed_in(world: Path, folder: Path) -> None:
    """Writes the params and predictions of a right submission."""
    write_model(world, folder, "vanilla", "vanilla.nopretrain", "vanilla.model.params", steps=0)
    write_model(world, folder, "vanilla", "vanilla.pretrain", "vanilla.finetune.params", steps=60)
    write_model(world, folder, "perceiver", "perceiver.pretrain", "perceiver.finetune.params", steps=90)
