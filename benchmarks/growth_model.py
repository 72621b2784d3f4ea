"""The sizes at which growth.py measures, and for each size the reference model R and random sentences."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import torch
from timing.model import recipe
from torch import Tensor

from regard.attention.source import Source
from regard.compiled.freeze import FrozenModel
from regard.data.batch import BEGIN, END, Batch
from regard.data.text import Vocabulary
from regard.model.build import build_model
from regard.run.training_parts import build_learner

NEVER = -1e9


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
QUICK_SIZES = {"source": (5, 15, 30), "vocabulary": (500, 1_000, 2_000), "batch": (1, 4, 8)}


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
        return cls(Point(vocabulary=1_000, batch=4), QUICK_SIZES)

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


class Reference:
    """R with its first weights: one that trains, and a copy to search with, which never ends an output.

    Args:
        vocabulary: entries of either side.
    """

    def __init__(self, vocabulary: int) -> None:
        torch.manual_seed(1)
        config = recipe()
        self.model = build_model(config.model, Vocabulary(vocabulary), vocabulary).train()
        self.learner = build_learner(config.training, self.model, total_steps=1)
        endless = deepcopy(self.model)
        with torch.no_grad():
            endless.tokens.output.bias[END] = NEVER
        self.searched = FrozenModel(endless.eval())

    @property
    def parameters(self) -> int:
        """How many weights."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def made_up(point: Point) -> Batch:
    """Random words between the marks, all sentences of one length."""
    generator = torch.Generator().manual_seed(1)

    def sentences(length: int) -> Tensor:
        words = torch.randint(END + 1, point.vocabulary, (point.batch, length), generator=generator)
        words[:, -1] = END
        return words

    source, targets = sentences(point.source), sentences(point.target)
    inputs = targets.roll(1, 1)
    inputs[:, 0] = BEGIN
    real, wanted = (torch.ones_like(side, dtype=torch.bool) for side in (source, targets))
    return Batch(source, real, inputs, targets, wanted, torch.arange(point.batch))


def first_position(source: Source) -> Source:
    """The same with nothing else to look at."""
    return Source(source.prepared[:, :1].clone(), source.values[:, :1].clone(), source.mask[:, :1])
