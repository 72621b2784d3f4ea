"""The source that is a picture: its pixels, row by row."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, UInt8

from regard.data.media import Picture
from regard.data.media_files import named, state_of
from regard.data.pictures.files import Shot, read
from regard.data.pictures.scale import fitted, scaled
from regard.data.sources import Drawing, Span, UnusableSource, load_facts, padded, save_facts

if TYPE_CHECKING:
    from torch import nn

FORMAT = "regard picture"
KEPT_SHOTS, KEPT_ROWS = 8, 64
"""Of so many pictures, so that what is checked first and read then is seldom read twice."""
REAL = 255
SPLIT = "drawn:"
"""What the names of the embedded corpus begin with: drawn:train/17."""


class PictureSource:
    """Pictures, each named by its file, or by its number in the embedded corpus.

    Each is scaled so that its longer side has `size` pixels, in its own aspect ratio. Its positions are its rows: each
    is padded on the right to `size` pixels of red, green, blue, and a fourth number that is 0 where it is padding.

    Args:
        size: pixels of the longer side.

    Raises ValueError for a size below 1.
    """

    kind = "picture"
    has_end = False
    tokenizer = None
    dtype = np.dtype(np.uint8)

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"PictureSource: size is {size}; expected at least 1. Try 64.")
        self.size = size
        # The state of the file is part of the key, so that one that is written anew is read anew.
        self._kept_shots = lru_cache(KEPT_SHOTS)(lambda name, state: shot_of(name))
        self._kept_rows = lru_cache(KEPT_ROWS)(lambda name, state: self._computed(name))

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels of a row, and the numbers of each."""
        return (self.size, 4)

    @property
    def digest(self) -> str:
        """All that rows depend on."""
        return json.dumps([FORMAT, {"size": self.size}])

    def encode(self, source: str) -> UInt8[np.ndarray, "rows size 4"]:
        """Its rows from the top. Raises UnusableSource for what is no picture."""
        rows, _ = self._kept_rows(source, state_of(source))
        return rows

    def _shot(self, source: str) -> Shot:
        return self._kept_shots(source, state_of(source))

    def _computed(self, source: str) -> tuple[np.ndarray, tuple[int, int]]:
        """Its rows, and its own height and width."""
        shot = self._shot(source)
        height, width = fitted(shot.height, shot.width, self.size)
        rows = np.zeros((height, self.size, 4), np.uint8)
        rows[:, :width, :3] = scaled(shot.pixels, height, width)
        rows[:, :width, 3] = REAL
        return rows, (shot.height, shot.width)

    def collate(
        self, values: UInt8[np.ndarray, "rows size 4"], lengths: np.ndarray
    ) -> tuple[UInt8[np.ndarray, "batch height width 3"], Bool[np.ndarray, "batch height width"]]:
        """Pictures, padded on the right and below to the widest and the highest."""
        found, _ = padded(values, lengths)
        real = found[..., 3] == REAL
        width = max(1, int(real.any((0, 1)).sum()))
        return np.ascontiguousarray(found[:, :, :width, :3]), np.ascontiguousarray(real[:, :, :width])

    def embed(self, size: int) -> "nn.Module":
        """Colours are features already, and are brought to the range from -1 to 1."""
        from regard.data.pictures.pixels import Pixels

        return Pixels()

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """Boxes in the pixels of the picture as it is shown, upright, before it was scaled; they tile it."""
        _, (height, width) = self._kept_rows(source, state_of(source))
        rows = np.asarray(values)
        down, across = height / len(rows), width / int((rows[0, :, 3] == REAL).sum())
        boxes = memory * np.array([across, down, across, down])
        return [(left, top, right, bottom) for left, top, right, bottom in boxes.tolist()]

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The name of the file, and the corners of each box."""
        shot = self._shot(source)
        units = tuple([f"{left:.0f},{top:.0f}–{right:.0f},{bottom:.0f}" for left, top, right, bottom in spans])
        return Drawing(shown(source), units, Picture(shot.pixels, (shot.height, shot.width)))

    def save(self, path: Path) -> None:
        """Write what rows depend on."""
        save_facts(path, FORMAT, {"size": self.size})

    @classmethod
    def load(cls, path: Path) -> "PictureSource":
        """Read what `save` wrote. Raises CheckpointError for anything else."""
        return load_facts(path, FORMAT, cls, "pictures")


def shown(source: str) -> str:
    """How a picture is called in a view."""
    path = named(source).path
    return path if path.startswith(SPLIT) else Path(path).name


def shot_of(source: str) -> Shot:
    """The picture of this name. Raises UnusableSource for what is none, RegardError where Pillow is missing."""
    path = named(source).path
    if not path.startswith(SPLIT):
        return read(path)
    from regard.data.embedded.drawn import picture

    split, _, number = path.removeprefix(SPLIT).partition("/")
    try:
        pixels = picture(split, int(number)).pixels
    except ValueError as error:
        raise UnusableSource(f"names no picture of the embedded corpus ({path[:60]})") from error
    return Shot(pixels, *pixels.shape[:2])
