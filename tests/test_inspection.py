"""The attention weights and their picture: they are what the model computes with, and everything is named."""

import warnings

import pytest
import torch

from attention import CausalCrossAttention
from dataset import CharCorruptionDataset, encode
from figures import save
from inspection import attention_figure, attention_maps
from model import GPT, GPTConfig

TEXT = "Where was Ada Hale born?⁇Turin"
ASKED = TEXT.index("⁇")


@pytest.fixture(scope="module")
def corpus():
    return CharCorruptionDataset("Where was Ada Hale born? In Turin.\n", 128)


def make_model(corpus, bottleneck_dim=None, seed=0):
    torch.manual_seed(seed)
    config = GPTConfig(corpus.vocab_size, 128, n_layer=3, n_embd=16, perceiver=bool(bottleneck_dim),
                       bottleneck_dim=bottleneck_dim)  # fmt: skip
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


@pytest.mark.parametrize("Bk, Bq, Tk, Tq", [(3, 3, 7, 7), (3, 1, 9, 4), (1, 2, 4, 9)])
def test_weights_are_those_that_attention_sums_its_values_with(corpus, Bk, Bq, Tk, Tq):
    torch.manual_seed(0)
    attention = CausalCrossAttention(GPTConfig(10, 9, n_embd=16)).eval()
    x_kv, x_q = torch.randn(Bk, Tk, 16), torch.randn(Bq, Tq, 16)
    weights = attention.weights(x_kv, x_q)
    assert weights.shape == (max(Bk, Bq), 8, Tq, Tk)
    values = attention.value(x_kv).unflatten(2, (8, 2)).transpose(1, 2)  # (Bk, nh, Tk, hs)
    expected = attention.proj((weights @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(attention(x_kv, x_q), expected, atol=1e-6)


def test_the_maps_of_a_gpt_are_one_for_each_layer_causal_with_rows_that_sum_to_one(corpus):
    maps = attention_maps(make_model(corpus), encode(corpus, TEXT))
    assert [layer for layer, _ in maps] == ["blocks.0", "blocks.1", "blocks.2"]
    for _, weights in maps:
        assert weights.shape == (8, len(TEXT), len(TEXT))
        assert torch.equal(weights, weights.tril()) and torch.allclose(weights.sum(-1), torch.ones(8, len(TEXT)))
    assert not torch.allclose(maps[0].weights, maps[1].weights), "each layer has its own"


@pytest.mark.parametrize("m, vectors", [(12, 12), (64, len(TEXT))])
def test_the_maps_of_a_perceiver_go_from_the_text_to_its_vectors_and_back(corpus, m, vectors):
    maps = attention_maps(make_model(corpus, m), encode(corpus, TEXT))
    assert [layer for layer, _ in maps] == ["down_block", "blocks.0", "up_block"]
    assert maps[0].weights.shape == (8, vectors, len(TEXT)), "vectors read the text"
    assert maps[1].weights.shape == (8, vectors, vectors)
    assert maps[2].weights.shape == (8, len(TEXT), vectors), "the text reads the vectors"


def test_looking_leaves_the_model_as_it_was(corpus):
    model = make_model(corpus).train()
    attention_maps(model, encode(corpus, TEXT))
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_the_picture_of_a_gpt_shows_every_head_when_the_answer_begins_and_every_layer_for_every_character(corpus):
    model, ids = make_model(corpus), encode(corpus, TEXT)
    *panels, scale = attention_figure(model, ids, ASKED, TEXT).axes
    maps = attention_maps(model, ids)
    assert [panel.get_ylabel() for panel in panels] == [
        *[f"blocks.{i}" for i in range(3)], *[f"blocks.{i}: saying" for i in range(3)]
    ]  # fmt: skip
    for panel, (_, weights) in zip(panels[:3], maps):
        assert torch.equal(torch.from_numpy(panel.images[0].get_array().data), weights[:, ASKED])
        assert [label.get_text() for label in panel.get_yticklabels()] == [f"head {i}" for i in range(1, 9)]
    for panel, (_, weights) in zip(panels[3:], maps):
        assert torch.allclose(torch.from_numpy(panel.images[0].get_array().data), weights.mean(0)[ASKED:])
        assert [label.get_text() for label in panel.get_yticklabels()] == [*"Turin", "end"]
    assert "".join(label.get_text() for label in panels[-1].get_xticklabels()) == TEXT.replace(" ", "␣")
    assert "'Turin'" in panels[0].get_title("left") and scale.get_ylabel() == "attention weight"


def test_the_picture_of_a_perceiver_shows_what_each_vector_reads(corpus):
    model, ids = make_model(corpus, 12), encode(corpus, TEXT)
    *panels, _ = attention_figure(model, ids, ASKED, TEXT).axes
    maps = attention_maps(model, ids)
    expected = [maps[0].weights[:, 11], maps[1].weights[:, 11], maps[2].weights[:, ASKED], maps[0].weights.mean(0)]
    assert [panel.get_ylabel() for panel in panels] == [
        "down_block\nvector 11 reads", "blocks.0\nvector 11 reads vectors", "up_block\n⁇ reads vectors",
        "down_block: vector",
    ]  # fmt: skip
    for panel, weights in zip(panels, expected):
        assert torch.allclose(torch.from_numpy(panel.images[0].get_array().data), weights)
        assert panel.get_xlim() == (-0.5, len(TEXT) - 0.5), "columns of all panels stand below each other"


def test_the_picture_of_a_perceiver_whose_vectors_stand_at_words(corpus):
    model, ids = make_model(corpus, 12), encode(corpus, TEXT)
    model.add_words(50, [corpus.stoi[char] for char in " ⁇"])
    model.stand_at_words()
    *panels, _ = attention_figure(model, ids, ASKED, TEXT).axes
    at = [0] + [i for i, char in enumerate(TEXT) if char in " ⁇"]
    asked = at.index(ASKED)  # the number of the vector that stands at the ⁇
    maps = attention_maps(model, ids)
    read = maps[0].weights.mean(0)[: len(at)]
    assert len(at) < 12 and [int(row.nonzero().max()) for row in read] == at, "each reads up to where it stands"
    expected = [maps[0].weights[:, asked], maps[1].weights[:, asked], maps[2].weights[:, ASKED], read]
    for panel, weights in zip(panels, expected):
        assert torch.allclose(torch.from_numpy(panel.images[0].get_array().data), weights)
    assert panels[0].get_ylabel() == f"down_block\nvector {asked} reads"
    assert len(panels[3].get_yticklabels()) == len(at)


def test_characters_that_the_font_lacks_are_no_reason_to_complain(tmp_path):
    corpus = CharCorruptionDataset("Where was 林 born? In 京.\n", 128)
    text = "Where was 林 born?⁇京"
    figure = attention_figure(make_model(corpus), encode(corpus, text), text.index("⁇"), text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(figure, str(tmp_path / "attention.png"))
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")


def test_layers_of_another_kind_are_left_out_of_the_picture_and_a_model_of_nothing_else_has_none(corpus):
    class Other(torch.nn.Module):
        def forward(self, *xs):
            return xs[-1]

    model, ids = make_model(corpus, 12), encode(corpus, TEXT)
    model.down_block.attn = Other()
    names = [panel.get_ylabel() for panel in attention_figure(model, ids, ASKED, TEXT).axes[:-1]]
    assert names == ["blocks.0\nvector 11 reads vectors", "up_block\n⁇ reads vectors"]
    model.up_block.attn = model.blocks[0].attn = Other()
    with pytest.raises(ValueError, match="no attention layer"):
        attention_figure(model, ids, ASKED, TEXT)
