"""Alignment → heat map in the terminal: a row for each target unit, a column for each source unit.

The words of the source are above their columns, as a sentence if that fits, else downwards. The weights on the end mark
of the source are a separate last column, the row of the end of the output is the last row. A map that is wider than the
terminal becomes a list: each target unit with its largest weights.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from regard.alignment.alignment import Alignment
from regard.data.media import Picture, Recording
from regard.views.brush import Brush, anchored, equally_wide, padded, wrapped
from regard.views.labels import (
    END,
    cells,
    clusters,
    nothing_to_draw,
    part_names,
    part_starts,
    remarks,
    warnings,
    words_of,
)
from regard.views.listing import listing, word_lists
from regard.views.terminal_picture import picture_maps
from regard.views.terminal_recording import recording_map

NARROWEST = 24  # with fewer columns a map and its legend cannot be read
TALLEST_HEADER = 10
BETWEEN_PARTS = -1.0
"""Stands in the place of a weight where one part of several texts ends and the next begins."""
KEY = "weights in %; the#4 is word 4"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a map: width of each cell, gap after it, lines above."""

    widths: tuple[int, ...]
    gap: int
    header: tuple[str, ...]

    @property
    def width(self) -> int:
        """Of all cells with their gaps."""
        return sum(self.widths) + self.gap * len(self.widths)


