"""Answers many questions at once: greedy decoding of a batch in which every question has a length of its own.

Gives, character for character, what utils.sample gives for one question at a time.
"""

from typing import List

import torch
from torch import Tensor, nn

from dataset import MASK_CHAR, CharCorruptionDataset, decode, encode

MAX_ANSWER = 32  # characters the handout's evaluation generates after a question


@torch.no_grad()
def greedy_continuations(model: nn.Module, prompts: List[Tensor], steps: int, stop: int) -> List[List[int]]:
    """The ids that each prompt (Long, 1-D, any length up to the block size) is continued with: at most `steps` of them.

    A continuation ends before the id `stop`. Prompts stand left-aligned in one padded batch; in a causal model the
    padding after a prompt changes nothing in it, so row i is continued from position length_i - 1. Finished rows leave.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    block_size = model.get_block_size()
    answers: List[List[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # which prompt each row of the batch continues
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    ids = torch.zeros(len(prompts), int(lengths.max()) + steps, dtype=torch.long, device=device)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = prompt
    for _ in range(steps):
        width = int(lengths.max())
        if width > block_size:  # as utils.sample does, read the last block_size characters of each row
            start = (lengths - block_size).clamp(min=0)
            columns = start[:, None] + torch.arange(block_size, device=device)
            window, last = ids.gather(1, columns), lengths - 1 - start
        else:
            window, last = ids[:, :width], lengths - 1
        logits, _ = model(window)
        following = logits[torch.arange(len(rows), device=device), last].argmax(-1)
        ids[torch.arange(len(rows), device=device), lengths] = following
        lengths = lengths + 1
        going = following != stop
        for row, token in zip(rows, following.tolist()):
            if token != stop:
                answers[row].append(token)
        rows = [row for row, goes in zip(rows, going.tolist()) if goes]
        ids, lengths = ids[going], lengths[going]
        if not rows:
            break
    model.train(was_training)
    return answers


def predict_places(
    model: nn.Module, dataset: CharCorruptionDataset, questions: List[str], batch_size: int = 128
) -> List[str]:
    """What the model answers to each question: the characters between "question⁇" and the next ⁇.

    `dataset` gives the vocabulary. Questions of similar length are answered together.
    """
    answers = [""] * len(questions)
    by_length = sorted(range(len(questions)), key=lambda i: len(questions[i]))
    for first in range(0, len(questions), batch_size):
        chosen = by_length[first : first + batch_size]
        prompts = [encode(dataset, questions[i] + MASK_CHAR) for i in chosen]
        for i, ids in zip(chosen, greedy_continuations(model, prompts, MAX_ANSWER, dataset.stoi[MASK_CHAR])):
            answers[i] = decode(dataset, ids)
    return answers
