"""How one weight and one word look in a terminal, in colour, in shades, or in ASCII."""

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
    """What a terminal can show.

    Args:
        color: cells may be coloured.
        ascii: anything but ASCII must be avoided.
    """

    color: bool
    ascii: bool

    @property
    def dots(self) -> str:
        """What stands for the end of a word that is cut."""
        return "..." if self.ascii else "…"

    @property
    def wall(self) -> str:
        """What stands between the words and the end marks."""
        return "|" if self.ascii else "│"

    @property
    def floor(self) -> str:
        """The same, lying."""
        return "-" if self.ascii else "─"

    @property
    def crossing(self) -> str:
        """Where both meet."""
        return "+" if self.ascii else "┼"

    def cell(self, weight: float, width: int) -> Text:
        """One weight, so many columns wide."""
        if self.color:
            return Text(" " * width, Style(bgcolor=hexadecimal(weight, dark=True)))
        if self.ascii:
            percent = min(round(100 * weight), 99)  # two columns hold no 100
            return Text((str(percent) if percent else ".").ljust(width))
        return Text(SHADES[sum(weight >= edge for edge in SHADE_EDGES)] * width)

    def label(self, unit: Unit) -> str:
        """What to write beside the unit."""
        return self.written(label(unit))

    def written(self, text: str) -> str:
        """Harmless text as this terminal can show it."""
        text = text.translate(EMOJI_SHAPERS)
        if self.ascii:
            return escaped(text)
        if text and cell_len(text[:1]) == 0:
            text = "◌" + text  # a mark with nothing to stand on would climb onto the neighbour
        return text

    def shortened(self, text: str, width: int) -> str:
        """The text, cut where it is wider than this."""
        return shorten(text, width, self.dots)


def anchored(text: str) -> str:
    """The text; after letters that run from the right, a mark that keeps what follows on its right."""
    from_the_right = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text)
    return text + LEFT_TO_RIGHT_MARK if from_the_right else text


def padded(text: str, width: int) -> str:
    """The text, with blanks after it up to this width."""
    return anchored(text) + " " * (width - cell_len(text))


def wrapped(pieces: list[Text], room: int) -> list[Text]:
    """The pieces one after the other, with a blank between them, in lines no wider than the room."""
    lines = [Text()]
    for piece in pieces:
        if lines[-1].cell_len and lines[-1].cell_len + 1 + piece.cell_len > room:
            lines.append(Text())
        if lines[-1].cell_len:
            lines[-1].append(" ")
        lines[-1].append_text(piece)
    return lines


def squared(lines: list[Text]) -> Text:
    """The lines, all as wide as the widest."""
    widest = max(line.cell_len for line in lines)
    for line in lines:
        line.append(" " * (widest - line.cell_len))
    return Text("\n", no_wrap=True).join(lines)
