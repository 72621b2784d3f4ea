"""A picture in the terminal: itself, and once more for each output unit, with the weights over it.

In colour two pixels stand in a character, one above the other; elsewhere shades, or percents in ASCII, show the
weights alone. A pixel of the terminal shows the sum of the weights that lie on it, over the largest such sum.
"""

from dataclasses import dataclass

import numpy as np
from rich.color import Color
from rich.style import Style
from rich.text import Text

from regard.alignment.alignment import Alignment
from regard.data.media import Picture
from regard.views.binning import over_pixels, shares
from regard.views.brush import SHADES, Brush, padded, said
from regard.views.labels import END, SHOWN_FROM, cells
from regard.views.media import grey
from regard.views.ramp import HUE

WIDEST, TALLEST = 24, 12  # of one copy, in columns and lines
BETWEEN = 2
DARKNESS = " .:-=+*#%@"
NUMBER = 3  # columns of a percent


@dataclass(frozen=True, slots=True)
class Size:
    """How large one copy is: characters, and the pixels that they show."""

    columns: int
    lines: int
    grid: tuple[int, int]


def picture_maps(alignment: Alignment, picture: Picture, width: int, brush: Brush) -> list[Text]:
    """The lines, no wider than `width`: copies of the picture beside and below one another."""
    weights, sources = cells(alignment), len(alignment.source)
    size = fitted(picture.height, picture.width, min(width, WIDEST), brush)
    shown = over_pixels(weights[:, :sources], alignment.source, size.grid, (picture.height, picture.width))
    largest = float(shown.max()) or 1.0
    small = coarse(picture.pixels, size.grid)
    names = [brush.label(unit) for unit in alignment.target] + [END] * (alignment.target_end is not None)
    ends = weights[:, sources] if alignment.source_end is not None else np.zeros(len(weights))
    copies = [_copy("", _drawn(small, size, brush), size, brush)]
    for name, look, end in zip(names, shown, ends.tolist(), strict=True):
        title = f"{name} {brush.vertical_line} {END} {100 * end:.0f}" if end >= SHOWN_FROM else name
        copies.append(_copy(title, _weighed(small, look, largest, size, brush), size, brush))
    fit = max((width + BETWEEN) // (size.columns + BETWEEN), 1)
    lines: list[Text] = []
    for first in range(0, len(copies), fit):
        lines += [Text(" " * BETWEEN).join(parts) for parts in zip(*copies[first : first + fit], strict=True)]
        lines.append(Text())
    return [*lines, *_legend(largest, width, brush)]


def fitted(height: int, width: int, columns: int, brush: Brush) -> Size:
    """In its own aspect ratio; a character is taken as twice as high as it is wide."""
    columns = max(min(columns, round(2 * TALLEST * width / height)), NUMBER)
    lines = max(min(round(columns * height / width / 2), TALLEST), 1)
    if brush.ascii:
        return Size(columns // NUMBER * NUMBER, lines, (lines, columns // NUMBER))
    return Size(columns, lines, (2 * lines if brush.color else lines, columns))


def coarse(pixels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The picture in so many rows and columns, float64: means of what lies in each."""
    parts = []
    for length, count in zip(pixels.shape[:2], grid, strict=True):
        places = np.arange(length, dtype=np.float64)
        part = shares(places, places + 1, count, length)
        parts.append(part / part.sum(axis=0))
    return np.einsum("hwc,hy,wx->yxc", pixels.astype(np.float64), *parts, optimize=True)


def _copy(title: str, lines: list[Text], size: Size, brush: Brush) -> list[Text]:
    return [Text(padded(brush.shortened(title, size.columns), size.columns) if title else " " * size.columns), *lines]


def _drawn(small: np.ndarray, size: Size, brush: Brush) -> list[Text]:
    """The picture itself."""
    if brush.color:
        return _half_blocks(small)
    dark = 1 - small.mean(axis=2) / 255
    signs = DARKNESS if brush.ascii else " " + SHADES[1:]
    rows = np.minimum((dark * len(signs)).astype(int), len(signs) - 1).tolist()
    wide = size.columns // size.grid[1]
    return [Text("".join(signs[level] * wide for level in row)) for row in rows]


def _weighed(small: np.ndarray, look: np.ndarray, largest: float, size: Size, brush: Brush) -> list[Text]:
    """The weights of one output unit: over the grey picture where there is colour."""
    if brush.color:
        opacity = (look / largest)[:, :, None]
        return _half_blocks((1 - opacity) * grey(np.rint(small).astype(np.uint8)) + opacity * np.array(HUE))
    if brush.ascii:
        return [_joined([brush.cell(weight, 2).append(" ") for weight in row]) for row in look.tolist()]
    return [_joined([brush.cell(weight / largest, 1) for weight in row]) for row in look.tolist()]


def _half_blocks(pixels: np.ndarray) -> list[Text]:
    whole = np.clip(np.rint(pixels), 0, 255).astype(int).tolist()
    return [
        _joined(
            [Text("▀", Style(color=_color(above), bgcolor=_color(below))) for above, below in zip(*pair, strict=True)]
        )
        for pair in zip(whole[::2], whole[1::2], strict=True)
    ]


def _joined(parts: list[Text]) -> Text:
    return Text("").join(parts)


def _color(pixel: list[int]) -> Color:
    return Color.from_rgb(*pixel)


def _legend(largest: float, width: int, brush: Brush) -> list[Text]:
    if brush.ascii:
        return said(Text(), "weight in %", width)
    scale = Text("0 ")
    if brush.color:
        paper, hue = np.array([255.0] * 3), np.array(HUE)
        for level in np.linspace(0, 1, 10):
            color = np.rint((1 - level) * paper + level * hue).astype(int).tolist()
            scale.append_text(Text(" ", Style(bgcolor=_color(color))))
    else:
        scale.append(SHADES)
    return said(scale, f"{largest:.2g} of the weight on {'half ' if brush.color else ''}a character", width)
