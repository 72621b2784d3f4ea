"""One heat map of a picture: its sentences above, the words beside the cells, the end marks apart, a caption below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment
from regard.views.heading import LINE, Heading, draw_heading, heading_of, text_width
from regard.views.labels import END, SHOWN_FROM, cells, copied_cells, label, nothing_to_draw, part_starts, shorten
from regard.views.plotting import FAINT, HAIR, INK, RAMP, Axes, Figure, LineCollection, PolyCollection

LONGEST_LABEL = 24  # terminal cells; what is longer ends in …
GAP = 0.09  # inches between labels and cells
APART = 0.4  # cells between the words and the end marks
LABEL_POINTS = 12.0
NARROWEST_TEXT = 3.2  # inches: a sentence above a small map may be wider than it
FAINTEST = 1 / 255  # below this a cell has the colour of nothing
DARK = 0.45  # from this weight on a number is white
INSET = 0.13  # of a cell: where its frame stands


@dataclass(frozen=True)
class Panel:
    """One heat map, measured in inches.

    Args:
        alignment: what is drawn.
        heading: the texts above and below.
        rows, columns: the labels, those of the end marks last; none where there is nothing to draw.
        slanted: whether the labels of the columns are slanted.
        left, top: room for the labels.
        right: room for the slanted end of the last label.
        cell: side of a cell.
        numbers: whether cells hold their weight, in percent.
    """

    alignment: Alignment
    heading: Heading
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    slanted: bool
    left: float
    top: float
    right: float
    cell: float
    numbers: bool

    @property
    def across(self) -> float:
        """Cells from left to right, with the gap before the end mark."""
        return len(self.columns) + APART * (self.alignment.source_end is not None) if self.columns else 0.0

    @property
    def down(self) -> float:
        """Cells from top to bottom, with the gap before the end row."""
        return len(self.rows) + APART * (self.alignment.target_end is not None) if self.rows else 0.0

    @property
    def width(self) -> float:
        """The width of the whole panel."""
        return max(self.left + self.across * self.cell + self.right, NARROWEST_TEXT)

    @property
    def header(self) -> float:
        """Height above the cells."""
        return self.heading.height + self.top

    @property
    def below(self) -> float:
        """Height of the cells and of the text below them."""
        caption = self.heading.caption
        return self.down * self.cell + (len(caption) + 0.6) * LINE * bool(caption)

    def draw(self, figure: Figure, x: float, y: float, families: list[str]) -> None:
        """Draw it with its upper left corner at (x, y) inches from the lower left of the page."""
        draw_heading(figure, self.heading, x, y, y - self.header - self.below, families)
        width, height = figure.get_size_inches()
        if self.rows:
            corner = (x + self.left) / width, (y - self.header - self.down * self.cell) / height
            _draw_map(figure, self, corner, families)


def measure(alignment: Alignment, number: str, cell: float, families: list[str], numbers: bool) -> Panel:
    """Measure the room that a heat map takes.

    Args:
        number: the number before the sentence, "" if there is only one.
        cell: side of a cell, in inches.
        families: fonts that together have all characters.
        numbers: whether cells hold their weight.
    """
    sentence = nothing_to_draw(alignment)
    rows = [shorten(label(unit), LONGEST_LABEL) for unit in alignment.target]
    columns = [shorten(label(unit), LONGEST_LABEL) for unit in alignment.source]
    rows += [END] * (alignment.target_end is not None)
    columns += [END] * (alignment.source_end is not None)
    slanted, left, top, right = False, 0.0, 0.0, 0.0
    if sentence:
        rows, columns = [], []
    else:
        slanted, left, top, right = _room(rows, columns, cell, families)
    wide = max(left + (len(columns) + APART) * cell + right, NARROWEST_TEXT)
    return Panel(
        alignment,
        heading_of(alignment, number, wide),
        tuple(rows),
        tuple(columns),
        slanted,
        left,
        top,
        right,
        cell,
        numbers,
    )


def label_points(cell: float) -> float:
    """Size of the labels, two thirds of a cell."""
    return min(LABEL_POINTS, 0.68 * 72 * cell)


def _room(
    rows: Sequence[str], columns: Sequence[str], cell: float, families: list[str]
) -> tuple[bool, float, float, float]:
    """Whether the labels of the columns are slanted, and the room left of, above and right of the cells."""
    size = label_points(cell)
    widths = [text_width(column, size, families) for column in columns]
    left = max(text_width(row, size, families) for row in rows) + GAP
    line = 1.2 * size / 72
    if max(widths) <= 0.92 * cell:
        return False, left, line + GAP, 0.0
    slant = math.sqrt(0.5)
    overhang = max((index + 0.42) * cell + slant * wide for index, wide in enumerate(widths)) - len(columns) * cell
    return True, left, slant * (max(widths) + line) + GAP, max(overhang, 0.0)


def _draw_map(figure: Figure, panel: Panel, corner: tuple[float, float], families: list[str]) -> None:
    width, height = figure.get_size_inches()
    size = panel.across * panel.cell / width, panel.down * panel.cell / height
    axes = figure.add_axes((*corner, *size), frameon=False)
    axes.set(xlim=(0, panel.across), ylim=(panel.down, 0), xticks=[], yticks=[])
    weights = cells(panel.alignment)
    xs = np.arange(len(panel.columns)) + APART * (np.arange(len(panel.columns)) >= len(panel.alignment.source))
    ys = np.arange(len(panel.rows)) + APART * (np.arange(len(panel.rows)) >= len(panel.alignment.target))
    _draw_cells(axes, weights, xs, ys, panel)
    style: dict[str, Any] = {"fontsize": label_points(panel.cell), "fontfamily": families, "parse_math": False}
    gap = GAP / panel.cell
    for row, y in zip(panel.rows, ys, strict=True):
        color = FAINT if y != int(y) else INK
        axes.text(-gap, y + 0.5, row, ha="right", va="center_baseline", color=color, **style)
    lean: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "ha": "left", "va": "center"}
    for column, x in zip(panel.columns, xs, strict=True):
        color = FAINT if x != int(x) else INK
        place, how = (0.42, lean) if panel.slanted else (0.5, {"ha": "center", "va": "bottom"})
        axes.text(x + place, -gap, column, color=color, **how, **style)
    if panel.numbers:
        points = min(9.0, 0.45 * 72 * panel.cell)
        for t, s in np.argwhere(weights >= SHOWN_FROM):
            color = "white" if weights[t, s] >= DARK else INK
            where: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": points, "color": color}
            if xs[s] != int(xs[s]):  # the hatching must not cross the number
                where["bbox"] = {"boxstyle": "square,pad=0.1", "facecolor": RAMP(weights[t, s]), "edgecolor": "none"}
            axes.text(xs[s] + 0.5, ys[t] + 0.5, f"{100 * weights[t, s]:.0f}", fontfamily=families, **where)


def _draw_cells(axes: Axes, weights: np.ndarray, xs: np.ndarray, ys: np.ndarray, panel: Panel) -> None:
    """The cells, on paper of the ramp's lightest colour; those of the source's end mark are hatched. Where a word
    was copied from has a frame."""
    sources, targets = len(panel.alignment.source), len(panel.alignment.target)
    heights = [(0.0, targets), *((y, 1) for y in ys[targets:])]
    papers = [
        _square(x, y, wide, high)
        for y, high in heights
        for x, wide in [(0.0, sources), *((x, 1) for x in xs[sources:])]
    ]
    axes.add_collection(PolyCollection(papers, facecolors=[RAMP(0.0)], edgecolors="none"))
    shown = np.argwhere(weights >= FAINTEST)
    squares = [_square(xs[s], ys[t]) for t, s in shown]
    axes.add_collection(PolyCollection(squares, facecolors=RAMP(weights[shown[:, 0], shown[:, 1]]), edgecolors="none"))
    for x in xs[sources:]:
        ending = [_square(x, y) for y in ys]
        hatched = PolyCollection(ending, facecolors="none", edgecolors=HAIR, hatch="////", linewidths=0)
        axes.add_collection(hatched)
    lines = [[(x, 0), (x, panel.down)] for x in xs[1:]] + [[(0, y), (panel.across, y)] for y in ys[1:]]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=3 * panel.cell))
    between = [[(x, -0.3), (x, panel.down)] for x in part_starts(panel.alignment)]
    axes.add_collection(LineCollection(between, colors=INK, linewidths=3 * panel.cell, clip_on=False))
    copied = [(t, s) for t, s, _ in copied_cells(panel.alignment)]
    if copied:
        frames = [_square(xs[s] + INSET, ys[t] + INSET, 1 - 2 * INSET, 1 - 2 * INSET) for t, s in copied]
        colors = ["white" if weights[t, s] >= DARK else INK for t, s in copied]
        axes.add_collection(PolyCollection(frames, facecolors="none", edgecolors=colors, linewidths=4 * panel.cell))


def _square(x: float | int, y: float | int, wide: float | int = 1, high: float | int = 1) -> list[tuple[float, float]]:
    return [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
