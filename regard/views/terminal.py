"""Alignment → heat map in the terminal: a row for each target unit, a column for each source unit.

The words of the source stand above their columns, written as a sentence where that fits and downwards where it does
not. What is wider than the terminal goes on below in another block; nothing is cut silently.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from regard.alignment.alignment import Alignment, Unit
from regard.views.labels import checked_weights, clusters, escaped, label, nothing_to_draw, shorten
from regard.views.ramp import hexadecimal

SHADES = "·░▒▓█"
SHADE_EDGES = (0.05, 0.25, 0.5, 0.75)  # a dot below 5 %, then quarters
NARROWEST = 24  # with fewer columns a map and its legend say nothing
TALLEST_HEADER = 10
# Terminals disagree on the width of what these make of the emoji before them, so a label does without them.
EMOJI_SHAPERS = {0x200D: None, 0xFE0E: None, 0xFE0F: None} | dict.fromkeys(range(0x1F3FB, 0x1F400))
LEFT_TO_RIGHT_MARK = "\u200e"


@dataclass(frozen=True, slots=True)
class Block:
    """Some columns of the map: which source units, how wide each cell is, the gap after it, the lines above it."""

    first: int
    widths: tuple[int, ...]
    gap: int
    header: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.widths)


def show(alignment: Alignment, console: Console) -> None:
    """Draw the heat map as wide and as colourful as the console allows (NO_COLOR, pipes and encodings included)."""
    color = console.color_system in {"256", "truecolor"} and not console.no_color  # 16 colours make no ramp
    ascii = not console.encoding.lower().startswith("utf")
    drawn = heatmap(alignment, width=console.width, color=color, ascii=ascii)
    console.print(drawn, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def heatmap(alignment: Alignment, *, width: int, color: bool, ascii: bool) -> Text:
    """The weights as coloured cells, as shades ·░▒▓█ without colour, or as percent in pure ASCII.

    Every line has the same width in terminal cells, Chinese counted as two. No control character and no bidi
    control of the text is passed on; a label that reads from the right is followed by a left-to-right mark, so
    that the words beside it stay in their columns.

    Args:
        alignment: what to draw; a sentence is returned if one side is empty.
        width: columns of the terminal; blocks are broken at it (at 24 if it is less).
        color: whether cells may be coloured; rich reduces the colours to what the terminal has.
        ascii: whether anything but ASCII must be avoided.

    Raises ValueError if the weights do not fit the units.
    """
    sentence = nothing_to_draw(alignment)
    if sentence:
        return Text(sentence)
    weights = checked_weights(alignment)
    width = max(width, NARROWEST)
    gutter = min(max(cell_len(_terminal_label(unit, ascii)) for unit in alignment.target), max(8, width // 3))
    dots = "..." if ascii else "…"
    rows = [shorten(_terminal_label(unit, ascii), gutter, dots) for unit in alignment.target]
    columns = [_terminal_label(unit, ascii) for unit in alignment.source]
    lines: list[Text] = []
    blocks = split(columns, width - gutter - 1, ascii)
    for block in blocks:
        if len(blocks) > 1:
            lines.append(Text(f"source {block.first + 1} to {block.last} of {len(columns)}"))
        lines += [Text(" " * (gutter + 1) + line) for line in block.header]
        lines += [_row(rows[t], gutter, weights[t], block, color, ascii) for t in range(len(rows))]
        lines.append(Text(""))
    lines.append(_legend(gutter, color, ascii))
    return _squared(lines)


def split(columns: Sequence[str], room: int, ascii: bool) -> list[Block]:
    """Columns in blocks that fit the room, with words across or with words downwards: whichever takes fewer blocks."""
    dots = "..." if ascii else "…"
    gap = 1 if ascii else 0  # numbers must not touch, colours may
    written = [shorten(column, room - 1, dots) for column in columns]
    across = _fill([max(2, cell_len(word)) for word in written], 1, room)
    down = _fill([2] * len(columns), gap, room)
    if len(across) <= len(down):
        return [Block(first, widths, 1, _across(written[first:], widths)) for first, widths in across]
    return [Block(first, widths, gap, _down(columns[first:], widths, gap, dots[:2])) for first, widths in down]


def _fill(widths: list[int], gap: int, room: int) -> list[tuple[int, tuple[int, ...]]]:
    """(first column, widths) of each block, filled one column after the other."""
    blocks: list[tuple[int, tuple[int, ...]]] = []
    first, used = 0, 0
    for index, width in enumerate(widths):
        if index > first and used + width + gap > room:
            blocks.append((first, tuple(widths[first:index])))
            first, used = index, 0
        used += width + gap
    return [*blocks, (first, tuple(widths[first:]))]


def _across(words: Sequence[str], widths: tuple[int, ...]) -> tuple[str, ...]:
    return ("".join(_padded(word, width + 1) for word, width in zip(words, widths, strict=False)),)


def _down(words: Sequence[str], widths: tuple[int, ...], gap: int, dots: str) -> tuple[str, ...]:
    """The words downwards, standing on the map."""
    stacks = [clusters(word) for word in words[: len(widths)]]
    stacks = [stack if len(stack) <= TALLEST_HEADER else [*stack[: TALLEST_HEADER - 1], dots] for stack in stacks]
    height = max(map(len, stacks))
    stacks = [[""] * (height - len(stack)) + stack for stack in stacks]
    return tuple(
        "".join(_padded(stack[line], width + gap) for stack, width in zip(stacks, widths, strict=True))
        for line in range(height)
    )


def _row(name: str, gutter: int, weights: np.ndarray, block: Block, color: bool, ascii: bool) -> Text:
    line = Text(" " * (gutter - cell_len(name)) + _anchored(name) + " ")
    for weight, width in zip(weights[block.first : block.last], block.widths, strict=True):
        if color:
            line.append_text(cell(float(weight), width + block.gap, color, ascii))
        else:
            line.append_text(cell(float(weight), width, color, ascii)).append(" " * block.gap)
    return line


def cell(weight: float, width: int, color: bool, ascii: bool) -> Text:
    """One weight, so many columns wide."""
    if color:
        return Text(" " * width, Style(bgcolor=hexadecimal(weight, dark=True)))
    if ascii:
        percent = min(round(100 * weight), 99)  # two columns hold no 100
        return Text((str(percent) if percent else ".").ljust(width))
    return Text(SHADES[sum(weight >= edge for edge in SHADE_EDGES)] * width)


def _legend(gutter: int, color: bool, ascii: bool) -> Text:
    """How to read a cell."""
    line = Text(" " * (gutter + 1))
    if ascii:
        return line.append("weight in %")
    line.append("0 ")
    for weight in np.linspace(0, 1, 10) if color else (0.0, 0.05, 0.25, 0.5, 0.75):
        line.append_text(cell(float(weight), 1, color, ascii))
    return line.append(" 1")


def _terminal_label(unit: Unit, ascii: bool) -> str:
    text = label(unit).translate(EMOJI_SHAPERS)
    if ascii:
        return escaped(text)
    if cell_len(text[:1]) == 0:
        text = "◌" + text  # a mark with nothing to stand on would climb onto the neighbour
    return text


def _anchored(text: str) -> str:
    """The text; after letters that run from the right, a mark that keeps what follows on its right."""
    from_the_right = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)
    return text + LEFT_TO_RIGHT_MARK if from_the_right else text


def _padded(text: str, width: int) -> str:
    return _anchored(text) + " " * (width - cell_len(text))


def _squared(lines: list[Text]) -> Text:
    """The lines, all as wide as the widest."""
    widest = max(line.cell_len for line in lines)
    for line in lines:
        line.append(" " * (widest - line.cell_len))
    return Text("\n", no_wrap=True).join(lines)
