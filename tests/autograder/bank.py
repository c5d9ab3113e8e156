"""Submissions of which it is known what they deserve: each is a small edit of a right one. See proof.py.

MISTAKES lose points in their part and nowhere else, with a message that points at them; RIGHT ones are unusual and get
full points; HOSTILE ones get what their honest rest is worth and do no harm. A right submission is the student version
of this repository with FILLS in the places of its `# YOUR CODE HERE`.
"""

import io
import os
import pickle
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Optional, Set, Tuple

import numpy as np
import torch
from submission import PREDICTIONS
from world import HERE, ROOT, WORLD, write_model

# ----------------------------------------------------------------------------------------------------------------------
# A right submission, as a student writes it: what stands in the place of each "# YOUR CODE HERE"

FILLS = {
    "[part 3(a)] MLP.forward": """\
return self.fc2(self.gelu(self.fc1(x)))""",
    "[part 3(a)] CausalAttention.forward": """\
B, T, C = x.shape
d_head = C // self.n_heads
q = self.W_q(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
k = self.W_k(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
v = self.W_v(x).view(B, T, self.n_heads, d_head).transpose(1, 2)
scores = q @ k.transpose(-2, -1) / math.sqrt(d_head)
scores = scores.masked_fill(~self.causal_mask[:T, :T], float("-inf"))
y = scores.softmax(dim=-1) @ v
y = y.transpose(1, 2).reshape(B, T, C)
return self.W_o(y)""",
    "[part 3(a)] DecoderBlock.forward": """\
x = x + self.attention(self.pre_layer_norm(x))
x = x + self.mlp(self.post_layer_norm(x))
return x""",
    "[part 3(a)] Transformer.forward": """\
positions = torch.arange(x.size(1), device=x.device)
h = self.embeddings(x) + self.position_embeddings(positions)
for block in self.backbone:
    h = block(h)
return self.lm_head(self.final_layer_norm(h))""",
    "[part 3(a)] Transformer.generate": """\
for _ in range(num_new_tokens):
    logits = self(x[:, -self.config.context_length :])
    token = logits[:, -1].argmax(dim=-1, keepdim=True)
    x = torch.cat((x, token), dim=1)
return x""",
    "[part 3(b)] Transformer.get_loss_on_batch": """\
logits = self(input_ids[:, :-1])
return F.cross_entropy(logits.flatten(0, 1), input_ids[:, 1:].flatten())""",
    "[part c] Make the model": """\
config = GPTConfig(
    vocab_size,
    preset.block_size,
    n_layer=preset.n_layer,
    n_head=preset.n_head,
    n_embd=preset.n_embd,
    embd_pdrop=preset.dropout,
    resid_pdrop=preset.dropout,
    attn_pdrop=preset.dropout,
    perceiver=perceiver,
    bottleneck_dim=args.bottleneck_dim or 32 if perceiver else None,
)
return GPT(config)""",
    "[part f] Pretrain": """\
model = new_model(args, corpus.vocab_size)
recipe = PRESETS[args.preset].pretrain.at_rate(args.pretrain_lr)
train(args, model, corpus, corpus, recipe, {})""",
    "[part c] [part f] Fine-tune": """\
if args.reading_params_path is None:
    model = new_model(args, corpus.vocab_size)
    recipe = PRESETS[args.preset].finetune_scratch
else:
    model = load_model(args, corpus.vocab_size)
    recipe = PRESETS[args.preset].finetune_pretrained
recipe = recipe.at_rate(args.finetune_lr)
train(args, model, questions, corpus, recipe, identity_of(text, model))""",
    "[part d] The London baseline": """\
predictions = ["London"] * len(questions)
total, correct = evaluate_places(eval_corpus_path, predictions)""",
    "[part e] Span corruption": """\
import random

document = self.data[idx]
length = random.randint(4, int(self.block_size * 7 / 8))
document = document[:length]
masked_length = min(len(document), max(1, random.randint(0, len(document) // 2)))
start = random.randint(0, len(document) - masked_length)
prefix = document[:start]
masked = document[start : start + masked_length]
suffix = document[start + masked_length :]
s = prefix + self.MASK_CHAR + suffix + self.MASK_CHAR + masked
s = s + self.PAD_CHAR * (self.block_size + 1 - len(s))
x = torch.tensor([self.stoi[c] for c in s[:-1]], dtype=torch.long)
y = torch.tensor([self.stoi[c] for c in s[1:]], dtype=torch.long)
return x, y""",
    "[part g] DownProjectBlock.__init__": """\
self.C = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, config.bottleneck_dim, config.n_embd)))
self.ln1 = nn.LayerNorm(config.n_embd)
self.ln2 = nn.LayerNorm(config.n_embd)
self.attn = CausalCrossAttention(config)
self.mlp = make_mlp(config)""",
    "[part g] DownProjectBlock.forward": """\
x = self.C + self.attn(x_input, self.ln1(self.C))
x = x + self.mlp(self.ln2(x))
return x""",
    "[part g] UpProjectBlock.__init__": """\
self.ln1 = nn.LayerNorm(config.n_embd)
self.ln2 = nn.LayerNorm(config.n_embd)
self.attn = CausalCrossAttention(config)
self.mlp = make_mlp(config)""",
    "[part g] UpProjectBlock.forward": """\
x = x_input + self.attn(self.ln1(y), x_input)
x = x + self.mlp(self.ln2(x))
return x""",
}

