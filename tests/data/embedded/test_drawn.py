"""The drawn corpus: each picture is the same everywhere, and the gold boxes are where the things are."""

import hashlib

import numpy as np
import pytest

from regard.data.embedded.drawn import COLOURS, HELD_OUT, PIXELS, RELATIONS, SHAPES, SIZES, Picture, picture, pictures
from regard.data.embedded.drawn.scenes import PAIRS
from regard.data.embedded.drawn.shapes import covered

SOME = [(split, number) for split in SIZES for number in range(12)]


def hash_of(found: Picture) -> str:
    """Integers alone make a picture: nothing is rounded."""
    return hashlib.sha256(found.pixels.tobytes() + repr((found.words, found.boxes)).encode()).hexdigest()[:16]


def things(found: Picture) -> list[tuple[str, str]]:
    """Colour and shape of both."""
    return [found.words[1:3], found.words[-2:]]


@pytest.mark.parametrize(
    ("split", "number", "seed", "expected"),
    [
        ("train", 0, 20, "b6c8de08d9e6a57a"),
        ("dev", 3, 20, "a1d0f44371b8df9b"),
        ("ordinary", 7, 20, "03ff884e690835ac"),
        ("combinations", 0, 20, "8848ba26ec572984"),
        ("combinations", 1, 5, "61b035f27fc39dc0"),
    ],
)
def test_pixels_are_the_same_everywhere(split: str, number: int, seed: int, expected: str) -> None:
    assert hash_of(picture(split, number, seed)) == expected


def test_a_picture_depends_on_split_seed_and_number_alone() -> None:
    in_order = list(zip(range(5), pictures("dev"), strict=False))[4][1]
    assert hash_of(in_order) == hash_of(picture("dev", 4))
    others = [picture("dev", 4), picture("dev", 5), picture("ordinary", 4), picture("dev", 4, seed=7)]
    assert len({hash_of(found) for found in others}) == 4


@pytest.mark.parametrize(("split", "number"), SOME)
def test_the_sentence_says_what_the_boxes_hold(split: str, number: int) -> None:
    found = picture(split, number)
    assert found.pixels.shape == (PIXELS, PIXELS, 3)
    assert found.pixels.dtype == np.uint8
    assert len(found.words) == len(found.boxes)
    assert " ".join(found.words[3:-3]) in RELATIONS
    assert found.text.split() == list(found.words)
    for at, (colour, shape) in zip((1, -2), things(found), strict=True):
        assert shape in SHAPES
        left, top, right, bottom = found.boxes[at]
        assert found.boxes[at + 1] == found.boxes[at]
        assert found.boxes[at - 1] is None
        middle = found.pixels[(top + bottom) // 2, (left + right) // 2].astype(int)
        nearest = min(COLOURS, key=lambda name: np.abs(middle - COLOURS[name]).sum())
        assert nearest == colour


@pytest.mark.parametrize(("split", "number"), SOME)
def test_boxes_are_tight_and_everything_else_is_paper(split: str, number: int) -> None:
    found = picture(split, number)
    inked = found.pixels.min(axis=2) < 215
    outside = np.ones_like(inked)
    for left, top, right, bottom in (found.boxes[1], found.boxes[-1]):
        assert 0 <= left < right <= PIXELS
        assert 0 <= top < bottom <= PIXELS
        part = inked[top:bottom, left:right]
        assert part[[0, -1]].any(axis=1).all()
        assert part[:, [0, -1]].any(axis=0).all()
        outside[top:bottom, left:right] = False
    assert not inked[outside].any()


@pytest.mark.parametrize(("split", "number"), SOME)
def test_the_relation_holds_between_things_that_are_apart_the_larger_first(split: str, number: int) -> None:
    found = picture(split, number)
    first, second = np.array(found.boxes[1]), np.array(found.boxes[-1])
    assert (first[2:] - first[:2]).min() > (second[2:] - second[:2]).max()
    step = np.array(RELATIONS[" ".join(found.words[3:-3])])
    away = (first[:2] + first[2:] - second[:2] - second[2:]) / 2
    assert away @ step >= 2 * abs(away @ step[::-1])
    assert away @ step >= (first[2] - first[0] + second[2] - second[0]) / 2 + 1
    for box in found.boxes[3:-3]:
        assert box == (*np.minimum(first[:2], second[:2]), *np.maximum(first[2:], second[2:]))


def test_what_is_held_out_is_seen_in_combinations_alone() -> None:
    for split in SIZES:
        held_out = [sum(pair in HELD_OUT for pair in things(picture(split, number))) for number in range(100)]
        assert set(held_out) == ({1} if split == "combinations" else {0})


def test_training_has_each_colour_each_shape_and_each_relation() -> None:
    found = [picture("train", number) for number in range(400)]
    pairs = [pair for one in found for pair in things(one)]
    assert set(pairs) == set(PAIRS) - HELD_OUT
    for which, names in ((0, COLOURS), (1, SHAPES)):
        shares = [np.mean([pair[which] == name for pair in pairs]) for name in names]
        assert min(shares) > 0.5 / len(names)
    assert {" ".join(one.words[3:-3]) for one in found} == set(RELATIONS)
    assert set(PAIRS) > HELD_OUT


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [5, 6, 7, 10, 11, 12, 13])
def test_a_shape_reaches_its_radius_on_all_sides_and_no_two_are_alike(shape: str, radius: int) -> None:
    mask = covered(shape, (30, 20), radius, PIXELS)
    rows, columns = np.nonzero(mask)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (
        30 - radius, 20 - radius, 30 + radius, 20 + radius
    )  # fmt: skip
    np.testing.assert_array_equal(mask[:, 30 - radius : 31 + radius], mask[:, 30 - radius : 31 + radius][:, ::-1])
    for other in SHAPES:
        assert other == shape or (covered(other, (30, 20), radius, PIXELS) != mask).sum() > 0.1 * mask.sum()


def test_refuses_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="split is 'hard'; expected one of train, dev, ordinary, combinations"):
        picture("hard", 0)
    with pytest.raises(ValueError, match="pictures: split is 'test'; expected one of train"):
        pictures("test")
    with pytest.raises(ValueError, match="number is -1; expected 0 to"):
        picture("train", -1)
