"""Answers questions: greedily, many at once, and with the probabilities that the model gives to answers.

Greedy answers are, character for character, what utils.sample gives for one question at a time.
"""

from typing import List, Set, Tuple

import torch
from torch import Tensor, nn

from dataset import MASK_CHAR, CharCorruptionDataset, decode, encode
from readers import make_reader
from utils import evaluating

MAX_ANSWER = 32  # characters the handout's evaluation generates after a question


@torch.no_grad()
def greedy_continuations(model: nn.Module, prompts: List[Tensor], steps: int, stop: int) -> List[List[int]]:
    """The ids that each prompt (Long, 1-D, any length up to the block size) is continued with: at most `steps` of them.

    A continuation ends before the id `stop`. Prompts stand left-aligned in one padded batch.
    """
    with evaluating(model):
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


@torch.no_grad()
def answer_log_probs(
    model: nn.Module, dataset: CharCorruptionDataset, questions: List[str], answers: List[str]
) -> List[float]:
    """log p(answer⁇ | question⁇) in nats, for each question and its answer: of the whole answer, its end included.

    These are probabilities of texts: over all answers to one question they sum to at most 1.
    """
    with evaluating(model):
        device = next(model.parameters()).device
        found = []
        for question, answer in zip(questions, answers):
            ids = encode(dataset, question + MASK_CHAR + answer + MASK_CHAR).to(device)
            said = ids[len(question) + 1 :]
            logits, _ = model(ids[None, :-1])
            log_probs = logits[0, len(question) :].log_softmax(-1)  # (len(answer) + 1, vocab_size)
            found.append(log_probs.gather(1, said[:, None]).sum().item())
    return found


@torch.no_grad()
def most_probable_answers(
    model: nn.Module, dataset: CharCorruptionDataset, question: str, count: int = 5, beams: int = 64
) -> List[Tuple[str, float]]:
    """The `count` most probable answers to a question and their probabilities, by beam search, best first.

    After each character the `beams` most probable beginnings go on. The probabilities are exact; what beam search can
    miss is an answer whose beginning looks improbable. Fewer answers come back if fewer end within MAX_ANSWER characters.
    """
    with evaluating(model):
        device = next(model.parameters()).device
        prompt = encode(dataset, question + MASK_CHAR).to(device)
        stop = dataset.stoi[MASK_CHAR]
        ids, log_probs = prompt[None], torch.zeros(1, device=device)
        ended: List[Tuple[str, float]] = []
        for _ in range(min(MAX_ANSWER, model.get_block_size() - len(prompt)) + 1):
            logits, _ = model(ids)
            following = log_probs[:, None] + logits[:, -1].log_softmax(-1)  # (beams, vocab_size)
            for row, probability in zip(ids.tolist(), following[:, stop].exp().tolist()):
                ended.append((decode(dataset, row[len(prompt) :]), probability))
            following[:, stop] = float("-inf")
            log_probs, best = following.flatten().topk(min(beams, following.numel()))
            beam, char = best // following.size(1), best % following.size(1)
            ids = torch.cat((ids[beam], char[:, None]), dim=1)
            ended = sorted(ended, key=lambda answer: -answer[1])[:count]
            if len(ended) == count and ended[-1][1] > log_probs[0].exp():  # no beginning can come up with more
                break
    return ended
