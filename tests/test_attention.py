"""CausalSelfAttention and CausalCrossAttention against a loop over heads and queries in float64.

If a parity test fails, look at the scale 1/sqrt(head size), the head order, the mask and which argument makes the
queries; the smaller tests below it say which of these it was.
"""
import numpy as np
import pytest
import torch

import oracles
from attention import CausalCrossAttention, CausalSelfAttention
from oracles import exact, normal, tiny_config

ATTENTIONS = [CausalSelfAttention, CausalCrossAttention]
BLOCK = oracles.TINY["block_size"]
WIDTH = oracles.TINY["n_embd"]


def call(attention, x):
    """Either class on one sequence: cross attention reads it twice."""
    return attention(x) if isinstance(attention, CausalSelfAttention) else attention(x, x)


def assert_close(got, expected, why, tolerance=1e-10):
    got, expected = np.asarray(got.detach()), np.asarray(expected)
    assert got.shape == expected.shape, f"{why}: shape {got.shape}, expected {expected.shape}"
    worst = np.abs(got - expected).max()
    assert worst <= tolerance, f"{why}: off by up to {worst:.3g}"


# ------------------------------------------------------------------------------------------------ parity

@pytest.mark.parametrize("n_head", [1, 2, 4, 16])
@pytest.mark.parametrize("batch, length", [(1, 1), (3, 7), (2, BLOCK)])
def test_self_attention_equals_a_loop_over_heads_and_queries(n_head, batch, length):
    attention = exact(CausalSelfAttention(tiny_config(n_head=n_head)))
    x = normal(batch, length, WIDTH)
    expected = oracles.attention(oracles.arrays(attention), x.numpy(), x.numpy(), n_head)
    assert_close(attention(x), expected, "softmax(q k^T / sqrt(head size)) v, then proj")


@pytest.mark.parametrize("keys, queries", [(6, 6), (BLOCK, 3), (3, BLOCK), (1, 5), (5, 1)])
@pytest.mark.parametrize("n_head", [1, 4])
def test_cross_attention_equals_a_loop_over_heads_and_queries(keys, queries, n_head):
    attention = exact(CausalCrossAttention(tiny_config(n_head=n_head)))
    x_kv, x_q = normal(2, keys, WIDTH), normal(2, queries, WIDTH, seed=1)
    expected = oracles.attention(oracles.arrays(attention), x_kv.numpy(), x_q.numpy(), n_head)
    assert_close(attention(x_kv, x_q), expected,
                 "keys and values come from the first argument, queries from the second; query i sees keys j <= i")


@pytest.mark.parametrize("kv_batch, q_batch", [(1, 3), (3, 1), (1, 1)])
@pytest.mark.parametrize("keys, queries", [(7, 4), (4, 7)])
def test_cross_attention_broadcasts_a_batch_of_one_in_both_directions(kv_batch, q_batch, keys, queries):
    attention = exact(CausalCrossAttention(tiny_config()))
    x_kv, x_q = normal(kv_batch, keys, WIDTH), normal(q_batch, queries, WIDTH, seed=1)
    expected = oracles.attention(oracles.arrays(attention), x_kv.numpy(), x_q.numpy(), oracles.TINY["n_head"])
    assert_close(attention(x_kv, x_q), expected, f"batch {kv_batch} of keys with batch {q_batch} of queries")


def test_cross_attention_of_a_sequence_with_itself_is_self_attention():
    self_attention = exact(CausalSelfAttention(tiny_config()))
    cross_attention = exact(CausalCrossAttention(tiny_config()), seed=1)
    cross_attention.load_state_dict(self_attention.state_dict(), strict=True)
    x = normal(2, BLOCK, WIDTH)
    assert_close(cross_attention(x, x), self_attention(x).detach(), "the two classes share one definition")


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_single_precision_agrees_with_double_to_1e_5(attention_class):
    attention = exact(attention_class(tiny_config()))
    x = normal(2, BLOCK, WIDTH)
    expected = call(attention, x).detach()
    assert_close(call(attention.float(), x.float()), expected, "float32 forward", tolerance=1e-5)


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_huge_scores_stay_finite_and_masked(attention_class):
    attention = exact(attention_class(tiny_config()))
    x = 300 * normal(2, 6, WIDTH)
    expected = oracles.attention(oracles.arrays(attention), x.numpy(), x.numpy(), oracles.TINY["n_head"])
    assert_close(call(attention, x), expected, "a masked score must lose against any real one", tolerance=1e-7)


