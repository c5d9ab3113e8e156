"""Second implementations of the model, for the tests to compare with.

Two of them, written from the equations and independent of src/ and of each other: NumPy functions in float64
that read a state dict and spell attention out query by query, and `ReferenceGPT`, plain torch modules with the
contract's parameter names, so that a params file can travel in both directions.
"""
import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

TINY = dict(vocab_size=13, block_size=10, n_layer=4, n_head=4, n_embd=16, embd_pdrop=0.1, resid_pdrop=0.1,
            attn_pdrop=0.1, perceiver=False, bottleneck_dim=None)


def tiny_config(**changes):
    """A configuration small enough for loops; a plain namespace, so that attention needs no model.py."""
    return SimpleNamespace(**{**TINY, **changes})


def scramble(module, seed=0, scale=0.4):
    """Give every parameter, biases and LayerNorm gains included, a value large enough to matter; returns the module.

    At the initial N(0, 0.02) attention is nearly uniform and a wrong scale or mask hides inside a tolerance.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(parameter + (scale * noise).to(parameter.dtype))
    return module


def exact(module, seed=0):
    """The module with scrambled parameters, in float64 and in eval mode, where an oracle must agree to rounding."""
    return scramble(module, seed).double().eval()


def normal(*shape, seed=0):
    """A float64 tensor of standard normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1000 + seed), dtype=torch.float64)


# ---------------------------------------------------------------------------------------------- NumPy, float64

def arrays(module):
    """A module's state dict as float64 arrays."""
    return {name: tensor.detach().double().numpy() for name, tensor in module.state_dict().items()}


def part(state, prefix):
    """The entries of a state dict below `prefix`, with the prefix taken off."""
    return {name[len(prefix) + 1:]: value for name, value in state.items() if name.startswith(prefix + ".")}


def linear(state, x):
    return x @ state["weight"].T + state["bias"]


def layer_norm(state, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * state["weight"] + state["bias"]


def gelu(x):
    """x Φ(x) with the exact error function, not the tanh approximation."""
    return 0.5 * x * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0)))


def mlp(state, x):
    return linear(part(state, "2"), gelu(linear(part(state, "0"), x)))


def attention(state, x_kv, x_q, n_head):
    """Causal multi-head attention, one head and one query at a time; query i sees keys j <= i."""
    batch = max(len(x_kv), len(x_q))
    queries, channels = x_q.shape[1:]
    head_size = channels // n_head
    out = np.zeros((batch, queries, channels))
    for b in range(batch):
        kv, q_in = x_kv[b % len(x_kv)], x_q[b % len(x_q)]
        k, v, q = linear(part(state, "key"), kv), linear(part(state, "value"), kv), linear(part(state, "query"), q_in)
        for h in range(n_head):
            head = slice(h * head_size, (h + 1) * head_size)  # head h owns a contiguous run of channels
            for i in range(queries):
                scores = k[:i + 1, head] @ q[i, head] / math.sqrt(head_size)
                weights = np.exp(scores - scores.max())
                out[b, i, head] = (weights / weights.sum()) @ v[:i + 1, head]
    return linear(part(state, "proj"), out)


def block(state, x, n_head):
    normed = layer_norm(part(state, "ln1"), x)
    x = x + attention(part(state, "attn"), normed, normed, n_head)
    return x + mlp(part(state, "mlp"), layer_norm(part(state, "ln2"), x))


def down_project(state, x_input, n_head):
    """x = C + attn(x_input, ln1(C)); x = x + mlp(ln2(x)): the m learned rows of C ask, the sequence answers."""
    basis = state["C"]
    x = basis + attention(part(state, "attn"), x_input, layer_norm(part(state, "ln1"), basis), n_head)
    return x + mlp(part(state, "mlp"), layer_norm(part(state, "ln2"), x))


def up_project(state, y, x_input, n_head):
    """x = x_input + attn(ln1(y), x_input); x = x + mlp(ln2(x)): the sequence asks, the bottleneck answers."""
    x = x_input + attention(part(state, "attn"), layer_norm(part(state, "ln1"), y), x_input, n_head)
    return x + mlp(part(state, "mlp"), layer_norm(part(state, "ln2"), x))


