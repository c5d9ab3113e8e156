"""How fast src/ is beside the textbook formulation in plain.py, and how close to what the machine can do.

    python tests/benchmarks/bench.py                               # everything, with the course's sizes
    python tests/benchmarks/bench.py --quick                       # tiny sizes, about a minute
    python tests/benchmarks/bench.py --only pretrain-vanilla --device cuda --out table.md

In every work both begin with the same params and alternate; the table has the median times.

Useful FLOP. A matrix product costs 2 FLOP per weight and position, reading a key and its value 4 FLOP per channel.
A block of width d with Q queries and K keys costs

    2 d^2 (2 K + 10 Q) + 4 d P,    P = sum over the queries i of min(i + 1, K), the pairs that the causal mask leaves,

for its keys and values (2 K), its queries, its projection and its two MLP layers of 4 d units (1 + 1 + 8 = 10 Q). A
sequence of n real positions costs n_layer blocks with Q = K = n; in a Perceiver k = min(m, n) vectors matter, and it
costs one block with Q = k, K = n (without queries, which are those of the basis for every sequence), n_layer - 2 with
Q = K = k, and one with Q = n, K = k. The head costs 2 d vocab_size for every position whose logits count. A training
step costs three times the forward pass (6 FLOP per weight and position). Padding, positions past the last target,
dropout, norms and what is computed twice count for nothing. The share of the ceiling is useful FLOP / time of ours /
ceiling, where the ceiling is the fastest product of two square float32 matrices seen on this device. (Generating one
sequence multiplies every weight once a token: the time it takes to read them is what limits it, not this ceiling.)

Tokens are real ones: in training the positions up to a sequence's last target, in answering the characters written.

Memory. Each side takes a step in a process of its own: a first step of two examples, so that the optimizer's moments
exist, then one of a whole batch. On a CPU the table shows the peak of the resident memory (ru_maxrss) after the second
step minus what was resident before it, on CUDA the same difference of torch's allocated memory.
"""

import argparse
import contextlib
import io
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

import torch
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(Path(__file__).resolve().parent)]

import plain  # noqa: E402
from dataset import CharCorruptionDataset, NameDataset  # noqa: E402
from decoding import predict_places  # noqa: E402
from model import GPT, GPTConfig  # noqa: E402
from model_solution import ModelConfig, Transformer  # noqa: E402
from trainer import Trainer, TrainerConfig  # noqa: E402


@dataclass
class Sizes:
    """How much work is measured. The defaults are the course's model and recipe, and GPT-2's sizes for generate."""

    n_layer: int = 4
    n_head: int = 8
    n_embd: int = 256
    block_size: int = 128
    bottleneck_dim: int = 64
    batch_size: int = 128
    finetune_batch_size: int = 256
    steps: int = 2  # training steps or batches in one measurement
    questions: int = 500
    sampled: int = 20  # questions that plain answers; its time is scaled up to all of them
    gpt2: Tuple[int, ...] = (768, 12, 12, 1024, 50257)  # width, heads, layers, context and vocabulary
    prompt: int = 16
    new_tokens: int = 256
    ceiling: Tuple[int, ...] = (1024, 1536, 2048)  # sizes of the square matrices


QUICK = Sizes(
    n_layer=3,
    n_embd=64,
    bottleneck_dim=32,
    batch_size=16,
    finetune_batch_size=16,
    questions=32,
    sampled=4,
    gpt2=(64, 4, 2, 128, 512),
    new_tokens=32,
    ceiling=(512,),
)


@dataclass
class Row:
    """A line of the table: what was measured, in `unit`s, once for each side and repetition."""

    work: str
    plain: List[float]
    ours: List[float]
    unit: str = "s"
    tokens: Optional[float] = None  # of ours, in one measurement
    flop: Optional[float] = None  # useful ones of ours, in one measurement

    def cells(self, ceiling: float) -> List[str]:
        plain_, ours = statistics.median(self.plain), statistics.median(self.ours)
        return [
            self.work,
            quantity(plain_, self.unit),
            quantity(ours, self.unit),
            f"{plain_ / ours:.1f}x" if ours > 0 else "",
            "" if self.tokens is None else f"{self.tokens / ours:,.0f}",
            "" if self.flop is None else f"{self.flop / ours / ceiling:.0%}",
        ]


