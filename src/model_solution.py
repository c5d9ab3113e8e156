"""A GPT-2 style transformer from scratch: Assignment 3 (Winter 2026), part 3, read beside the handout's equations.

From the small to the large: GELU and MLP, CausalAttention, the DecoderBlock of both, the Transformer of many blocks.
Vaswani et al. 2017 (attention); Radford et al. 2019 (GPT-2: layer norms before the sublayers, learned positions).
"""

import math
from dataclasses import dataclass
from typing import List, Optional, Tuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from utils import state_dict_converter


@dataclass
class ModelConfig:
    """The sizes of a Transformer. Raises ValueError for sizes that make none."""

    d_model: int  # width of the residual stream
    n_heads: int  # attention heads, each d_model / n_heads wide
    n_layers: int
    context_length: int  # the longest sequence the model reads, in tokens
    vocab_size: int

    def __post_init__(self):
        for name, size in vars(self).items():
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a whole number from 1 up, got {size!r}")
        if self.d_model % self.n_heads != 0:
            raise ValueError(f"d_model ({self.d_model}) must be a multiple of n_heads ({self.n_heads})")


class GELU(nn.Module):
    """x times the probability that a standard normal number is below x, by the tanh approximation GPT-2 uses.

    Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".
    """

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class MLP(nn.Module):
    """The position-wise feed-forward network: fc2(gelu(fc1(x))), with 4 d_model hidden units. Sub-problem 3(a)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.fc1 = nn.Linear(config.d_model, 4 * config.d_model)
        self.gelu = GELU()
        self.fc2 = nn.Linear(4 * config.d_model, config.d_model)

    def forward(self, x: Float[Tensor, "batch time d_model"]) -> Float[Tensor, "batch time d_model"]:
        # [part 3(a)] MLP.forward, 1 point. From d_model up to 4 d_model units, GELU, and down to d_model again, at
        # every position by itself. The layers are made above. Check: pytest tests/graded -k test_mlp
        ### BEGIN SOLUTION
        return self.fc2(self.gelu(self.fc1(x)))
        ### END SOLUTION


class KeyValueCache:
    """The keys and values that one attention layer has computed so far, so that it need not compute them again."""

    def __init__(self):
        self.keys_values: Optional[Tuple[Tensor, Tensor]] = None

    def extend(
        self, k: Float[Tensor, "batch head new d_head"], v: Float[Tensor, "batch head new d_head"]
    ) -> Tuple[Float[Tensor, "batch head all d_head"], Float[Tensor, "batch head all d_head"]]:
        """Takes in the keys and values of the positions that come next; returns those of all positions."""
        if self.keys_values is not None:
            k, v = torch.cat((self.keys_values[0], k), dim=2), torch.cat((self.keys_values[1], v), dim=2)
        self.keys_values = (k, v)
        return k, v


class CausalAttention(nn.Module):
    """Multi-head attention in which position i reads the positions j <= i. Sub-problem 3(a).

    Every head computes softmax(Q K^T / sqrt(d_head) + M) V with M = -inf where j > i; the heads' outputs, side by
    side, pass through W_o.
    """

    causal_mask: Bool[Tensor, "context context"]

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.n_heads = config.n_heads
        self.W_k = nn.Linear(config.d_model, config.d_model)
        self.W_q = nn.Linear(config.d_model, config.d_model)
        self.W_v = nn.Linear(config.d_model, config.d_model)
        self.W_o = nn.Linear(config.d_model, config.d_model)
        # True where a query (row) may read a key (column)
        mask = torch.ones(config.context_length, config.context_length, dtype=torch.bool).tril()
        self.register_buffer("causal_mask", mask, persistent=False)

    def forward(
        self, x: Float[Tensor, "batch time d_model"], cache: Optional[KeyValueCache] = None
    ) -> Float[Tensor, "batch time d_model"]:
        """With a `cache`, x holds only the positions that follow those the cache has seen."""
        # [part 3(a)] CausalAttention.forward, 6 points. Make queries, keys and values of x and cut their features into
        # heads: (batch, time, d_model) -> (batch, head, time, d_head), where head h owns neighbouring features. Then
        #     scores = Q K^T / sqrt(d_head), (batch, head, queries, keys), -inf where causal_mask forbids the key
        #     y = softmax(scores over the keys) V, (batch, head, queries, d_head)
        # and W_o reads the heads side by side. causal_mask is (context_length, context_length), x may be shorter.
        # `cache` is for a fast generate alone: leave it aside at first. Check: pytest tests/graded -k test_attention
        ### BEGIN SOLUTION
        q, k, v = (
            rearrange(W(x), "batch time (head d_head) -> batch head time d_head", head=self.n_heads)
            for W in (self.W_q, self.W_k, self.W_v)
        )
        if cache is not None:
            k, v = cache.extend(k, v)
        queries, keys = q.size(2), k.size(2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (batch, head, queries, keys)
        scores = scores.masked_fill(~self.causal_mask[keys - queries : keys, :keys], float("-inf"))
        y = scores.softmax(dim=-1) @ v  # (batch, head, queries, d_head)
        return self.W_o(rearrange(y, "batch head time d_head -> batch time (head d_head)"))
        ### END SOLUTION


class DecoderBlock(nn.Module):
    """A pre-layer-norm block: x + attention(norm(x)), then x + mlp(norm(x)). Sub-problem 3(a)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.mlp = MLP(config)
        self.attention = CausalAttention(config)
        self.pre_layer_norm = nn.LayerNorm(config.d_model)  # what attention reads
        self.post_layer_norm = nn.LayerNorm(config.d_model)  # what the MLP reads, after attention

    def forward(
        self, x: Float[Tensor, "batch time d_model"], cache: Optional[KeyValueCache] = None
    ) -> Float[Tensor, "batch time d_model"]:
        # [part 3(a)] DecoderBlock.forward, 2 points. First attention, then the MLP: each reads a layer norm of the
        # stream, and what it says is added to the stream as it was before that norm.
        # Check: pytest tests/graded -k decoder
        ### BEGIN SOLUTION
        x = x + self.attention(self.pre_layer_norm(x), cache)
        x = x + self.mlp(self.post_layer_norm(x))
        return x
        ### END SOLUTION