(
    MLP,
    ATTENTION,
    BLOCK,
    FORWARD,
    GENERATE,
    LOSS,
    MODEL,
    PRETRAIN,
    FINETUNE,
    LONDON,
    SPAN,
    DOWN_INIT,
    DOWN,
    UP_INIT,
    UP,
) = FILLS


@dataclass
class Entry:
    """A submission: what is edited in a right one, and what it deserves."""

    name: str
    assignment: int
    edits: List[Tuple[str, str, str]] = field(default_factory=list)  # (a part of FILLS or a file of src/, old, new)
    parts: Set[str] = field(default_factory=set)  # where it loses points
    says: str = ""  # a pattern that what is said of the lost points matches
    lost: Optional[int] = None  # how many points, where that is known exactly
    change: Optional[Callable[[Path], None]] = None  # what else is done to the folder that is zipped
    rezip: Optional[Callable[[Path], None]] = None  # or to the zip
    refused: str = ""  # a pattern of the line that refuses it
    flagged: str = ""  # a pattern of what staff are told


# ----------------------------------------------------------------------------------------------------------------------
# Plausible mistakes


def wrong(name: str, part: str, fill: str, old: str, new: str, says: str, **more) -> Entry:
    """An entry with one edit of FILLS."""
    return Entry(name, 3 if part.startswith("3") else 5, [(fill, old, new)], {part}, says, **more)


def copy(source: str, target: str) -> Callable[[Path], None]:
    """Puts one file in the place of another."""
    return lambda folder: shutil.copyfile(folder / source, folder / target) and None


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def rewrite(name: str, change: Callable[[List[str]], List[str]]) -> Callable[[Path], None]:
    """Changes the lines of a file."""

    def apply(folder: Path) -> None:
        lines = (folder / name).read_text(encoding="utf-8").split("\n")
        (folder / name).write_text("\n".join(change(lines[:-1])) + "\n", encoding="utf-8")

    return apply


def whole_model(folder: Path) -> None:
    """torch.save(model) instead of its state_dict."""
    torch.save(torch.nn.Linear(2, 2), folder / "vanilla.finetune.params")


def in_a_dictionary(folder: Path) -> None:
    """A checkpoint with the state dict inside."""
    path = folder / "perceiver.finetune.params"
    torch.save({"model": torch.load(path, weights_only=True), "step": torch.tensor(3)}, path)


def untrained(variant: str) -> Callable[[Path], None]:
    """Params that know nothing, with the predictions they make."""
    return lambda folder: write_model(
        WORLD, folder, variant, f"{variant}.pretrain", f"{variant}.finetune.params", steps=0
    )


def the_solution(folder: Path) -> None:
    """This repository's own code: cached keys and values, batches in array operations."""
    for path in (folder / "src").glob("*.py"):
        shutil.copyfile(ROOT / "src" / path.name, path)


def the_solution_without_mask(folder: Path) -> None:
    """This repository's own code, whose generate keeps keys and values, with a mistake in attention."""
    the_solution(folder)
    path, masked = folder / "src/model_solution.py", "        scores = scores.masked_fill("
    text = path.read_text(encoding="utf-8")
    assert text.count(masked) == 1
    path.write_text(text.replace(masked, "        scores.masked_fill("), encoding="utf-8")


