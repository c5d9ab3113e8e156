"""Trains the small transformer of Assignment 3 for 100 steps and draws its loss and the norm of its gradient.

    python src/train.py                    on stories that this file makes up, character by character
    python src/train.py --data FILE.txt    on any text; FILE.pt: on a Long tensor (chunks, length) of token ids
    python src/train.py --data tinystories on TinyStories with GPT-2's tokenizer, fetched once from Hugging Face's hub

It needs model_solution.py and utils.py beside it and nothing else: submission.zip holds these three.
"""

import argparse
import ctypes
import io
import os
import random
import sys
import time
import warnings
from dataclasses import dataclass, field
from typing import Callable, List, NoReturn, Optional, Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn
from tqdm import tqdm

from model_solution import ModelConfig, Transformer
from utils import set_seed

PICTURE = "losses_and_grad_norms.png"


@dataclass
class Chunks:
    """Token ids to learn from, and others to see whether that was learning or memory: (chunks, length) Long."""

    train: Int[Tensor, "chunks length"]
    held_out: Int[Tensor, "others length"]
    vocab_size: int


@dataclass
class History:
    """What every step measured, before it changed the parameters."""

    losses: List[float] = field(default_factory=list)  # nats a token
    grad_norms: List[float] = field(default_factory=list)  # before clipping


# ----------------------------------------------------------------------------------------------------------------------
# Training


