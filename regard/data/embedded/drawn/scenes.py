"""Scenes: two things, how they stand to each other, and the one sentence that says so."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from regard.data.embedded.drawn.shapes import SHAPES

T = TypeVar("T")
Point = tuple[int, int]

PIXELS = 64
COLOURS = {
    "red": (214, 40, 40),
    "green": (42, 157, 60),
    "blue": (38, 90, 214),
    "yellow": (240, 200, 30),
    "purple": (132, 56, 168),
    "black": (30, 30, 34),
}
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}  # right, down
LARGE, SMALL = (10, 13), (5, 7)  # radii in pixels, both ends included
GAP = 2  # pixels between two things, at least

# Never in training: each colour and each shape is seen there, but not these together.
HELD_OUT = frozenset(
    [("red", "square"), ("green", "triangle"), ("blue", "circle"), ("yellow", "cross"), ("purple", "square")]
)
PAIRS = tuple((colour, shape) for colour in COLOURS for shape in SHAPES)
SEEN = tuple(pair for pair in PAIRS if pair not in HELD_OUT)


class Thing(NamedTuple):
    """A coloured shape: its centre (x, y) and its radius in pixels."""

    colour: str
    shape: str
    centre: Point
    radius: int


class Scene(NamedTuple):
    """The larger thing, and how it stands to the smaller one.

    The sentence names the larger thing first: otherwise each picture would have two sentences, equally true.
    """

    larger: Thing
    relation: str
    smaller: Thing


def draw_scene(rng: np.random.RandomState, *, unseen: bool) -> Scene:
    """A scene by chance. With `unseen`, one of the two things is a pair of colour and shape that training never has."""
    pairs = [_choose(rng, SEEN), _choose(rng, SEEN)]
    if unseen:
        pairs[rng.randint(2)] = _choose(rng, tuple(sorted(HELD_OUT)))
    relation = _choose(rng, tuple(RELATIONS))
    large, small = rng.randint(LARGE[0], LARGE[1] + 1), rng.randint(SMALL[0], SMALL[1] + 1)
    larger, smaller = _places(rng, RELATIONS[relation], large, small)
    return Scene(Thing(*pairs[0], larger, large), relation, Thing(*pairs[1], smaller, small))


def _places(rng: np.random.RandomState, step: Point, large: int, small: int) -> tuple[Point, Point]:
    """Centres for which the relation is plain: the things are apart, and twice as far along it as across it."""
    while True:
        larger, smaller = _inside(rng, large), _inside(rng, small)
        right, down = larger[0] - smaller[0], larger[1] - smaller[1]
        along, across = right * step[0] + down * step[1], abs(right * step[1] + down * step[0])
        if along > large + small + GAP and along >= 2 * across:
            return larger, smaller


def _inside(rng: np.random.RandomState, radius: int) -> Point:
    """A centre from which a thing of this radius stays within the picture."""
    return int(rng.randint(radius, PIXELS - radius)), int(rng.randint(radius, PIXELS - radius))


def _choose(rng: np.random.RandomState, choices: Sequence[T]) -> T:
    return choices[rng.randint(len(choices))]
