"""Where a model looks while it answers: the attention weights of every layer and head, and a picture of them.

Used by `run.py inspect` and by TensorBoard's pictures. A weight says what a head reads, not why the model answers as
it does: what is read passes through values, MLPs and later layers.
"""

from typing import List, NamedTuple

import torch
from torch import Tensor, nn

from attention import CausalCrossAttention
from figures import PERCEIVER, VANILLA, shades
from utils import evaluating


class AttentionMap(NamedTuple):
    """The attention weights of one layer, (n_head, queries, keys); every row sums to 1."""

    layer: str  # the module's name: blocks.0, down_block, up_block
    weights: Tensor


class Panel(NamedTuple):
    """One block of the picture: rows of weights under a title (or none), with a name for the block and each row."""

    title: str
    name: str
    rows: List[str]
    weights: Tensor  # (rows, keys)


@torch.no_grad()
def attention_maps(model: nn.Module, ids: Tensor) -> List[AttentionMap]:
    """The weights of every attention layer while the model reads ids (T,) Long, in the order in which layers work."""
    maps: List[AttentionMap] = []

    def record(name):
        def hook(layer, inputs, output):
            x_kv, x_q = inputs if len(inputs) == 2 else inputs * 2  # cross-attention, or self-attention
            maps.append(AttentionMap(name.removesuffix(".attn"), layer.weights(x_kv, x_q)[0].cpu()))

        return hook

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, CausalCrossAttention)]
    hooks = [layer.register_forward_hook(record(name)) for name, layer in layers]
    try:
        with evaluating(model):
            model(ids[None].to(next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return maps


def attention_figure(model: nn.Module, ids: Tensor, asked: int, text: str):
    """A matplotlib figure of where the model looks while it reads ids (T,), which spell `text`, and answers.

    The answer begins after position `asked`, the one of the ⁇ that asks for it. Above: what each head of each layer
    reads when the answer's first character is said. A Perceiver's vector i knows of positions 0 to i, so its last
    vector by then is `asked` (or the last of all), whose attention stands for the inner layers; where vectors stand at
    words, it is the last one at or before `asked`. Below: for GPT, what each layer, its heads averaged, reads at every
    character of the answer; for the Perceiver, what each vector reads.
    Raises ValueError for a model without the attention layers of attention.py.
    """
    from matplotlib.figure import Figure

    maps = attention_maps(model, ids)
    if not maps:
        raise ValueError("the model has no attention layer of attention.py, nothing else can be looked into")
    vector, vectors_used = asked, None
    if getattr(model, "basis_at_words", None) is not None:
        _, (last,) = model.word_ends(ids[None].to(model.pos_emb.device))
        vector, vectors_used = int(last[asked]), int(last[-1]) + 1
    chars = list(text.replace(" ", "␣").replace("\n", "↵"))
    beginning = f"When the first character of the answer {text[asked + 1 :]!r} is said"
    panels: List[Panel] = []
    for layer, weights in maps:
        heads = [f"head {i + 1}" for i in range(len(weights))]
        reader = min(asked if layer == "up_block" else vector, weights.size(1) - 1)
        name = layer
        if model.perceiver:
            name += "\n⁇ reads vectors" if layer == "up_block" else f"\nvector {reader} reads"
            name += " vectors" if layer.startswith("blocks") else ""
        panels.append(Panel("" if panels else beginning, name, heads, weights[:, reader]))
    across = "what is read: a character of the text"
    if model.perceiver:
        across += ", or the vector of that number"
        for layer, weights in maps:
            if layer == "down_block":
                weights = weights.mean(dim=0)[:vectors_used]
                vectors = [str(i) if i % 5 == 0 else "" for i in range(len(weights))]
                title = "What each of the Perceiver's vectors reads of the text, mean of the heads"
                panels.append(Panel(title, f"{layer}: vector", vectors, weights))
    else:
        title = "At every character of the answer, mean of the heads"
        for layer, weights in maps:
            panels.append(Panel(title, f"{layer}: saying", [*chars[asked + 1 :], "end"], weights.mean(dim=0)[asked:]))
            title = ""

    # Laid out by hand, in inches: matplotlib's own layout takes a second.
    row, left, right = 0.19, 1.4, 1.1
    width = left + 0.2 * len(chars) + right
    height = 0.8 + sum(len(panel.rows) * row + (0.45 if panel.title else 0.15) for panel in panels)
    figure = Figure(figsize=(width, height))
    top, colours = height - 0.2, shades(PERCEIVER if model.perceiver else VANILLA)
    for panel in panels:
        top -= 0.45 if panel.title else 0.15
        tall = len(panel.rows) * row
        axis = figure.add_axes((left / width, (top - tall) / height, 0.2 * len(chars) / width, tall / height))
        shown = panel.weights.numpy()
        image = axis.imshow(shown, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axis.set_xlim(-0.5, len(chars) - 0.5)  # a panel of fewer vectors than characters stands below the others
        axis.set_yticks(range(len(panel.rows)), panel.rows)
        axis.set_xticks(range(len(chars)), chars, family="monospace")
        axis.tick_params(length=0, labeltop=panel is panels[0], labelbottom=panel is panels[-1])
        axis.set_ylabel(panel.name)
        axis.set_title(panel.title, loc="left")
        top -= tall
    axis.set_xlabel(across)
    scale = figure.add_axes((1 - 0.95 / width, top / height, 0.2 / width, 1 - (top + 0.65) / height))
    figure.colorbar(image, cax=scale, label="attention weight")
    return figure
