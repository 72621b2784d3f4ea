"""All use of matplotlib: figures, their common style, and how they are written.

Importing this file without matplotlib raises RegardError with the command that installs it. pyplot is never touched:
a figure belongs to whoever made it, and nothing needs a display.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from regard.errors import RegardError, UsageError
from regard.files import write_whole
from regard.views.ramp import HUE, hexadecimal

try:
    from matplotlib import font_manager, rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.text import Text
except ImportError as missing:
    raise RegardError(
        "Pictures need matplotlib, which is not installed. Install it with: pip install 'regard[plot]'"
    ) from missing

__all__ = ["Axes", "Figure", "LineCollection", "PolyCollection", "Text", "font_manager"]

INK = "#2a2733"
FAINT = "#8d8996"
HAIR = "#dedbe2"
RAMP = ListedColormap([hexadecimal(level / 255) for level in range(256)], name="regard")
DPI = 200
MOST_PIXELS = 20_000  # a side; Agg stops at 65,535 and viewers well before
FORMATS = (".png", ".svg", ".pdf")


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty white figure that belongs to nobody else."""
    figure = Figure(figsize=(width_inches, height_inches), dpi=72, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def hue(share: float) -> tuple[float, float, float, float]:
    """The colour of a weight over a recording or a picture: one hue, as opaque as the weight is of the largest one."""
    red, green, blue = HUE
    return red / 255, green / 255, blue / 255, min(max(share, 0.0), 1.0)


def draw_scale(figure: Figure, x: float, y: float, largest: float, families: list[str]) -> None:
    """What opacity means: a small bar from 0 to the largest weight, its left end at (x, y) inches."""
    width, height = figure.get_size_inches()
    style: dict[str, Any] = {"fontsize": 8, "color": FAINT, "va": "center", "fontfamily": families}
    axes = figure.add_axes(((x + 0.65) / width, y / height, 1.1 / width, 0.08 / height), frameon=False)
    axes.set(xlim=(0, 64), ylim=(0, 1), xticks=[], yticks=[])
    steps = [[(k, 0), (k + 1, 0), (k + 1, 1), (k, 1)] for k in range(64)]
    colors = [hue(k / 63) for k in range(64)]
    axes.add_collection(PolyCollection(steps, facecolors=colors, edgecolors="none", antialiased=False))
    axes.text(-4, 0.5, "weight  0", ha="right", **style)
    axes.text(67, 0.5, f"{largest:.2g}, the largest", ha="left", **style)


def checked_path(path: str | Path) -> Path:
    """The path, if its ending is one of png, svg and pdf; else UsageError."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"The picture is to be {path.name!r}; expected a name that ends in .png, .svg or .pdf.")
    return path


def write(figure: Figure, path: Path) -> None:
    """Draw the figure into the file, which is whole or as it was before."""
    write_whole(path, encoded(figure, path.suffix.lower()[1:]))


def encoded(figure: Figure, kind: str) -> bytes:
    """The figure as png, svg or pdf. Text stays text in SVG and PDF."""
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    longest = max(figure.get_size_inches())
    drawn = BytesIO()
    look: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "regard",
        "pdf.fonttype": 42,
        "font.sans-serif": ["DejaVu Sans"],
    }
    with rc_context(look), quiet():
        figure.savefig(drawn, format=kind, dpi=min(DPI, MOST_PIXELS / longest), metadata=undated)
    return drawn.getvalue()


@contextmanager
def quiet() -> Iterator[None]:
    """No messages of matplotlib about glyphs and font weights on stderr; `fonts.warn_missing` has warned already."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph \d+ ")
            warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support \w+ natively")
            yield
    finally:
        log.setLevel(level)
