"""set_seed, sample and evaluate_places: the tools the handout's commands are made of.

Sampling is tested on a toy whose next-token distribution is written down here, greedy decoding on the real GPT as well.
"""
import math
import random

import numpy as np
import pytest
import torch

import oracles
from model import GPT, GPTConfig
from utils import evaluate_places, sample, set_seed

LOGITS = torch.tensor([1.0, -0.5, 0.3, 2.0, -1.2])
# 99.99 % quantiles of the chi-square distribution by degrees of freedom
CHI_SQUARE = {1: 15.14, 2: 18.42, 3: 21.11, 4: 23.51}


class Fixed(torch.nn.Module):
    """Predicts the same distribution after everything."""

    def __init__(self, logits=LOGITS, block_size=4):
        super().__init__()
        self.logits = torch.nn.Parameter(logits.clone())
        self.block_size = block_size
        self.grad_modes = []

    def get_block_size(self):
        return self.block_size

    def forward(self, idx, targets=None):
        self.grad_modes.append(torch.is_grad_enabled())
        return self.logits.expand(*idx.shape, -1), None


class Counting(torch.nn.Module):
    """Its next token depends on every token it is shown, on their number and on their order."""

    def __init__(self, block_size=4, vocab=7):
        super().__init__()
        self.block_size, self.vocab = block_size, vocab
        self.weight = torch.nn.Parameter(torch.tensor(1.0))

    def get_block_size(self):
        return self.block_size

    def next(self, context):
        return (sum((place + 1) * token for place, token in enumerate(context)) + 3 * len(context)) % self.vocab

    def forward(self, idx, targets=None):
        assert idx.shape[1] <= self.block_size, "the context has to be cropped to the last block_size tokens"
        following = torch.tensor([[self.next(row[:t + 1]) for t in range(len(row))] for row in idx.tolist()])
        return self.weight * torch.nn.functional.one_hot(following, self.vocab).float(), None


def greedy(model, x, steps):
    """Append the argmax after the last block_size tokens, `steps` times."""
    size = model.get_block_size()
    for _ in range(steps):
        logits = model(x[:, -size:])[0]
        x = torch.cat([x, logits[:, -1].argmax(-1)[:, None]], dim=1)
    return x


def assert_follows(drawn, probabilities, why):
    """Pearson's chi-square test; impossible outcomes must not occur at all."""
    counts = np.bincount(drawn, minlength=len(probabilities))
    possible = probabilities > 0
    assert counts[~possible].sum() == 0, f"{why}: drew {counts}, but some of these have probability 0"
    expected = probabilities[possible] * len(drawn)
    distance = ((counts[possible] - expected) ** 2 / expected).sum()
    assert distance < CHI_SQUARE[possible.sum() - 1], f"{why}: drew {counts[possible]}, expected {expected.round(1)}"


# ------------------------------------------------------------------------------------------------ sample

def test_greedy_sampling_appends_the_argmax_after_the_last_block_size_tokens():
    model, x = Counting(), torch.tensor([[1, 5], [6, 2], [0, 0]])
    for steps in (0, 1, 2, 3, 12):
        assert torch.equal(sample(model, x, steps), greedy(model, x, steps)), f"{steps} steps"


def test_a_prompt_longer_than_the_block_is_cropped_for_the_model_and_kept_in_the_result():
    model, x = Counting(), torch.tensor([[1, 5, 2, 6, 3, 4, 4], [6, 2, 0, 0, 1, 1, 1]])
    assert torch.equal(sample(model, x, 5), greedy(model, x, 5))


@pytest.mark.parametrize("settings", [{}, {"sample": True}, {"sample": True, "top_k": 2}, {"temperature": 0.5}])
def test_the_prompt_is_kept_and_steps_columns_of_ids_are_added(settings):
    x = torch.tensor([[1, 4], [0, 2]])
    copy = x.clone()
    out = sample(Fixed(), x, 6, **settings)
    assert out.dtype == torch.long and tuple(out.shape) == (2, 8)
    assert torch.equal(out[:, :2], x), "the prompt comes first"
    assert torch.equal(x, copy), "the caller's prompt stays as it was"


@pytest.mark.parametrize("variant", [{}, {"perceiver": True, "bottleneck_dim": 3}])
def test_greedy_sampling_from_a_gpt_equals_a_loop_of_whole_forward_passes(variant):
    config = {**oracles.TINY, **variant}
    model = oracles.exact(GPT(GPTConfig(config.pop("vocab_size"), config.pop("block_size"), **config)))
    x = torch.randint(1, oracles.TINY["vocab_size"], (3, 4), generator=torch.Generator().manual_seed(0))
    expected = greedy(model, x, 12)
    assert torch.equal(sample(model, x, 12), expected)
    assert torch.equal(sample(model.train(), x, 12), expected), "dropout has no place in sampling"


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_temperature_does_not_change_greedy_sampling(temperature):
    model, x = Counting(), torch.tensor([[1, 5]])
    assert torch.equal(sample(model, x, 6, temperature=temperature), greedy(model, x, 6))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_of_the_logits_divided_by_the_temperature(temperature):
    torch.manual_seed(0)
    drawn = sample(Fixed(), torch.zeros(20000, 1, dtype=torch.long), 1, temperature=temperature, sample=True)
    weights = np.exp(LOGITS.double().numpy() / temperature)
    assert_follows(drawn[:, -1].numpy(), weights / weights.sum(), f"temperature {temperature}")