# ------------------------------------------------------------------------------------------------ causality

@pytest.mark.parametrize("attention_class", ATTENTIONS)
@pytest.mark.parametrize("t", range(6))
def test_changing_what_comes_after_position_t_changes_nothing_up_to_t_and_something_after(attention_class, t):
    attention = exact(attention_class(tiny_config()))
    x = normal(1, 7, WIDTH)
    changed = x.clone()
    changed[:, t + 1:] = normal(1, 7, WIDTH, seed=1)[:, t + 1:]
    before, after = call(attention, x), call(attention, changed)
    assert torch.equal(before[:, :t + 1], after[:, :t + 1]) or (before - after)[:, :t + 1].abs().max() < 1e-12, \
        f"outputs up to {t} saw a later token: look at the mask"
    moved = (before - after)[:, t + 1:].abs().amax(-1)
    assert (moved > 1e-3).all(), f"outputs after {t} did not notice that their own token changed: {moved}"


@pytest.mark.parametrize("queries", [3, 7, BLOCK])
@pytest.mark.parametrize("t", range(5))
def test_query_t_of_cross_attention_reads_key_t_and_no_later_one(queries, t):
    attention = exact(CausalCrossAttention(tiny_config()))
    x_kv, x_q = normal(1, 7, WIDTH), normal(1, queries, WIDTH, seed=1)
    changed = x_kv.clone()
    changed[:, t] += 1.0
    moved = (attention(x_kv, x_q) - attention(changed, x_q)).abs().amax(-1)[0]
    assert (moved[:t] < 1e-12).all(), f"queries before {t} saw key {t}: rows of the mask are queries, columns keys"
    assert (moved[t:] > 1e-6).all(), f"queries from {t} on do not see key {t}: j <= i includes j = i"


# ------------------------------------------------------------------------------------------------ state

@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_state_dict_holds_four_linear_layers_and_the_mask_and_nothing_else(attention_class):
    shapes = {name: tuple(tensor.shape) for name, tensor in attention_class(tiny_config()).state_dict().items()}
    expected = {"mask": (1, 1, BLOCK, BLOCK)}
    for layer in ("key", "query", "value", "proj"):
        expected[f"{layer}.weight"], expected[f"{layer}.bias"] = (WIDTH, WIDTH), (WIDTH,)
    assert shapes == expected


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_mask_is_lower_triangular_with_its_diagonal(attention_class):
    mask = attention_class(tiny_config()).state_dict()["mask"]
    assert np.array_equal(mask.double().numpy()[0, 0], np.tri(BLOCK)), "1 where query i (row) may see key j (column)"
    assert "mask" not in dict(attention_class(tiny_config()).named_parameters()), "the mask is a buffer, not learned"


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_forward_leaves_the_mask_and_its_input_as_they_were(attention_class):
    attention = exact(attention_class(tiny_config()))
    x = normal(2, 5, WIDTH)
    copy, mask = x.clone(), attention.mask.clone()
    call(attention, x)
    assert torch.equal(x, copy) and torch.equal(attention.mask, mask)


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_gradient_flows_to_every_parameter_and_to_the_input(attention_class):
    attention = exact(attention_class(tiny_config()))
    x = normal(2, 6, WIDTH).requires_grad_()
    (call(attention, x) * normal(2, 6, WIDTH, seed=1)).sum().backward()
    assert x.grad is not None and x.grad.abs().max() > 0
    for name, parameter in attention.named_parameters():
        assert parameter.grad is not None, f"{name} took no part in the output"
        if name != "key.bias":  # q·b is the same for every key, and softmax does not see it: this gradient is 0
            assert parameter.grad.abs().max() > 1e-6, f"{name} has no gradient"


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_gradients_equal_those_of_the_reference_module(attention_class):
    attention = exact(attention_class(tiny_config()))
    reference = oracles.ReferenceAttention(tiny_config(), BLOCK).double()
    reference.load_state_dict(attention.state_dict(), strict=True)
    x, weight = normal(2, 6, WIDTH), normal(2, 6, WIDTH, seed=1)
    (call(attention, x) * weight).sum().backward()
    (reference(x, x) * weight).sum().backward()
    gradients = dict(attention.named_parameters())
    for name, parameter in reference.named_parameters():
        assert_close(gradients[name].grad, parameter.grad, f"gradient of {name}")


