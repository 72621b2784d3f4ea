"""Alignments → one picture: PNG, SVG or PDF. Square cells, the source above, the target on the left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment
from regard.errors import UsageError
from regard.views.fonts import fonts_for, warn_of
from regard.views.labels import checked_weights, label, nothing_to_draw, shorten
from regard.views.plotting import (
    FAINT,
    INK,
    RAMP,
    Figure,
    LineCollection,
    PolyCollection,
    checked_path,
    new_figure,
    quiet,
    write,
)

MOST_PANELS = 40
LONGEST_LABEL = 24  # terminal cells; what is longer ends in …
CELL_INCHES = (0.13, 0.36)  # smallest and largest; 40 units and fewer get the room they like
SIDE_INCHES = 14.0
MARGIN = 0.25
GAP = 0.09  # between labels and cells
BETWEEN = 0.55  # between panels
PAGE_INCHES = 11.0  # panels go into rows of about this width
BAR = (1.1, 0.07)
ROOM_FOR_BAR = 0.35
FAINTEST = 1 / 255  # below this a cell has the colour of nothing


@dataclass(frozen=True)
class Panel:
    """One heat map, measured in inches: `left` and `top` hold the labels, `right` what leans out of the last one."""

    alignment: Alignment
    sentence: str | None
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    slanted: bool
    left: float
    top: float
    right: float
    cell: float

    @property
    def width(self) -> float:
        return self.left + max(len(self.columns), 1) * self.cell + self.right

    @property
    def height(self) -> float:
        return self.top + max(len(self.rows), 1) * self.cell


def save_figure(alignments: Alignment | Sequence[Alignment], path: str | Path) -> None:
    """Draw one heat map for each alignment into one file.

    Labels that no installed font can draw are named in one warning, with the package to install; the picture is
    written all the same. SVG keeps text as text, so that a browser may draw what this machine cannot.

    Args:
        alignments: one or up to 40.
        path: ends in .png, .svg or .pdf.

    Raises UsageError for another ending, none or too many alignments; RegardError if the file cannot be written;
    ValueError if weights do not fit their units.
    """
    path = checked_path(path)
    chosen = [alignments] if isinstance(alignments, Alignment) else list(alignments)
    if not 1 <= len(chosen) <= MOST_PANELS:
        raise UsageError(
            f"One picture holds 1 to {MOST_PANELS} alignments; {len(chosen)} were given. "
            "Draw some of them, or write the HTML page, which holds them all."
        )
    text = "".join(label(unit) for alignment in chosen for unit in (*alignment.source, *alignment.target))
    families, missing = fonts_for(text + "0123456789…")
    warn_of(missing)
    with quiet():
        figure = draw(chosen, families)
        write(figure, path)


def draw(alignments: Sequence[Alignment], families: list[str]) -> Figure:
    """The figure itself, for those who want to go on with it."""
    longest = max(max(len(alignment.source), len(alignment.target), 1) for alignment in alignments)
    cell = float(np.clip(SIDE_INCHES / longest, *CELL_INCHES))
    panels = [_measure(alignment, cell, families) for alignment in alignments]
    places, width, height = _shelve(panels)
    figure = new_figure(width, height)
    for panel, (x, y) in zip(panels, places, strict=True):
        _draw_panel(figure, panel, x, height - y, families)
    _draw_bar(figure, families)
    return figure


def _font_size(cell: float) -> float:
    """Points; labels leave a third of the cell to the eye."""
    return min(11.0, 0.6 * 72 * cell)


def _measure(alignment: Alignment, cell: float, families: list[str]) -> Panel:
    rows = tuple(shorten(label(unit), LONGEST_LABEL) for unit in alignment.target)
    columns = tuple(shorten(label(unit), LONGEST_LABEL) for unit in alignment.source)
    sentence = nothing_to_draw(alignment)
    size = _font_size(cell)
    if sentence:
        return Panel(alignment, sentence, (), (), False, 0.0, 0.0, _text_width(sentence, 10.0, families), cell)
    widths = [_text_width(column, size, families) for column in columns]
    left = max(_text_width(row, size, families) for row in rows) + GAP
    line = 1.2 * size / 72
    if max(widths) <= 0.92 * cell:
        return Panel(alignment, None, rows, columns, False, left, line + GAP, 0.0, cell)
    slant = np.sqrt(0.5)
    overhang = max((index + 0.42) * cell + slant * wide for index, wide in enumerate(widths)) - len(columns) * cell
    top = slant * (max(widths) + line) + GAP
    return Panel(alignment, None, rows, columns, True, left, top, max(float(overhang), 0.0), cell)


def _text_width(text: str, size: float, families: list[str]) -> float:
    figure = new_figure(1.0, 1.0)
    drawn = figure.text(0, 0, text, fontsize=size, fontfamily=families, parse_math=False)
    return float(drawn.get_window_extent().width) / 72


def _shelve(panels: Sequence[Panel]) -> tuple[list[tuple[float, float]], float, float]:
    """Upper left corner of each panel (inches from the upper left of the page), and the size of the page."""
    shelves: list[list[Panel]] = [[]]
    for panel in panels:
        if shelves[-1] and sum(other.width + BETWEEN for other in shelves[-1]) + panel.width > PAGE_INCHES:
            shelves.append([])
        shelves[-1].append(panel)
    places: list[tuple[float, float]] = []
    y = widest = 0.0
    for shelf in shelves:
        x = 0.0
        header = max(panel.top for panel in shelf)  # the maps of a shelf stand in line, whatever is written above them
        for panel in shelf:
            places.append((MARGIN + x, MARGIN + y + header - panel.top))
            x += panel.width + BETWEEN
        y += max(header - panel.top + panel.height for panel in shelf) + BETWEEN
        widest = max(widest, x - BETWEEN)
    return places, max(widest, 2 * BAR[0]) + 2 * MARGIN, y - BETWEEN + 2 * MARGIN + ROOM_FOR_BAR


def _draw_panel(figure: Figure, panel: Panel, x: float, y: float, families: list[str]) -> None:
    """One heat map whose upper left corner stands at (x, y) inches from the lower left of the page."""
    width, height = figure.get_size_inches()
    if panel.sentence:
        figure.text(x / width, (y - 0.2) / height, panel.sentence, fontsize=10, color=FAINT, fontfamily=families)
        return
    rows, columns, cell = len(panel.rows), len(panel.columns), panel.cell
    corner = ((x + panel.left) / width, (y - panel.top - rows * cell) / height)
    axes = figure.add_axes((*corner, columns * cell / width, rows * cell / height), frameon=True)
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[], facecolor=RAMP(0.0))
    for spine in axes.spines.values():
        spine.set_visible(False)
    weights = checked_weights(panel.alignment)
    shown = np.argwhere(weights >= FAINTEST)
    squares = [[(s, t), (s + 1, t), (s + 1, t + 1), (s, t + 1)] for t, s in shown]
    colors = RAMP(weights[shown[:, 0], shown[:, 1]])
    axes.add_collection(PolyCollection(squares, facecolors=colors, edgecolors="none"))
    lines = [[(s, 0), (s, rows)] for s in range(1, columns)] + [[(0, t), (columns, t)] for t in range(1, rows)]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=3 * cell))
    style: dict[str, Any] = {"fontsize": _font_size(cell), "fontfamily": families, "parse_math": False, "color": INK}
    gap = GAP / cell
    for t, row in enumerate(panel.rows):
        axes.text(-gap, t + 0.5, row, ha="right", va="center_baseline", **style)
    for s, column in enumerate(panel.columns):
        if panel.slanted:
            axes.text(s + 0.42, -gap, column, rotation=45, rotation_mode="anchor", ha="left", va="center", **style)
        else:
            axes.text(s + 0.5, -gap, column, ha="center", va="bottom", **style)


def _draw_bar(figure: Figure, families: list[str]) -> None:
    """The scale: a small bar from 0 to 1 in the lower right corner."""
    width, height = figure.get_size_inches()
    left = width - MARGIN - BAR[0] - 0.15
    axes = figure.add_axes((left / width, MARGIN / height, BAR[0] / width, BAR[1] / height), frameon=False)
    steps = range(64)
    squares = [[(k, 0), (k + 1.2, 0), (k + 1.2, 1), (k, 1)] for k in steps]  # overlapping: no seams
    axes.set(xlim=(0, 64), ylim=(0, 1), xticks=[], yticks=[])
    axes.add_collection(PolyCollection(squares, facecolors=RAMP(np.linspace(0, 1, 64)), edgecolors="none"))
    style: dict[str, Any] = {"fontsize": 8, "color": FAINT, "va": "center", "fontfamily": families}
    axes.text(-3, 0.5, "weight  0", ha="right", **style)
    axes.text(67, 0.5, "1", ha="left", **style)