def show(alignment: Alignment, console: Console | None = None) -> None:
    """Draw the heat map as wide and as colourful as the console allows (NO_COLOR, pipes and encodings included)."""
    console = console or Console()
    color = console.color_system in {"256", "truecolor"} and not console.no_color  # 16 colours make no ramp
    ascii = not console.encoding.lower().startswith("utf")
    drawn = heatmap(alignment, width=console.width, color=color, ascii=ascii)
    console.print(drawn, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def heatmap(alignment: Alignment, *, width: int | None = None, color: bool = False, ascii: bool | None = None) -> Text:
    """The weights as coloured cells, as shades ·░▒▓█ without colour, or as percent in pure ASCII.

    `print` writes it without colour; `show` draws it in colour where the terminal has it. Every line has the same
    width in terminal cells, Chinese counted as two. No control character and no bidi control of the text is passed
    on; a label that reads from the right is followed by a left-to-right mark, so that the words beside it stay in
    their columns. Above the rows of a recording stands its waveform; a picture stands there once for each row. Below
    stand the words of sentences that were made of them, with the weights within, and the warning of the alignment.

    Args:
        alignment: what to draw; a sentence is returned if one side is empty, or no word of the source was looked at.
        width: columns of the terminal, at least 24; None: those of this terminal. A wider map becomes a list.
        color: whether cells may be coloured; rich reduces the colours to what the terminal has.
        ascii: whether only ASCII may be used; None: as standard output needs it.

    Raises ValueError for weights that are NaN or infinite.
    """
    sentence = nothing_to_draw(alignment)
    if sentence:
        return Text(sentence)
    if ascii is None:
        ascii = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    brush = Brush(color, ascii)
    width = max(Console().width if width is None else width, NARROWEST)
    lines: list[Text] = []
    for name, one in alignment.each_layer:
        lines += [Text()] * bool(lines) + _sentence(name, width, brush) * bool(name) + _layer(one, width, brush)
    if alignment.inside:
        lines += [Text(), *word_lists(alignment, width, brush)]
    for warning in warnings([alignment]):
        lines += [Text(), *_sentence(warning, width, brush)]
    return equally_wide(lines)


def _layer(alignment: Alignment, width: int, brush: Brush) -> list[Text]:
    """The map of one layer, or of an alignment without layers, and what is said of the end of the source."""
    if isinstance(alignment.medium, Recording):
        lines = recording_map(alignment, alignment.medium, width, brush)
    elif isinstance(alignment.medium, Picture):
        lines = picture_maps(alignment, alignment.medium, width, brush)
    else:
        lines = word_map(alignment, width, brush)
    for remark in remarks(alignment):
        lines += [Text(), *_sentence(remark, width, brush)]
    return lines


def word_map(alignment: Alignment, width: int, brush: Brush) -> list[Text]:
    """A row for each output unit and a column for each source unit, or the list."""
    weights = cells(alignment)
    end_marks, end_row = alignment.source_end is not None, alignment.target_end is not None
    rows = [brush.label(unit) for unit in alignment.target] + [END] * end_row
    gutter = min(max(map(cell_len, rows)), max(8, width // 3))
    rows = [brush.shortened(row, gutter) for row in rows]
    columns, starts = [brush.label(unit) for unit in alignment.source], part_starts(alignment)
    divided = np.insert(np.array(columns, object), starts, brush.vertical_line).tolist()
    layout = fit(divided, width - gutter - 1 - (len(END) + 2) * end_marks, brush)
    if layout:
        lines = _map(rows, np.insert(weights, starts, BETWEEN_PARTS, axis=1), layout, end_marks, brush)
    else:
        named = [
            brush.printable(f"{name}{column}") for name, column in zip(part_names(alignment), columns, strict=True)
        ]
        lines = listing(rows, named, weights, end_marks, width, brush)
    if end_row and layout:
        lines.insert(-1, _rule(gutter + 1, layout, end_marks, brush))
    return [*lines, Text(), *([_legend(gutter, brush)] if layout else _sentence(KEY, width, brush))]


def fit(columns: Sequence[str], room: int, brush: Brush) -> Layout | None:
    """The columns with their words across, or downwards if only that fits the room; None if neither does."""
    widths = tuple(max(2, cell_len(column)) for column in columns)
    if sum(widths) + len(widths) <= room:
        line = "".join(padded(word, width + 1) for word, width in zip(columns, widths, strict=True))
        return Layout(widths, 1, (line,))
    gap = 1 if brush.ascii else 0  # numbers must not touch, colours may
    several = any(" " in column for column in columns)  # whole sentences, which cannot be read downwards
    if (2 + gap) * len(columns) <= room and not several:
        return Layout((2,) * len(columns), gap, _down(columns, 2 + gap, brush.dots[:2]))
    return None


def _down(words: Sequence[str], width: int, dots: str) -> tuple[str, ...]:
    """The words downwards, above the map."""
    stacks = [clusters(word) for word in words]
    stacks = [stack if len(stack) <= TALLEST_HEADER else [*stack[: TALLEST_HEADER - 1], dots] for stack in stacks]
    height = max(map(len, stacks))
    stacks = [[""] * (height - len(stack)) + stack for stack in stacks]
    return tuple("".join(padded(stack[line], width) for stack in stacks) for line in range(height))


def _map(rows: Sequence[str], weights: np.ndarray, layout: Layout, end_marks: bool, brush: Brush) -> list[Text]:
    """The lines above and the rows; a line separates the end mark of the source."""
    gutter = max(map(cell_len, rows))
    lines = [Text(" " * (gutter + 1) + line) for line in layout.header]
    if end_marks:
        for number, line in enumerate(lines, 1):
            line.append(f"{brush.vertical_line} {END if number == len(lines) else ''}")
    for name, looks in zip(rows, weights, strict=True):
        line = Text(" " * (gutter - cell_len(name)) + anchored(name) + " ")
        for weight, width in zip(looks.tolist(), layout.widths, strict=False):
            if weight == BETWEEN_PARTS:
                line.append(padded(brush.vertical_line, width + layout.gap))
                continue
            line.append_text(brush.cell(weight, width + layout.gap * brush.color))
            line.append(" " * (layout.gap * (not brush.color)))
        if end_marks:
            line.append(f"{brush.vertical_line} ").append_text(brush.cell(float(looks[-1]), len(END)))
        lines.append(line)
    return lines


def _rule(before: int, layout: Layout, end_marks: bool, brush: Brush) -> Text:
    """The line between the output and its end."""
    line = brush.horizontal_line * (before + layout.width)
    return Text(line + brush.line_crossing + brush.horizontal_line * (len(END) + 1) if end_marks else line)


def _sentence(text: str, width: int, brush: Brush) -> list[Text]:
    return wrapped([Text(brush.shortened(brush.printable(word), width)) for word in words_of(text)], width)


def _legend(gutter: int, brush: Brush) -> Text:
    """The legend of the cells."""
    line = Text(" " * (gutter + 1))
    if brush.ascii:
        return line.append("weight in %")
    line.append("0 ")
    for weight in np.linspace(0, 1, 10) if brush.color else (0.0, 0.05, 0.25, 0.5, 0.75):
        line.append_text(brush.cell(float(weight), 1))
    return line.append(" 1")
