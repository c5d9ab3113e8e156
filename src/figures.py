"""How pictures look here: one colour for each model, shades of it for what is more or less, files written whole.

The colours are Okabe and Ito's, which colour-blind readers can tell apart; shades go from white to one colour, so they
also read in grey.
"""

import contextlib
import warnings
from typing import Iterator

from files import replacing

LONDON, NOT_PRETRAINED, VANILLA, PERCEIVER = "#999999", "#E69F00", "#0072B2", "#009E73"
MADE_UP = "#CC79A7"  # people who never lived, not even in the corpus


def shades(colour: str):
    """A matplotlib colormap from white to `colour`, and from there on to a darker one, for values from 0 to 1."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    darker = [0.45 * channel for channel in to_rgb(colour)]
    return LinearSegmentedColormap.from_list(colour, ["#FFFFFF", colour, darker])


@contextlib.contextmanager
def any_script() -> Iterator[None]:
    """Draws without a warning for every character that the font lacks: they become boxes, which says it all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def save(figure, path: str) -> None:
    """Writes a matplotlib figure as a PNG, all or nothing. Raises BadInput where that fails."""
    with replacing(path) as file, any_script():
        figure.savefig(file, format="png", dpi=120)
