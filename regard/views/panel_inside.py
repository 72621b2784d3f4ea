"""The words inside the sentences of a source, as one panel of a picture: each on the colour of its weight within."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from regard.alignment.alignment import Alignment
from regard.views.heading import CELLS_PER_INCH, LINE, TEXT_POINTS, Heading, draw_heading, text_width, wrap
from regard.views.labels import WITHIN, checked_inside, label, shorten
from regard.views.plotting import FAINT, INK, RAMP, Figure, PolyCollection

ACROSS = 7.0  # inches of a line of words
NARROWEST = 2.5  # of the panel: its title may be wider than the words
LONGEST_LABEL = 24  # terminal cells
PAD, GAP = 0.04, 0.03  # inches on both sides of a word within its box, and between two boxes
ROW = 1.4 * LINE
BOX = 0.8  # of a row
APART = 0.12  # inches more between two sentences
DARK = 0.45  # from this weight on a word is white


@dataclass(frozen=True)
class Box:
    """One word: where it begins, in inches from the left and from the top, how wide it is, what it says."""

    x: float
    y: float
    width: float
    text: str
    weight: float


@dataclass(frozen=True)
class InsidePanel:
    """The sentences of a source, one below the other.

    Args:
        heading: the text above.
        numbers: the number of each sentence, and where its first line begins, in inches from the top.
        boxes: the words of all.
        left: room for the numbers.
        tall: height of all lines.
    """

    heading: Heading
    numbers: tuple[tuple[str, float], ...]
    boxes: tuple[Box, ...]
    left: float
    tall: float

    @property
    def width(self) -> float:
        """The width of the whole panel."""
        return max(NARROWEST, *(box.x + box.width for box in self.boxes))

    @property
    def header(self) -> float:
        """Height above the words."""
        return self.heading.height

    @property
    def below(self) -> float:
        """Height of the words."""
        return self.tall

    def draw(self, figure: Figure, x: float, y: float, families: list[str]) -> None:
        """Draw it with its upper left corner at (x, y) inches from the lower left of the page."""
        draw_heading(figure, self.heading, x, y, y - self.header - self.below, families)
        width, height = figure.get_size_inches()
        area = x / width, (y - self.header - self.tall) / height, self.width / width, self.tall / height
        axes = figure.add_axes(area, frameon=False)
        axes.set(xlim=(0, self.width), ylim=(self.tall, 0), xticks=[], yticks=[])
        squares = [_square(box.x, box.y, box.width) for box in self.boxes]
        colors = [RAMP(box.weight) for box in self.boxes]
        axes.add_collection(PolyCollection(squares, facecolors=colors, edgecolors="none"))
        style: dict[str, Any] = {"fontsize": TEXT_POINTS, "fontfamily": families, "parse_math": False}
        style["va"] = "center_baseline"
        for number, top in self.numbers:
            axes.text(self.left - 3 * PAD, top + ROW * BOX / 2, number, ha="right", color=FAINT, **style)
        for box in self.boxes:
            color = "white" if box.weight >= DARK else INK
            axes.text(box.x + PAD, box.y + ROW * BOX / 2, box.text, color=color, **style)


def measure_inside(alignment: Alignment, number: str, families: list[str], numbers: bool) -> InsidePanel:
    """The panel of an alignment whose sentences have words.

    Args:
        alignment: what is drawn.
        number: the number before its title, "" if there is only one.
        families: fonts that together have all characters.
        numbers: whether the weight stands behind each word, in percent.

    Raises ValueError for weights that are NaN or infinite.
    """
    wide = cache(lambda text: text_width(text, TEXT_POINTS, families))
    left = wide(str(len(alignment.source))) + 4 * PAD
    boxes: list[Box] = []
    starts: list[tuple[str, float]] = []
    x, y, unit = left, -ROW, -1
    for word, weight in zip(alignment.inside, checked_inside(alignment), strict=True):
        text = shorten(label(word), LONGEST_LABEL)
        if numbers:
            text += f" {100 * weight:.0f}"
        width = wide(text) + 2 * PAD
        if word.unit != unit:
            x, y, unit = left, y + ROW + APART * bool(boxes), word.unit
            starts.append((str(unit + 1), y))
        elif x + width > left + ACROSS:
            x, y = left, y + ROW
        boxes.append(Box(x, y, width, text, weight))
        x += width + GAP
    title = wrap(f"{number} {WITHIN}".strip(), (left + ACROSS) * CELLS_PER_INCH)
    return InsidePanel(Heading(tuple(title), "", ()), tuple(starts), tuple(boxes), left, y + ROW)


def _square(x: float, y: float, wide: float) -> list[tuple[float, float]]:
    bottom = y + ROW * BOX
    return [(x, y), (x + wide, y), (x + wide, bottom), (x, bottom)]