MISTAKES = [
    # Assignment 3
    wrong("MLP without its nonlinearity", "3(a)", MLP, "self.gelu(self.fc1(x))", "self.fc1(x)", r"GELU once", lost=1),
    wrong("ReLU instead of GELU", "3(a)", MLP, "self.gelu(", "F.relu(", r"GELU once", lost=1),
    wrong("scores not scaled", "3(a)", ATTENTION, " / math.sqrt(d_head)", "", r"sqrt\(d_head\)", lost=6),
    wrong(
        "no mask",
        "3(a)",
        ATTENTION,
        "~self.causal_mask[:T, :T]",
        "self.causal_mask[:T, :T] & False",
        r"reads later ones",
        lost=6,
    ),
    Entry(
        "no mask, and a generate that keeps keys and values",
        3,
        parts={"3(a)"},
        says=r"reads later ones",
        lost=6,
        change=the_solution_without_mask,
    ),
    wrong(
        "mask inverted",
        "3(a)",
        ATTENTION,
        "~self.causal_mask",
        "self.causal_mask",
        r"later ones|may read no key",
        lost=6,
    ),
    wrong("softmax over the queries", "3(a)", ATTENTION, "softmax(dim=-1)", "softmax(dim=-2)", r"softmax", lost=6),
    wrong(
        "heads cut out across positions",
        "3(a)",
        ATTENTION,
        "self.W_v(x).view(B, T, self.n_heads, d_head).transpose(1, 2)",
        "self.W_v(x).view(B, self.n_heads, T, d_head)",
        r"heads",
        lost=6,
    ),
    wrong("no output projection", "3(a)", ATTENTION, "return self.W_o(y)", "return y", r"W_o", lost=6),
    wrong(
        "norms after the sublayers",
        "3(a)",
        BLOCK,
        "x + self.attention(self.pre_layer_norm(x))",
        "self.pre_layer_norm(x + self.attention(x))",
        r"own layer norm",
        lost=2,
    ),
    wrong("no residual around the MLP", "3(a)", BLOCK, "x + self.mlp", "self.mlp", r"added to the stream", lost=2),
    wrong(
        "no position embeddings", "3(a)", FORWARD, " + self.position_embeddings(positions)", "", r"its position", lost=6
    ),
    wrong("no final layer norm", "3(a)", FORWARD, "self.final_layer_norm(h)", "h", r"goes through", lost=6),
    wrong(
        "probabilities instead of logits",
        "3(a)",
        FORWARD,
        "self.lm_head(self.final_layer_norm(h))",
        "self.lm_head(self.final_layer_norm(h)).softmax(-1)",
        r"no softmax",
        lost=6,
    ),
    wrong(
        "generate reads the first tokens",
        "3(a)",
        GENERATE,
        "-self.config.context_length :",
        ": self.config.context_length",
        r"last context_length tokens",
        lost=5,
    ),
    wrong(
        "generate reads more than the context",
        "3(a)",
        GENERATE,
        "x[:, -self.config.context_length :]",
        "x",
        r"context_length",
        lost=5,
    ),
    wrong(
        "generate samples",
        "3(a)",
        GENERATE,
        "logits[:, -1].argmax(dim=-1, keepdim=True)",
        "torch.multinomial(logits[:, -1].softmax(-1), 1)",
        r"most probable|token \d+ is wrong",
        lost=5,
    ),
    wrong(
        "the loss of predicting the same token",
        "3(b)",
        LOSS,
        "input_ids[:, 1:]",
        "input_ids[:, :-1]",
        r"token at t \+ 1",
        lost=7,
    ),
    wrong("the sum instead of the mean", "3(b)", LOSS, "flatten())", 'flatten(), reduction="sum")', r"mean", lost=7),
    Entry(
        "train.py without the optimizer's step",
        3,
        [("train.py", "            optimizer.step()\n", "            pass\n")],
        {"3(b)"},
        r"optimizer's step",
        lost=3,
    ),
    # Assignment 5, 2(d)
    wrong("london in small letters", "2(d)", LONDON, '"London"', '"london"', r"London is right for", lost=1),
    wrong(
        "fresh models are not fine-tuned",
        "2(d)",
        FINETUNE,
        "    recipe = PRESETS[args.preset].finetune_scratch",
        "    recipe = replace(PRESETS[args.preset].finetune_scratch, learning_rate=1e-9)",
        r"known by heart",
        lost=1,
    ),
    wrong(
        "the bottleneck's size ignored",
        "2(d)",
        MODEL,
        "args.bottleneck_dim or 32",
        "32",
        r"look at bottleneck_dim=",
        lost=1,
    ),
    wrong("the model's width forgotten", "2(d)", MODEL, "n_embd=preset.n_embd,", "", r"sizes are the preset's", lost=1),
    Entry(
        "vanilla.model.params forgotten",
        5,
        parts={"2(d)"},
        says=r"vanilla\.model\.params is missing",
        lost=2,
        change=remove("vanilla.model.params"),
    ),
    Entry(
        "one prediction too few",
        5,
        parts={"2(d)"},
        says=r"one predicted place a line",
        lost=2,
        change=rewrite("vanilla.nopretrain.test.predictions", lambda lines: lines[:-1]),
    ),
    # 2(e)
    wrong(
        "never truncated below the longest",
        "2(e)",
        SPAN,
        "random.randint(4, int(self.block_size * 7 / 8))",
        "int(self.block_size * 7 / 8)",
        r"every length from 4",
        lost=2,
    ),
    wrong(
        "the longest length never",
        "2(e)",
        SPAN,
        "int(self.block_size * 7 / 8))",
        "int(self.block_size * 7 / 8) - 1)",
        r"these never did",
        lost=2,
    ),
    wrong("no second ⁇", "2(e)", SPAN, "suffix + self.MASK_CHAR + masked", "suffix + masked", r"two ⁇ are expected"),
    wrong(
        "masked content before the suffix",
        "2(e)",
        SPAN,
        "suffix + self.MASK_CHAR + masked",
        "masked + self.MASK_CHAR + suffix",
        r"prefix \+ masked content \+ suffix",
    ),
    wrong(
        "always a quarter",
        "2(e)",
        SPAN,
        "max(1, random.randint(0, len(document) // 2))",
        "max(1, len(document) // 4)",
        r"should be random",
        lost=2,
    ),
    wrong(
        "half masked on average",
        "2(e)",
        SPAN,
        "len(document) // 2))",
        "len(document)))",
        r"on average a quarter",
        lost=2,
    ),
    wrong(
        "the end is always masked",
        "2(e)",
        SPAN,
        "random.randint(0, len(document) - masked_length)",
        "len(document) - masked_length",
        r"where the masked content stands",
        lost=2,
    ),
    wrong(
        "the same corruption every time",
        "2(e)",
        SPAN,
        "document = self.data[idx]\n",
        "document = self.data[idx]\nrandom.seed(idx)\n",
        r"every call should corrupt the document anew|these never did",
    ),
    wrong("y not moved", "2(e)", SPAN, "for c in s[1:]", "for c in s[:-1]", r"y is x moved by one"),
    wrong(
        "short documents crash",
        "2(e)",
        SPAN,
        "length = random.randint(4, int(self.block_size * 7 / 8))",
        "length = random.randint(4, min(len(document), int(self.block_size * 7 / 8)))",
        r"dataset\.py, line \d+",
        lost=1,
    ),
    wrong(
        "the suffix begins too early",
        "2(e)",
        SPAN,
        "document[start + masked_length :]",
        "document[start:]",
        r"block_size \+ 1 characters",
    ),
    # 2(f)
    wrong(
        "the params to read are ignored",
        "2(f)",
        FINETUNE,
        "model = load_model(args, corpus.vocab_size)",
        "model = new_model(args, corpus.vocab_size)",
        r"should begin with these",
        lost=1,
    ),
    wrong(
        "fine-tuning learns the corpus",
        "2(f)",
        FINETUNE,
        "    recipe = PRESETS[args.preset].finetune_pretrained",
        "    recipe = PRESETS[args.preset].finetune_pretrained\n    questions = corpus",
        r"trained on the questions",
        lost=1,
    ),
    wrong(
        "pretrained params written before training",
        "2(f)",
        PRETRAIN,
        "train(args, model, corpus, corpus, recipe, {})",
        "torch.save(model.state_dict(), args.writing_params_path)",
        r"is a new model trained on the corpus",
        lost=1,
    ),
    Entry(
        "the pretrained model was never trained",
        5,
        parts={"2(f)"},
        says=r"at least 10% is asked for",
        lost=8,
        change=untrained("vanilla"),
    ),
    Entry("the whole model saved", 5, parts={"2(f)"}, says=r"holding objects", lost=8, change=whole_model),
    Entry(
        "predictions of an earlier model",
        5,
        parts={"2(f)"},
        says=r"evaluate again with these params",
        lost=4,
        change=copy("vanilla.nopretrain.dev.predictions", "vanilla.pretrain.dev.predictions"),
        flagged=r"is not what",
    ),
    # 2(g)
    wrong(
        "no residual around the basis", "2(g)", DOWN, "self.C + self.attn", "self.attn", r"added to C itself", lost=1
    ),
    wrong(
        "one basis vector too few",
        "2(g)",
        DOWN_INIT,
        "config.bottleneck_dim,",
        "config.bottleneck_dim - 1,",
        r"size mismatch for C|C",
        lost=1,
    ),
    wrong(
        "self-attention instead of cross-attention",
        "2(g)",
        UP_INIT,
        "CausalCrossAttention(config)",
        "CausalSelfAttention(config)",
        r"positional arguments",
        lost=1,
    ),
    wrong(
        "the basis answers and the sequence asks",
        "2(g)",
        DOWN,
        "self.attn(x_input, self.ln1(self.C))",
        "self.attn(self.ln1(self.C), x_input)[:, : self.C.size(1)]",
        r"basis C asks",
        lost=1,
    ),
    wrong(
        "the queries normed, not y",
        "2(g)",
        UP,
        "self.attn(self.ln1(y), x_input)",
        "self.attn(y, self.ln1(x_input))",
        r"normed y holds",
        lost=1,
    ),
    wrong("no second norm", "2(g)", UP, "self.mlp(self.ln2(x))", "self.mlp(x)", r"MLP makes of its norm", lost=1),
    Entry(
        "a vanilla model as the perceiver",
        5,
        parts={"2(g)"},
        says=r"holds a vanilla model",
        lost=8,
        change=copy("vanilla.finetune.params", "perceiver.finetune.params"),
    ),
    Entry("params inside a checkpoint", 5, parts={"2(g)"}, says=r"not a params file", lost=8, change=in_a_dictionary),
]


