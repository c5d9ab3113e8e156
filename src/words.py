"""A vector for the word so far, beside the one of the character: no layer has to spell words out any more.

A model of characters spends its first layers on putting letters together before it can know who or what is spoken of.
Here every position is given a learned vector of what stands between the last space and itself: w, wo, wor, word.
Many words share few vectors by hashing (Svenstrup et al. 2017, "Hash Embeddings for Efficient Word Representations").
At the end: where words end, which is where the vectors of a Perceiver may stand (GPT.stand_at_words).
"""

from typing import Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LONGEST = 16  # of a longer word, the last so many characters count
PRIME = 2_147_483_647  # 2^31 - 1: products of two smaller numbers fit 64 bits
FACTORS = (1_000_003, 48_271)  # one polynomial hash for each table


class WordEmbedding(nn.Module):
    """The sum of one row of each of two tables, whose rows are zeros at first.

    Two words that share a row of one table by chance hardly ever share one of the other, so each has a sum of its own.
    The ids in `separators` stand between words and belong to none. Its parameter `weight` is (2, rows, n_embd), its
    buffer `separators` (vocab_size,) is 1 for these ids and 0 for others; both are part of a params file.
    """

    def __init__(self, rows: int, n_embd: int, vocab_size: int, separators: Sequence[int]):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(FACTORS), rows, n_embd))
        ids = torch.tensor(separators, dtype=torch.long)
        self.register_buffer("separators", torch.zeros(vocab_size).index_fill(0, ids, 1.0))

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, n_embd): at each position, of the word that ends there; zeros where a separator stands."""
        tables, rows, _ = self.weight.shape
        keys = self.keys(ids)  # (2, B, T)
        first_rows = torch.arange(tables, device=ids.device)[:, None, None] * rows
        vectors = F.embedding(keys % rows + first_rows, self.weight.flatten(0, 1)).sum(dim=0)
        return vectors.masked_fill(self.separators[ids][:, :, None] == 1, 0.0)

    def keys(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (2, B, T): for each table, the word so far as one number, a polynomial of its ids modulo PRIME."""
        inside = self.separators[ids] != 1
        keys = torch.zeros(len(FACTORS), *ids.shape, dtype=torch.long, device=ids.device)
        factors = torch.tensor(FACTORS, device=ids.device)[:, None, None]
        char, reaches = ids, inside  # the character k positions earlier, and whether the word reaches back to it
        for _ in range(LONGEST):
            keys = torch.where(reaches, (keys * factors + char) % PRIME, keys)
            char, inside = (F.pad(x, (1, 0))[:, :-1] for x in (char, inside))
            reaches = reaches & inside
        return keys


def word_ends(separates: Tensor, m: int) -> Tuple[Tensor, Tensor]:
    """Where words end, for a Perceiver of m vectors that stand there: the first m of these positions.

    separates (B, T) bool says where a separator stands: there it is known that the word before it has ended. Position 0
    counts as well, so that every position has a vector at or before it. Returns where the vectors stand, (B, m') for
    m' = min(m, T), and which is the last at or before each position, (B, T). A text of fewer words than m' leaves
    vectors over: they stand at its last position, and nothing reads them.
    """
    T = separates.size(1)
    ends = separates.clone()
    ends[:, 0] = True
    at = (~ends).long().argsort(dim=1, stable=True)[:, :m]  # the ends before the rest, each in their order
    left_over = torch.arange(at.size(1), device=ends.device) >= ends.sum(dim=1, keepdim=True)
    return at.masked_fill(left_over, T - 1), (ends.long().cumsum(dim=1) - 1).clamp(max=m - 1)


def rows_of(x: Tensor, which: Tensor) -> Tensor:
    """x (B, N, C), which (B, n) -> (B, n, C): row which[b, i] of x[b]."""
    return x.gather(1, which[:, :, None].expand(-1, -1, x.size(2)))