def quantity(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"


class Bench:
    """The sizes, the data and the device of all measurements."""

    def __init__(self, sizes: Sizes, device: str, data: Path, repeats: int):
        self.sizes, self.device, self.repeats = sizes, device, repeats
        self.corpus_text = (data / "wiki.txt").read_text(encoding="utf-8")
        self.names_text = (data / "birth_places_train.tsv").read_text(encoding="utf-8")
        dev = (data / "birth_dev.tsv").read_text(encoding="utf-8")
        self.questions = spread([line.split("\t")[0] for line in lines_of(dev)], sizes.questions)
        self.corpus = CharCorruptionDataset(self.corpus_text, sizes.block_size)

    # ------------------------------------------------------------------------------------------------------ the works

    def training(self, work: str, perceiver: bool = False, names: bool = False) -> Row:
        """Training steps, the building of their batches included."""
        batch_size = self.sizes.finetune_batch_size if names else self.sizes.batch_size
        ours, theirs = self.datasets(names, self.sizes.steps * batch_size)
        model, textbook = self.models(perceiver)

        def train_plain():
            optimizer = plain.make_optimizer(textbook)
            batches = DataLoader(theirs, batch_size, shuffle=True)
            return self.seconds(lambda: plain.train(textbook, optimizer, batches, self.device)) / self.sizes.steps

        def train_ours():
            trainer = self.trainer(model, ours, batch_size)
            return self.seconds(trainer.train) / self.sizes.steps

        lengths, outputs = real_sizes(ours)
        flop = 3 * statistics.mean(self.flop(perceiver, n, targets) for n, targets in zip(lengths, outputs))
        tokens = statistics.mean(lengths) * batch_size
        return self.alternate(work, train_plain, train_ours, tokens=tokens, flop=flop * batch_size)

    def batches(self, work: str) -> Row:
        """Batches of corrupted documents."""
        batch_size, steps = self.sizes.batch_size, 10 * self.sizes.steps  # one takes less than a millisecond
        ours, theirs = self.datasets(False, steps * batch_size)
        chunks = [range(i * batch_size, (i + 1) * batch_size) for i in range(steps)]
        loader = DataLoader(theirs, batch_size)
        return self.alternate(
            work,
            lambda: self.seconds(lambda: list(loader)) / steps,
            lambda: self.seconds(lambda: [batch_of(ours, chunk) for chunk in chunks]) / steps,
            tokens=statistics.mean(real_sizes(ours)[0]) * batch_size,
        )

    def evaluation(self, work: str, perceiver: bool = False, ending: bool = False) -> Row:
        """Answers to all questions, from a model that never ends its answer or from one that ends it early."""
        model, textbook = self.models(perceiver)
        for each in (model, textbook):
            steer(each, self.corpus, end=int(statistics.median(map(len, self.questions))) + 10 if ending else None)
        sample = spread(self.questions, self.sizes.sampled)
        scale = len(self.questions) / len(sample)

        def answer_plain():
            return scale * self.seconds(
                lambda: [plain.answer(textbook, self.corpus.stoi, question, self.device) for question in sample]
            )

        answers = predict_places(model, self.corpus, self.questions)
        written = [min(len(answer) + 1, plain.MAX_ANSWER) for answer in answers]  # the closing mark is written too
        flop = sum(self.flop(perceiver, len(q) + n, n) for q, n in zip(self.questions, written))
        return self.alternate(
            f"{len(answers)} answers of {statistics.mean(written):.0f}, {work}; plain on {len(sample)}, scaled",
            answer_plain,
            lambda: self.seconds(lambda: predict_places(model, self.corpus, self.questions)),
            tokens=sum(written),
            flop=flop,
        )

    def generation(self, work: str) -> Row:
        """Assignment 3: one sequence continued greedily; plain is measured once."""
        sizes, config = self.sizes, ModelConfig(*self.sizes.gpt2)
        torch.manual_seed(0)
        model = Transformer(config).to(self.device).eval()
        prompt = torch.randint(config.vocab_size, (1, sizes.prompt), device=self.device)
        read = sizes.prompt + sizes.new_tokens - 1
        return self.alternate(
            f"{work} ({config.n_layers} layers, {config.d_model} wide; {sizes.new_tokens} tokens; plain once)",
            lambda: self.seconds(lambda: plain.generate(model, prompt, sizes.new_tokens)),
            lambda: self.seconds(lambda: model.generate(prompt, sizes.new_tokens)),
            tokens=sizes.new_tokens,
            flop=forward_flop(config.n_layers, config.d_model, config.vocab_size, read, sizes.new_tokens),
            plain_once=True,
        )

    def memory(self, work: str) -> Row:
        """Peak memory of a step: see the head of this file."""

        def peak(side):
            child = subprocess.run(
                [sys.executable, *sys.argv, "--memory-of", side], stdout=subprocess.PIPE, text=True, check=True
            )
            return float(child.stdout.split()[-1])

        repeats = range(min(self.repeats, 3))
        return Row(work, [peak("plain") for _ in repeats], [peak("ours") for _ in repeats], unit="bytes")

    def memory_of(self, side: str) -> float:
        """The bytes by which one vanilla pretraining step raises this process' memory."""
        batch_size = self.sizes.batch_size
        (few, few_), (many, many_) = self.datasets(False, 2), self.datasets(False, batch_size)
        model, textbook = self.models(False)
        if side == "plain":
            del model
            optimizer = plain.make_optimizer(textbook)
            plain.train(textbook, optimizer, DataLoader(few_, batch_size), self.device)
            before = self.bytes_now()
            plain.train(textbook, optimizer, DataLoader(many_, batch_size, shuffle=True), self.device)
        else:
            del textbook
            trainer = self.trainer(model, few, batch_size)
            with contextlib.redirect_stderr(io.StringIO()):
                trainer.train()
                trainer.train_dataset, trainer.config.max_epochs = many, 2
                before = self.bytes_now()
                trainer.train()
        return self.bytes_peak() - before

    # ------------------------------------------------------------------------------------------------ what they share

    def models(self, perceiver: bool):
        """(ours, plain): two models with the same fresh params."""
        torch.manual_seed(0)
        sizes = self.sizes
        config = GPTConfig(
            self.corpus.vocab_size,
            sizes.block_size,
            n_layer=sizes.n_layer,
            n_head=sizes.n_head,
            n_embd=sizes.n_embd,
            perceiver=perceiver,
            bottleneck_dim=sizes.bottleneck_dim if perceiver else None,
        )
        model, textbook = GPT(config), plain.GPT(config)
        textbook.load_state_dict(model.state_dict())
        return model.to(self.device), textbook.to(self.device)

    def datasets(self, names: bool, count: int):
        """(ours, plain): `count` examples, taken evenly from the whole data."""
        text = "\n".join(spread(lines_of(self.names_text if names else self.corpus_text), count))
        if names:
            return NameDataset(self.corpus, text).to(self.device), plain.NameDataset(self.corpus, text)
        block_size = self.sizes.block_size
        ours = CharCorruptionDataset(text, block_size).to(self.device)
        return ours, plain.CharCorruptionDataset(text, block_size)

    def trainer(self, model: GPT, dataset, batch_size: int) -> Trainer:
        return Trainer(model, dataset, None, TrainerConfig(max_epochs=1, batch_size=batch_size, device=self.device))

    def flop(self, perceiver: bool, length: int, outputs: int) -> float:
        sizes = self.sizes
        bottleneck = sizes.bottleneck_dim if perceiver else None
        return forward_flop(sizes.n_layer, sizes.n_embd, self.corpus.vocab_size, length, outputs, bottleneck)

    def alternate(
        self, work: str, plain_: Callable[[], float], ours: Callable[[], float], plain_once: bool = False, **counts
    ) -> Row:
        """Both sides in turn, `repeats` times, after one run of each (except of a plain side that runs only once)."""
        row = Row(work, [], [], **counts)
        ours()
        if not plain_once:
            plain_()
        for repetition in range(self.repeats):
            if repetition == 0 or not plain_once:
                row.plain.append(plain_())
            row.ours.append(ours())
        return row

    def seconds(self, work: Callable[[], object]) -> float:
        with contextlib.redirect_stderr(io.StringIO()):  # no progress bars
            self.synchronize()
            start = time.perf_counter()
            work()
            self.synchronize()
            return time.perf_counter() - start

    def synchronize(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    def bytes_now(self) -> int:
        """The memory in use; the peak on CUDA starts anew from here."""
        if self.device.startswith("cuda"):
            self.synchronize()
            torch.cuda.reset_peak_memory_stats()
            return torch.cuda.memory_allocated()
        statm = Path("/proc/self/statm")
        if statm.exists():
            return int(statm.read_text().split()[1]) * resource.getpagesize()
        return self.bytes_peak()

    def bytes_peak(self) -> int:
        if self.device.startswith("cuda"):
            return torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def ceiling(self) -> float:
        """The most FLOP per second that a product of square float32 matrices reaches here."""
        best = 0.0
        for size in self.sizes.ceiling:
            a, b = torch.rand(2, size, size, device=self.device)
            for _ in range(12):
                best = max(best, 2 * size**3 / self.seconds(lambda: a @ b))
        return best


WORKS = {
    "pretrain-vanilla": lambda b: b.training("pretraining step, vanilla"),
    "pretrain-perceiver": lambda b: b.training("pretraining step, perceiver", perceiver=True),
    "finetune": lambda b: b.training("fine-tuning step, vanilla", names=True),
    "evaluate-vanilla": lambda b: b.evaluation("vanilla"),
    "evaluate-perceiver": lambda b: b.evaluation("perceiver", perceiver=True),
    "evaluate-ending": lambda b: b.evaluation("vanilla", ending=True),
    "batches": lambda b: b.batches(f"a pretraining batch of {b.sizes.batch_size}"),
    "generate": lambda b: b.generation("Transformer.generate"),
    "memory": lambda b: b.memory("peak memory of a step, vanilla"),
}


# ----------------------------------------------------------------------------------------------------------------------
# Counting


def forward_flop(
    layers: int, d: int, vocab_size: int, length: int, outputs: int, bottleneck: Optional[int] = None
) -> float:
    """Useful FLOP of a forward pass over `length` positions, `outputs` of which have logits: the head of this file."""

    def block(queries, keys):
        pairs = sum(min(i + 1, keys) for i in range(queries))
        return 2 * d**2 * (2 * keys + 10 * queries) + 4 * d * pairs

    head = 2 * d * vocab_size * outputs
    if bottleneck is None:
        return layers * block(length, length) + head
    k = min(bottleneck, length)
    down = block(k, length) - 2 * d**2 * k  # the queries of the basis
    return down + (layers - 2) * block(k, k) + block(length, k) + head


def real_sizes(dataset, draws: int = 4):
    """Of every example, drawn several times: (positions up to the last target, number of targets)."""
    lengths, outputs = [], []
    for _ in range(draws):
        _, y = batch_of(dataset, range(len(dataset)))
        taught = y.cpu() != 0
        lengths += (taught * torch.arange(1, y.size(1) + 1)).amax(dim=1).tolist()
        outputs += taught.sum(dim=1).tolist()
    return lengths, outputs


def batch_of(dataset, indices: Sequence[int]):
    """The examples of these indices as x, y (B, T): by the data set's own `batch`, if it has one."""
    if hasattr(dataset, "batch"):
        return dataset.batch(torch.as_tensor(indices))
    return tuple(torch.stack(rows) for rows in zip(*[dataset[i] for i in indices]))


def lines_of(text: str) -> List[str]:
    return [line for line in text.split("\n") if line.strip()]


def spread(items: List[str], count: int) -> List[str]:
    """`count` of the items, evenly spaced; more than there are repeat them."""
    return [items[i * len(items) // count] for i in range(count)]


@torch.no_grad()
def steer(model, corpus: CharCorruptionDataset, end: Optional[int]) -> None:
    """Makes a fresh model never write ⁇, or write it from position `end` on and nowhere before.

    Never: its logit is 0, less than the largest of the others. From `end` on: the head looks for ⁇ in a direction into
    which the position embeddings point from there, far out, and away from which they point before; the blocks of a
    fresh model change little about it.
    """
    weight = model.head.weight[corpus.stoi[plain.MASK]]
    weight.zero_()
    if end is not None:
        weight.fill_(1)
        weight[::2] = -1  # of mean 0, so that the layer norm keeps it
        model.pos_emb[:, :end] -= 10 * weight
        model.pos_emb[:, end:] += 10 * weight


# ----------------------------------------------------------------------------------------------------------------------
# The table


def table_of(rows: List[Row], ceiling: float) -> str:
    header = ["work", "plain", "ours", "ratio", "tokens/s of ours", "share of ceiling"]
    cells = [header] + [row.cells(ceiling) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "| " + " | ".join(["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]) + " |")
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WORKS, metavar="NAME", help=f"of {', '.join(WORKS)}")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each side (default: 5)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder of wiki.txt and birth_*.tsv")
    parser.add_argument("--out", type=Path, help="also write the table here; as JSON if the name ends in .json")
    parser.add_argument("--memory-of", choices=["plain", "ours"], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    bench = Bench(QUICK if args.quick else Sizes(), args.device, args.data, args.repeats)
    if args.memory_of:
        print(bench.memory_of(args.memory_of))
        return
    names = [name for name in WORKS if name in (args.only or WORKS)]
    # Memory first, while this process is small: a child's ru_maxrss begins with what its parent has resident.
    rows = {name: WORKS[name](bench) for name in names if name == "memory"}
    ceiling = bench.ceiling()
    for name in names:
        if name not in rows:
            rows[name] = WORKS[name](bench)
        print(*rows[name].cells(ceiling), sep=", ", file=sys.stderr, flush=True)
    processor = torch.cuda.get_device_name() if bench.device.startswith("cuda") else platform.machine()
    title = (
        f"{processor}, {torch.get_num_threads()} CPU threads, torch {torch.__version__}; "
        f"ceiling {ceiling / 1e9:,.0f} GFLOP/s; median of {args.repeats}"
    )
    table = table_of([rows[name] for name in names], ceiling)
    print(f"{title}\n\n{table}")
    if args.out:
        values = {"machine": title, "ceiling": ceiling, "rows": {name: vars(rows[name]) for name in names}}
        args.out.write_text(json.dumps(values, indent=2) if args.out.suffix == ".json" else f"{title}\n\n{table}\n")


if __name__ == "__main__":
    main()
