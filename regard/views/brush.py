"""One weight and one word in a terminal: in colour, in shades, or in ASCII."""

import unicodedata
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from regard.alignment.alignment import Unit
from regard.views.labels import escaped, label, shorten
from regard.views.ramp import hexadecimal

SHADES = "·░▒▓█"
SHADE_EDGES = (0.05, 0.25, 0.5, 0.75)  # a dot below 5 %, then quarters
# Terminals disagree on the width of what these make of the emoji before them, so a label does without them.
EMOJI_SHAPERS = {0x200D: None, 0xFE0E: None, 0xFE0F: None} | dict.fromkeys(range(0x1F3FB, 0x1F400))
LEFT_TO_RIGHT_MARK = "\u200e"


@dataclass(frozen=True, slots=True)
class Brush:
    """Draws cells and words for a terminal.

    Args:
        color: whether cells may be coloured.
        ascii: whether only ASCII may be used.
    """

    color: bool
    ascii: bool

    @property
    def dots(self) -> str:
        """The sign at the end of a shortened word."""
        return "..." if self.ascii else "…"

    @property
    def vertical_line(self) -> str:
        """The line between the words and the end marks."""
        return "|" if self.ascii else "│"

    @property
    def horizontal_line(self) -> str:
        """The same, horizontal."""
        return "-" if self.ascii else "─"

    @property
    def line_crossing(self) -> str:
        """The crossing of both lines."""
        return "+" if self.ascii else "┼"

    def cell(self, weight: float, width: int) -> Text:
        """One weight, `width` columns wide."""
        if self.color:
            return Text(" " * width, Style(bgcolor=hexadecimal(weight, dark=True)))
        if self.ascii:
            percent = min(round(100 * weight), 99)  # two columns hold no 100
            return Text((str(percent) if percent else ".").ljust(width))
        return Text(SHADES[sum(weight >= edge for edge in SHADE_EDGES)] * width)

    def label(self, unit: Unit) -> str:
        """The label of a unit."""
        return self.printable(label(unit))

    def printable(self, text: str) -> str:
        """Harmless text, as this terminal can show it."""
        text = text.translate(EMOJI_SHAPERS)
        if self.ascii:
            return escaped(text)
        if text and cell_len(text[:1]) == 0:
            text = "◌" + text  # a combining mark alone would join the character before it
        return text

    def shortened(self, text: str, width: int) -> str:
        """The text, shortened if it is wider than this."""
        return shorten(text, width, self.dots)


def anchored(text: str) -> str:
    """The text; after right-to-left letters, with a mark that keeps the next text on its right."""
    from_the_right = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)
    return text + LEFT_TO_RIGHT_MARK if from_the_right else text


def padded(text: str, width: int) -> str:
    """The text, with blanks after it up to this width."""
    return anchored(text) + " " * (width - cell_len(text))


def wrapped(pieces: list[Text], room: int) -> list[Text]:
    """The pieces, separated by blanks, in lines that fit into `room` columns."""
    lines = [Text()]
    for piece in pieces:
        if lines[-1].cell_len and lines[-1].cell_len + 1 + piece.cell_len > room:
            lines.append(Text())
        if lines[-1].cell_len:
            lines[-1].append(" ")
        lines[-1].append_text(piece)
    return lines


def said(first: Text, sentence: str, room: int) -> list[Text]:
    """A piece and a sentence after it, in lines that fit into `room` columns."""
    return wrapped([*([first] if first.cell_len else []), *map(Text, sentence.split(" "))], room)


def equally_wide(lines: list[Text]) -> Text:
    """The lines, all as wide as the widest."""
    widest = max(line.cell_len for line in lines)
    for line in lines:
        line.append(" " * (widest - line.cell_len))
    return Text("\n", no_wrap=True).join(lines)
