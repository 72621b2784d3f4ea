"""Scores on the embedded recordings and pictures, against a model whose words and weights are known."""

from collections.abc import Callable, Sequence
from itertools import pairwise, product

import numpy as np
import pytest

from regard.alignment.alignment import Alignment, Unit
from regard.analysis.pointed import Known, score_split
from regard.cli import demo_drawn, demo_spoken
from regard.data.embedded.drawn import SHAPES, picture
from regard.data.embedded.spoken import RATE_HZ, recording
from regard.translator import Output, Translator

COUNT = 3


class Oracle(Translator):
    """Says the first word wrong, and looks at the middle of the place of every word that has one."""

    def __init__(self, known: Sequence[Known], cells: Callable[[str], tuple[Unit, ...]]) -> None:
        self.known = {one.source: one for one in known}
        self.cells = cells

    def outputs(self, sources: list[str]) -> list[list[Output]]:
        return [[Output(" ".join(("silence", *self.known[source].text.split()[1:])), 0.0)] for source in sources]

    def score(self, sources: list[str], targets: list[str], units: str) -> list[Alignment]:
        assert (units, targets) == ("words", [self.known[source].text for source in sources])
        return [self._made(self.known[source]) for source in sources]

    def _made(self, known: Known) -> Alignment:
        cells, words = self.cells(known.source), known.text.split()
        weights = np.full((len(words), len(cells)), 1 / len(cells), np.float32)
        for places in known.places.values():
            for row, place in enumerate(places):
                if place is not None:
                    middle = np.array(place, float).reshape(2, -1).mean(0)
                    weights[row] = [_inside(cell, middle) for cell in cells]
        return Alignment(known.source, known.text, cells, tuple(Unit(word, 0, 0) for word in words), weights, 0.0)


def _inside(cell: Unit, point: np.ndarray) -> bool:
    low, high = np.array(cell.box or (cell.start, cell.end), float).reshape(2, -1)
    return bool(((low <= point) & (point < high)).all())


def stretches(source: str) -> tuple[Unit, ...]:
    split, number = source.removeprefix("spoken:").split("/")
    edges = np.append(np.arange(0, len(recording(split, int(number)).samples) / RATE_HZ, 0.05), 1e3)
    return tuple(Unit("", float(start), float(end)) for start, end in pairwise(edges))


def squares(source: str) -> tuple[Unit, ...]:
    return tuple(Unit("", 0, 0, (x, y, x + 4.0, y + 4.0)) for y, x in product(range(0, 64, 4), repeat=2))


@pytest.mark.parametrize("split", ["ordinary", "hard"])
def test_words_and_seconds(split: str) -> None:
    known = demo_spoken.known(split, COUNT)
    found = score_split(Oracle(known, stretches), split, known)
    words = sum(len(recording(split, number).words) for number in range(COUNT))
    assert found.score.value == pytest.approx(100 * COUNT / words)
    (rules,) = found.pointing.values()
    assert list(rules) == ["attention", "diagonal", "centre", "uniform"]
    assert rules["attention"].pointing == 1
    assert {place.targets for place in rules.values()} == {words}
    assert all(rules[rule].pointing < 0.9 for rule in rules if rule != "attention")


@pytest.mark.parametrize("split", ["ordinary", "combinations"])
def test_words_and_boxes_of_each_group(split: str) -> None:
    known = demo_drawn.known(split, COUNT)
    found = score_split(Oracle(known, squares), split, known)
    made = [picture(split, number) for number in range(COUNT)]
    assert found.score.value == pytest.approx(100 * COUNT / sum(len(one.words) for one in made))
    assert {group: rules["attention"].targets for group, rules in found.pointing.items()} == {
        "shapes": 2 * COUNT,
        "colours": 2 * COUNT,
        "relations": COUNT,
    }
    for rules in found.pointing.values():
        assert list(rules) == ["attention", "centre", "uniform"]
        assert rules["attention"].pointing == 1
    areas = [
        (box[2] - box[0]) * (box[3] - box[1]) / 64**2
        for one in made
        for word, box in zip(one.words, one.boxes, strict=True)
        if word in SHAPES
    ]
    assert found.pointing["shapes"]["uniform"].mass == pytest.approx(np.mean(areas))


def test_sources_are_named_as_a_user_names_them() -> None:
    assert [one.source for one in demo_drawn.known("dev", 2)] == ["drawn:dev/0", "drawn:dev/1"]
    assert [one.source for one in demo_spoken.known("dev", 2)] == ["spoken:dev/0", "spoken:dev/1"]
