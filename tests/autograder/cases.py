"""Draws the numbers that the graded tests compare with: weights, inputs, and what comes out of a right solution.

    python tests/autograder/cases.py                     # the public ones, tests/graded/cases.npz, that students have
    python tests/autograder/cases.py --out F --seed N    # others, of which a submission can know nothing

grade.py draws others for every run. What is expected is computed by the NumPy oracles of the project's own tests, in
float64, and for parts asked alone by the stand-ins' formulas below; the solution only helps to choose prompts.
"""

import argparse
import itertools
import sys
from pathlib import Path
from typing import Dict

import numpy as np
import torch

TESTS = Path(__file__).resolve().parent.parent
FOLDERS = (str(TESTS), str(TESTS / "graded"), str(TESTS.parent / "src"))
sys.path[:0] = [path for path in FOLDERS if path not in sys.path]

import oracle_model_solution as oracle  # noqa: E402
import oracles  # noqa: E402
from model_solution import ModelConfig, Transformer  # noqa: E402
from test_assignment5 import PERCEIVER  # noqa: E402

PUBLIC = TESTS / "graded" / "cases.npz"
PUBLIC_SEED = 224
PROMPTS = 500  # drawn, of which the first three with telling continuations are kept


# ----------------------------------------------------------------------------------------------------------------------
# The stand-ins of tests/graded/probes.py, in NumPy


def past_mean(x):
    return np.cumsum(x, axis=1) / np.arange(1, x.shape[1] + 1)[:, None]


def stand_in_attention(x):
    return 3 * np.sin(4 * past_mean(x))


def stand_in_mlp(x):
    return np.sin(2 * x)


def stand_in_block(layer, x):
    return x + (layer + 1) * np.sin(past_mean(x)) + np.cos(x * (layer + 2))


def table_logits(table, ids):
    """(B, T) -> (B, T, vocab): the row of the table that the tokens so far and their positions choose."""
    return table[np.cumsum((np.arange(ids.shape[1]) + 1) * ids, axis=1) % len(table)]


# ----------------------------------------------------------------------------------------------------------------------
# Assignment 3


def layer_norm(weights, name, x):
    return oracles.layer_norm({kind: weights[f"{name}.{kind}"] for kind in ("weight", "bias")}, x)


def assignment_3(seed: int) -> Dict[str, np.ndarray]:
    """Weights and inputs drawn with `seed`, or with the next seed that gives telling continuations."""
    for attempt in itertools.count():
        drawn = oracle.draw((seed + 1_000_003 * attempt) % 2**32)
        random = np.random.RandomState((seed + 7 + 1_000_003 * attempt) % 2**32)
        weights = {name: value.astype(np.float64) for name, value in oracle.part(drawn, "weights").items()}
        prompts = random.randint(oracle.VOCAB, size=(PROMPTS, 4))
        telling = prompts[are_telling(weights, prompts)]
        if len(telling) < 3:
            continue
        drawn["input.generate"] = telling[:3]
        cases = {**drawn, **oracle.expected(drawn), **alone(drawn, random)}
        if oracle.is_telling(cases) and _is_telling_table(cases):
            return cases


