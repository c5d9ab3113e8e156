"""Causal attention: the one operation through which the positions of a sequence exchange information.

CausalCrossAttention lets one sequence read another; CausalSelfAttention lets a sequence read itself.
Vaswani et al. 2017, "Attention Is All You Need", section 3.2 (scaled dot-product and multi-head attention).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dropout import Dropout


class CausalCrossAttention(nn.Module):
    """Multi-head attention of a query sequence over a key-value sequence: query i reads keys j <= i.

    Every head computes softmax(Q K^T / sqrt(C / n_head) + M) V, where M is -inf for j > i; the heads' outputs stand
    side by side and pass through `proj`. B batch, T length, C = n_embd, nh = n_head, hs = C / n_head.
    """

    def __init__(self, config):
        super().__init__()
        if config.n_embd % config.n_head != 0:
            raise ValueError(f"n_embd ({config.n_embd}) must be a multiple of n_head ({config.n_head})")
        self.n_head = config.n_head
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = Dropout(config.attn_pdrop)
        self.resid_drop = Dropout(config.resid_pdrop)
        # Which keys (columns) a query (row) may read. It is part of every params file.
        mask = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", mask.view(1, 1, config.block_size, config.block_size))
        self.block_size = config.block_size
        self.is_causal = True  # False: GPT puts another mask, (B, 1, Tq, Tk), in place of this one at every call

    def forward(self, x_kv: Tensor, x_q: Tensor) -> Tensor:
        """x_kv (Bk, Tk, C), x_q (Bq, Tq, C) -> (max(Bk, Bq), Tq, C); a batch of 1 serves every row of the other.

        Raises ValueError for a sequence longer than block_size and for batches that do not fit each other.
        """
        (Bk, Tk, C), (Bq, Tq, _) = x_kv.shape, x_q.shape
        if max(Tk, Tq) > self.block_size:
            raise ValueError(f"a sequence of length {max(Tk, Tq)} does not fit block_size {self.block_size}")
        if Bk != Bq and 1 not in (Bk, Bq):
            raise ValueError(f"keys and queries need the same batch size, or one of them 1: got {Bk} and {Bq}")
        B = max(Bk, Bq)
        q = self._split_heads(self.query(x_q)).expand(B, -1, -1, -1)  # (B, nh, Tq, hs)
        k = self._split_heads(self.key(x_kv)).expand(B, -1, -1, -1)  # (B, nh, Tk, hs)
        v = self._split_heads(self.value(x_kv)).expand(B, -1, -1, -1)  # (B, nh, Tk, hs)
        dropout = self.attn_drop.p if self.training else 0.0
        if dropout == 0.0 or x_q.device.type != "cpu":
            # the same in one fused kernel; `is_causal` means exactly the mask. No CPU kernel has dropout.
            mask = None if self.is_causal else self.mask[:, :, :Tq, :Tk] == 1
            y = F.scaled_dot_product_attention(q, k, v, mask, dropout, self.is_causal)  # (B, nh, Tq, hs)
        else:
            y = self.attn_drop(self._weights(q, k)) @ v  # (B, nh, Tq, hs)
        y = y.transpose(1, 2).reshape(B, Tq, C)
        return self.resid_drop(self.proj(y))

    def weights(self, x_kv: Tensor, x_q: Tensor) -> Tensor:
        """How much each query reads of each key: x_kv (B, Tk, C), x_q (B, Tq, C) -> (B, nh, Tq, Tk), rows sum to 1."""
        return self._weights(self._split_heads(self.query(x_q)), self._split_heads(self.key(x_kv)))

    def _weights(self, q: Tensor, k: Tensor) -> Tensor:
        """q (B, nh, Tq, hs), k (B, nh, Tk, hs) -> (B, nh, Tq, Tk)."""
        scores = (q / math.sqrt(k.size(-1))) @ k.transpose(-2, -1)
        scores.masked_fill_(self.mask[:, :, : q.size(2), : k.size(2)] == 0, float("-inf"))
        return scores.softmax(dim=-1)

    def _split_heads(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)  # (B, nh, T, hs)


class CausalSelfAttention(CausalCrossAttention):
    """Cross-attention of a sequence with itself: every position reads itself and what stands before it."""

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> (B, T, C)."""
        return super().forward(x, x)
