"""Every setting of every kind of training run, in one table.

"course" is the handout's recipe, made for a GPU. "laptop" shows the same phenomenon in minutes on two CPU cores,
on the small world in data/laptop. "best" answers far more questions about the full corpus than the handout's recipe.
Flags of run.py override single settings.
"""

from dataclasses import dataclass, replace
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to learn: a linear warm-up, then the decay, see trainer.lr_factor."""

    max_epochs: int
    batch_size: int
    learning_rate: float
    # After how many passes over the pretraining corpus the decay reaches its bottom; None: at the end of the run.
    schedule_epochs: Optional[int] = 200
    decay: str = "cosine"  # or "linear", to 0
    warmup_tokens: int = 512 * 20  # counted as block_size for every example
    muon_lr: Optional[float] = None  # learning rate of the linear layers' weights if Muon learns them, see optimizer.py
    with_corpus: bool = False  # fine-tuning: every epoch reads the corpus as well, see dataset.CorpusWithQuestions

    def at_rate(self, learning_rate: Optional[float]) -> "Recipe":
        """The recipe with another learning rate, Muon's changed in proportion; None changes nothing."""
        if learning_rate is None:
            return self
        muon_lr = self.muon_lr and self.muon_lr * learning_rate / self.learning_rate
        return replace(self, learning_rate=learning_rate, muon_lr=muon_lr)


@dataclass(frozen=True)
class Preset:
    """A model size and a recipe for each kind of run. The size of a pretrained model is read from its params file."""

    pretrain: Recipe
    finetune_scratch: Recipe
    finetune_pretrained: Recipe
    n_layer: int = 4
    n_head: int = 8  # the one size that a params file does not show, so the same in every preset
    n_embd: int = 256
    block_size: int = 128
    dropout: float = 0.1
    span_start: str = "uniform"  # where a masked span may begin, and
    length_draws: int = 1  # how much of a document is kept:
    length_rank: int = 1  # see dataset.CharCorruptionDataset
    word_rows: int = 0  # rows of each table of words.WordEmbedding; 0: the handout's model, without
    basis_at_words: bool = False  # whether a perceiver's vectors stand where words end, see GPT.stand_at_words
    perceiver: Optional[Dict[str, Any]] = None  # which of the sizes above are different for a perceiver

    def of(self, variant: str) -> "Preset":
        """The preset for this variant, "vanilla" or "perceiver"."""
        changes = self.perceiver if variant == "perceiver" and self.perceiver else {}
        return replace(self, perceiver=None, **changes)


BEST = Recipe(64, 48, learning_rate=2e-2, schedule_epochs=None, decay="linear", warmup_tokens=40_000, muon_lr=0.03)

PRESETS = {
    "course": Preset(
        pretrain=Recipe(650, 128, learning_rate=6e-3),
        finetune_scratch=Recipe(75, 256, learning_rate=6e-4),
        finetune_pretrained=Recipe(10, 256, learning_rate=6e-4),
    ),
    "laptop": Preset(
        pretrain=replace(BEST, max_epochs=80, batch_size=32),
        finetune_scratch=Recipe(40, 8, learning_rate=1e-3, schedule_epochs=None),
        finetune_pretrained=Recipe(8, 8, learning_rate=1e-4, schedule_epochs=None),
        n_layer=3,
        n_embd=128,
        dropout=0.0,
        span_start="word",
        length_draws=3,
    ),
    "best": Preset(
        pretrain=BEST,
        finetune_scratch=replace(BEST, with_corpus=True),
        finetune_pretrained=replace(BEST, with_corpus=True),
        n_layer=3,
        n_embd=128,
        dropout=0.0,
        span_start="word",
        length_draws=4,
        length_rank=2,
        word_rows=10_000,
        perceiver=dict(n_layer=5, word_rows=8_000, basis_at_words=True),
    ),
}
