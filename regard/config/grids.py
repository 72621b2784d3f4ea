"""The section of grids that a pretrained network computed."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from regard.config.stage import SourceConfig

if TYPE_CHECKING:
    from regard.data.pictures.grids import GridSource


class GridConfig(SourceConfig):
    """The keys of a source that is a grid of features, computed from a picture by another program."""

    axes: ClassVar[int] = 2

    archives: tuple[str, ...] = Field(
        (),
        max_length=1000,
        description=".npz files, or folders of .npy files, that hold the ids of a file of pairs, in its folder; by "
        "default the one of its name: train.npz for train.tsv",
    )
    pictures: str = Field(
        "", max_length=1000, description="a folder of the pictures, by id, in the folder of the file of pairs"
    )
    channels_first: bool = Field(False, description="arrays are (features, rows, columns), as convolutions give them")
    class_tokens: int = Field(
        0, ge=0, le=1000, description="leave out so many first positions of an array (positions, features), as of ViT"
    )
    crop: float | None = Field(
        None,
        gt=0,
        le=1,
        description="of the picture, the grid covers the square in the middle, whose side is so much of the shorter "
        "side; null: all of it",
    )
    max_cells: int = Field(1_024, ge=1, le=100_000, description="larger grids are left out of training")

    def locate(self, said: str, path: str) -> str:
        """The grid and its picture; relative names are relative to the folder of the file that names them."""
        from regard.data.archives import archives_of
        from regard.data.lines import STDIN
        from regard.data.media_files import named
        from regard.data.pictures.grids import find

        folder = None if path == STDIN else Path(path).parent
        return str(find(named(said), folder, archives_of(path, self.archives), self.pictures))

    def limit(self, max_length: int) -> int:
        """In cells."""
        return self.max_cells

    def learn(self, sources: Callable[[], Iterable[str]]) -> "GridSource":
        """How many features a cell has, from the first grid that can be read."""
        from regard.data.pictures.grids import GridSource, size_of

        size = size_of(sources(), self.channels_first, self.class_tokens)
        return GridSource(size, self.channels_first, self.class_tokens, self.crop)

    def load(self, path: Path) -> "GridSource":
        """What a run was trained with."""
        from regard.data.pictures.grids import GridSource

        return GridSource.load(path)