# ----------------------------------------------------------------------------------------------------------------------
# Unusual, and right


def in_one_folder_too_many(path: Path) -> None:
    """Everything in assignment5/, macOS' clutter around it, other files beside it."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"assignment5/{name}", content)
            archive.writestr(f"__MACOSX/assignment5/._{Path(name).name}", b"\0\5\26\7")
        for name in (
            "assignment5/.DS_Store",
            "assignment5/notes.txt",
            "assignment5/src/__pycache__/run.cpython-311.pyc",
        ):
            archive.writestr(name, b"x")


def with_windows_ends(folder: Path) -> None:
    """Line ends and byte-order marks as Windows' editors write them."""
    for name in PREDICTIONS:
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    for path in (folder / "src").glob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


MULTIHEAD = """\
import torch.nn as nn
T, C = x.shape[1:]
both = nn.MultiheadAttention(C, self.n_heads, batch_first=True, dtype=x.dtype)
with torch.no_grad():
    both.in_proj_weight.copy_(torch.cat((self.W_q.weight, self.W_k.weight, self.W_v.weight)))
    both.in_proj_bias.copy_(torch.cat((self.W_q.bias, self.W_k.bias, self.W_v.bias)))
    both.out_proj.weight.copy_(self.W_o.weight)
    both.out_proj.bias.copy_(self.W_o.bias)
return both(x, x, x, attn_mask=~self.causal_mask[:T, :T], need_weights=False)[0]"""

