"""words.py: a position's vector is that of the word so far, wherever the word stands, and of nothing else."""

import pytest
import torch

from model import GPT, GPTConfig
from words import LONGEST, WordEmbedding

SPACE, MASK = 3, 1
CHARS = "□⁇\n abcdefghij"


def ids(text):
    return torch.tensor([[CHARS.index(char) for char in text]])


def embedding(rows=50, n_embd=4):
    torch.manual_seed(0)
    words = WordEmbedding(rows, n_embd, len(CHARS), [0, MASK, SPACE])
    torch.nn.init.normal_(words.weight)
    return words


def by_hand(words, word):
    """The vector of one word, from the definition: a row of each table, its number a polynomial in the word's ids."""
    total = torch.zeros(words.weight.size(2))
    for table, factor in zip(words.weight, (1_000_003, 48_271)):
        letters = reversed(ids(word)[0].tolist())
        number = sum(letter * factor ** (len(word) - 1 - i) for i, letter in enumerate(letters))
        total += table[number % (2**31 - 1) % words.weight.size(1)]
    return total


@pytest.mark.parametrize("text", ["abc", "abc de⁇fa", "  a⁇⁇bc ", "⁇", "abcdefghijabcdef", "□ab", "a\nb"])
def test_every_position_has_the_vector_of_the_word_that_ends_there_and_separators_have_none(text):
    words = embedding()
    vectors = words(ids(text))[0]
    assert vectors.shape == (len(text), 4)
    for i, char in enumerate(text):
        word = text[: i + 1].replace("⁇", " ").replace("□", " ").split(" ")[-1]
        expected = by_hand(words, word) if word else torch.zeros(4)
        torch.testing.assert_close(vectors[i], expected, msg=f"position {i} of {text!r}")


def test_of_a_long_word_the_last_characters_count():
    words = embedding()
    long = "jihgfedcba" + "abcdefgh" * 3
    torch.testing.assert_close(words(ids(long))[0, -1], by_hand(words, long[-LONGEST:]))
    assert not torch.equal(by_hand(words, long[-LONGEST:]), by_hand(words, long[1 - LONGEST :]))


def test_words_that_share_a_row_of_one_table_have_vectors_of_their_own():
    words = embedding(rows=40)
    texts = sorted({a + b + c for a in "abcdefghij" for b in "abcdefghij" for c in "abcde"})
    batch = torch.cat([ids(text) for text in texts])
    rows = words.keys(batch)[:, :, -1] % 40
    assert len(rows[0].unique()) == len(rows[1].unique()) == 40, "both tables are used up"
    pairs = rows.unique(dim=1).size(1)
    assert pairs > 400, f"500 words have {pairs} of 1,600 pairs of rows"


def test_rows_start_as_zeros_and_only_those_of_words_that_were_read_are_learned():
    torch.manual_seed(0)
    words = WordEmbedding(50, 4, len(CHARS), [0, MASK, SPACE])
    assert words.weight.eq(0).all()
    words(ids("ab")).sum().backward()
    assert words.weight.grad.ne(0).any(dim=2).sum(dim=1).tolist() == [2, 2]


def model_with_words(**variant):
    torch.manual_seed(0)
    model = GPT(GPTConfig(len(CHARS), 24, n_layer=3, n_head=8, n_embd=16, **variant))
    model.add_words(50, [0, MASK, SPACE])
    torch.nn.init.normal_(model.word_emb.weight)
    return model.eval()


@pytest.mark.parametrize("variant", [{}, {"perceiver": True, "bottleneck_dim": 8}])
def test_a_model_with_words_is_read_back_from_its_params_and_stays_causal(variant):
    model = model_with_words(**variant)
    params = model.state_dict()
    again = GPT.of_params(GPTConfig.of_params(params), params).eval()
    text = ids("abc de fghij")
    assert torch.equal(model(text)[0], again(text)[0])
    changed = text.clone()
    changed[0, 7] = 8
    before, after = model(text)[0][0], model(changed)[0][0]
    torch.testing.assert_close(before[:7], after[:7])
    assert not torch.allclose(before[7:], after[7:])
    torch.nn.init.zeros_(again.word_emb.weight)
    assert not torch.allclose(model(text)[0], again(text)[0]), "what it says depends on the words' vectors"


@pytest.mark.parametrize(
    "name, tensor",
    [
        ("word_emb.weight", torch.zeros(2, 50)),
        ("word_emb.weight", torch.zeros(2, 0, 16)),
        ("word_emb.weight", torch.zeros(3, 50, 16)),
        ("word_emb.weight", torch.zeros(2, 50, 8)),
        ("word_emb.weight", torch.zeros(())),
        ("word_emb.weight", None),
        ("word_emb.separators", torch.zeros(1, 3)),
        ("word_emb.separators", None),
    ],
)
def test_params_whose_words_have_another_form_are_refused(name, tensor):
    params = dict(model_with_words().state_dict())
    params.pop(name)
    if tensor is not None:
        params[name] = tensor
    with pytest.raises(ValueError, match="word_emb"):
        GPT.of_params(GPTConfig.of_params(params), params)
