"""Alignments of a recording and of a picture of the embedded corpora, with weights by hand around the gold places."""

from itertools import pairwise

import numpy as np

from regard.alignment.alignment import Alignment, Unit
from regard.data.embedded import drawn, spoken
from regard.data.media import Picture, Recording

CELL_SECONDS = 0.04
GRID = (8, 8)


def heard(number: int = 3, **more: np.ndarray) -> Alignment:
    """Number words of a recording; each row is a bump over the word, 0.9 of it inside, and 0.1 everywhere."""
    made = spoken.recording("dev", number)
    medium = Recording(made.samples, spoken.RATE_HZ)
    edges = np.append(np.arange(0, medium.seconds, CELL_SECONDS), medium.seconds)
    units = tuple(Unit(f"{a:.2f}-{b:.2f} s", float(a), float(b)) for a, b in pairwise(edges))
    middles = (edges[:-1] + edges[1:]) / 2
    rows = []
    for start, end in made.seconds:
        bump = np.exp(-0.5 * ((middles - (start + end) / 2) / ((end - start) / 4)) ** 2)
        rows.append(0.9 * bump / bump.sum() + 0.1 / len(units))
    weights = np.array(rows, np.float32)
    return Alignment(
        "three.wav", made.text, units, words_of(made.text), weights, -1.5, source_kind="speech", medium=medium, **more
    )


def seen(number: int = 3, **more: np.ndarray) -> Alignment:
    """A sentence about a picture; a word looks at the cells of its box, 0.9 of it, an article everywhere."""
    made = drawn.picture("dev", number)
    return of_pixels(made.pixels, made.text, list(made.boxes), GRID, **more)


def of_pixels(pixels: np.ndarray, text: str, gold: list, grid: tuple[int, int], **more: np.ndarray) -> Alignment:
    """The same for any picture; a gold box is left, top, right, bottom, or None."""
    units = cells_of(pixels.shape[:2], grid)
    rows = []
    for box in gold:
        left, top, right, bottom = box or (0, 0, pixels.shape[1], pixels.shape[0])
        area = [
            max(0, min(u.box[2], right) - max(u.box[0], left)) * max(0, min(u.box[3], bottom) - max(u.box[1], top))
            for u in units
        ]
        rows.append(0.9 * np.array(area) / sum(area) + 0.1 / len(units))
    weights = np.array(rows, np.float32)
    medium = Picture(pixels)
    return Alignment(
        "three.png", text, units, words_of(text), weights, -1.5, source_kind="image", medium=medium, **more
    )


def cells_of(size: tuple[int, int], grid: tuple[int, int]) -> tuple[Unit, ...]:
    """The units of a picture of this height and width, cut into so many rows and columns."""
    down, across = (np.linspace(0, length, count + 1).tolist() for length, count in zip(size, grid, strict=True))
    return tuple(
        Unit(f"row {i + 1}, column {j + 1}", 0.0, 0.0, (across[j], down[i], across[j + 1], down[i + 1]))
        for i in range(grid[0])
        for j in range(grid[1])
    )


def words_of(text: str) -> tuple[Unit, ...]:
    units, start = [], 0
    for word in text.split():
        units.append(Unit(word, start, start + len(word)))
        start += len(word) + 1
    return tuple(units)
