"""GPT, and its Perceiver variant, which thinks about m vectors where GPT thinks about every position.

Read from top to bottom: a Block, the two blocks that narrow and widen the sequence, and the GPT made of them.
Radford et al. 2018/2019 (GPT, GPT-2: pre-layer-norm blocks); Jaegle et al. 2021 (Perceiver); CS 224N Assignment 5.
"""

from dataclasses import dataclass, replace
from typing import Dict, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from attention import CausalCrossAttention, CausalSelfAttention
from dropout import Dropout
from words import WordEmbedding, rows_of, word_ends


@dataclass
class GPTConfig:
    """The sizes of a GPT. `n_layer` counts every block, the Perceiver's two projection blocks included."""

    vocab_size: int
    block_size: int  # the longest sequence, in characters (the handout's l)
    n_layer: int = 4
    n_head: int = 8
    n_embd: int = 256  # width of the residual stream (the handout's d)
    embd_pdrop: float = 0.1
    resid_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    perceiver: bool = False
    bottleneck_dim: Optional[int] = None  # number of the Perceiver's basis vectors (the handout's m)

    def __post_init__(self):
        if min(self.vocab_size, self.block_size, self.n_embd) < 1:
            raise ValueError("vocab_size, block_size and n_embd must be at least 1")
        if self.perceiver and not (self.bottleneck_dim and 1 <= self.bottleneck_dim <= self.block_size):
            raise ValueError(
                f"a perceiver needs a bottleneck_dim from 1 to block_size {self.block_size}, got {self.bottleneck_dim}"
            )
        if self.perceiver and self.n_layer < 2:
            raise ValueError(f"a perceiver needs n_layer >= 2, its two projection blocks; got {self.n_layer}")

    @classmethod
    def of_params(cls, params: Dict[str, Tensor], **dropouts: float) -> "GPTConfig":
        """The sizes of the model with the state dict `params`, read from its shapes; n_head, which none shows, is 8.

        Raises ValueError when `params` are not those of a GPT.
        """
        try:
            vocab_size, n_embd = params["tok_emb.weight"].shape
            block_size = params["pos_emb"].size(1)
            basis = params.get("down_block.C")
            bottleneck_dim = None if basis is None else basis.size(1)
            inner_blocks = len({name.split(".")[1] for name in params if name.startswith("blocks.")})
        except (KeyError, ValueError, IndexError):
            raise ValueError("does not hold the parameters of this GPT; was it written by run.py?") from None
        return cls(
            vocab_size,
            block_size,
            n_layer=inner_blocks if basis is None else inner_blocks + 2,
            n_embd=n_embd,
            perceiver=basis is not None,
            bottleneck_dim=bottleneck_dim,
            **dropouts,
        )


def make_mlp(config: GPTConfig) -> nn.Sequential:
    """The position-wise feed-forward network: (…, C) -> (…, C) through 4C hidden units."""
    return nn.Sequential(
        nn.Linear(config.n_embd, 4 * config.n_embd),
        nn.GELU(),
        nn.Linear(4 * config.n_embd, config.n_embd),
        Dropout(config.resid_pdrop),
    )


class Block(nn.Module):
    """A pre-layer-norm transformer block: x + attn(ln1(x)), then x + mlp(ln2(x)). (B, T, C) -> (B, T, C)."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.mlp = make_mlp(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class DownProjectBlock(nn.Module):
    """Narrows a sequence of T positions to m vectors: a learned basis C reads the sequence by cross-attention.

    The parameter C (1, m, n_embd) asks the questions; it is the same for every sequence. The attention stays causal:
    vector i reads positions 0 to i (preset best differs in both, see GPT.stand_at_words). What stands at position m or
    later therefore reaches no position but its own, and m has to cover whatever the answer depends on. Assignment 5,
    part (g).
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        # [part g] DownProjectBlock.__init__. The parts of Block above under the same names, but attn is a
        # CausalCrossAttention; and the parameter C, (1, bottleneck_dim, n_embd), drawn by nn.init.xavier_uniform_.
        ### BEGIN SOLUTION
        self.C = nn.Parameter(torch.empty(1, config.bottleneck_dim, config.n_embd))
        nn.init.xavier_uniform_(self.C)
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = CausalCrossAttention(config)
        self.mlp = make_mlp(config)
        ### END SOLUTION

    def forward(self, x_input: Tensor) -> Tensor:
        """x_input (B, T, n_embd) -> (B, m, n_embd)."""
        # [part g] DownProjectBlock.forward. Like Block.forward above, but the basis self.C is the stream: C plus what
        # attention, self.attn(x_kv, x_q), says when the normed C asks and x_input, as it is, answers; then the MLP as
        # in Block. Check: pytest tests/graded -k down_project
        ### BEGIN SOLUTION
        x = self.C + self.attn(x_input, self.ln1(self.C))
        x = x + self.mlp(self.ln2(x))
        return x
        ### END SOLUTION


