"""Two ways to have a GPT read growing texts: all of it again for every new character, or only what is new.

RecomputingReader is the plain one and works with every model. CachingReader keeps the keys and values of what it has
read, so that a new character costs one position's work; it repeats model.GPT's forward pass for a single position.
Whoever changes the model need not change it here: where the two differ, `make_reader` takes the plain one.
"""

from typing import Dict, Optional, Tuple, Union

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from words import LONGEST, rows_of


class RecomputingReader:
    """Runs the whole model over the last block_size characters of every row."""

    def __init__(self, model: nn.Module):
        self.model = model

    def read(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Begins with `lengths[i]` ids in each row of ids (B, W): the logits of what follows each, (B, vocab_size)."""
        self.ids, self.lengths = ids, lengths
        return self._logits()

    def extend(self, tokens: Tensor) -> Tensor:
        """One more id for each row, tokens (B,): the logits of what follows."""
        self.ids = F.pad(self.ids, (0, 1)).scatter(1, self.lengths[:, None], tokens[:, None])
        self.lengths = self.lengths + 1
        return self._logits()

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only."""
        self.ids, self.lengths = self.ids[rows], self.lengths[rows]

    def _logits(self) -> Tensor:
        width = min(int(self.lengths.max()), self.model.get_block_size())
        start = (self.lengths - width).clamp(min=0)  # a row that is too long is read from here on
        window = self.ids.gather(1, start[:, None] + torch.arange(width, device=self.ids.device))
        logits, _ = self.model(window)
        # in a causal model the padding after a row changes nothing in it
        return logits[torch.arange(len(window), device=self.ids.device), self.lengths - 1 - start]


class CachingReader:
    """Keeps keys and values. A row must not outgrow the model's block_size.

    The columns of the cache are: W for the first texts, in each row its own and then padding, and one more for each
    extension. `readable` (B, columns) says which are real, so rows of any lengths go together. A Perceiver's vector
    depends only on the characters up to where it stands, and none before that reads it: vectors are cached as well.
    """

    def __init__(self, model: nn.Module, extensions: int):
        """Makes room for so many extensions."""
        self.model = model
        self.extensions = extensions
        self.caches: Dict[nn.Module, _Cache] = {}

    def read(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Begins with `lengths[i]` ids in each row of ids (B, W): the logits of what follows each, (B, vocab_size)."""
        self.ids, self.lengths = ids, lengths
        columns = torch.arange(ids.size(1), device=ids.device)
        x = self.model.embed(ids) + self.model.pos_emb[:, : ids.size(1)]
        self.readable = columns < lengths[:, None]
        last = (lengths - 1)[:, None, None].expand(-1, 1, x.size(2))
        if not self.model.perceiver:
            return self._logits(self._blocks(x, None, last))
        if self.model.basis_at_words is None:
            basis = self.model.down_block.C[:, : ids.size(1)]
            self.readable_vectors = self.readable[:, : basis.size(1)]
            y = self._blocks(self._down(x, basis, None), None)
            return self._logits(self._up(y, x.gather(1, last)))
        at, last_vector = self.model.word_ends(ids)
        y = self._blocks(self._down(x, self.model.basis_at(x, at), columns <= at[:, :, None]), None)
        last_vector = last_vector.gather(1, lengths[:, None] - 1)  # (B, 1), by the end of each row
        self.vectors, self.last_vector = last_vector[:, 0] + 1, rows_of(y, last_vector)
        self.readable_vectors = columns[: at.size(1)] <= last_vector
        self.last_x = x.gather(1, last)  # (B, 1, C)
        return self._logits(self._up(y, self.last_x + self.last_vector))

    def extend(self, tokens: Tensor) -> Tensor:
        """One more id for each row, tokens (B,): the logits of what follows."""
        position = self.lengths
        self.lengths = self.lengths + 1
        x = self._embed(tokens, position) + self.model.pos_emb[0, position][:, None]  # (B, 1, C)
        self.readable = F.pad(self.readable, (0, 1), value=True)
        if not self.model.perceiver:
            return self._logits(self._blocks(x, self.readable))
        basis = self.model.down_block.C[0]
        at_words = self.model.basis_at_words is not None
        vector = self.vectors if at_words else position  # the number of the one that would stand here
        has_vector = vector < len(basis)
        asking = basis[vector.clamp(max=len(basis) - 1)][:, None]  # (B, 1, C)
        if at_words:
            has_vector &= self.model.word_emb.separators[tokens] == 1
            asking = asking + x + self.last_x
        self.readable_vectors = torch.cat((self.readable_vectors, has_vector[:, None]), dim=1)
        y = self._blocks(self._down(x, asking, self.readable), self.readable_vectors)
        if at_words:
            self.last_x = x
            self.vectors = self.vectors + has_vector
            self.last_vector = torch.where(has_vector[:, None, None], y, self.last_vector)
            x = x + self.last_vector
        return self._logits(self._up(y, x))

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only."""
        self.ids, self.lengths, self.readable = self.ids[rows], self.lengths[rows], self.readable[rows]
        if self.model.perceiver:
            self.readable_vectors = self.readable_vectors[rows]
        if self.model.basis_at_words is not None:
            self.vectors, self.last_vector, self.last_x = (
                kept[rows] for kept in (self.vectors, self.last_vector, self.last_x)
            )
        for cache in self.caches.values():
            cache.keep(rows)

    # The five methods below are the model's forward pass; `readable`, (B, keys) or (B, queries, keys), is None where
    # the causal mask is meant.

    def _embed(self, tokens: Tensor, position: Tensor) -> Tensor:
        if self.model.word_emb is None:
            return self.model.embed(tokens[:, None])
        self.ids = F.pad(self.ids, (0, 1)).scatter(1, position[:, None], tokens[:, None])
        start = (position + 1 - LONGEST).clamp(min=0)  # no word reaches back further
        columns = torch.arange(min(LONGEST, self.ids.size(1)), device=tokens.device)
        x = self.model.embed(self.ids.gather(1, start[:, None] + columns))
        return x[torch.arange(len(x), device=x.device), position - start][:, None]

    def _blocks(self, x: Tensor, readable: Optional[Tensor], last: Optional[Tensor] = None) -> Tensor:
        for i, block in enumerate(self.model.blocks):
            h = h_q = block.ln1(x)
            if last is not None and i + 1 == len(self.model.blocks):  # nobody asks the others any more
                x, h_q, readable = x.gather(1, last), h.gather(1, last), self.readable
            x = x + self._attend(block.attn, h, h_q, readable)
            x = x + block.mlp(block.ln2(x))
        return x

    ### BEGIN STAFF
    def _down(self, x_input: Tensor, basis: Tensor, readable: Optional[Tensor]) -> Tensor:
        down = self.model.down_block
        x = basis + self._attend(down.attn, x_input, down.ln1(basis), readable)
        return x + down.mlp(down.ln2(x))

    def _up(self, y: Tensor, x_input: Tensor) -> Tensor:
        up = self.model.up_block
        x = x_input + self._attend(up.attn, up.ln1(y), x_input, self.readable_vectors)
        return x + up.mlp(up.ln2(x))

    ### END STAFF

    def _logits(self, x: Tensor) -> Tensor:
        return self.model.head(self.model.ln_f(x[:, 0]))

    def _attend(self, attn: nn.Module, x_kv: Tensor, x_q: Tensor, readable: Optional[Tensor]) -> Tensor:
        """attn.forward, with the keys and values of x_kv behind those of earlier calls."""
        q, k, v = (
            layer(x).unflatten(2, (attn.n_head, -1)).transpose(1, 2)  # (B, nh, T, hs)
            for layer, x in ((attn.query, x_q), (attn.key, x_kv), (attn.value, x_kv))
        )
        if attn not in self.caches:
            self.caches[attn] = _Cache(k, self.extensions)
        k, v = self.caches[attn].extend(k, v)
        q = q.expand(len(k), -1, -1, -1)
        if readable is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = readable[:, None] if readable.dim() == 3 else readable[:, None, None]
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return attn.proj(y.transpose(1, 2).flatten(2))


class _Cache:
    """The keys and values of one attention layer, in tensors with room for those to come."""

    def __init__(self, like: Tensor, extensions: int):
        B, n_head, columns, head_size = like.shape
        self.k, self.v = (like.new_empty(B, n_head, columns + extensions, head_size) for _ in range(2))
        self.columns = 0

    def extend(self, k: Tensor, v: Tensor) -> Tuple[Tensor, Tensor]:
        """Takes in keys and values (B, nh, T, hs); returns all of them, (B, nh, columns, hs)."""
        first, self.columns = self.columns, self.columns + k.size(2)
        self.k[:, :, first : self.columns] = k
        self.v[:, :, first : self.columns] = v
        return self.k[:, :, : self.columns], self.v[:, :, : self.columns]

    def keep(self, rows: Tensor) -> None:
        self.k, self.v = self.k[rows], self.v[rows]


def make_reader(model: nn.Module, ids: Tensor, lengths: Tensor, steps: int) -> Union[RecomputingReader, CachingReader]:
    """The reader for texts like these, ids (B, W) with `lengths` (B,), and `steps` characters more in each.

    The caching one if the texts fit the block and it says of the first two of them what the model itself says.
    """
    if int(lengths.max()) + steps <= model.get_block_size() and int(lengths.min()) > 1 and steps > 0:
        ids, lengths = ids[:2], lengths[:2]
        before, last = lengths - 1, ids.gather(1, lengths[:2, None] - 1)[:, 0]
        try:
            caching = CachingReader(model, 1)
            caching.read(ids, before)
            if torch.allclose(caching.extend(last), RecomputingReader(model).read(ids, lengths), rtol=1e-3, atol=1e-3):
                return CachingReader(model, steps)
        except (AttributeError, TypeError, RuntimeError):  # a model of other parts
            pass
    return RecomputingReader(model)