def gpt_logits(state, idx, n_head):
    """The whole forward pass from a state dict; a params file with a down_block is a perceiver."""
    idx = np.asarray(idx)
    x = x_input = state["tok_emb.weight"][idx] + state["pos_emb"][0, :idx.shape[1]]
    perceiver = "down_block.C" in state
    if perceiver:
        x = down_project(part(state, "down_block"), x, n_head)
    for layer in sorted({int(name.split(".")[1]) for name in state if name.startswith("blocks.")}):
        x = block(part(state, f"blocks.{layer}"), x, n_head)
    if perceiver:
        x = up_project(part(state, "up_block"), x, x_input, n_head)
    return layer_norm(part(state, "ln_f"), x) @ state["head.weight"].T


def cross_entropy(logits, targets, ignored=0):
    """Mean of -log softmax(logits)[target] over the targets that are not `ignored`."""
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets)
    top = logits.max(-1, keepdims=True)
    log_probs = logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True))
    losses = -np.take_along_axis(log_probs, targets[..., None], -1)[..., 0]
    return losses[targets != ignored].mean()


# ------------------------------------------------------------------------------- plain torch modules, same names

class ReferenceAttention(nn.Module):
    def __init__(self, config, size):
        super().__init__()
        self.key, self.query, self.value, self.proj = (nn.Linear(config.n_embd, config.n_embd) for _ in range(4))
        self.register_buffer("mask", torch.ones(size, size).tril().view(1, 1, size, size))
        self.n_head = config.n_head

    def forward(self, x_kv, x_q):
        def heads(x):
            return x.unflatten(-1, (self.n_head, -1))  # (B, T, nh, hs)
        k, v, q = heads(self.key(x_kv)), heads(self.value(x_kv)), heads(self.query(x_q))
        k, v, q = torch.broadcast_to(k, (max(len(k), len(q)), *k.shape[1:])), v, q
        scores = torch.einsum("bqhs,bkhs->bhqk", q.expand(len(k), -1, -1, -1), k) / math.sqrt(k.shape[-1])
        hidden = self.mask[:, :, :q.shape[1], :k.shape[1]] == 0
        weights = scores.masked_fill(hidden, -math.inf).softmax(-1)
        return self.proj(torch.einsum("bhqk,bkhs->bqhs", weights, v.expand(len(k), -1, -1, -1)).flatten(2))


class ReferenceBlock(nn.Module):
    """The three blocks differ in what asks, what answers and what is normed; their parameters are the same."""

    def __init__(self, config, size, basis=False):
        super().__init__()
        width = config.n_embd
        if basis:
            self.C = nn.Parameter(torch.empty(1, config.bottleneck_dim, width).uniform_(-0.1, 0.1))
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = ReferenceAttention(config, size)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Identity())

    def finish(self, x):
        return x + self.mlp(self.ln2(x))


class ReferenceGPT(nn.Module):
    """The contract's GPT in plain modules: parameter names and buffers as in a params file, no dropout."""

    def __init__(self, config):
        super().__init__()
        size, self.perceiver = config.block_size, config.perceiver
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, size, config.n_embd))
        inner, inner_size = (config.n_layer - 2, config.bottleneck_dim) if self.perceiver else (config.n_layer, size)
        if self.perceiver:
            self.down_block = ReferenceBlock(config, size, basis=True)
        self.blocks = nn.Sequential(*[ReferenceBlock(config, inner_size) for _ in range(inner)])
        if self.perceiver:
            self.up_block = ReferenceBlock(config, size)
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx):
        x = x_input = self.tok_emb(idx) + self.pos_emb[:, :idx.shape[1]]
        if self.perceiver:
            down, up = self.down_block, self.up_block
            x = down.finish(down.C + down.attn(x_input, down.ln1(down.C)))
        for inner in self.blocks:
            normed = inner.ln1(x)
            x = inner.finish(x + inner.attn(normed, normed))
        if self.perceiver:
            x = up.finish(x_input + up.attn(up.ln1(x), x_input))
        return self.head(self.ln_f(x))
