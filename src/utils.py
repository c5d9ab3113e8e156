"""Small tools of the assignment: seeding, sampling one sequence at a time, scoring predicted places.

`sample` is the plain formulation, one forward pass over the whole sequence for every new character; decoding.py
answers many questions at once and is tested against it.
"""

import random
from typing import List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from dataset import parse_questions
from files import naming, read_text


def set_seed(seed: int) -> None:
    """Seeds every source of random numbers: Python's, NumPy's and PyTorch's, on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


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
    was_training = model.training
    model.eval()
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
    model.train(was_training)
    return x


def evaluate_places(path: str, predictions: List[str]) -> Tuple[float, float]:
    """How many places were predicted right: (total, correct); (0, 0) for a file of questions without places.

    `path` is a TSV of questions and gold places, `predictions` has one place a line of it. Raises BadInput when only
    some lines have a place or the numbers of lines differ.
    """
    with naming(path):
        places = [place for _, place in parse_questions(read_text(path))]
        if not any(places):
            return 0.0, 0.0
        if not all(places):
            raise ValueError(f"line {places.index(None) + 1} has no place, others have; give every line one, or none")
        if len(places) != len(predictions):
            raise ValueError(f"has {len(places)} questions, but there are {len(predictions)} predictions")
    return float(len(places)), float(sum(place == guess for place, guess in zip(places, predictions)))