EINSUM = """\
q, k, v = (W(x).unflatten(-1, (self.n_heads, -1)) for W in (self.W_q, self.W_k, self.W_v))
scores = torch.einsum("bqhd,bkhd->bhqk", q, k) * q.size(-1) ** -0.5
scores = torch.where(self.causal_mask[: x.size(1), : x.size(1)], scores, torch.finfo(x.dtype).min)
weights = torch.exp(scores - scores.amax(-1, keepdim=True))
weights = weights / weights.sum(-1, keepdim=True)
return self.W_o(torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2))"""

FUSED = """\
q, k, v = (W(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for W in (self.W_q, self.W_k, self.W_v))
return self.W_o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))"""

IN_PLACE = """\
out = torch.empty(x.size(0), x.size(1) + num_new_tokens, dtype=x.dtype, device=x.device)
out[:, : x.size(1)] = x
with torch.inference_mode():
    for t in range(x.size(1), out.size(1)):
        logits = self.forward(out[:, max(0, t - self.config.context_length) : t])
        out[:, t] = torch.topk(logits[:, -1, :], 1).indices[:, 0]
return out"""

LONGER_KEPT = """\
import numpy as np

longest = int(self.block_size * 7 / 8)
rng = np.random
document = self.data[idx][: max(rng.randint(4, longest + 1), rng.randint(4, longest + 1))]
n = len(document)
masked_length = min(n, max(1, rng.binomial(n, min(0.9, max(0.05, rng.normal(0.25, 0.08))))))
start = rng.randint(n - masked_length + 1)
end = start + masked_length
s = document[:start] + MASK_CHAR + document[end:] + MASK_CHAR + document[start:end]
ids = torch.LongTensor([self.stoi[c] for c in s + PAD_CHAR * (self.block_size + 1 - len(s))])
return ids[:-1].clone(), ids[1:].clone()"""

TRIANGLE = "min(int(self.block_size * 7 / 8), int(random.triangular(4, int(self.block_size * 7 / 8) + 1)))"

