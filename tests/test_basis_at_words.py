"""GPT.stand_at_words: the Perceiver's vectors stand where words end, all over the text, and nothing looks ahead."""

import math

import pytest
import torch

from model import GPT, GPTConfig
from oracles import exact
from words import LONGEST, word_ends

VOCAB, BLOCK, SEPARATORS = 13, 24, [0, 1, 5]
SIZES = [1, 3, 8, 24]
every_size = pytest.mark.parametrize("m", SIZES)


def at_words(m, **changes):
    torch.manual_seed(m)
    model = GPT(GPTConfig(VOCAB, BLOCK, n_layer=4, n_head=8, n_embd=16, perceiver=True, bottleneck_dim=m, **changes))
    model.add_words(997, SEPARATORS)
    model.stand_at_words()
    return model


def tokens(batch, length, seed=0):
    """Random ids: about every fifth is a separator, and the beginning of the second row is one."""
    ids = torch.randint(1, VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))
    ids[1:2, 0] = 5
    return ids


def attention(layer, keys, query):
    """What one query (C,) reads of all keys (n, C): softmax(q k / sqrt(hs)) v for every head, then proj."""
    q, k, v = (part(x).unflatten(-1, (layer.n_head, -1)) for part, x in
               ((layer.query, query), (layer.key, keys), (layer.value, keys)))  # fmt: skip
    heads = [(k[:, h] @ q[h] / math.sqrt(len(q[h]))).softmax(0) @ v[:, h] for h in range(layer.n_head)]
    return layer.proj(torch.cat(heads))


def standing(ids, m):
    """Where vectors stand: at position 0 and at every separator, m at most."""
    return [i for i, token in enumerate(ids.tolist()) if i == 0 or token in SEPARATORS][:m]


def by_hand(model, ids):
    """The logits of one text, ids (T,), vector by vector and position by position."""
    down, up = model.down_block, model.up_block
    x = model.embed(ids[None])[0] + model.pos_emb[0, : len(ids)]
    places = standing(ids, down.C.size(1))
    vectors = []
    for row, at in zip(down.C[0], places):
        asks = row + x[at] + x[max(at - 1, 0)]
        read = asks + attention(down.attn, x[: at + 1], down.ln1(asks))
        vectors.append(read + down.mlp(down.ln2(read)))
    y = model.blocks(torch.stack(vectors)[None])[0]
    logits = []
    for j in range(len(ids)):
        known = y[: sum(at <= j for at in places)]
        asks = x[j] + known[-1]
        read = asks + attention(up.attn, up.ln1(known), asks)
        logits.append(model.head(model.ln_f(read + up.mlp(up.ln2(read)))))
    return torch.stack(logits)


@every_size
@pytest.mark.parametrize("length", [1, 2, 11, 24])
@torch.no_grad()
def test_logits_are_those_of_vectors_that_stand_where_words_end(m, length):
    model = exact(at_words(m))
    ids = tokens(3, length)
    assert length < 11 or len({len(standing(row, m)) for row in ids}) > 1 or m < 8, "the rows have as many words"
    logits, _ = model(ids)
    for row, got in zip(ids, logits):
        torch.testing.assert_close(got, by_hand(model, row), rtol=1e-10, atol=1e-10)


@every_size
@torch.no_grad()
def test_every_letter_moves_its_word_and_all_from_where_the_next_vector_stands(m):
    model = exact(at_words(m))
    for ids in tokens(4, BLOCK):
        for j in set(range(BLOCK)) - set(standing(ids, BLOCK)):  # in place of a letter, another one
            changed = ids.clone()
            changed[j] = 12 if ids[j] != 12 else 11
            moved = (model(ids[None])[0] - model(changed[None])[0]).abs().amax(-1)[0] > 1e-9
            word_ends_at = next((i for i in range(j, BLOCK) if ids[i] in SEPARATORS or i - j >= LONGEST), BLOCK)
            reads_it = next((at for at in standing(ids, m) if at >= j), BLOCK)
            expected = [j <= i < word_ends_at or i >= reads_it for i in range(BLOCK)]
            assert moved.tolist() == expected, f"token {j} of {ids.tolist()}"


@every_size
@torch.no_grad()
def test_the_logits_of_a_prefix_are_the_prefix_of_the_logits_and_rows_stand_alone(m):
    model = exact(at_words(m))
    ids = tokens(3, BLOCK)
    whole, _ = model(ids)
    for length in range(1, BLOCK):
        got, _ = model(ids[1:, :length])
        torch.testing.assert_close(got, whole[1:, :length], rtol=1e-11, atol=1e-11)


@every_size
def test_with_dropout_the_same_positions_are_read_as_without(m):
    model = at_words(m, attn_pdrop=1e-9, embd_pdrop=0.0, resid_pdrop=0.0).double()  # attention by mask and softmax
    ids = tokens(2, 17)
    torch.testing.assert_close(model.train()(ids)[0], model.eval()(ids)[0], rtol=1e-6, atol=1e-9)


@every_size
@torch.no_grad()
def test_a_params_file_says_where_the_basis_stands(m):
    model = exact(at_words(m)).float()
    params = model.state_dict()
    again = GPT.of_params(GPTConfig.of_params(params), params).eval()
    ids = tokens(2, 20)
    assert torch.equal(model(ids)[0], again(ids)[0])
    params.pop("basis_at_words")
    elsewhere = GPT.of_params(GPTConfig.of_params(params), params).eval()
    assert not torch.allclose(model(ids)[0], elsewhere(ids)[0])
    assert elsewhere.state_dict().keys() == params.keys()


@torch.no_grad()
def test_the_masks_of_a_params_file_are_not_believed():
    model = at_words(8)
    params = {name: torch.ones_like(t) if name.endswith("mask") else t for name, t in model.state_dict().items()}
    again = GPT.of_params(GPTConfig.of_params(params), params)
    for name, mask in again.named_buffers():
        if name.endswith("mask"):
            assert torch.equal(mask[0, 0], torch.ones_like(mask[0, 0]).tril()), name


def test_a_model_without_a_basis_or_without_words_is_refused():
    vanilla = GPT(GPTConfig(VOCAB, BLOCK, n_layer=2, n_head=8, n_embd=16))
    vanilla.add_words(997, SEPARATORS)
    wordless = GPT(GPTConfig(VOCAB, BLOCK, n_layer=2, n_head=8, n_embd=16, perceiver=True, bottleneck_dim=4))
    for model in (vanilla, wordless):
        with pytest.raises(ValueError, match="perceiver that knows words"):
            model.stand_at_words()
        params = {**model.state_dict(), "basis_at_words": torch.ones(())}
        with pytest.raises(ValueError, match="basis_at_words"):
            GPT.of_params(GPTConfig.of_params(params), params)


def test_vectors_left_over_stand_at_the_end():
    separates = torch.tensor([[0, 0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]]) == 1
    at, last = word_ends(separates, 3)
    assert at.tolist() == [[0, 2, 4], [0, 6, 6], [0, 6, 6]]
    assert last.tolist() == [[0, 0, 1, 1, 2, 2, 2], [0] * 7, [0] * 7]
    at, last = word_ends(separates, 20)
    assert at.tolist()[0] == [0, 2, 4, 5, 6, 6, 6] and last[0].tolist() == [0, 0, 1, 1, 2, 3, 3]
