"""What is asked of code that is graded: small functions that run it on given inputs and return what it says.

They run in a process of their own beside that code (sandbox.py), so nothing they return is believed: whether it is
right is decided elsewhere, from inputs this side does not choose. `load` imports a module of the code.

Some take `alone`: then what the part in question builds on is replaced by stand-ins, plain formulas that have nothing
to do with the right ones, so that a mistake in one part costs no points in the next.
"""

import contextlib
import importlib
import io
import random
import runpy
import sys
import types
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

PRINTED = 20_000  # bytes kept of what a program prints, the last ones
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def _tensors(weights: Dict[str, np.ndarray]) -> Dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}


def _loaded(module: nn.Module, weights: Dict[str, np.ndarray], precision: torch.dtype) -> nn.Module:
    """The module with these weights, every one of them and no others; buffers the module has itself."""
    parameters = dict(module.named_parameters())
    buffers = {name: value for name, value in module.state_dict().items() if name not in parameters}
    module.load_state_dict({**buffers, **_tensors(weights)}, strict=True)
    return module.to(precision).eval()


# ----------------------------------------------------------------------------------------------------------------------
# Stand-ins. `cases.py` has the same formulas in NumPy.


def past_mean(x: torch.Tensor) -> torch.Tensor:
    """The mean of a position and those before it: (B, T, C) -> (B, T, C)."""
    return x.cumsum(1) / torch.arange(1, x.size(1) + 1, dtype=x.dtype, device=x.device)[:, None]


class PastMean(nn.Module):
    """Instead of self-attention. With a KeyValueCache, x holds the positions that follow those the cache has seen."""

    def forward(self, x, cache=None):
        everything = x if cache is None else cache.extend(x[:, None], x[:, None])[0][:, 0]
        return 3 * torch.sin(4 * past_mean(everything)[:, -x.size(1) :])


class Sine(nn.Module):
    """Instead of an MLP."""

    def forward(self, x):
        return torch.sin(2 * x)


class Shift(nn.Module):
    """Instead of block number `layer`."""

    def __init__(self, layer: int):
        super().__init__()
        self.layer = layer

    def forward(self, x, *_, **__):
        return x + (self.layer + 1) * torch.sin(past_mean(x)) + torch.cos(x * (self.layer + 2))


def table_logits(table: torch.Tensor, context_length: int):
    """Instead of Transformer.forward: the logits at t depend on the tokens up to t and on their positions."""

    def forward(x):
        if x.size(1) > context_length:
            raise IndexError(f"{x.size(1)} tokens do not fit context_length {context_length}")
        return table[((torch.arange(x.size(1)) + 1) * x.long()).cumsum(1) % len(table)]

    return forward


# ----------------------------------------------------------------------------------------------------------------------
# Assignment 3


def _solution(load, sizes: Dict[str, int]):
    solution = load("model_solution")
    return solution, solution.ModelConfig(**sizes)


@torch.no_grad()
def mlp(load, sizes, weights, x, points) -> Dict[str, Any]:
    """GELU at some points, and the MLP."""
    solution, config = _solution(load, sizes)
    return {
        name: {
            "gelu": solution.GELU()(torch.tensor(points, dtype=precision)),
            "y": _loaded(solution.MLP(config), weights, precision)(torch.tensor(x, dtype=precision)),
        }
        for name, precision in PRECISIONS.items()
    }


@torch.no_grad()
def attention(load, sizes, weights, x) -> Dict[str, Any]:
    """Attention, of x and of an x that is another from position 4 on."""
    solution, config = _solution(load, sizes)
    answers = {}
    for name, precision in PRECISIONS.items():
        module = _loaded(solution.CausalAttention(config), weights, precision)
        other_end = torch.tensor(x, dtype=precision)
        other_end[:, 4:] += 1
        answers[name] = {"y": module(torch.tensor(x, dtype=precision)), "other_end": module(other_end)}
    return answers


@torch.no_grad()
def decoder_block(load, sizes, weights, x, alone=False) -> Dict[str, Any]:
    """A block; `alone`, with stand-ins for attention and MLP."""
    solution, config = _solution(load, sizes)
    answers = {}
    for name, precision in PRECISIONS.items():
        block = _loaded(solution.DecoderBlock(config), weights, precision)
        if alone:
            block.attention, block.mlp = PastMean(), Sine()
        answers[name] = {"y": block(torch.tensor(x, dtype=precision))}
    return answers


