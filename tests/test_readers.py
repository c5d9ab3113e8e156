"""readers.py: what is read with cached keys and values is what the model itself says, position after position."""

import pytest
import torch

from model import GPT, GPTConfig
from oracles import scramble
from readers import CachingReader, RecomputingReader, make_reader

VOCAB, BLOCK = 13, 24
VARIANTS = [{}, {"words": 50}] + [{"perceiver": True, "bottleneck_dim": m} for m in (1, 4, 9, 24)]
VARIANTS += [{"perceiver": True, "bottleneck_dim": 9, "words": 50}]
VARIANTS += [{"perceiver": True, "bottleneck_dim": m, "words": 50, "at_words": True} for m in (1, 4, 9, 24)]


def model_of(seed=0, words=0, at_words=False, **variant):
    torch.manual_seed(seed)
    model = GPT(GPTConfig(VOCAB, BLOCK, n_layer=4, n_head=4, n_embd=16, **variant))
    if words:
        model.add_words(words, separators=[0, 1, 5])
    if at_words:
        model.stand_at_words()
    return scramble(model, seed).double().eval()


def texts(*lengths, seed=0):
    """Rows of these lengths, padded with 0: ids (B, W), lengths (B,)."""
    ids = torch.randint(2, VOCAB, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(seed))
    lengths = torch.tensor(lengths)
    return ids.masked_fill(torch.arange(ids.size(1)) >= lengths[:, None], 0), lengths


def plain(model, rows):
    """The logits after each row, one row at a time."""
    return torch.stack([model(torch.tensor(row)[None, -BLOCK:])[0][0, -1] for row in rows])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("reader", [RecomputingReader, lambda model: CachingReader(model, 12)])
@torch.no_grad()
def test_rows_of_any_length_are_read_and_extended_as_if_each_stood_alone(variant, reader):
    model = model_of(**variant)
    ids, lengths = texts(1, 2, 5, 9, 11, 12)
    rows = [row[:length].tolist() for row, length in zip(ids, lengths)]
    reader = reader(model)
    torch.testing.assert_close(reader.read(ids, lengths), plain(model, rows), rtol=1e-9, atol=1e-9)
    for step in range(12):
        if step in (3, 7):  # some rows are done
            kept = [0, 2, 3, 5] if step == 3 else [1, 3]
            reader.keep(torch.tensor(kept))
            rows = [rows[i] for i in kept]
        tokens = torch.randint(2, VOCAB, (len(rows),), generator=torch.Generator().manual_seed(step))
        rows = [row + [token] for row, token in zip(rows, tokens.tolist())]
        torch.testing.assert_close(reader.extend(tokens), plain(model, rows), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_the_plain_reader_goes_on_past_the_block_with_the_last_characters():
    model = model_of()
    ids, lengths = texts(3, BLOCK, BLOCK + 5)
    rows = [row[:length].tolist() for row, length in zip(ids, lengths)]
    reader = RecomputingReader(model)
    torch.testing.assert_close(reader.read(ids, lengths), plain(model, rows), rtol=1e-9, atol=1e-9)
    for token in range(2, 6):
        rows = [row + [token] for row in rows]
        torch.testing.assert_close(reader.extend(torch.tensor([token] * 3)), plain(model, rows), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_the_caching_reader_is_chosen_when_the_texts_fit_and_computes_each_position_once(variant):
    model = model_of(**variant)
    ids, lengths = texts(7, 8, 9)
    assert isinstance(make_reader(model, ids, lengths, BLOCK - 9 + 1), RecomputingReader), "one would not fit"
    reader = make_reader(model, ids, lengths, BLOCK - 9)
    assert isinstance(reader, CachingReader)
    seen = []
    model.blocks[0].mlp.register_forward_hook(lambda module, inputs, output: seen.append(output.size(1)))
    reader.read(ids, lengths)
    for _ in range(5):
        reader.extend(torch.tensor([2, 3, 4]))
    assert seen == [min(9, variant.get("bottleneck_dim", 9))] + [1] * 5


class PostNorm(GPT):
    """Another model with the same parts."""

    def forward(self, idx, targets=None):
        x = self.tok_emb(idx) + self.pos_emb[:, : idx.size(1)]
        for block in self.blocks:
            x = block.ln1(x + block.attn(x))
            x = block.ln2(x + block.mlp(x))
        return self.head(self.ln_f(x)), None


class Bag(torch.nn.Module):
    """A model of other parts: it counts."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(VOCAB, VOCAB))

    def get_block_size(self):
        return BLOCK

    def forward(self, idx, targets=None):
        return self.table[idx].cumsum(1), None


@torch.no_grad()
def test_a_model_that_computes_something_else_is_read_the_plain_way():
    ids, lengths = texts(7, 8, 9)
    torch.manual_seed(1)
    post_norm = scramble(PostNorm(GPTConfig(VOCAB, BLOCK, n_layer=2, n_head=4, n_embd=16))).eval()
    for model in (post_norm, Bag()):
        assert isinstance(make_reader(model, ids, lengths, 3), RecomputingReader)


@torch.no_grad()
def test_a_perceiver_without_the_residual_of_its_basis_is_read_the_plain_way():
    model = model_of(perceiver=True, bottleneck_dim=9)
    down = model.down_block
    down.forward = lambda x: (y := down.attn(x, down.ln1(down.C))) + down.mlp(down.ln2(y))
    assert isinstance(make_reader(model, *texts(7, 8, 9), 3), RecomputingReader)
