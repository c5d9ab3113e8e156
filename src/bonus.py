"""The bonus of Assignment 3 (Winter 2026): three changes that, one upon the other, lower the loss after 100 steps.

    python src/bonus.py                    on the stories of train.py
    python src/bonus.py --data FILE.txt    on any text that train.py takes

Every variant takes train.py's steps: 100 of 16 chunks of 512 tokens, for one seed the same chunks in the same order.
It keeps the changes of the variants before it, so that each row of the table is one change better than the last.
"""

import argparse
import io
import statistics
import time
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Sequence

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from command_line import OneLineParser, at_least, run_command
from files import BadInput, check_writable
from model_solution import CausalAttention, DecoderBlock, KeyValueCache, ModelConfig, Transformer
from optimizer import Muon
from train import Chunks, fit, held_out_loss, load_chunks, tiny_config, write_whole
from utils import set_seed

BATCH_SIZE = 16  # chunks a step, as in train.py
CLIPPING = 1.0  # the largest norm of the gradient, as in train.py
ORDERS = (2, 3, 4, 6, 8)  # the n of the n-grams that change 3 reads
ROWS = 2**14  # of the table of each n


@dataclass(frozen=True)
class Variant:
    """One way to train, in four parts that can be changed one by one."""

    name: str
    change: str  # what it does that the variant before it does not
    colour: str  # of its curve: Okabe and Ito's colours, which colour-blind readers can tell apart
    build: Callable[[int, int], nn.Module]  # vocabulary and context length in tokens -> the model
    initialise: Callable[[nn.Module], None]  # changes the model's parameters before training
    optimizers: Callable[[nn.Module], List[torch.optim.Optimizer]]
    schedule: Callable[[int, int], float]  # step (from 0), number of steps -> the factor on every learning rate


@dataclass
class Result:
    """What one training gave."""

    losses: List[float]  # nats a token at every step, on that step's chunks before it learns from them
    held_out: float  # nats a token, after the last step
    seconds: float  # of processor time
    parameters: int


# ----------------------------------------------------------------------------------------------------------------------
# The baseline, with attention that computes the same and needs half the time


