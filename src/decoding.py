"""Answers many questions at once: greedy decoding of a batch in which every question has a length of its own.

Gives, character for character, what utils.sample gives for one question at a time.
"""

from typing import List, Set

import torch
from torch import Tensor, nn

from dataset import MASK_CHAR, CharCorruptionDataset, decode, encode
from readers import make_reader

MAX_ANSWER = 32  # characters the handout's evaluation generates after a question


@torch.no_grad()
def greedy_continuations(model: nn.Module, prompts: List[Tensor], steps: int, stop: int) -> List[List[int]]:
    """The ids that each prompt (Long, 1-D, any length up to the block size) is continued with: at most `steps` of them.

    A continuation ends before the id `stop`. Prompts stand left-aligned in one padded batch.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    ids = nn.utils.rnn.pad_sequence(prompts, batch_first=True).to(device)
    answers: List[List[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # which prompt each row of the reader continues
    finished: Set[int] = set()
    reader = make_reader(model, ids, lengths, steps)
    logits = reader.read(ids, lengths)
    for step in range(1, steps + 1):
        following = logits.argmax(-1)
        for row, token in zip(rows, following.tolist()):
            if token == stop:
                finished.add(row)
            elif row not in finished:
                answers[row].append(token)
        if len(finished) == len(prompts) or step == steps:
            break
        going = [i for i, row in enumerate(rows) if row not in finished]
        if len(going) <= 0.75 * len(rows):  # leaving them out costs a copy of what the reader keeps
            rows = [rows[i] for i in going]
            following = following[going]
            reader.keep(torch.tensor(going, device=device))
        logits = reader.extend(following)
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
