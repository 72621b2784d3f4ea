"""Where growth.py measures: one quantity of the reference model R at a time, the others as Multi30k has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Point:
    """Sentences of one length, translated by R. Lengths count the end mark.

    Args:
        source, target: tokens of a sentence.
        vocabulary: entries, of both sides.
        batch: sentences at a time.
    """

    source: int = 15
    vocabulary: int = 10_000
    batch: int = 64
    target: int = 15

    @property
    def tokens(self) -> int:
        """Target tokens of a batch."""
        return self.batch * self.target


AXES = {"source": "source tokens", "vocabulary": "entries of the vocabulary", "batch": "sentences in a batch"}
SIZES = {
    "source": (10, 15, 25, 50, 100, 200, 400),
    "vocabulary": (1_000, 2_000, 5_000, 10_000, 20_000, 50_000),
    "batch": (1, 2, 4, 8, 16, 32, 64, 128, 256),
}
FEW = {"source": (5, 15, 30), "vocabulary": (500, 1_000, 2_000), "batch": (1, 4, 8)}


@dataclass(frozen=True)
class Grid:
    """The points of each panel.

    Args:
        usual: what is held while one quantity grows.
        sizes: of each of `AXES`, the values that it takes, ascending.
    """

    usual: Point = Point()
    sizes: Mapping[str, Sequence[int]] = field(default_factory=lambda: SIZES)

    @classmethod
    def quick(cls) -> "Grid":
        """Enough to see that everything runs; the figures mean nothing."""
        return cls(Point(vocabulary=1_000, batch=4), FEW)

    def points(self, axis: str) -> list[Point]:
        """Those of a panel, in the order of its quantity."""
        return [replace(self.usual, **{axis: size}) for size in self.sizes[axis]]

    def ends(self, axis: str) -> tuple[Point, Point]:
        """The first and the last, which are measured in parts, too."""
        first, *_, last = self.points(axis)
        return first, last

    def __iter__(self) -> Iterator[Point]:
        """Every point once; the one in the middle stands in every panel."""
        return iter(dict.fromkeys(point for axis in AXES for point in self.points(axis)))