@torch.no_grad()
def are_telling(weights, prompts):
    """Which prompts are continued without near ties and with variety, see oracle.is_telling.

    The oracle is too slow to try hundreds of prompts; the solution finds them, and the oracle has the last word.
    """
    model = Transformer(ModelConfig(**oracle.SIZES)).double()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    x, margins = torch.from_numpy(prompts), []
    for _ in range(oracle.NEW_TOKENS):
        best = model(x[:, -oracle.CONTEXT :])[:, -1].topk(2)
        margins.append(best.values[:, 0] - best.values[:, 1])
        x = torch.cat((x, best.indices[:, :1]), dim=1)
    new = x[:, prompts.shape[1] :]
    changes = (new[:, 1:] != new[:, :-1]).double().mean(dim=1)
    varied = torch.tensor([len(set(row)) >= oracle.NEW_TOKENS // 3 for row in new.tolist()])
    return (torch.stack(margins).amin(dim=0) > oracle.MARGIN).logical_and(changes > 0.8).logical_and(varied).numpy()


def _is_telling_table(cases) -> bool:
    new = cases["expected.generate_alone"][:, 4:]
    return all(len(set(row)) >= 6 for row in new) and len({tuple(row) for row in new}) == len(new)


def alone(drawn, random) -> Dict[str, np.ndarray]:
    """What the parts say when stand-ins do the work of those they build on."""
    weights = {name: value.astype(np.float64) for name, value in oracle.part(drawn, "weights").items()}
    x = drawn["input.decoder_block"].astype(np.float64)
    x = x + stand_in_attention(layer_norm(weights, "backbone.0.pre_layer_norm", x))
    block = x + stand_in_mlp(layer_norm(weights, "backbone.0.post_layer_norm", x))

    ids = drawn["input.forward"]
    stream = [weights["embeddings.weight"][ids] + weights["position_embeddings.weight"][: ids.shape[1]]]
    for layer in range(oracle.N_LAYERS):
        stream.append(stand_in_block(layer, stream[-1]))
    logits = layer_norm(weights, "final_layer_norm", stream[-1]) @ weights["lm_head.weight"].T

    # rounded, so that float32 has no doubt about the largest logit of a row
    table = np.array([random.permutation(oracle.VOCAB) for _ in range(37)]) / 4
    tokens = drawn["input.generate"]
    for _ in range(oracle.NEW_TOKENS):
        following = table_logits(table, tokens[:, -oracle.CONTEXT :])[:, -1].argmax(-1)
        tokens = np.concatenate((tokens, following[:, None]), axis=1)
    ids = drawn["input.loss"]
    loss = oracles.cross_entropy(table_logits(table, ids[:, :-1]), ids[:, 1:], ignored=-1)
    return {
        "input.table": table,
        "expected.decoder_block_alone": block,
        "expected.stream_alone": np.array(stream),
        "expected.forward_alone": logits,
        "expected.generate_alone": tokens,
        "expected.loss_alone": np.array(loss),
    }


# ----------------------------------------------------------------------------------------------------------------------
# Assignment 5


def assignment_5(seed: int) -> Dict[str, np.ndarray]:
    """The Perceiver's two blocks, and params to fine-tune from; texts are made by the tests, from `seed`."""
    random = np.random.RandomState(seed % 2**32)
    width, m, T = PERCEIVER["n_embd"], PERCEIVER["bottleneck_dim"], PERCEIVER["block_size"] - 1
    cases = {
        "seed": np.array(random.randint(2**31)),
        "input.x": random.randn(2, T, width).astype(np.float32),
        "input.y": random.randn(2, m, width).astype(np.float32),
    }
    for name in ("down", "up"):
        weights = block_weights(random, width)
        if name == "down":
            weights["C"] = random.randn(1, m, width).astype(np.float32)
        cases.update({f"{name}.{key}": value for key, value in weights.items()})
        state = {key: value.astype(np.float64) for key, value in weights.items()}
        x, y = cases["input.x"].astype(np.float64), cases["input.y"].astype(np.float64)
        if name == "down":
            cases["expected.down"] = oracles.down_project(state, x, PERCEIVER["n_head"])
        else:
            cases["expected.up"] = oracles.up_project(state, y, x, PERCEIVER["n_head"])
    return cases


def block_weights(random, width: int) -> Dict[str, np.ndarray]:
    """The parameters of a Block, far from where training starts."""
    weights = {}
    for name, outputs, inputs in [
        *((f"attn.{part}", width, width) for part in ("key", "query", "value", "proj")),
        ("mlp.0", 4 * width, width),
        ("mlp.2", width, 4 * width),
    ]:
        weights[f"{name}.weight"] = 1.4 / np.sqrt(inputs) * random.randn(outputs, inputs)
        weights[f"{name}.bias"] = 0.5 * random.randn(outputs)
    for name in ("ln1", "ln2"):
        weights[f"{name}.weight"] = 1 + 0.4 * random.randn(width)
        weights[f"{name}.bias"] = 0.4 * random.randn(width)
    return {name: value.astype(np.float32) for name, value in weights.items()}


# ----------------------------------------------------------------------------------------------------------------------


def draw(seed: int) -> Dict[str, np.ndarray]:
    """All cases, by name: "a3." and "a5." and what the functions above call them."""
    a3, a5 = assignment_3(seed), assignment_5(seed)
    return {**{f"a3.{name}": v for name, v in a3.items()}, **{f"a5.{name}": v for name, v in a5.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=str(PUBLIC), help="default: tests/graded/cases.npz")
    parser.add_argument("--seed", type=int, default=PUBLIC_SEED, help=f"default: {PUBLIC_SEED}, the public cases")
    args = parser.parse_args()
    cases = draw(args.seed)
    np.savez_compressed(args.out, **cases)
    print(f"{args.out}: {len(cases)} arrays, {Path(args.out).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