@torch.no_grad()
def forward(load, sizes, weights, ids, alone=False) -> Dict[str, Any]:
    """Logits, with what each block and the final layer norm read on the way; `alone`, with stand-ins for the blocks."""
    solution, config = _solution(load, sizes)
    answers = {}
    for name, precision in PRECISIONS.items():
        model = _loaded(solution.Transformer(config), weights, precision)
        if alone:
            model.backbone = nn.ModuleList([Shift(layer) for layer in range(len(model.backbone))])
        answers[name] = _watched(model, torch.tensor(ids))
    return answers


def _watched(model: nn.Module, ids: torch.Tensor) -> Dict[str, Any]:
    """The logits, the order in which the blocks and the final layer norm are called, and what each reads."""
    names = {block: f"backbone[{i}]" for i, block in enumerate(model.backbone)}
    names[model.final_layer_norm] = "final_layer_norm"
    order: List[str] = []
    read: List[torch.Tensor] = []

    def note(module, inputs):
        order.append(names[module])
        read.append(inputs[0].detach().clone())

    for module in names:
        module.register_forward_pre_hook(note)
    return {"logits": model(ids), "order": order, "read": read}


@torch.no_grad()
def generate(load, sizes, weights, prompts, new_tokens, table=None) -> Dict[str, Any]:
    """Greedy continuations; with a `table`, with a stand-in for forward."""
    solution, config = _solution(load, sizes)
    answers = {}
    for name, precision in PRECISIONS.items():
        model = _loaded(solution.Transformer(config), weights, precision)
        if table is not None:
            model.forward = table_logits(torch.tensor(table, dtype=precision), config.context_length)
        x = model.generate(torch.tensor(prompts), int(new_tokens))
        answers[name] = {"x": x, "dtype": str(x.dtype)}
    return answers


@torch.no_grad()
def generate_and_forward(load, sizes, weights, prompts, new_tokens, alone) -> Dict[str, Any]:
    """Greedy continuations by generate, and by a pass of forward for each new token; `alone`, with other attention."""
    solution, config = _solution(load, sizes)
    model = _loaded(solution.Transformer(config), weights, torch.float64)
    if alone:
        for layer in model.backbone:
            layer.attention = PastMean()
    by_forward = torch.tensor(prompts)
    for _ in range(int(new_tokens)):
        following = model(by_forward[:, -config.context_length :])[:, -1].argmax(-1, keepdim=True)
        by_forward = torch.cat((by_forward, following), dim=1)
    return {"by_generate": model.generate(torch.tensor(prompts), int(new_tokens)), "by_forward": by_forward}


def loss_on_batch(load, sizes, weights, ids, table=None) -> Dict[str, Any]:
    """The loss and the norm of its gradient; with a `table`, with a stand-in for forward."""
    solution, config = _solution(load, sizes)
    answers = {}
    for name, precision in PRECISIONS.items():
        model = _loaded(solution.Transformer(config), weights, precision)
        learned = model.lm_head.weight
        if table is not None:
            learned = torch.tensor(table, dtype=precision, requires_grad=True)
            model.forward = table_logits(learned, config.context_length)
        loss = model.get_loss_on_batch(torch.tensor(ids))
        answers[name] = {"loss": loss, "slope": 0.0}
        if isinstance(loss, torch.Tensor) and loss.shape == () and loss.requires_grad:
            answers[name]["slope"] = torch.autograd.grad(loss, learned)[0].norm()
    return answers


class Bigram(nn.Module):
    """Instead of the transformer when train.py is asked: a table of logits, the next token's given the last."""

    made: Optional["Bigram"] = None

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.table = nn.Parameter(torch.zeros(config.vocab_size, config.vocab_size))
        self.losses: List[float] = []
        Bigram.made = self

    def forward(self, x):
        return self.table[x]

    def get_loss_on_batch(self, input_ids):
        loss = F.cross_entropy(self(input_ids[:, :-1]).flatten(0, 1), input_ids[:, 1:].flatten())
        if torch.is_grad_enabled():
            self.losses.append(loss.item())
        return loss


