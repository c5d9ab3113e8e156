"""Small tools of the assignments: seeding, sampling one sequence at a time, scoring places, reading GPT-2's weights.

`sample` is the plain formulation, one forward pass over the whole sequence for every new character; decoding.py
answers many questions at once and is tested against it. Assignment 3 hands this file in without the rest of src/,
so what only one function needs of the rest is imported there.
"""

import contextlib
import random
from typing import Dict, Iterator, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn


def set_seed(seed: int) -> None:
    """Seeds every source of random numbers: Python's, NumPy's and PyTorch's, on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Keeps the model in eval mode, without dropout, for the length of the block."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@torch.no_grad()
def sample(
    model: nn.Module,
    x: Tensor,
    steps: int,
    temperature: float = 1.0,
    sample: bool = False,
    top_k: Optional[int] = None,
) -> Tensor:
    """Extends each sequence by `steps` characters: x (B, T) Long -> (B, T + steps).

    Takes the most probable character at every step or, with `sample`, draws one from softmax(logits / temperature),
    restricted to the `top_k` most probable ones if given. The model reads the last get_block_size() characters.
    """
    with evaluating(model):
        for _ in range(steps):
            logits, _ = model(x[:, -model.get_block_size() :])
            logits = logits[:, -1] / temperature  # (B, vocab_size): what follows the last character
            if top_k is not None:
                kth = logits.topk(min(top_k, logits.size(-1))).values[:, -1:]
                logits = logits.masked_fill(logits < kth, float("-inf"))
            if sample:
                following = torch.multinomial(logits.softmax(-1), num_samples=1)
            else:
                following = logits.argmax(-1, keepdim=True)
            x = torch.cat((x, following), dim=1)
    return x


def evaluate_places(path: str, predictions: List[str]) -> Tuple[float, float]:
    """How many places were predicted right: (total, correct); (0, 0) for a file of questions without places.

    `path` is a TSV of questions and gold places, `predictions` has one place a line of it. Raises BadInput when only
    some lines have a place or the numbers of lines differ.
    """
    from dataset import parse_questions
    from files import naming, read_text

    with naming(path):
        places = [place for _, place in parse_questions(read_text(path))]
        if not any(places):
            return 0.0, 0.0
        if not all(places):
            raise ValueError(f"line {places.index(None) + 1} has no place, others have; give every line one, or none")
        if len(places) != len(predictions):
            raise ValueError(f"has {len(places)} questions, but there are {len(predictions)} predictions")
    return float(len(places)), float(sum(place == guess for place, guess in zip(places, predictions)))


def state_dict_converter(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The weights of Hugging Face's GPT2LMHeadModel (or GPT2Model) under the names of model_solution.Transformer.

    Theirs keep W_q, W_k and W_v side by side in `c_attn`, and every matrix as (inputs, outputs), the transpose of
    nn.Linear's. Without a head of its own a model reads its embeddings as one. Raises KeyError for other models.
    """
    state = {name.removeprefix("transformer."): tensor for name, tensor in state.items()}
    layers = 1 + max((int(name.split(".")[1]) for name in state if name.startswith("h.")), default=-1)
    converted = {
        "embeddings.weight": state["wte.weight"],
        "position_embeddings.weight": state["wpe.weight"],
        "final_layer_norm.weight": state["ln_f.weight"],
        "final_layer_norm.bias": state["ln_f.bias"],
        "lm_head.weight": state.get("lm_head.weight", state["wte.weight"]),
    }
    same_shape = {"pre_layer_norm": "ln_1", "post_layer_norm": "ln_2"}
    transposed = {"attention.W_o": "attn.c_proj", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    for i in range(layers):
        theirs, ours = f"h.{i}", f"backbone.{i}"
        for kind in ("weight", "bias"):
            qkv = state[f"{theirs}.attn.c_attn.{kind}"].chunk(3, dim=-1)
            for name, part in zip(("W_q", "W_k", "W_v"), qkv):
                converted[f"{ours}.attention.{name}.{kind}"] = part.T if kind == "weight" else part
            for name, source in same_shape.items():
                converted[f"{ours}.{name}.{kind}"] = state[f"{theirs}.{source}.{kind}"]
            for name, source in transposed.items():
                tensor = state[f"{theirs}.{source}.{kind}"]
                converted[f"{ours}.{name}.{kind}"] = tensor.T if kind == "weight" else tensor
    return {name: tensor.contiguous() for name, tensor in converted.items()}