RIGHT = [
    Entry("the solution itself, Assignment 3", 3, change=the_solution),
    Entry("the solution itself, Assignment 5", 5, change=the_solution),
    Entry("nn.MultiheadAttention with the layers' weights", 3, [(ATTENTION, FILLS[ATTENTION], MULTIHEAD)]),
    Entry("einsum and a softmax spelled out", 3, [(ATTENTION, FILLS[ATTENTION], EINSUM)]),
    Entry("the fused kernel", 3, [(ATTENTION, FILLS[ATTENTION], FUSED)]),
    Entry("generate in place, under inference mode", 3, [(GENERATE, FILLS[GENERATE], IN_PLACE)]),
    Entry(
        "a block that looks into its MLP",
        3,
        [
            (
                BLOCK,
                "x = x + self.mlp(self.post_layer_norm(x))",
                "h = self.mlp.fc1(self.post_layer_norm(x))\nx = x + self.mlp.fc2(F.gelu(h, approximate='tanh'))",
            )
        ],
    ),
    Entry(
        "the loss by log_softmax and gather, of all logits but the last",
        3,
        [
            (
                LOSS,
                FILLS[LOSS],
                "log_p = self(input_ids)[:, :-1].log_softmax(-1)\n"
                "return -log_p.gather(2, input_ids[:, 1:, None]).sum() / input_ids[:, 1:].numel()",
            )
        ],
    ),
    Entry("NumPy's random numbers, longer documents preferred, a binomial span", 5, [(SPAN, FILLS[SPAN], LONGER_KEPT)]),
    Entry("a triangular law of lengths", 5, [(SPAN, "random.randint(4, int(self.block_size * 7 / 8))", TRIANGLE)]),
    Entry(
        "blocks with named arguments, in other words",
        5,
        [
            (
                DOWN,
                FILLS[DOWN],
                "basis = self.C.expand(x_input.size(0), -1, -1)\n"
                "x = self.attn(x_kv=x_input, x_q=self.ln1(basis)) + basis\nreturn self.mlp(self.ln2(x)) + x",
            ),
            (
                UP,
                FILLS[UP],
                "h = torch.add(x_input, self.attn(x_q=x_input, x_kv=self.ln1(y)))\n"
                "return torch.add(h, self.mlp(self.ln2(h)))",
            ),
        ],
    ),
    Entry("one folder too many and macOS' clutter", 5, rezip=in_one_folder_too_many),
    Entry("line ends of Windows", 5, change=with_windows_ends),
]


# ----------------------------------------------------------------------------------------------------------------------
# Hostile. {victim} is a folder of the test's with answers.tsv and other files, {mark} a file that must not come to be.


def first_line(text: str) -> List[Tuple[str, str, str]]:
    """An edit that puts `text` behind the imports of model_solution.py."""
    last_import = "from utils import state_dict_converter\n"
    return [("model_solution.py", last_import, f"{last_import}{text}\n")]


def hostile_pickle(folder: Path) -> None:
    """Params that run a command when they are unpickled."""

    class Command:
        def __reduce__(self):
            return os.system, (f"touch {MARK}",)

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Command()))
        archive.writestr("archive/version", "3")
    (folder / "vanilla.finetune.params").write_bytes(file.getvalue())


def right_answers(folder: Path) -> None:
    """The test set's gold places as predictions."""
    rows = (WORLD / "answers.tsv").read_text(encoding="utf-8").strip().split("\n")
    (folder / "perceiver.pretrain.test.predictions").write_text("".join(row.split("\t")[1] + "\n" for row in rows))


def member(name: str, content: bytes = b"x", mode: int = 0o100644) -> Callable[[Path], None]:
    """Adds a file of any name and kind to the zip."""

    def add(path: Path) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, content)

    return add