class Transformer(nn.Module):
    """A language model over token ids 0 to vocab_size - 1: which token comes next, at every position."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embeddings = nn.Embedding(config.context_length, config.d_model)
        self.backbone = nn.ModuleList([DecoderBlock(config) for _ in range(config.n_layers)])
        self.final_layer_norm = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(module: nn.Module) -> None:
        """GPT-2's initialisation: weights ~ N(0, 0.02), biases 0; layer norms start as the identity."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    @classmethod
    def from_pretrained(cls, name: str = "gpt2") -> "Transformer":
        """GPT-2 with the weights of Hugging Face's hub: gpt2, gpt2-medium, ..., or a folder holding such a model.

        Raises ImportError, saying what to install, where the optional package transformers is missing, ValueError
        for a model that computes something else than this one.
        """
        try:
            from transformers import GPT2LMHeadModel
        except ImportError:
            raise ImportError("from_pretrained needs the package transformers: pip install transformers") from None
        source = GPT2LMHeadModel.from_pretrained(name)
        sizes = source.config
        ours = {
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
        }
        for setting, value in ours.items():
            if getattr(sizes, setting) != value:
                raise ValueError(f"{name}: has {setting} {getattr(sizes, setting)}, this transformer has {value}")
        model = cls(ModelConfig(sizes.n_embd, sizes.n_head, sizes.n_layer, sizes.n_positions, sizes.vocab_size))
        model.load_state_dict(state_dict_converter(source.state_dict()))
        return model

    def forward(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Token ids -> logits; those at position t are about the token at t + 1. Sub-problem 3(a).

        Raises ValueError unless x is a batch of at most context_length ids of the vocabulary.
        """
        self._check_ids(x)
        if x.size(1) > self.config.context_length:
            raise ValueError(f"{x.size(1)} tokens do not fit context_length {self.config.context_length}")
        # [part 3(a)] Transformer.forward, 6 points. The embedding of every token plus that of its position (0 for the
        # first), through the blocks of the backbone one after the other, the final layer norm and lm_head. Logits, no
        # softmax; positions live on x's device. Check: pytest tests/graded -k test_forward
        ### BEGIN SOLUTION
        return self.lm_head(self._hidden(x))
        ### END SOLUTION

    ### BEGIN STAFF
    def _hidden(
        self, x: Int[Tensor, "batch time"], start: int = 0, caches: Optional[List[KeyValueCache]] = None
    ) -> Float[Tensor, "batch time d_model"]:
        """What lm_head reads, for the tokens at positions `start`, `start` + 1, ...; `caches` know those before."""
        positions = torch.arange(start, start + x.size(1), device=x.device)
        h = self.embeddings(x) + self.position_embeddings(positions)
        for i, block in enumerate(self.backbone):
            h = block(h, None if caches is None else caches[i])
        return self.final_layer_norm(h)

    ### END STAFF

    @torch.no_grad()
    def generate(self, x: Int[Tensor, "batch time"], num_new_tokens: int) -> Int[Tensor, "batch longer"]:
        """x continued by `num_new_tokens` tokens, every time the most probable one (greedy). Sub-problem 3(a).

        Once the sequence is longer than context_length the model reads its last context_length tokens, at positions
        0, 1, ...
        Raises ValueError for ids that are none, an empty sequence, and a negative or broken `num_new_tokens`.
        """
        self._check_ids(x)
        if not isinstance(num_new_tokens, int) or num_new_tokens < 0:
            raise ValueError(f"num_new_tokens must be a whole number from 0 up, got {num_new_tokens!r}")
        # [part 3(a)] Transformer.generate, 5 points. Again and again: the logits of the last context_length tokens, the
        # most probable token at the last position, and x one token longer. x keeps its dtype. A forward pass for each
        # token is right; to have it faster, keep keys and values (KeyValueCache).
        # Check: pytest tests/graded -k test_generate
        ### BEGIN SOLUTION
        # Keys and values are kept, so a new token costs one position's work. Past context_length every token has a
        # new position, nothing kept is true any more, and each new token costs a whole forward pass.
        known = 0  # the caches know the sequence's first `known` tokens, at their present positions
        caches = [KeyValueCache() for _ in self.backbone]
        for _ in range(num_new_tokens):
            window = x[:, -self.config.context_length :]
            if x.size(1) > self.config.context_length:
                known, caches = 0, [KeyValueCache() for _ in self.backbone]
            h = self._hidden(window[:, known:], known, caches)
            following = self.lm_head(h[:, -1:]).argmax(dim=-1)  # (batch, 1)
            known = window.size(1)
            x = torch.cat((x, following.to(x.dtype)), dim=1)
        return x
        ### END SOLUTION

    def get_loss_on_batch(self, input_ids: Int[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """The mean cross-entropy, in nats, of every token given those before it. Sub-problem 3(b).

        Raises ValueError for sequences of fewer than two tokens: they hold nothing to predict.
        """
        self._check_ids(input_ids)
        if input_ids.size(1) < 2:
            raise ValueError("the loss needs sequences of at least two tokens: the first one is not predicted")
        if input_ids.size(1) > self.config.context_length + 1:
            raise ValueError(
                f"{input_ids.size(1)} tokens do not fit: context_length {self.config.context_length} and one to predict"
            )
        # [part 3(b)] Transformer.get_loss_on_batch, 7 points. The logits at position t predict the token at t + 1, so
        # the last token is only predicted and the first only read. The mean over all predicted tokens of all rows
        # (F.cross_entropy). Check: pytest tests/graded -k test_loss_on_batch
        ### BEGIN SOLUTION
        logits = self(input_ids[:, :-1])
        return F.cross_entropy(rearrange(logits, "b t vocab -> (b t) vocab"), input_ids[:, 1:].flatten().long())
        ### END SOLUTION

    def _check_ids(self, x: Tensor) -> None:
        """Raises ValueError unless x is a (batch, time) tensor of token ids with something in it."""
        if not isinstance(x, Tensor) or x.dtype not in (torch.int32, torch.int64):
            raise ValueError(
                f"token ids must be a tensor of int32 or int64, got {getattr(x, 'dtype', type(x).__name__)}"
            )
        if x.dim() != 2 or x.numel() == 0:
            raise ValueError(f"token ids must have the shape (batch, time), both at least 1, got {tuple(x.shape)}")
        low, high = int(x.min()), int(x.max())
        if low < 0 or high >= self.config.vocab_size:
            raise ValueError(f"token ids must be 0 to {self.config.vocab_size - 1}, got {low if low < 0 else high}")
