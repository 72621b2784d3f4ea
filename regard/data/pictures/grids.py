"""The source that is a grid: what a pretrained network says of each cell of a picture."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from regard.data.archives import ARRAY, array_of, entry
from regard.data.media import Picture
from regard.data.media_files import ARCHIVE, Named, expect_file, inside, named, state_of
from regard.data.pictures.files import Shot
from regard.data.pictures.picture import SPLIT, shot_of, shown
from regard.data.sources import Drawing, Span, UnusableSource, load_facts, save_facts
from regard.errors import DataError

if TYPE_CHECKING:
    from torch import nn

FORMAT = "regard grid"
KEPT_GRIDS, KEPT_SHOTS = 64, 8
ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
"""Of files of pictures, tried behind an id."""
LIGHTER, DARKER = 255, 238
"""Greys of the cells of a grid whose picture is not known."""


class GridSource:
    """Grids of features, each named by its file, or by its id within one; see `archives`.

        (rows, columns, features)     or (features, rows, columns) with `channels_first`
        (positions, features)         as many rows as columns, behind the positions that `class_tokens` leaves out

    A position is a cell, row by row; its numbers are its features and, behind them, how many columns its grid has.

    Args:
        size: features of a cell.
        channels_first: whether the features are the first axis of an array of three.
        class_tokens: how many first positions of an array of two axes belong to no cell.
        crop: the grid is of the square in the middle of the picture, of so much of the shorter side; None for all.
    """

    kind = "grid"
    has_end = False
    tokenizer = None
    dtype = np.dtype(np.float32)

    def __init__(self, size: int, channels_first: bool, class_tokens: int, crop: float | None) -> None:
        self.facts = {"size": size, "channels_first": channels_first, "class_tokens": class_tokens, "crop": crop}
        self.size, self.channels_first, self.class_tokens, self.crop = size, channels_first, class_tokens, crop
        # The state of the file is part of the key, so that one that is written anew is read anew.
        self._kept = lru_cache(KEPT_GRIDS)(lambda name, state: self._computed(name))
        self._kept_shots = lru_cache(KEPT_SHOTS)(lambda name, state: shot_of(name))

    @property
    def shape(self) -> tuple[int, ...]:
        """Features of a cell, and the columns of its grid."""
        return (self.size + 1,)

    @property
    def digest(self) -> str:
        """All that cells depend on."""
        return json.dumps([FORMAT, self.facts])

    def encode(self, source: str) -> Float[np.ndarray, "cells numbers"]:
        """Its cells. Raises UnusableSource for what has none, another number of features, NaN or infinity."""
        return self._kept(source, state_of(source))

    def _computed(self, source: str) -> np.ndarray:
        grid = grid_of(source, self.channels_first, self.class_tokens)
        if grid.shape[2] != self.size:
            raise UnusableSource(f"names a grid of {grid.shape[2]} features, not {self.size} ({source[-200:]})")
        columns = np.full((*grid.shape[:2], 1), grid.shape[1], np.float32)
        return np.concatenate([grid, columns], axis=2).reshape(-1, self.size + 1)

    def collate(
        self, values: Float[np.ndarray, "cells numbers"], lengths: np.ndarray
    ) -> tuple[Float[np.ndarray, "batch rows columns size"], Bool[np.ndarray, "batch rows columns"]]:
        """Grids, padded on the right and below to the widest and the highest."""
        grids = [self._shaped(cells) for cells in np.split(values, np.cumsum(lengths))[: len(lengths)]]
        rows, columns = (max([grid.shape[axis] for grid in grids], default=1) for axis in (0, 1))
        found = np.zeros((len(grids), rows, columns, self.size), np.float32)
        real = np.zeros(found.shape[:3], bool)
        for number, grid in enumerate(grids):
            place = (number, slice(len(grid)), slice(grid.shape[1]))
            found[place], real[place] = grid, True
        return found, real

    def _shaped(self, cells: Float[np.ndarray, "cells numbers"]) -> Float[np.ndarray, "rows columns size"]:
        return cells[:, :-1].reshape(-1, int(cells[0, -1]), self.size)

    def embed(self, size: int) -> "nn.Module":
        """Cells are features already, and stay as they are."""
        from regard.data.speech.frames import Frames

        return Frames(self.size)

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """Boxes: in the pixels of the picture as it is shown, upright, where it is known; else in cells."""
        rows, columns, _ = self._shaped(np.asarray(values)).shape
        shot = self._shot(source)
        left, top, width, height = (0.0, 0.0, columns, rows) if shot is None else self._covered(shot)
        across, down = width / columns, height / rows
        boxes = memory * np.array([across, down, across, down]) + np.array([left, top, left, top])
        return [(first, upper, last, lower) for first, upper, last, lower in boxes.tolist()]

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The name, and the corners of each box; the picture where it is known, and a plain grid elsewhere."""
        units = tuple([f"{left:.0f},{top:.0f}–{right:.0f},{bottom:.0f}" for left, top, right, bottom in spans])
        picture, shot = named(source).picture, self._shot(source)
        if picture is None or shot is None:
            return Drawing(_shown(source), units, Picture(plain(*self._shaped(self.encode(source)).shape[:2])))
        return Drawing(shown(picture), units, Picture(shot.pixels, (shot.height, shot.width)))

    def _shot(self, source: str) -> Shot | None:
        """Its picture, where it is known. Raises DataError for a file that is none: the grid itself can be read."""
        picture = named(source).picture
        try:
            return None if picture is None else self._kept_shots(picture, state_of(picture))
        except UnusableSource as error:
            raise DataError(f"the picture of a grid {error}. Mend it, or name the grid without it.") from error

    def _covered(self, shot: Shot) -> tuple[float, float, float, float]:
        """Left, top, width and height of what the grid is of."""
        if self.crop is None:
            return 0.0, 0.0, float(shot.width), float(shot.height)
        side = self.crop * min(shot.width, shot.height)
        return (shot.width - side) / 2, (shot.height - side) / 2, side, side

    def save(self, path: Path) -> None:
        """Write what cells depend on."""
        save_facts(path, FORMAT, self.facts)

    @classmethod
    def load(cls, path: Path) -> "GridSource":
        """Read what `save` wrote. Raises CheckpointError for anything else."""
        return load_facts(path, FORMAT, cls, "grids")


