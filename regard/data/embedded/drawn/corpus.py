"""Pictures of two things, the sentence that says how they stand, and a box for each word of it.

A picture is a function of (split, seed, number) alone: any one can be made without the others, in a fraction of a
millisecond, and is the same on every machine. Training and test share sentences, but no picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regard.data.embedded.drawn.scenes import COLOURS, PIXELS, Scene, Thing, draw_scene
from regard.data.embedded.drawn.shapes import covered
from regard.data.embedded.draws import expect_split, stream

SEEDS = {"train": 20, "dev": 20, "ordinary": 2031, "combinations": 2031}
"""Of what a demo uses. Those of the two test splits are others than when the settings of the demo were chosen, so that
nobody has looked at these pictures to choose anything."""
SIZES = {"train": 6_000, "dev": 300, "ordinary": 500, "combinations": 500}
PAPER = (225, 256)  # grey levels of the background
TINT = 15  # how far each channel of a colour strays
GRAIN = 6  # how far each pixel strays

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Picture:
    """What is drawn, what is said of it, and where each word is.

    Args:
        pixels: uint8 (64, 64, 3): row from the top, column from the left, red green blue.
        words: the sentence, such as "a red circle left of a blue square"; the larger thing is named first.
        boxes: for each word (left, top, right, bottom) in pixels, right and bottom exclusive: the thing for its colour
            and its shape, both things for a relation. None for an article, which has no place.
    """

    pixels: np.ndarray
    words: tuple[str, ...]
    boxes: tuple[Box | None, ...]

    @property
    def text(self) -> str:
        """The words with spaces between."""
        return " ".join(self.words)


def picture(split: str, number: int, seed: int | None = None) -> Picture:
    """Picture `number` of a split: two things, of 4 shapes and 6 colours, in one of 4 relations.

    In `train`, `dev` and `ordinary` no thing has a colour and a shape from `HELD_OUT`; in `combinations` one of the two
    has. A demo uses the first `SIZES`. Raises ValueError for an unknown split or a number or seed below 0.
    """
    rng = stream("picture", split, tuple(SIZES), SEEDS.get(split, 0) if seed is None else seed, number)
    scene = draw_scene(rng, unseen=split == "combinations")
    words, boxes = _say(scene)
    return Picture(_paint(scene, rng), words, boxes)


def pictures(split: str, seed: int | None = None) -> Iterator[Picture]:
    """The pictures of a split that a demo uses, one after the other. Raises ValueError for an unknown split."""
    expect_split("pictures", split, tuple(SIZES))
    return (picture(split, number, seed) for number in range(SIZES[split]))


def _say(scene: Scene) -> tuple[tuple[str, ...], tuple[Box | None, ...]]:
    larger, smaller = _box(scene.larger), _box(scene.smaller)
    both = (
        min(larger[0], smaller[0]),
        min(larger[1], smaller[1]),
        max(larger[2], smaller[2]),
        max(larger[3], smaller[3]),
    )
    relation = scene.relation.split()
    words = ("a", scene.larger.colour, scene.larger.shape, *relation, "a", scene.smaller.colour, scene.smaller.shape)
    return words, (None, larger, larger, *[both] * len(relation), None, smaller, smaller)


def _box(thing: Thing) -> Box:
    (across, down), radius = thing.centre, thing.radius
    return across - radius, down - radius, across + radius + 1, down + radius + 1


def _paint(scene: Scene, rng: np.random.RandomState) -> np.ndarray:
    pixels = np.full((PIXELS, PIXELS, 3), rng.randint(*PAPER), dtype=np.int64)
    for thing in (scene.larger, scene.smaller):
        colour = np.array(COLOURS[thing.colour]) + rng.randint(-TINT, TINT + 1, size=3)
        pixels[covered(thing.shape, thing.centre, thing.radius, PIXELS)] = colour
    return np.clip(pixels + rng.randint(-GRAIN, GRAIN + 1, size=pixels.shape), 0, 255).astype(np.uint8)