class QuickAttention(CausalAttention):
    """CausalAttention for whole sequences, without the (time, time) matrix of scores in memory."""

    def forward(
        self, x: Float[Tensor, "batch time d_model"], cache: Optional[KeyValueCache] = None
    ) -> Float[Tensor, "batch time d_model"]:
        if cache is not None:  # a sequence in parts
            return super().forward(x, cache)
        q, k, v = (
            rearrange(W(x), "batch time (head d_head) -> batch head time d_head", head=self.n_heads)
            for W in (self.W_q, self.W_k, self.W_v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.W_o(rearrange(y, "batch head time d_head -> batch time (head d_head)"))


def quick(blocks: nn.ModuleList, config: ModelConfig) -> nn.ModuleList:
    """The blocks, their parameters as they are, with QuickAttention."""
    for block in blocks:
        attention = QuickAttention(config)
        attention.load_state_dict(block.attention.state_dict())
        block.attention = attention
    return blocks


def tiny_transformer(vocab_size: int, context_length: int) -> Transformer:
    """train.py's model: the same parameters for the same seed."""
    model = Transformer(tiny_config(vocab_size, context_length))
    quick(model.backbone, model.config)
    return model


def adamw(model: nn.Module) -> List[torch.optim.Optimizer]:
    """train.py's optimizer, with the learning rate of its default."""
    return [torch.optim.AdamW(model.parameters(), lr=1e-5)]


# ----------------------------------------------------------------------------------------------------------------------
# Change 1: the optimizer


def muon_and_adamw(model: nn.Module) -> List[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks; AdamW, a thousand times faster than train.py's, for everything else."""
    matrices = [p for p in model.backbone.parameters() if p.dim() == 2]
    muons = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in muons]
    return [Muon(matrices, lr=0.05), torch.optim.AdamW(others, lr=1e-2, weight_decay=0.0, fused=True)]


# ----------------------------------------------------------------------------------------------------------------------
# Change 2: the initialisation and the schedule


@torch.no_grad()
def initialise(model: nn.Module) -> None:
    """Embeddings unlike each other, positions as waves, linear layers that keep the size of what they read.

    GPT-2's N(0, 0.02) is meant for width 768; at width 33 attention hardly tells one position from another with it.
    With zeros in the matrices that write into the residual stream, a block adds nothing until it has learned to.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.3)
    model.position_embeddings.weight.copy_(0.3 * sinusoids(*model.position_embeddings.weight.shape))
    for block in model.backbone:
        nn.init.zeros_(block.attention.W_o.weight)
        nn.init.zeros_(block.mlp.fc2.weight)


def sinusoids(positions: int, d_model: int) -> Float[Tensor, "positions d_model"]:
    """Waves from 2 pi to 62,832 positions long, a sine and a cosine of each. Vaswani et al. 2017, section 3.5.

    Neighbours have similar vectors, and a step back is the same rotation everywhere, so a linear layer can learn it.
    """
    columns = torch.arange(d_model)
    speeds = 10_000.0 ** (-(columns - columns % 2) / d_model)  # radians a position
    return torch.sin(torch.arange(positions)[:, None] * speeds + (columns % 2) * torch.pi / 2)


def down_to_zero(step: int, steps: int) -> float:
    """1 for the first 70 % of the steps, then in a straight line to 0, which is reached just after the last one."""
    return min(1.0, (steps - step) / (0.3 * steps))


# ----------------------------------------------------------------------------------------------------------------------
# Change 3: the architecture


class NgramEmbedding(nn.Module):
    """A vector for the last two characters, for the last three, ...: what follows a syllable is then one look-up away.

    An n-gram's row in the table is a hash of its ids; n-grams that share a row share a vector. Rows start as zeros.
    """

    def __init__(self, d_model: int, orders: Sequence[int], rows: int):
        super().__init__()
        self.orders, self.rows = orders, rows
        self.table = nn.Parameter(torch.zeros(len(orders) * rows, d_model))

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time d_model"]:
        """The sum, over the orders n, of the vector of the n tokens that end at each position."""
        rows = torch.stack([i * self.rows + self.hashed(ids, n) for i, n in enumerate(self.orders)])
        return F.embedding(rows, self.table).sum(dim=0)

    def hashed(self, ids: Int[Tensor, "batch time"], n: int) -> Int[Tensor, "batch time"]:
        """A row, 0 to rows - 1, for the n tokens that end at each position; before the first token there are zeros."""
        padded = F.pad(ids + 1, (n - 1, 0))
        key = torch.zeros_like(ids)
        for tokens in padded.unfold(1, n, 1).unbind(dim=2):  # (batch, time): the oldest tokens first
            key = (key * 1_000_003 + tokens) % 2_147_483_647  # a polynomial in the ids, modulo a prime
        return key * 48_271 % 2_147_483_647 % self.rows


class NgramTransformer(nn.Module):
    """train.py's blocks, two of them and four times as wide, that read n-grams beside the characters."""

    def __init__(self, vocab_size: int, context_length: int):
        super().__init__()
        config = ModelConfig(128, 4, 2, context_length, vocab_size)
        self.embeddings = nn.Embedding(vocab_size, config.d_model)
        self.ngrams = NgramEmbedding(config.d_model, ORDERS, ROWS)
        self.position_embeddings = nn.Embedding(context_length, config.d_model)
        self.backbone = quick(nn.ModuleList([DecoderBlock(config) for _ in range(config.n_layers)]), config)
        self.final_layer_norm = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, vocab_size, bias=False)

    def forward(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Token ids -> logits; those at position t are about the token at t + 1."""
        h = self.embeddings(x) + self.ngrams(x) + self.position_embeddings.weight[: x.size(1)]
        for block in self.backbone:
            h = block(h)
        return self.lm_head(self.final_layer_norm(h))

    def get_loss_on_batch(self, input_ids: Int[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """The mean cross-entropy, in nats, of every token given those before it."""
        return F.cross_entropy(self(input_ids[:, :-1]).flatten(0, 1), input_ids[:, 1:].flatten())


# ----------------------------------------------------------------------------------------------------------------------
# The chain

BASELINE = Variant(
    name="baseline",
    change="AdamW at 1e-5, as in train.py",
    colour="#999999",
    build=tiny_transformer,
    initialise=lambda model: None,
    optimizers=adamw,
    schedule=lambda step, steps: 1.0,
)
OPTIMIZER = replace(
    BASELINE,
    name="+ optimizer",
    change="Muon at 0.05, AdamW at 1e-2",
    colour="#E69F00",
    optimizers=muon_and_adamw,
)
START = replace(
    OPTIMIZER,
    name="+ start and end",
    change="initialisation; rates fall to 0",
    colour="#0072B2",
    initialise=initialise,
    schedule=down_to_zero,
)
ARCHITECTURE = replace(
    START,
    name="+ architecture",
    change="2- to 8-grams; 2 layers, 128 wide",
    colour="#009E73",
    build=NgramTransformer,
)
VARIANTS = [BASELINE, OPTIMIZER, START, ARCHITECTURE]


def run(variant: Variant, chunks: Chunks, max_steps: int, seed: int) -> Result:
    """Trains one variant. `seed` alone decides its first parameters and the order of its chunks."""
    start = time.process_time()
    set_seed(seed)
    model = variant.build(chunks.vocab_size, chunks.train.size(1))
    variant.initialise(model)
    history = fit(
        model,
        chunks.train,
        variant.optimizers(model),
        BATCH_SIZE,
        max_steps,
        CLIPPING,
        schedule=lambda step: variant.schedule(step, max_steps),
        seed=seed,
    )
    seconds = time.process_time() - start
    return Result(history.losses, held_out_loss(model, chunks), seconds, sum(p.numel() for p in model.parameters()))


# ----------------------------------------------------------------------------------------------------------------------
# The table and the picture


def table(results: List[List[Result]]) -> List[str]:
    """The table's lines, results[variant][seed]. Losses are nats a token; ± is the seeds' standard deviation."""
    last = [[run.losses[-1] for run in runs] for runs in results]
    baseline = statistics.mean(last[0])
    rows = [["variant", "change", "each seed", "mean", "of baseline", "held-out", "time", "parameters"]]
    for variant, runs, losses in zip(VARIANTS, results, last):
        held_out = [run.held_out for run in runs]
        rows.append(
            [
                variant.name,
                variant.change,
                " ".join(f"{loss:.3f}" for loss in losses),
                f"{statistics.mean(losses):.3f}",
                f"{100 * statistics.mean(losses) / baseline:.1f} %",
                f"{statistics.mean(held_out):.3f} ± {statistics.pstdev(held_out):.3f}",
                f"{statistics.mean(run.seconds for run in runs):.0f} s",
                f"{runs[0].parameters:,}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in rows]


def draw(results: List[List[Result]], path: str) -> None:
    """Writes the picture: a curve for each variant, the mean over the seeds in the shade of their range."""
    import matplotlib

    matplotlib.use("Agg")  # a file, no window
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(9, 5.4), layout="constrained")
    for variant, runs in zip(VARIANTS, results):
        losses = torch.tensor([run.losses for run in runs])  # (seeds, steps)
        steps = range(1, losses.size(1) + 1)
        label = f"{variant.name}: {losses[:, -1].mean():.2f}"
        axis.plot(steps, losses.mean(dim=0), color=variant.colour, linewidth=2.5, label=label)
        axis.fill_between(steps, losses.amin(dim=0), losses.amax(dim=0), color=variant.colour, alpha=0.3, linewidth=0)
        held_out = statistics.mean(run.held_out for run in runs)
        axis.plot(len(steps), held_out, "D", color=variant.colour, markeredgecolor="black", markersize=9, clip_on=False)
    axis.plot([], [], "D", color="white", markeredgecolor="black", markersize=9, label="held-out, after the last step")
    axis.set_xlabel("step (16 chunks each)", fontsize=15)
    axis.set_ylabel("training loss (nats a token)", fontsize=15)
    axis.tick_params(labelsize=14)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=13, labelspacing=0.3, loc="upper right", bbox_to_anchor=(1.0, 0.79))
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    plt.close(figure)
    write_whole(path, picture.getvalue())


# ----------------------------------------------------------------------------------------------------------------------
# The command line


def main() -> None:
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", metavar="FILE", help="FILE.txt, FILE.pt or tinystories (default: train.py's made-up stories)")
    add("--seeds", type=at_least(1), default=3, metavar="N", help="train every variant from N seeds, 0 up (default: 3)")
    add("--picture", default="bonus_losses.png", metavar="FILE", help="default: bonus_losses.png")
    add("--max_steps", type=at_least(1), default=100, metavar="N", help="default: 100")
    args = parser.parse_args()
    check_writable(args.picture, [] if args.data is None else [args.data])
    chunks = load(args.data)

    needed = BATCH_SIZE * args.max_steps
    print(
        f"{len(chunks.train):,} chunks of {chunks.train.size(1)} tokens, {len(chunks.held_out)} held out, vocabulary "
        f"{chunks.vocab_size:,}. A training reads {needed:,}"
        + (": none of them twice" if needed <= len(chunks.train) else f": each {needed / len(chunks.train):.1f} times")
    )
    results: List[List[Result]] = []
    for variant in VARIANTS:
        results.append([])
        for seed in range(args.seeds):
            results[-1].append(result := run(variant, chunks, args.max_steps, seed))
            print(
                f"{variant.name}, seed {seed}: training {result.losses[-1]:.3f}, held-out {result.held_out:.3f} "
                f"after {result.seconds:.0f} s"
            )
    print(f"\nTraining loss at step {args.max_steps}, before it is taken, and held-out loss after it, in nats a token:")
    print("\n".join(table(results)))
    draw(results, args.picture)
    print(f"Curves drawn in {args.picture}")


def load(data: Optional[str]) -> Chunks:
    """train.py's chunks; whatever is wrong with the file becomes BadInput."""
    try:
        return load_chunks(data)
    except OSError as error:
        raise BadInput(f"{error.filename or data}: cannot be read ({error.strerror or error})") from None
    except (ValueError, ImportError) as error:
        raise BadInput(str(error)) from None


if __name__ == "__main__":
    run_command(main)