# ------------------------------------------------------------------------------------------------ dropout

@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_dropout_is_off_in_eval_mode_even_at_a_high_rate(attention_class):
    attention = exact(attention_class(tiny_config(attn_pdrop=0.9, resid_pdrop=0.9)))
    x = normal(2, 6, WIDTH)
    expected = oracles.attention(oracles.arrays(attention), x.numpy(), x.numpy(), oracles.TINY["n_head"])
    assert_close(call(attention, x), expected, "eval mode")


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_training_without_dropout_equals_eval(attention_class):
    attention = exact(attention_class(tiny_config(attn_pdrop=0.0, resid_pdrop=0.0)))
    x = normal(2, 6, WIDTH)
    expected = call(attention, x).detach()
    assert_close(call(attention.train(), x), expected, "both rates are 0")


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_attention_dropout_drops_and_rescales_the_attention_weights_in_train_mode(attention_class):
    """The first query sees one key, with weight 1: dropped it gives proj(0), kept it gives proj(v / (1 - p))."""
    rate, copies = 0.25, 4000
    attention = exact(attention_class(tiny_config(n_head=1, attn_pdrop=rate, resid_pdrop=0.0))).train()
    x = normal(1, 1, WIDTH)
    torch.manual_seed(0)
    out = call(attention, x.expand(copies, -1, -1)).detach()[:, 0]
    state = oracles.arrays(attention)
    dropped = oracles.linear(oracles.part(state, "proj"), np.zeros(WIDTH))
    kept = oracles.linear(oracles.part(state, "proj"),
                          oracles.linear(oracles.part(state, "value"), x.numpy()[0, 0]) / (1 - rate))
    is_dropped = np.abs(out.numpy() - dropped).max(-1) < 1e-9
    is_kept = np.abs(out.numpy() - kept).max(-1) < 1e-9
    assert (is_dropped | is_kept).all(), "attn_drop belongs on the softmax weights, before they meet the values"
    assert abs(is_dropped.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / copies), \
        f"{is_dropped.mean():.3f} of the weights dropped at attn_pdrop={rate}"


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_residual_dropout_zeroes_that_share_of_the_output_in_train_mode(attention_class):
    rate = 0.25
    attention = exact(attention_class(tiny_config(attn_pdrop=0.0, resid_pdrop=rate))).train()
    x = normal(64, 8, WIDTH)
    torch.manual_seed(0)
    out = call(attention, x).detach()
    full = call(attention.eval(), x).detach()
    zero = out == 0
    assert abs(zero.double().mean().item() - rate) < 4 * (rate * (1 - rate) / out.numel()) ** 0.5, \
        "resid_drop belongs on the output of proj"
    assert_close(out[~zero], full[~zero] / (1 - rate), "what is kept is scaled by 1 / (1 - p)")


# ------------------------------------------------------------------------------------------------ bad shapes

def assert_refused(function, *arguments):
    with pytest.raises((ValueError, AssertionError)) as refusal:
        function(*arguments)
    assert str(BLOCK) in str(refusal.value) and str(BLOCK + 1) in str(refusal.value), \
        f"the message should name the length and the block size: {refusal.value}"


def test_self_attention_refuses_a_sequence_longer_than_its_block():
    attention = exact(CausalSelfAttention(tiny_config()))
    assert_refused(attention, normal(1, BLOCK + 1, WIDTH))


@pytest.mark.parametrize("keys, queries", [(BLOCK + 1, 2), (2, BLOCK + 1), (1, BLOCK + 1), (BLOCK + 1, 1)])
def test_cross_attention_refuses_keys_or_queries_longer_than_its_block(keys, queries):
    attention = exact(CausalCrossAttention(tiny_config()))
    assert_refused(attention, normal(1, keys, WIDTH), normal(1, queries, WIDTH))


@pytest.mark.parametrize("attention_class", ATTENTIONS)
def test_a_width_that_the_heads_cannot_share_evenly_is_refused(attention_class):
    with pytest.raises((ValueError, AssertionError)):
        attention_class(tiny_config(n_embd=16, n_head=3))