def train(
    learning_rate: float = 1e-5,
    gradient_clipping: float = 1.0,
    model_config: Optional[ModelConfig] = None,
    batch_size: int = 16,
    max_steps: int = 100,
    chunks: Optional[Chunks] = None,
    seed: int = 0,
    device: str = "cpu",
    writer=None,
) -> History:
    """Trains a Transformer with AdamW, prints its final losses and draws `losses_and_grad_norms.png`. Part 3(b).

    Without `chunks` it learns the stories below, without `model_config` it is the course's tiny model.
    """
    keep_freed_memory()
    set_seed(seed)
    if chunks is None:
        chunks = chunks_of_text(stories())
    model = Transformer(model_config or tiny_config(chunks.vocab_size)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    history = fit(model, chunks.train, [optimizer], batch_size, max_steps, gradient_clipping, seed=seed, writer=writer)
    print(f"Loss at step {max_steps}: {history.losses[-1]:.3f}; held-out: {held_out_loss(model, chunks):.3f}")
    draw(history, PICTURE)
    print(f"Loss and gradient norm drawn in {PICTURE}")
    return history


def keep_freed_memory() -> None:
    """Has the C library keep freed memory for the next step instead of handing it back, where it is Linux's glibc.

    A step frees and asks for gigabytes, mostly the (time, time) matrices of attention; to get them from the system
    anew, page by page, takes half the time of a step. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def tiny_config(vocab_size: int, context_length: int = 512) -> ModelConfig:
    """The model that the handout trains."""
    return ModelConfig(d_model=33, n_heads=3, n_layers=3, context_length=context_length, vocab_size=vocab_size)


def fit(
    model: nn.Module,
    chunks: Int[Tensor, "chunks length"],
    optimizers: Sequence[torch.optim.Optimizer],
    batch_size: int,
    max_steps: int,
    gradient_clipping: float,
    schedule: Callable[[int], float] = lambda step: 1.0,
    seed: int = 0,
    writer=None,
) -> History:
    """Takes `max_steps` steps on random batches of `chunks`; every chunk is seen before one is seen again.

    `model` has get_loss_on_batch; `schedule` gives the factor on every learning rate at a step, counted from 0.
    The order of the chunks depends on `seed` alone. `writer`, a TensorBoard SummaryWriter, gets the curves.
    Raises FloatingPointError when the loss is infinite or no number.
    """
    device = next(model.parameters()).device
    order = torch.Generator().manual_seed(seed)
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    waiting = torch.empty(0, dtype=torch.long)  # the chunks still to come, in random order
    history = History()
    model.train()
    for step in (bar := tqdm(range(max_steps), unit="step", mininterval=0.5 if sys.stderr.isatty() else 30)):
        while len(waiting) < batch_size:
            waiting = torch.cat((waiting, torch.randperm(len(chunks), generator=order)))
        batch, waiting = chunks[waiting[:batch_size]].to(device), waiting[batch_size:]
        for optimizer, initial in zip(optimizers, rates):
            for group, rate in zip(optimizer.param_groups, initial):
                group["lr"] = rate * schedule(step)
        loss = model.get_loss_on_batch(batch)
        if not loss.isfinite():
            raise FloatingPointError(f"the loss is no number any more at step {step + 1}; lower the learning rate")
        model.zero_grad(set_to_none=True)
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(model.parameters(), gradient_clipping)
        for optimizer in optimizers:
            optimizer.step()
        history.losses.append(loss.item())
        history.grad_norms.append(grad_norm.item())
        bar.set_postfix(loss=f"{history.losses[-1]:.3f}", refresh=False)
        if writer is not None:
            writer.add_scalar("train/loss", history.losses[-1], step + 1)
            writer.add_scalar("train/grad_norm", history.grad_norms[-1], step + 1)
    return history


@torch.no_grad()
def held_out_loss(model: nn.Module, chunks: Chunks, batch_size: int = 16) -> float:
    """The mean loss on the chunks that were held out, in nats a token."""
    device = next(model.parameters()).device
    model.eval()
    parts = chunks.held_out.split(batch_size)
    total = sum(model.get_loss_on_batch(part.to(device)).item() * len(part) for part in parts)
    model.train()
    return total / len(chunks.held_out)


def draw(history: History, path: str) -> None:
    """Writes the picture the handout asks for: the loss on the left, the norm of the gradient on the right."""
    import matplotlib

    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    curves = [("training loss (nats a token)", history.losses), ("gradient norm, before clipping", history.grad_norms)]
    for axis, (label, values) in zip(axes, curves):
        axis.plot(range(1, len(values) + 1), values, color="#0072B2", linewidth=1.8)
        axis.set(xlabel="step", ylabel=label)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    plt.close(figure)
    write_whole(path, picture.getvalue())


def write_whole(path: str, content: bytes) -> None:
    """Writes a file beside `path` and renames it: `path` is never half a file."""
    with open(f"{path}.tmp", "wb") as file:
        file.write(content)
    os.replace(f"{path}.tmp", path)


# ----------------------------------------------------------------------------------------------------------------------
# Data


def load_chunks(data: Optional[str], length: int = 512) -> Chunks:
    """The chunks of --data; None stands for the stories below.

    Raises ValueError or OSError, saying what to do, for a file that cannot serve, ImportError for a missing package.
    """
    if data is None:
        return chunks_of_text(stories(), length)
    if data == "tinystories":
        return split(tinystories(length), vocab_size=50257)
    if data.endswith(".pt"):
        ids = load_ids(data)
        return split(ids, vocab_size=int(ids.max()) + 1)
    try:
        with open(data, encoding="utf-8-sig") as file:
            return chunks_of_text(file.read(), length)
    except UnicodeDecodeError:
        raise ValueError(f"{data}: not UTF-8; convert the text to UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{data}: {error}") from None


def chunks_of_text(text: str, length: int = 512) -> Chunks:
    """The text cut into chunks of `length` characters; ids number its sorted characters. The rest is dropped."""
    chars = sorted(set(text))
    if len(text) < 2 * length:
        raise ValueError(f"has {len(text)} characters, too few for two chunks of {length}; give a longer text")
    number = {char: i for i, char in enumerate(chars)}
    ids = torch.tensor([number[char] for char in text[: len(text) // length * length]])
    return split(ids.view(-1, length), vocab_size=len(chars))


def load_ids(path: str) -> Int[Tensor, "chunks length"]:
    """The Long tensor (chunks, length) that torch.save wrote to `path`; nothing in the file is run."""
    with open(path, "rb") as file:
        content = io.BytesIO(file.read())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders aloud about pickles; what it refuses is said below
            ids = torch.load(content, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file can break the reading anywhere
        raise ValueError(f"{path}: not a file of one tensor written by torch.save; save a Long tensor") from None
    if not isinstance(ids, Tensor) or ids.dtype != torch.long or ids.layout != torch.strided:
        found = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise ValueError(f"{path}: holds {found}; expected a Long tensor of token ids, (chunks, length)")
    if ids.dim() != 2 or len(ids) < 2 or ids.size(1) < 2:
        raise ValueError(f"{path}: has the shape {tuple(ids.shape)}; expected (chunks, length), both at least 2")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= 2**20:
        raise ValueError(f"{path}: holds {low if low < 0 else high}; token ids start at 0 and stay below {2**20:,}")
    return ids


def split(ids: Int[Tensor, "chunks length"], vocab_size: int) -> Chunks:
    """Holds the last twentieth of the chunks out, at least one and at most 64."""
    count = min(64, max(1, len(ids) // 20))
    return Chunks(ids[:-count], ids[-count:], vocab_size)


def tinystories(length: int, count: int = 4096, cache: str = "tinystories.pt") -> Int[Tensor, "chunks length"]:
    """The first `count` chunks of TinyStories (Eldan and Li 2023), in GPT-2's tokens; kept in the file `cache`.

    Raises ImportError where a package is missing and ValueError where the hub cannot be reached.
    """
    if os.path.exists(cache):
        ids = load_ids(cache)
        if ids.size(1) == length:
            return ids
    try:
        from datasets import load_dataset
        from transformers import GPT2TokenizerFast
    except ImportError as error:
        raise ImportError(f"--data tinystories needs {error.name}: pip install datasets transformers") from None
    try:
        tokenizer = GPT2TokenizerFast.from_pretrained("gpt2")
        ids = []
        for story in load_dataset("roneneldan/TinyStories", split="train", streaming=True):
            ids += tokenizer(story["text"])["input_ids"] + [tokenizer.eos_token_id]
            if len(ids) >= count * length:
                break
    except Exception as error:  # each layer below has errors of its own for a network that is not there
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"--data tinystories: the hub cannot be reached ({reason}); try --data FILE.txt") from None
    chunks = torch.tensor(ids[: len(ids) // length * length]).view(-1, length)
    buffer = io.BytesIO()
    torch.save(chunks, buffer)
    write_whole(cache, buffer.getvalue())
    return chunks


def stories(count: int = 3000, seed: int = 0) -> str:
    """Made-up stories for children, one a paragraph, about a million characters: the corpus this file carries along."""
    rng = random.Random(seed)
    pick = rng.choice
    names = (
        "Ada Bo Cleo Dan Ella Finn Gus Hana Ivo June Kai Lena Milo Nora Otto Pia Quinn Rosa Sam Tess Uma Vic".split()
    )
    animals = (
        "badger bear cat crow duck fox frog goat hare hedgehog mole mouse otter owl pony rabbit snail toad".split()
    )
    traits = (
        "brave careful cheerful clever curious gentle grumpy hungry lazy lonely proud quiet shy sleepy small".split()
    )
    things = (
        "apple ball bell book boat cake candle drum feather hat kite key lantern map pebble ribbon rope shell".split()
    )
    colours = "black blue brown golden green grey orange pink purple red silver white yellow".split()
    places = (
        "at the lake|by the old mill|behind the barn|in the forest|in the garden|near the bridge|on the hill".split("|")
    )
    times = "One morning|One evening|On a windy day|On a sunny day|After the rain|Before breakfast|Late at night".split(
        "|"
    )
    losses = ["fell into the water", "was stolen by the wind", "broke in two", "rolled away", "got lost in the grass"]
    helps = ["looked under every leaf", "climbed a tall tree", "asked the moon", "dug a deep hole", "sang a long song"]
    ends = [
        "From then on they were best friends.",
        "They laughed until the stars came out.",
        "And they never told anybody.",
        "That night they slept very well.",
        "They shared some bread and went home.",
    ]
    written = []
    for _ in range(count):
        hero, friend = rng.sample(names, 2)
        kind, other = rng.sample(animals, 2)
        thing, colour, place = pick(things), pick(colours), pick(places)
        story = [
            f"Once upon a time there was a {pick(traits)} {kind} named {hero} who lived {pick(places)}.",
            f"{pick(times)} {hero} found a {colour} {thing} {place}.",
            f'"What a {pick(traits)} day!" said {hero}. "I will show my {thing} to {friend}."',
        ]
        if rng.random() < 0.7:
            story.append(f"{friend} was a {pick(traits)} {other} and lived {pick(places)}.")
        if rng.random() < 0.6:
            story.append(f"But on the way the {thing} {pick(losses)}, and {hero} began to cry.")
            story.append(f'"Do not be sad," said {friend} the {other}, and {pick(helps)}.')
            story.append(f"At last they found the {colour} {thing} {pick(places)}.")
        else:
            story.append(f'{friend} looked at the {thing} and said: "I have never seen a {colour} {thing} before!"')
        story.append(pick(ends))
        written.append(" ".join(story))
    return "\n".join(written) + "\n"


# ----------------------------------------------------------------------------------------------------------------------
# The command line


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = refuse
    add = parser.add_argument
    add("--data", metavar="FILE", help="FILE.txt, FILE.pt or tinystories (default: made-up stories)")
    add("--learning_rate", type=float, default=1e-5, metavar="RATE", help="of AdamW (default: 1e-5)")
    add("--gradient_clipping", type=float, default=1.0, metavar="NORM", help="the largest gradient norm (default: 1)")
    add("--batch_size", type=int, default=16, metavar="N", help="chunks a step (default: 16)")
    add("--max_steps", type=int, default=100, metavar="N", help="default: 100")
    add(
        "--context_length",
        type=int,
        default=512,
        metavar="N",
        help="tokens a chunk (default: 512; FILE.pt has its own)",
    )
    add("--seed", type=int, default=0, metavar="N", help="default: 0")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: cuda, if there is one")
    add("--tb_expt_name", metavar="NAME", default="run", help="names the run's folder below expt/train (default: run)")
    args = parser.parse_args()
    for name in ("learning_rate", "gradient_clipping", "batch_size", "max_steps"):
        if not 0 < getattr(args, name) < float("inf"):
            raise ValueError(f"--{name} must be above 0, got {getattr(args, name)}")
    if args.context_length < 2:
        raise ValueError(f"--context_length must be at least 2, got {args.context_length}")
    if args.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {args.seed}")
    try:
        torch.empty(0, device=args.device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f"--device {args.device}: not available on this machine; try --device cpu") from None
    return args


def refuse(message: str) -> None:
    raise ValueError(f"{message} (see --help)")


def main() -> None:
    try:
        args = parse_arguments()
        chunks = load_chunks(args.data, args.context_length)
    except (ValueError, ImportError) as error:
        stop(error)
    except OSError as error:
        stop(f"{error.filename or args.data}: cannot be read ({error.strerror or error})")
    print(
        f"{len(chunks.train):,} chunks of {chunks.train.size(1)} tokens, {len(chunks.held_out)} held out, vocabulary "
        f"{chunks.vocab_size:,}; {args.max_steps} steps of {args.batch_size} chunks on {args.device}"
    )
    from torch.utils.tensorboard import SummaryWriter

    folder = os.path.join("expt", "train", f"{args.tb_expt_name}_{time.strftime('%Y%m%d-%H%M%S')}")
    config = tiny_config(chunks.vocab_size, chunks.train.size(1))
    recipe = args.learning_rate, args.gradient_clipping, config, args.batch_size, args.max_steps
    try:
        with SummaryWriter(folder) as writer:
            train(*recipe, chunks=chunks, seed=args.seed, device=args.device, writer=writer)
    except FloatingPointError as error:
        stop(error)
    except OSError as error:
        stop(f"{error.filename or PICTURE}: cannot be written ({error.strerror or error})")
    except KeyboardInterrupt:
        stop("interrupted", status=130)
    print("Curves: tensorboard --logdir expt/")


def stop(message: object, status: int = 2) -> NoReturn:
    """Ends the program with one line on stderr."""
    print(f"train.py: {message}".replace("\n", " "), file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
