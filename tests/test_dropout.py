"""dropout.py: the law of torch's own dropout, drawn in another way."""

import math

import pytest
import torch
from torch import nn

from attention import CausalCrossAttention
from dropout import Dropout, dropped_units
from oracles import normal, scramble, tiny_config

N = 400_000


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_each_unit_is_dropped_with_probability_p_wherever_it_stands(p):
    torch.manual_seed(1)
    dropped = torch.zeros(N).index_fill_(0, dropped_units(N, p), 1.0)
    for part in (dropped, dropped[: N // 4], dropped[-N // 4 :], dropped[::2], dropped[1::2]):
        spread = math.sqrt(p * (1 - p) / len(part))
        assert abs(part.mean() - p) < 5 * spread


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("distance", [1, 2, 3, 7])
def test_units_are_dropped_independently_of_each_other(p, distance):
    torch.manual_seed(2)
    dropped = torch.zeros(N).index_fill_(0, dropped_units(N, p), 1.0)
    both = (dropped[:-distance] * dropped[distance:]).mean()
    assert abs(both - p * p) < 5 * p / math.sqrt(N)


def test_the_first_and_the_last_unit_are_dropped_as_often_as_any():
    torch.manual_seed(3)
    masks = torch.stack([torch.zeros(5).index_fill_(0, dropped_units(5, 0.3), 1.0) for _ in range(20_000)])
    assert (masks.mean(0) - 0.3).abs().max() < 5 * math.sqrt(0.21 / 20_000)
    assert abs(masks.sum(1).var() - 5 * 0.21) < 0.05  # the binomial's variance: independent


def test_the_indices_ascend_and_stay_inside():
    torch.manual_seed(4)
    for count in (0, 1, 2, 3, 50, 1000):
        for p in (1e-6, 0.1, 0.999):
            indices = dropped_units(count, p)
            assert (indices.diff() > 0).all() and ((indices >= 0) & (indices < count)).all()


def test_kept_units_and_their_gradients_are_scaled_and_dropped_ones_are_zero():
    torch.manual_seed(5)
    x = normal(30, 40).requires_grad_()
    y = Dropout(0.25)(x)
    kept = y != 0
    assert 0.6 < kept.double().mean() < 0.9
    torch.testing.assert_close(y[kept], x[kept] / 0.75)
    weights = normal(30, 40, seed=1)
    (y * weights).sum().backward()
    torch.testing.assert_close(x.grad, torch.where(kept, weights / 0.75, 0.0))
    assert torch.equal(x.detach(), normal(30, 40)), "the input is left as it was"


def test_a_transposed_input_is_dropped_where_its_gradient_is():
    torch.manual_seed(6)
    x = torch.ones(30, 40, requires_grad=True)
    y = Dropout(0.5)(x.T)
    y.backward(torch.ones(30, 40).T)
    assert torch.equal(x.grad, y.detach().T)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_the_extremes_are_those_of_torch(p):
    x = normal(10, 10)
    assert torch.equal(Dropout(p)(x), nn.Dropout(p)(x))


def test_evaluation_drops_nothing_and_draws_nothing():
    x, before = normal(10, 10), torch.get_rng_state()
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_decides_what_is_dropped():
    def drop(seed):
        torch.manual_seed(seed)
        return Dropout(0.5)(torch.ones(1000))

    assert torch.equal(drop(1), drop(1)) and not torch.equal(drop(1), drop(2))


def test_attention_with_dropout_is_on_average_attention_without():
    attention = scramble(CausalCrossAttention(tiny_config(attn_pdrop=0.3, resid_pdrop=0.0)))
    x = normal(2, 10, 16).float()
    expected = attention.eval()(x, x)
    torch.manual_seed(7)
    attention.train()
    drawn = torch.stack([attention(x, x) for _ in range(4000)])
    assert not torch.equal(drawn[0], drawn[1])
    error = (drawn.mean(0) - expected).abs() / (drawn.std(0) / math.sqrt(4000) + 1e-6)
    assert error.max() < 6


def test_attention_dropout_never_lets_a_query_read_a_later_key():
    attention = scramble(CausalCrossAttention(tiny_config(attn_pdrop=0.3)))
    x = normal(1, 10, 16).float()
    changed = x.clone()
    changed[:, 6:] += 1
    torch.manual_seed(8)
    before = attention(x, x)
    torch.manual_seed(8)
    assert torch.equal(attention(changed, changed)[:, :6], before[:, :6])
