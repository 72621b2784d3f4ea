"""Alignments → one picture: PNG, SVG or PDF. Square cells, the source above, the target on the left."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment
from regard.data.media import Recording
from regard.errors import UsageError
from regard.files import write_whole
from regard.views.fonts import fonts_for, warn_missing
from regard.views.heading import CELLS_PER_INCH, LINE, TEXT_POINTS, heading_of, wrap
from regard.views.labels import label, nothing_to_draw, source_line, visible, warnings
from regard.views.panel import Panel, measure
from regard.views.panel_inside import InsidePanel, measure_inside
from regard.views.panel_picture import PicturePanel, measure_picture
from regard.views.panel_recording import RecordingPanel, measure_recording
from regard.views.plotting import FAINT, INK, RAMP, Figure, PolyCollection, checked_path, encoded, new_figure, quiet

MOST_PANELS = 40
COMFORTABLE = 0.36  # inches: side of a cell where there are few
LEGIBLE = 0.24  # labels beside such cells can be read on a screen
SMALLEST = 0.13
SIDE_INCHES = 15.0  # a map grows to this with comfortable cells, then with legible ones
LONGEST_SIDE_INCHES = 26.0  # and to this with smaller ones
MARGIN = 0.25
TITLE_POINTS = 14.0
TITLE_LINE = 1.35 * TITLE_POINTS / 72
BELOW_TITLE = 0.2
BETWEEN = 0.55  # between panels
PAGE_INCHES = 11.0  # panels go into rows of about this width
BAR = (1.1, 0.07)
ROOM_FOR_BAR = 0.35
MEDIUM_TEXT_INCHES = 7.0  # a line above a recording or a picture

AnyPanel = Panel | RecordingPanel | PicturePanel | InsidePanel


def save_figure(
    alignments: Alignment | Sequence[Alignment],
    path: str | Path,
    *,
    title: str = "",
    numbers: bool = False,
    gold: Sequence[Sequence[float]] | None = None,
) -> None:
    """Draw one heat map for each alignment, or for each of its layers, into one file, under both sentences and the
    score.

    The weights on the end mark of the source are a separate, hatched column, `end`; the row of the end of the output is
    separate too. Warnings of the alignments stand under the title. One warning names characters that no font has, and
    the package to install; the picture is written in any case. SVG keeps text as text, so that a browser can draw
    characters for which this machine has no font.

    A recording is drawn as its spectrogram with a row of weights for each output unit below; a picture once for each
    output unit, in grey and in its own aspect ratio, with its exact cells in one hue. The opacity of a cell is its
    weight over the largest weight of the whole output, so that a uniform row looks uniform.

    Sentences that were made of words are drawn once more, word by word, each with its weight within the sentence.

    Args:
        alignments: one or up to 40; several are numbered.
        path: ends in .png, .svg or .pdf.
        title: the title of the picture.
        numbers: whether cells hold their weight, in percent; only in a map of words.
        gold: for each alignment the seconds at which lines are drawn over a recording, such as the gold times of words.

    Raises UsageError for another ending, none or too many alignments, or `gold` of another length; RegardError if the
    file cannot be written; ValueError for weights that are NaN or infinite.
    """
    path = checked_path(path)
    chosen = [alignments] if isinstance(alignments, Alignment) else list(alignments)
    if not 1 <= len(chosen) <= MOST_PANELS:
        raise UsageError(
            f"One picture holds 1 to {MOST_PANELS} alignments; {len(chosen)} were given. "
            "Draw some of them, or write the HTML page, which holds them all."
        )
    if gold is not None and len(gold) != len(chosen):
        raise UsageError(
            f"save_figure: gold has {len(gold)} entries for {len(chosen)} alignments. Give a list of seconds for each; "
            "an empty one draws no line."
        )
    write_whole(path, picture(chosen, path.suffix.lower()[1:], title, numbers, gold))


def picture(
    chosen: Sequence[Alignment],
    kind: str,
    title: str = "",
    numbers: bool = False,
    gold: Sequence[Sequence[float]] | None = None,
) -> bytes:
    """The same as png, svg or pdf in memory."""
    texts = [part for one in chosen for part in (source_line(one), visible(one.target_text))]
    texts += [label(unit) for one in chosen for unit in (*(() if one.medium else one.source), *one.target)]
    families, missing = fonts_for("".join([*texts, *warnings(chosen)]) + visible(title) + "0123456789…−%")
    warn_missing(missing)
    with quiet():
        return encoded(draw(chosen, families, visible(title), numbers, gold), kind)


def draw(
    alignments: Sequence[Alignment],
    families: list[str],
    title: str = "",
    numbers: bool = False,
    gold: Sequence[Sequence[float]] | None = None,
) -> Figure:
    """The matplotlib figure itself."""
    longest = max([max(len(one.source), len(one.target), 1) + 1 for one in alignments if one.medium is None], default=1)
    cell = cell_inches(longest)
    names = [f"{number}. " for number in range(1, len(alignments) + 1)] if len(alignments) > 1 else [""]
    times: Sequence[Sequence[float]] = [()] * len(alignments) if gold is None else gold
    panels: list[AnyPanel] = []
    for one, name, seconds in zip(alignments, names, times, strict=True):
        for layer_name, layer in one.each_layer:
            before = f"{name}{layer_name}{':' * bool(layer_name)}".strip()
            panels.append(_measured(layer, before, cell, families, numbers, seconds))
        if one.inside:
            panels.append(measure_inside(one, name.strip(), families, numbers))
    shelves = _panel_rows(panels)
    width = _page_width(shelves) + 2 * MARGIN
    room = (width - 2 * MARGIN) * CELLS_PER_INCH
    lines = wrap(title, room * TEXT_POINTS / TITLE_POINTS)
    notes = [line for warning in warnings(alignments) for line in wrap(warning, room)]
    above = MARGIN + len(lines) * TITLE_LINE  # inches over the notes
    places, bottom = _places(shelves, above + len(notes) * LINE + BELOW_TITLE * bool(lines or notes))
    height = bottom + MARGIN + ROOM_FOR_BAR
    figure = new_figure(width, height)
    style: dict[str, Any] = {"fontsize": TITLE_POINTS, "color": INK, "fontfamily": families, "parse_math": False}
    for number, line in enumerate(lines, 1):
        figure.text(MARGIN / width, 1 - (MARGIN + (number - 0.25) * TITLE_LINE) / height, line, **style)
    style["fontsize"] = TEXT_POINTS
    for number, line in enumerate(notes, 1):
        figure.text(MARGIN / width, 1 - (above + (number - 0.25) * LINE) / height, line, **style)
    for panel, (x, y) in zip(panels, places, strict=True):
        panel.draw(figure, x, height - y, families)
    if any(isinstance(panel, Panel | InsidePanel) for panel in panels):  # the others have a scale of their own
        _draw_bar(figure, families)
    return figure


def _measured(
    alignment: Alignment, number: str, cell: float, families: list[str], numbers: bool, lines: Sequence[float]
) -> AnyPanel:
    """The panel that suits what the alignment is of."""
    medium = None if nothing_to_draw(alignment) else alignment.medium
    if medium is None:
        return measure(alignment, number, cell, families, numbers)
    heading = heading_of(alignment, number, MEDIUM_TEXT_INCHES)
    if isinstance(medium, Recording):
        return measure_recording(alignment, medium, heading, families, lines)
    return measure_picture(alignment, medium, heading)


def cell_inches(units: int) -> float:
    """Side of a cell, for the longest side in units: first the picture grows, then labels get smaller."""
    legible = float(np.clip(SIDE_INCHES / units, LEGIBLE, COMFORTABLE))
    return max(min(legible, LONGEST_SIDE_INCHES / units), SMALLEST)


def _panel_rows(panels: Sequence[AnyPanel]) -> list[list[AnyPanel]]:
    """The panels in rows of about the width of a page."""
    shelves: list[list[AnyPanel]] = [[]]
    for panel in panels:
        if shelves[-1] and _width([*shelves[-1], panel]) > PAGE_INCHES:
            shelves.append([])
        shelves[-1].append(panel)
    return shelves


def _width(shelf: Sequence[AnyPanel]) -> float:
    return sum(panel.width + BETWEEN for panel in shelf) - BETWEEN


def _page_width(shelves: Sequence[Sequence[AnyPanel]]) -> float:
    """Without the margins."""
    return max(2 * BAR[0], *map(_width, shelves))


def _places(shelves: Sequence[Sequence[AnyPanel]], top: float) -> tuple[list[tuple[float, float]], float]:
    """Upper left corner of each panel, in inches from the upper left of the page, and the end of the last row."""
    places: list[tuple[float, float]] = []
    y = top
    for shelf in shelves:
        x = MARGIN
        header = max(panel.header for panel in shelf)  # the maps of a shelf stand in line, whatever is above them
        for panel in shelf:
            places.append((x, y + header - panel.header))
            x += panel.width + BETWEEN
        y += header + max(panel.below for panel in shelf) + BETWEEN
    return places, y - BETWEEN


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
