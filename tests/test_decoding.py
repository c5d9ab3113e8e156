"""Probabilities of answers, against writing out every possible answer. (Greedy answers: test_utils.py, test_run.py.)"""

import itertools
import math

import pytest
import torch

import decoding
from dataset import MASK_CHAR, CharCorruptionDataset, encode
from decoding import answer_log_probs, most_probable_answers
from model import GPT, GPTConfig
from oracles import scramble

LONGEST = 3


@pytest.fixture(scope="module")
def corpus():
    return CharCorruptionDataset("ab\nba", 16)


@pytest.fixture(params=[{}, {"perceiver": True, "bottleneck_dim": 4}], ids=["vanilla", "perceiver"])
def model(request, corpus):
    return scramble(GPT(GPTConfig(corpus.vocab_size, 16, n_layer=3, n_embd=16, **request.param)), 3).train()


@torch.no_grad()
def every_answer(model, corpus, question):
    """The probability of each answer of up to LONGEST characters, character by character."""
    model.eval()
    probabilities = {}
    others = [char for char in corpus.stoi if char != MASK_CHAR]
    for length in range(LONGEST + 1):
        for answer in map("".join, itertools.product(others, repeat=length)):
            text, log_prob = question + MASK_CHAR, 0.0
            for char in answer + MASK_CHAR:
                logits, _ = model(encode(corpus, text)[None])
                log_prob += logits[0, -1].double().log_softmax(-1)[corpus.stoi[char]].item()
                text += char
            probabilities[answer] = math.exp(log_prob)
    model.train()
    return probabilities


def test_the_probability_of_an_answer_is_the_product_over_its_characters_and_its_end(model, corpus):
    questions = ["ab", "b", "abba"]
    for question in questions:
        expected = every_answer(model, corpus, question)
        found = answer_log_probs(model, corpus, [question] * len(expected), list(expected))
        for log_prob, probability in zip(found, expected.values()):
            assert math.exp(log_prob) == pytest.approx(probability, rel=1e-4)
        assert sum(expected.values()) <= 1
    assert model.training, "the model stays in the mode it was in"


@pytest.mark.parametrize("question", ["ab", "b", "abba"])
def test_the_most_probable_answers_are_the_first_of_all_possible_ones(model, corpus, monkeypatch, question):
    monkeypatch.setattr(decoding, "MAX_ANSWER", LONGEST)
    expected = sorted(every_answer(model, corpus, question).items(), key=lambda answer: -answer[1])
    found = most_probable_answers(model, corpus, question, count=10)
    assert [answer for answer, _ in found] == [answer for answer, _ in expected[:10]]
    for (_, probability), (_, exact) in zip(found, expected):
        assert probability == pytest.approx(exact, rel=1e-4)
    assert model.training


def test_a_question_that_fills_the_block_can_only_be_answered_with_nothing(model, corpus):
    ((answer, probability),) = most_probable_answers(model, corpus, "a" * 15, count=1)
    assert answer == "" and 0 < probability < 1