class UpProjectBlock(nn.Module):
    """Widens m vectors back to T positions: every position of the original sequence reads the m vectors.

    Assignment 5, part (g).
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        # [part g] UpProjectBlock.__init__. The parts of Block above under the same names, but attn is a
        # CausalCrossAttention.
        ### BEGIN SOLUTION
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = CausalCrossAttention(config)
        self.mlp = make_mlp(config)
        ### END SOLUTION

    def forward(self, y: Tensor, x_input: Tensor) -> Tensor:
        """y (B, m, n_embd), x_input (B, T, n_embd) -> (B, T, n_embd)."""
        # [part g] UpProjectBlock.forward. The stream is x_input: x_input plus what attention says when x_input, as it
        # is, asks and the normed y answers; then the MLP as in Block. Check: pytest tests/graded -k up_project
        ### BEGIN SOLUTION
        x = x_input + self.attn(self.ln1(y), x_input)
        x = x + self.mlp(self.ln2(x))
        return x
        ### END SOLUTION


class GPT(nn.Module):
    """A language model: for every position, the logits of the character that comes next.

    Vanilla: n_layer blocks. Perceiver: a DownProjectBlock, n_layer - 2 blocks over the m vectors, an UpProjectBlock.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.block_size = config.block_size
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.word_emb: Optional[WordEmbedding] = None  # beyond the handout, see add_words
        self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        self.drop = Dropout(config.embd_pdrop)
        self.perceiver = config.perceiver
        self.register_buffer("basis_at_words", None)  # beyond the handout, see stand_at_words
        if config.perceiver:
            self.down_block = DownProjectBlock(config)
            inner = replace(config, block_size=config.bottleneck_dim)
            self.blocks = nn.Sequential(*[Block(inner) for _ in range(config.n_layer - 2)])
            self.up_block = UpProjectBlock(config)
        else:
            self.blocks = nn.Sequential(*[Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(module: nn.Module) -> None:
        """Weights ~ N(0, 0.02), biases 0, layer norms the identity; pos_emb starts at 0 and C keeps its Xavier draw."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    @classmethod
    def of_params(cls, config: GPTConfig, params: Dict[str, Tensor]) -> "GPT":
        """The model of these sizes with the state dict `params`. Raises ValueError, naming a parameter that misfits."""

        def build() -> GPT:
            model = cls(config)
            if "word_emb.weight" in params:
                rows = max([1, *params["word_emb.weight"].shape[1:2]])
                model.add_words(rows, separators=[])  # which they are, the params say
                if "basis_at_words" in params and config.perceiver:
                    model.stand_at_words()
            return model

        with torch.device("meta"):  # the shapes alone: a wrong file must not cost memory
            expected = build().state_dict()
        for name in sorted(expected.keys() | params.keys()):
            if name not in params or name not in expected or params[name].shape != expected[name].shape:
                raise ValueError(f"does not fit this model, look at {name!r}; was it written by this program?")
        model = build()
        masks = {name: mask for name, mask in model.named_buffers() if name.endswith(".mask")}  # whatever a file says
        model.load_state_dict({**params, **masks})
        return model

    def get_block_size(self) -> int:
        """The longest sequence the model reads, in characters."""
        return self.block_size

    def add_words(self, rows: int, separators: Sequence[int]) -> None:
        """Has every position know the word so far, see words.py; `separators` are the ids that stand between words."""
        self.word_emb = WordEmbedding(rows, self.tok_emb.embedding_dim, self.tok_emb.num_embeddings, separators)

    def stand_at_words(self) -> None:
        """Beyond the handout: the Perceiver's vectors stand where words end, see words.word_ends, all over the text.

        A vector reads what stands at its position or before, and a position reads the vectors that stand there or
        before, so the model is as causal as with vector i at position i. Of a text with at most m such places nothing
        stays unread; what stands behind the m-th reaches nothing but its own word. What asks depends on the text: a
        vector asks with its row of C plus the separator where it stands plus the letter before, the last of the word;
        a position asks together with the vector that stands last. Raises ValueError for a model without a basis or
        without words.
        """
        if not self.perceiver or self.word_emb is None:
            raise ValueError("only a perceiver that knows words has a basis that can stand at them")
        self.down_block.attn.is_causal = self.up_block.attn.is_causal = False
        self.register_buffer("basis_at_words", torch.ones(()))  # so that a params file says it

    def word_ends(self, idx: Tensor) -> Tuple[Tensor, Tensor]:
        """idx (B, T) of ids -> where the vectors stand, (B, m'), and the last one at or before a position, (B, T)."""
        return word_ends(self.word_emb.separators[idx] == 1, self.down_block.C.size(1))

    def basis_at(self, x: Tensor, at: Tensor) -> Tensor:
        """What vectors ask that stand at positions `at` (B, m') of the embedded text x (B, T, C): (B, m', C)."""
        return self.down_block.C[:, : at.size(1)] + rows_of(x, at) + rows_of(x, (at - 1).clamp(min=0))

    def _read_at_words(self, idx: Tensor, x: Tensor) -> Tensor:
        """What the three parts of the Perceiver make of the embedded text x (B, T, C) if its basis stands at words."""
        at, last = self.word_ends(idx)  # (B, m'), (B, T)
        positions, vectors = torch.arange(x.size(1), device=x.device), torch.arange(at.size(1), device=x.device)
        asks = self.basis_at(x, at)
        mask = (positions <= at[:, :, None])[:, None]  # (B, 1, m', T)
        y = self.blocks(functional_call(self.down_block, {"C": asks, "attn.mask": mask}, x))  # (B, m', C)
        mask = (vectors <= last[:, :, None])[:, None]  # (B, 1, T, m')
        return functional_call(self.up_block, {"attn.mask": mask}, (y, x + rows_of(y, last)))

    def embed(self, idx: Tensor) -> Tensor:
        """idx (B, T) of ids -> (B, T, C): what is known of each character before positions and attention add to it."""
        characters = self.tok_emb(idx)
        return characters if self.word_emb is None else characters + self.word_emb(idx)

    def forward(self, idx: Tensor, targets: Optional[Tensor] = None) -> Tuple[Tensor, Optional[Tensor]]:
        """idx (B, T) of ids -> logits (B, T, vocab_size), and with targets (B, T) the mean cross-entropy, else None.

        A target of 0, the padding, counts for nothing. Raises ValueError when T exceeds block_size.
        """
        T = idx.size(1)
        if T > self.block_size:
            raise ValueError(f"a sequence of length {T} does not fit the model's block_size {self.block_size}")
        x = self.drop(self.embed(idx) + self.pos_emb[:, :T])  # (B, T, C)
        if self.basis_at_words is not None:
            x = self._read_at_words(idx, x)  # (B, T, C)
        elif self.perceiver:
            # Nobody reads the vectors behind position T, so the block is called as if its basis ended there.
            y = self.blocks(functional_call(self.down_block, {"C": self.down_block.C[:, :T]}, x))  # (B, min(m, T), C)
            x = self.up_block(y, x)  # (B, T, C)
        else:
            x = self.blocks(x)  # (B, T, C)
        logits = self.head(self.ln_f(x))  # (B, T, vocab_size)
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)
        return logits, loss