@pytest.mark.parametrize("top_k, temperature", [(2, 1.0), (3, 1.0), (3, 2.0), (5, 1.0)])
def test_top_k_draws_among_the_k_most_likely_in_proportion(top_k, temperature):
    torch.manual_seed(0)
    prompts = torch.zeros(20000, 1, dtype=torch.long)
    drawn = sample(Fixed(), prompts, 1, temperature=temperature, sample=True, top_k=top_k)
    weights = np.exp(LOGITS.double().numpy() / temperature)
    weights[np.argsort(-LOGITS.numpy())[top_k:]] = 0
    assert_follows(drawn[:, -1].numpy(), weights / weights.sum(), f"top_k {top_k}")


def test_top_1_draws_equal_greedy_sampling():
    model, x = Counting(), torch.tensor([[1, 5], [6, 2]])
    assert torch.equal(sample(model, x, 8, sample=True, top_k=1), greedy(model, x, 8))


def test_later_draws_of_a_sequence_do_not_depend_on_earlier_ones():
    torch.manual_seed(0)
    drawn = sample(Fixed(torch.zeros(2)), torch.zeros(5000, 1, dtype=torch.long), 3, sample=True)[:, 1:]
    assert_follows((drawn * torch.tensor([1, 2, 4])).sum(1).numpy() % 4, np.full(4, 0.25), "pairs of fair coins")


def test_sampling_records_no_gradient():
    model = Fixed()
    out = sample(model, torch.zeros(1, 1, dtype=torch.long), 2, sample=True)
    assert not out.requires_grad and model.grad_modes and not any(model.grad_modes)
    assert torch.is_grad_enabled(), "and leaves gradients on for what comes after it"


# ------------------------------------------------------------------------------------------------ set_seed

def random_numbers():
    return random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist()


def test_the_same_seed_repeats_the_numbers_of_python_numpy_and_torch():
    set_seed(3)
    first = random_numbers()
    between = random_numbers()
    set_seed(3)
    again = random_numbers()
    set_seed(4)
    other = random_numbers()
    for name, a, b, c, d in zip(("random", "numpy", "torch"), first, again, other, between):
        assert a == b, f"{name} does not repeat itself after set_seed"
        assert a != c, f"{name} gives the same numbers after another seed"
        assert a != d, f"{name} gives the same numbers all the time"


# ------------------------------------------------------------------------------------------------ evaluate_places

GOLD = "Where was Zoë Müller born?\tKraków\nWhere was A B born?\tLondon\nWhere was C D born?\tNew York\n"


def places_file(tmp_path, content):
    path = tmp_path / "places.tsv"
    path.write_bytes(content.encode("utf-8"))
    return str(path)


@pytest.mark.parametrize("content", [GOLD, GOLD.rstrip("\n"), GOLD.replace("\n", "\r\n")])
@pytest.mark.parametrize("predictions, correct", [
    (["Kraków", "London", "New York"], 3), (["Kraków", "Paris", "New York"], 2), (["London", "Kraków", ""], 0),
    (["Krakow", "london", "New"], 0), (["", "", ""], 0), (["Kraków", "London", "New York City"], 2)])
def test_a_place_is_right_when_it_equals_the_gold_place_of_its_line(tmp_path, content, predictions, correct):
    total, right = evaluate_places(places_file(tmp_path, content), predictions)
    assert (total, right) == (3, correct)
    assert math.isclose(right / total, correct / 3), "numbers that can be divided"


def test_a_file_without_gold_places_gives_no_score(tmp_path):
    questions = "Where was A born?\nWhere was B born?\n"
    assert tuple(evaluate_places(places_file(tmp_path, questions), ["London", "Paris"])) == (0, 0)


@pytest.mark.parametrize("predictions", [["Kraków"], ["Kraków", "London", "New York", "Paris"], []])
def test_a_wrong_number_of_predictions_is_refused_with_both_numbers(tmp_path, predictions):
    with pytest.raises(Exception) as refusal:
        evaluate_places(places_file(tmp_path, GOLD), predictions)
    assert "3" in str(refusal.value) and str(len(predictions)) in str(refusal.value), \
        f"the message should name both numbers: {refusal.value}"
