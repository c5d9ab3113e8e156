"""GPT.spread_basis: the Perceiver's vectors stand apart over the whole block, and nothing looks ahead for it."""

import math

import pytest
import torch

from model import GPT, GPTConfig
from oracles import exact

VOCAB, BLOCK = 13, 24
SIZES = [1, 5, 8, 12, 24]
every_size = pytest.mark.parametrize("m", SIZES)


def spread(m, **changes):
    torch.manual_seed(m)
    model = GPT(GPTConfig(VOCAB, BLOCK, n_layer=3, n_head=8, n_embd=16, perceiver=True, bottleneck_dim=m, **changes))
    model.spread_basis()
    return model


def tokens(batch, length, seed=0):
    return torch.randint(1, VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))


def attention(layer, keys, query):
    """What one query (C,) reads of all keys (n, C): softmax(q k / sqrt(hs)) v for every head, then proj."""
    q, k, v = (part(x).unflatten(-1, (layer.n_head, -1)) for part, x in
               ((layer.query, query), (layer.key, keys), (layer.value, keys)))  # fmt: skip
    heads = [(k[:, h] @ q[h] / math.sqrt(len(q[h]))).softmax(0) @ v[:, h] for h in range(layer.n_head)]
    return layer.proj(torch.cat(heads))


def by_hand(model, ids, step):
    """The logits of one text, ids (T,), vector by vector and position by position."""
    down, up = model.down_block, model.up_block
    x = model.embed(ids[None])[0] + model.pos_emb[0, : len(ids)]
    vectors = []
    for i, at in enumerate(range(0, len(ids), step)):
        asks = down.C[0, i] + x[at]
        read = asks + attention(down.attn, x[: at + 1], down.ln1(asks))
        vectors.append(read + down.mlp(down.ln2(read)))
    y = model.blocks(torch.stack(vectors)[None])[0]
    logits = []
    for j in range(len(ids)):
        read = x[j] + attention(up.attn, up.ln1(y[: j // step + 1]), x[j])
        logits.append(model.head(model.ln_f(read + up.mlp(up.ln2(read)))))
    return torch.stack(logits)


@pytest.mark.parametrize("m, step", [(1, 24), (5, 5), (8, 3), (12, 2), (24, 1)])
@pytest.mark.parametrize("length", [1, 2, 11, 24])
@torch.no_grad()
def test_logits_are_those_of_vectors_that_stand_basis_step_apart(m, step, length):
    model = exact(spread(m))
    ids = tokens(2, length)
    logits, _ = model(ids)
    for row, got in zip(ids, logits):
        torch.testing.assert_close(got, by_hand(model, row, step), rtol=1e-10, atol=1e-10)


@every_size
@torch.no_grad()
def test_every_token_moves_itself_and_all_that_follows_the_next_vector(m):
    model = exact(spread(m))
    ids = tokens(1, BLOCK)
    step = math.ceil(BLOCK / m)
    for j in range(BLOCK):
        changed = ids.clone()
        changed[0, j] = ids[0, j] % (VOCAB - 1) + 1
        moved = (model(ids)[0] - model(changed)[0]).abs().amax(-1)[0] > 1e-9
        at = torch.arange(BLOCK)
        read_from = math.ceil(j / step) * step  # where the first vector stands that reads token j
        assert torch.equal(moved, (at == j) | (at >= read_from)), f"token {j} moves {moved.nonzero().ravel()}"


@every_size
def test_with_dropout_the_same_positions_are_read_as_without(m):
    model = spread(m, attn_pdrop=1e-9, embd_pdrop=0.0, resid_pdrop=0.0).double()  # attention by its mask, step by step
    ids = tokens(2, 17)
    torch.testing.assert_close(model.train()(ids)[0], model.eval()(ids)[0], rtol=1e-6, atol=1e-9)
    x = torch.randn(1, BLOCK, 16, dtype=torch.float64)
    for layer in (model.down_block.attn, model.up_block.attn):
        weights = layer.weights(x, x)[0, 0]
        torch.testing.assert_close(weights.sum(-1), torch.ones(BLOCK, dtype=torch.float64))
        assert torch.equal(weights > 0, layer.mask[0, 0] == 1)


@every_size
@torch.no_grad()
def test_a_params_file_says_that_the_basis_is_spread(m):
    model = exact(spread(m)).float()
    params = model.state_dict()
    again = GPT.of_params(GPTConfig.of_params(params), params).eval()
    ids = tokens(2, 20)
    assert torch.equal(model(ids)[0], again(ids)[0])
    plain = GPT(GPTConfig.of_params(params))
    assert plain.state_dict().keys() == params.keys() - {"basis_is_spread"}, "else a file of the handout's model"
    params.pop("basis_is_spread")
    apart = GPT.of_params(GPTConfig.of_params(params), params).eval()
    assert not torch.allclose(model(ids)[0], apart(ids)[0])


def test_a_vanilla_model_has_no_basis_to_spread():
    vanilla = GPT(GPTConfig(VOCAB, BLOCK, n_layer=2, n_head=4, n_embd=16))
    with pytest.raises(ValueError, match="perceiver"):
        vanilla.spread_basis()
    params = {**vanilla.state_dict(), "basis_is_spread": torch.ones(())}
    with pytest.raises(ValueError, match="basis_is_spread"):
        GPT.of_params(GPTConfig.of_params(params), params)