def grid_of(source: str, channels_first: bool, class_tokens: int) -> Float[np.ndarray, "rows columns features"]:
    """What a file holds, float32, finite. Raises UnusableSource for anything else."""
    three = ("feature", "row", "column") if channels_first else ("row", "column", "feature")
    expected = f"the axes {', '.join(f'{axis}s' for axis in three)}, or positions, features"
    array = array_of(source, expected, [three, ("position", "feature")])
    if array.ndim == 3:
        return np.moveaxis(array, 0, 2) if channels_first else array
    count = len(array) - class_tokens
    side = isqrt(max(count, 0))
    if not count or side * side != count:
        behind = f" behind {class_tokens} that data.source.class_tokens leaves out" if class_tokens else ""
        raise UnusableSource(
            f"names an array of {len(array)} positions; expected a square number of them{behind}, such as 49 or 196 "
            f"(of ViT, data.source.class_tokens is usually 1; {source[-200:]})"
        )
    return array[class_tokens:].reshape(side, side, -1)


def size_of(sources: Iterable[str], channels_first: bool, class_tokens: int) -> int:
    """Features of a cell of the first grid that can be read. Raises ValueError where none can."""
    first = None
    for source in sources:
        try:
            return int(grid_of(source, channels_first, class_tokens).shape[2])
        except UnusableSource as error:
            first = first or error
    raise ValueError(f"no grid can be read; of the first pair the line {first}" if first else "there are no pairs")


def find(said: Named, folder: Path | None, archives: Sequence[Path], pictures: str) -> Named:
    """The grid that a file of pairs means, with its picture where that is known.

    Args:
        said: a file of a grid, with or without its picture; or a picture, or an id, whose grid is in an archive by
            that name, by that of the file alone, or by that without its ending.
        folder: of the file of pairs; None for the working directory, which names may leave.
        archives: files and folders of grids.
        pictures: a folder in `folder` with the pictures, by id; "" for none.

    Raises UnusableSource where there is no grid, and for a name that leaves the folder.
    """
    if said.offset is not None or said.duration is not None:
        raise UnusableSource("names a part by its offset or duration, which a grid does not have")
    whole = _whole(said.path, folder)
    picture = None if said.picture is None else _whole(said.picture, folder)
    if picture is not None and not picture.startswith(SPLIT):
        expect_file(picture, said.picture)
    if (whole.endswith(ARRAY) or f"{ARCHIVE}/" in whole) and state_of(whole) is not None:
        return Named(whole, picture=picture or _beside(whole, folder, pictures))
    for name in dict.fromkeys((said.path, Path(said.path).name, Path(said.path).stem)):
        if (found := entry(name, archives)) is not None:
            own = whole if whole.startswith(SPLIT) or Path(whole).is_file() else None
            return Named(found, picture=picture or own or _beside(said.path, folder, pictures))
    tried = ", ".join(str(archive) for archive in archives)
    raise UnusableSource(f"names no grid that is there ({said.path[-200:]}; also no id of {tried or 'an archive'})")


def _whole(name: str, folder: Path | None) -> str:
    if name.startswith(SPLIT) or folder is None:
        return name
    return str(folder / inside(name))


def _beside(name: str, folder: Path | None, pictures: str) -> str | None:
    """The picture of this id in the folder of pictures."""
    if not pictures:
        return None
    place, name = (folder or Path()) / pictures, name.removesuffix(ARRAY).rpartition(f"{ARCHIVE}/")[2]
    tried = [place / f"{each}{ending}" for each in (name, Path(name).name) for ending in ("", *ENDINGS)]
    return next((str(file) for file in tried if file.is_file()), None)


def _shown(source: str) -> str:
    """How a grid without a picture is called in a view."""
    return Path(named(source).path).name


def plain(rows: int, columns: int) -> np.ndarray:
    """A picture of one pixel per cell, in two greys, uint8 (rows, columns, 3)."""
    dark = np.add.outer(np.arange(rows), np.arange(columns)) % 2
    return np.repeat(np.where(dark, DARKER, LIGHTER).astype(np.uint8)[:, :, None], 3, axis=2)