def train(load, chunks, vocab_size, learning_rate, batch_size, max_steps, alone) -> Dict[str, Any]:
    """train.train() on these chunks: what it drew and, `alone`, what a stand-in for the transformer learned in it."""
    module = load("train")
    if alone:
        module.Transformer = Bigram
    config = load("model_solution").ModelConfig(8, 1, 1, int(chunks.shape[1]), int(vocab_size))
    data = module.Chunks(torch.tensor(chunks[:-2]), torch.tensor(chunks[-2:]), int(vocab_size))
    history = module.train(learning_rate, 1.0, config, batch_size, max_steps, chunks=data)
    picture = Path("losses_and_grad_norms.png")
    return {
        "table": None if Bigram.made is None else Bigram.made.table,
        "steps": 0 if Bigram.made is None else len(Bigram.made.losses),
        "losses": list(getattr(history, "losses", [])),
        "grad_norms": list(getattr(history, "grad_norms", [])),
        "picture": picture.read_bytes() if picture.exists() else b"",
    }


# ----------------------------------------------------------------------------------------------------------------------
# Assignment 5


def corrupt(load, text, block_size, documents, calls, seed) -> Dict[str, Any]:
    """`calls` corruptions of each of the documents: x, y (len(documents) * calls, width)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    dataset = load("dataset").CharCorruptionDataset(text, block_size)
    if isinstance(getattr(dataset, "generator", None), torch.Generator):
        dataset.generator.manual_seed(seed)
    pairs = [dataset[i] for i in documents for _ in range(calls)]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        return {"kinds": ["no pair"], "shapes": []}
    kinds = sorted({f"{type(side).__name__} {getattr(side, 'dtype', '')}" for pair in pairs for side in pair})
    shapes = sorted({str(tuple(getattr(side, "shape", ()))) for pair in pairs for side in pair})
    if len(shapes) > 1 or kinds != ["Tensor torch.int64"]:
        return {"kinds": kinds, "shapes": shapes}
    x, y = (torch.stack(side) for side in zip(*pairs))
    return {"kinds": kinds, "shapes": shapes, "x": x, "y": y}


def _gpt_config(load, sizes: Dict[str, int]):
    return load("model").GPTConfig(**sizes, perceiver=True)


@torch.no_grad()
def down_project(load, sizes, weights, x) -> Dict[str, Any]:
    """DownProjectBlock."""
    answers = {}
    for name, precision in PRECISIONS.items():
        block = _loaded(load("model").DownProjectBlock(_gpt_config(load, sizes)), weights, precision)
        answers[name] = {"y": block(torch.tensor(x, dtype=precision))}
    return answers


@torch.no_grad()
def up_project(load, sizes, weights, y, x) -> Dict[str, Any]:
    """UpProjectBlock."""
    answers = {}
    for name, precision in PRECISIONS.items():
        block = _loaded(load("model").UpProjectBlock(_gpt_config(load, sizes)), weights, precision)
        answers[name] = {"y": block(torch.tensor(y, dtype=precision), torch.tensor(x, dtype=precision))}
    return answers


class _NextCharacters:
    """Instead of span corruption when run.py is asked: x is a document, y what follows each of its characters."""

    def __getitem__(self, idx):
        ids = [self.stoi[char] for char in self.data[idx][: self.block_size]]
        ids = torch.tensor(ids + [0] * (self.block_size + 1 - len(ids)))
        return ids[: self.block_size], ids[1:]


class Basis(nn.Module):
    """Instead of DownProjectBlock and UpProjectBlock when new_model is asked: all it has is C."""

    def __init__(self, config):
        super().__init__()
        self.C = nn.Parameter(torch.zeros(1, config.bottleneck_dim, config.n_embd))


def new_models(load, flags, vocab_size) -> List[Dict[str, Any]]:
    """run.new_model with each of these flags: the shapes of its parameters, and the dropout rates in it."""
    answers = []
    load("model").DownProjectBlock = load("model").UpProjectBlock = Basis
    for each in flags:
        model = load("run").new_model(types.SimpleNamespace(**each), vocab_size)
        answers.append({"type": type(model).__name__})
        if isinstance(model, nn.Module):
            rates = sorted({module.p for module in model.modules() if isinstance(module, nn.Dropout)})
            shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
            answers[-1].update(type="GPT", shapes=shapes, dropout=rates)
    return answers


def program(load, script, arguments, written, alone=False, texts=None) -> Dict[str, Any]:
    """Runs src/SCRIPT with these arguments in a folder with these files: its exit status, what it printed and wrote.

    `alone`, with a stand-in for span corruption.
    """
    for name, content in (texts or {}).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if alone:
        dataset = load("dataset").CharCorruptionDataset
        dataset.__getitem__ = _NextCharacters.__getitem__
        for fast in ("batch", "__getitems__"):
            if hasattr(dataset, fast):
                delattr(dataset, fast)
    src = next((path for path in map(Path, sys.path) if (path / script).exists()), None)
    if src is None:
        raise FileNotFoundError(f"src/{script} is missing")
    sys.argv = [f"src/{script}", *arguments]
    status: Any = 0
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            runpy.run_path(str(src / script), run_name="__main__")
    except SystemExit as end:
        status = end.code
    text = printed.buffer.getvalue()[-PRINTED:].decode(errors="replace")
    files = {name: Path(name).read_bytes() for name in written if Path(name).is_file()}
    return {"status": status, "printed": text, "files": files}


# What follows runs the staff's code, or the student's own where a student runs the tests, on files of a submission.


def _gpt(load, path: str, variant: str, vocab_size: int):
    """The model in a params file, read without running anything in it."""
    model, files = load("model"), load("files")
    params = files.load_params(path)
    config = model.GPTConfig.of_params(params, embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0)
    found = "perceiver" if config.perceiver else "vanilla"
    if found != variant:
        raise ValueError(f"{path}: holds a {found} model instead of a {variant} one")
    if config.vocab_size != vocab_size:
        raise ValueError(
            f"{path}: knows {config.vocab_size} characters, the corpus has {vocab_size}: it is of another one"
        )
    return model.GPT.of_params(config, params).eval()


def predict(load, params, variant, corpus, questions) -> Dict[str, Any]:
    """What the model in the file `params` answers to these questions, and how many parameters it has."""
    dataset = load("dataset").CharCorruptionDataset(corpus, 128)
    gpt = _gpt(load, params, variant, dataset.vocab_size)
    places = load("decoding").predict_places(gpt, dataset, list(questions))
    count = sum(p.numel() for p in gpt.parameters())
    return {"places": [" ".join(place.split("\n")) for place in places], "parameters": count}


@torch.no_grad()
def losses(load, params, variant, corpus, pairs) -> Dict[str, Any]:
    """The loss of the model in the file `params` after each first text for the second, in nats a character."""
    dataset = load("dataset").CharCorruptionDataset(corpus, 128)
    gpt = _gpt(load, params, variant, dataset.vocab_size)
    found = []
    for before, after in pairs:
        ids = torch.tensor([[dataset.stoi[char] for char in before + after]])
        logits = gpt(ids[:, :-1])[0][0, len(before) - 1 :]
        found.append(F.cross_entropy(logits, ids[0, len(before) :]).item())
    return {"losses": found}


def new_params(load, corpus, seed) -> Dict[str, Any]:
    """A params file of a small model that is far from any other."""
    model, vocabulary = load("model"), load("dataset").CharCorruptionDataset(corpus, 128).vocab_size
    torch.manual_seed(seed)
    gpt = model.GPT(model.GPTConfig(vocabulary, 128, n_layer=1, n_head=8, n_embd=32))
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    file = io.BytesIO()
    torch.save(gpt.state_dict(), file)
    return {"params": file.getvalue()}


def parameters(load, params) -> Dict[str, Any]:
    """The tensors in the file `params`."""
    return {"parameters": load("files").load_params(params)}


def in_this_process(folder: Path):
    """A `load` for functions above that run without a sandbox: modules of `folder`, imported anew."""

    def load(name: str) -> types.ModuleType:
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        return importlib.import_module(name)

    return load
