"""One picture of a figure: itself, and once more for each output unit, grey, with the weights over it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment
from regard.data.media import Picture
from regard.views.binning import boxes
from regard.views.heading import LINE, Heading, draw_heading
from regard.views.labels import END, SHOWN_FROM, cells, label, shorten
from regard.views.media import grey, largest_weight, reduced
from regard.views.plotting import FAINT, INK, Axes, Figure, PolyCollection, draw_scale, hue

LONGEST_SIDE = 1.5  # inches of a copy
NARROWEST = 0.7  # inches: a word is written above it
ACROSS = 7.5  # inches of a row of copies
BETWEEN = 0.18
TITLE = 0.26  # inches above each copy
SCALE = 0.45
LABEL_POINTS = 10.0
SIDE_PIXELS = 600  # of the picture in the file; the boxes stay exact


@dataclass(frozen=True)
class PicturePanel:
    """A picture with its copies, measured in inches.

    Args:
        alignment: what is drawn.
        picture: its medium.
        heading: what stands above.
        titles: the output units, the end of the output last; each has a copy.
    """

    alignment: Alignment
    picture: Picture
    heading: Heading
    titles: tuple[str, ...]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of one copy, in the aspect ratio of the picture."""
        inch = LONGEST_SIDE / max(self.picture.height, self.picture.width)
        return self.picture.width * inch, self.picture.height * inch

    @property
    def column(self) -> float:
        """Width of a copy with the gap after it."""
        return max(self.size[0], NARROWEST) + BETWEEN

    @property
    def columns(self) -> int:
        """Copies beside each other."""
        return min(max(int((ACROSS + BETWEEN) / self.column), 1), len(self.titles) + 1)

    @property
    def width(self) -> float:
        """Of all of it."""
        return max(self.columns * self.column - BETWEEN, 3.2)

    @property
    def header(self) -> float:
        """Height of what stands above the copies."""
        return self.heading.height

    @property
    def below(self) -> float:
        """Height of the copies and of what stands under them."""
        rows = -(-(len(self.titles) + 1) // self.columns)
        return rows * (self.size[1] + TITLE) + SCALE + LINE * len(self.heading.caption)

    def draw(self, figure: Figure, x: float, y: float, families: list[str]) -> None:
        """Draw it with its upper left corner at (x, y) inches from the lower left of the page."""
        draw_heading(figure, self.heading, x, y, y - self.header - self.below, families)
        width, height = figure.get_size_inches()
        pixels, covers = reduced(self.picture, SIDE_PIXELS)
        alone = grey(pixels)
        weights, sources = cells(self.alignment), len(self.alignment.source)
        relative = weights[:, :sources] / largest_weight(self.alignment)
        places = boxes(self.alignment.source)
        for number, title in enumerate(("", *self.titles)):
            row, column = divmod(number, self.columns)
            left = x + column * self.column
            foot = y - self.header - (row + 1) * (self.size[1] + TITLE)
            axes = figure.add_axes((left / width, foot / height, self.size[0] / width, self.size[1] / height))
            self._frame(axes, alone if number else pixels, covers)
            if number:
                _light(axes, places, relative[number - 1])
                ends = weights[number - 1, sources] if self.alignment.source_end is not None else 0.0
                self._name(figure, title, float(ends), (left / width, (foot + self.size[1] + 0.07) / height), families)
        draw_scale(
            figure,
            x,
            y - self.header - self.below + SCALE - 0.3 + LINE * len(self.heading.caption),
            largest_weight(self.alignment),
            families,
        )

    def _frame(self, axes: Axes, pixels: np.ndarray, covers: tuple[float, float]) -> None:
        """The picture in its own pixels, whatever its file has: no smoothing, never squashed."""
        height, width = self.picture.height, self.picture.width
        extent = (0, covers[0], covers[1], 0)
        axes.imshow(pixels, extent=extent, interpolation="nearest", aspect="auto")
        axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)

    def _name(self, figure: Figure, title: str, end: float, place: tuple[float, float], families: list[str]) -> None:
        room = max(int(max(self.size[0], NARROWEST) * 72 / (0.54 * LABEL_POINTS)), 4)
        said = f" · {END} {100 * end:.0f} %" if end >= SHOWN_FROM else ""
        style: dict[str, Any] = {"fontfamily": families, "parse_math": False, "fontsize": LABEL_POINTS}
        color = FAINT if title == END and self.alignment.target_end is not None else INK
        figure.text(*place, shorten(title, max(room - len(said), 4)) + said, color=color, **style)


def measure_picture(alignment: Alignment, picture: Picture, heading: Heading) -> PicturePanel:
    """How much room it takes. The arguments are those of `PicturePanel`."""
    titles = tuple([label(unit) for unit in alignment.target]) + (END,) * (alignment.target_end is not None)
    return PicturePanel(alignment, picture, heading, titles)


def _light(axes: Axes, places: np.ndarray, relative: np.ndarray) -> None:
    """The exact cells in one hue, as opaque as they have weight."""
    corners = [
        [(left, top), (right, top), (right, bottom), (left, bottom)] for left, top, right, bottom in places.tolist()
    ]
    colors = [hue(float(share)) for share in relative]
    axes.add_collection(PolyCollection(corners, facecolors=colors, edgecolors="none", antialiased=False))