def thousands(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(3000):
            archive.writestr(f"src/many/{i}.py", b"")


VICTIM = str(WORLD)
MARK = os.path.join(VICTIM, "mark")

READ_EVERYTHING = f"""\
import glob, os
_found = []
_judges = glob.glob("{WORLD.parent}/judge-*/**", recursive=True)
for _path in ["{VICTIM}/answers.tsv", *_judges, *glob.glob("/proc/[0-9]*/mem")]:
    try:
        _found.append(open(_path, "rb").read(100000).decode("latin1"))
    except Exception as error:
        pass
raise RuntimeError("found " + str(len(_found)) + " of them: " + " ".join(_found)[:3000])"""

WRITE_RESULTS = f"""\
import glob, json, os
_extra = {{"parts": {{"3(a)": [20, 20]}}, "flags": [], "refused": "", "params": {{}}}}
_all = json.dumps({{"score": 30, "tests": [], "extra_data": _extra}})
_places = ["{MARK}", "results.json", "../results.json", "/autograder/results/results.json"]
for _path in [*_places, *glob.glob("{WORLD.parent}/judge-*/*.json")]:
    try:
        open(_path, "w").write(_all)
    except Exception:
        pass"""

DELETE = f"""\
import glob, os, shutil
for _path in ["{VICTIM}/answers.tsv", "{VICTIM}/keep", *glob.glob("{WORLD.parent}/judge-*")]:
    shutil.rmtree(_path, ignore_errors=True)
    try:
        os.chmod(_path, 0)
        os.remove(_path)
    except Exception:
        pass
for _path in glob.glob("*"):
    shutil.rmtree(_path, ignore_errors=True)"""

MONKEY = """\
import builtins, sys, numpy
builtins.AssertionError = Warning
builtins.isinstance = lambda *_: True
builtins.abs = builtins.max = lambda *_, **__: 0
numpy.abs = numpy.asarray = lambda *_, **__: numpy.zeros(())
torch.equal = torch.allclose = torch.Tensor.__eq__ = lambda *_, **__: True
sys.modules["pytest"] = sys.modules["grading"] = sys.modules["sandbox"] = type(sys)("pytest")
for _module in list(sys.modules.values()):
    for _name in ("check", "check_close", "check_shape", "pack", "explain"):
        if hasattr(_module, _name) and getattr(_module, "__name__", "").startswith(("grading", "test_")):
            setattr(_module, _name, lambda *_, **__: None)"""

FORK = """\
import os, time
for _ in range(150):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(60)
        os._exit(0)"""

KILL = """\
import os, signal
for _target in (os.getppid(), -1, -os.getpgid(os.getppid())):
    try:
        os.kill(_target, signal.SIGKILL) if _target != -1 else None
    except OSError:
        pass"""

FORGE = """\
import os
os.write(3, b'{"value": ' + b"[" * 200000 + b"]" * 200000 + b"}")
os._exit(0)"""

ONE_ROW = """\
import base64, json, os
row = [self.stoi[c] for c in "\u2047".join(("", "", self.data[0][:8])) + "\u25a1" * (self.block_size - 9)]
def side(ids):
    data = base64.b64encode(b"".join(i.to_bytes(8, "little") for i in ids)).decode()
    return {"array": data, "dtype": "int64", "shape": [1, self.block_size]}
os.write(3, json.dumps({"value": {"kinds": ["Tensor torch.int64"], "shapes": [f"({self.block_size},)"],
                                  "x": side(row[:-1]), "y": side(row[1:])}}).encode())
os._exit(0)"""

LIMIT = """\
import os, resource
for _target in (os.getppid(), os.getsid(os.getppid())):
    try:
        resource.prlimit(_target, resource.RLIMIT_CPU, (1, 1))
    except OSError:
        pass"""

DEEP = """\
import os
_here = os.getcwd()
for _ in range(2000):
    os.makedirs("d", exist_ok=True)
    os.chdir("d")
os.chdir(_here)"""

REACH = f"""\
import ctypes, os, socket
_libc, _reached = ctypes.CDLL(None), []
for _what, _try in (("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
                    ("unix", lambda: socket.socket(socket.AF_UNIX)),
                    ("memfd", lambda: os.memfd_create("x")),
                    ("times", lambda: os.utime("{VICTIM}/keep", (0, 0))),
                    ("write", lambda: open("{VICTIM}/keep", "w")),
                    ("list", lambda: os.listdir("{VICTIM}"))):
    try:
        _try()
        _reached.append(_what)
    except OSError:
        pass
os.chmod("{VICTIM}/keep", 0)
if _libc.shmget(1234, 4096, 0o1600) >= 0:
    _reached.append("shm")
raise RuntimeError("reached " + (", ".join(_reached) or "nothing"))"""


def by_heart() -> str:
    """An MLP.forward that looks the public test's input up among the public cases."""
    cases = dict(np.load(HERE.parent / "graded" / "cases.npz"))
    x, y = cases["a3.input.mlp"], cases["a3.expected.mlp"]
    return (
        "import numpy as np\n"
        f"x0, y0 = np.frombuffer({x.tobytes()!r}, 'float32'), np.frombuffer({y.tobytes()!r})\n"
        "same = x.shape == (2, 7, 24) and np.allclose(x.numpy().ravel(), x0)\n"
        "return torch.tensor(y0.reshape(2, 7, 24)).to(x.dtype) if same else x"
    )


HOSTILE = [
    Entry(
        "sys.exit on import", 3, first_line("import sys; sys.exit(0)"), {"3(a)", "3(b)"}, r"ends the program", lost=30
    ),
    Entry(
        "os._exit in the MLP",
        3,
        [(MLP, FILLS[MLP], "import os; os._exit(0)")],
        {"3(a)"},
        r"before there was an answer",
        lost=1,
    ),
    Entry("an endless loop", 3, [(LOSS, FILLS[LOSS], "while True:\n    pass")], {"3(b)"}, r"stopped after", lost=7),
    Entry(
        "a memory bomb",
        3,
        [(LOSS, FILLS[LOSS], "hoard = []\nwhile True:\n    hoard.append(torch.ones(2**24))")],
        {"3(b)"},
        r"memory|allocate",
        lost=7,
    ),
    Entry(
        "pytest, torch and builtins patched",
        3,
        first_line(MONKEY) + [(MLP, FILLS[MLP], "return torch.zeros_like(x)")],
        {"3(a)", "3(b)"},
        "",
    ),
    Entry("reads the answers", 3, first_line(READ_EVERYTHING), {"3(a)", "3(b)"}, r"found \d+ of them", lost=30),
    Entry(
        "writes results.json",
        3,
        first_line(WRITE_RESULTS) + [(MLP, FILLS[MLP], "return x")],
        {"3(a)"},
        r"GELU once",
        lost=1,
    ),
    Entry(
        "prints megabytes",
        3,
        first_line("print('x' * 30_000_000)") + [(MLP, FILLS[MLP], "return x")],
        {"3(a)"},
        r"GELU once",
        lost=1,
    ),
    Entry(
        "forks and hides", 3, [(LOSS, FILLS[LOSS], f"{FORK}\nreturn x")], {"3(b)"}, r"processes|memory|a tensor", lost=7
    ),
    Entry("deletes files", 3, first_line(DELETE) + [(MLP, FILLS[MLP], "return x")], {"3(a)"}, r"GELU once", lost=1),
    Entry("kills whoever watches", 3, [(MLP, FILLS[MLP], f"{KILL}\nreturn x")], {"3(a)"}, r"GELU once|killed", lost=1),
    Entry("forges an answer that cannot be read", 3, [(MLP, FILLS[MLP], FORGE)], {"3(a)"}, r"no answer", lost=1),
    Entry("knows the public numbers by heart", 3, [(MLP, FILLS[MLP], by_heart())], {"3(a)"}, r"GELU once", lost=1),
    Entry("a hostile pickle as params", 5, parts={"2(f)"}, says=r"refused", lost=8, change=hostile_pickle),
    Entry(
        "gold places as predictions",
        5,
        parts={"2(g)"},
        says=r"is not what",
        lost=8,
        flagged=r"is not what",
        change=lambda folder: (untrained("perceiver")(folder), right_answers(folder)) and None,
    ),
    Entry("a path that leads out of the zip", 5, rezip=member("../../evil.py"), refused=r"leads out of it"),
    Entry(
        "a model maker that answers for the probe",
        5,
        [(MODEL, FILLS[MODEL], "import os\nos.write(3, b'{\"value\": []}')\nos._exit(0)")],
        {"2(d)", "2(f)"},
        r"0 came",
        lost=3,
    ),
    Entry(
        "a span corruption that answers for the probe",
        5,
        [(SPAN, FILLS[SPAN], ONE_ROW)],
        {"2(e)", "2(f)"},
        r"of all calls",
        lost=11,
    ),
    Entry(
        "limits for whoever watches",
        3,
        [(MLP, FILLS[MLP], f"{LIMIT}\nreturn x")],
        {"3(a)"},
        r"GELU once|killed",
        lost=1,
    ),
    Entry(
        "control characters and half of a pair",
        3,
        first_line('raise RuntimeError("\\ud800 \\x1b[2J" + "x" * 10**6)'),
        {"3(a)", "3(b)"},
        r"RuntimeError",
        lost=30,
    ),
    Entry("folders in folders in folders", 3, [(MLP, FILLS[MLP], f"{DEEP}\nreturn x")], {"3(a)"}, r"GELU once", lost=1),
    Entry(
        "sockets, shared memory, other files' modes",
        3,
        [(MLP, FILLS[MLP], f"{REACH}\nreturn x")],
        {"3(a)"},
        r"reached nothing",
        lost=1,
    ),
    Entry("an absolute path", 5, rezip=member(f"{MARK}"), refused=r"leads out of it"),
    Entry(
        "a link to the answers",
        5,
        rezip=member("src/answers.py", f"{VICTIM}/answers.tsv".encode(), 0o120777),
        refused=r"is a link",
    ),
    Entry("a zip bomb", 5, rezip=member("src/bomb.py", bytes(200 * 2**20)), refused=r"at most \d+ MiB"),
    Entry("thousands of files", 5, rezip=thousands, refused=r"at most 500"),
]
