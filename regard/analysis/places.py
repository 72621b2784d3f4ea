"""Where attention points in a recording or a picture, compared with gold places and with rules that see nothing."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.alignment.alignment import Alignment
from regard.alignment.pointing import (
    Place,
    Pointing,
    blind_centre,
    blind_diagonal,
    blind_uniform,
    mean_pointing,
    pointing_scores,
)
from regard.data.example import Example
from regard.data.lines import BadLine, opened, shown, texts
from regard.data.sources import UnusableSource
from regard.errors import DataError
from regard.translator import Translator

ATTENTION = "attention"
STRETCH_RULES = {"diagonal": blind_diagonal, "centre": blind_centre, "uniform": blind_uniform}
BOX_RULES = {"centre": blind_centre, "uniform": blind_uniform}
STRETCH, BOX = 2, 4
Locate = Callable[[str, str], str]
"""`locate(said, path)`: the name of a source, made whole as those of pairs are."""


@dataclass(frozen=True)
class PlaceScores:
    """Scores of the weights of a model, and of each blind rule over the same positions.

    Args:
        unit: of the distance: "s" for recordings, "px" for pictures.
        rules: `ATTENTION` and the names of the rules → their scores.
    """

    unit: str
    rules: Mapping[str, Pointing]


def score_places(
    translator: Translator, sources: Sequence[str], targets: Sequence[str], gold: Sequence[Sequence[Place | None]]
) -> PlaceScores:
    """Force the targets, and compare the weights of their words with the gold places.

    Other words than those of the target have no gold place, so the model's own output is not asked. A word has the mean
    of the rows of its tokens.

    Args:
        translator: the model, over recordings or pictures.
        sources: what it reads.
        targets: their targets.
        gold: for each word of each target its place, or None.
    """
    parts: dict[str, list[Pointing]] = {}
    boxes = False
    for alignment, places in zip(translator.score(sources, targets, units="words"), gold, strict=True):
        cells = _cells(alignment)
        boxes = cells.shape[1] == BOX
        rules = BOX_RULES if boxes else STRETCH_RULES
        weights = {name: rule(len(alignment.target), cells) for name, rule in rules.items()}
        for name, rows in ({ATTENTION: alignment.weights} | weights).items():
            parts.setdefault(name, []).append(pointing_scores(rows, cells, places))
    return PlaceScores("px" if boxes else "s", {name: mean_pointing(found) for name, found in parts.items()})


def mean_places(parts: Sequence[PlaceScores]) -> PlaceScores:
    """The scores of all parts together, each word with the same weight. Raises ValueError where there is no part."""
    if not parts:
        raise ValueError("mean_places: parts is empty; expected at least one.")
    rules = {name: mean_pointing([part.rules[name] for part in parts]) for name in parts[0].rules}
    return PlaceScores(parts[0].unit, rules)


def _cells(alignment: Alignment) -> np.ndarray:
    """The place of each position of the source."""
    return np.array([unit.box or (unit.start, unit.end) for unit in alignment.source], dtype=np.float64)


class GoldPlaces:
    """The gold places of a file of tab-separated values: name, start and end in seconds, word; or of a picture name,
    left, top, right and bottom in pixels, word. The words of a source stand in the order of its target.

    Args:
        path: the file.
        locate: makes a name of the file whole.

    Raises DataError for a line that is none.
    """

    def __init__(self, path: str, locate: Locate) -> None:
        self.path = path
        self.words: dict[str, list[tuple[str, Place]]] = {}
        with opened(path) as stream:
            for number, line in enumerate(texts(stream, shown(path)), 1):
                if isinstance(line, BadLine):
                    raise DataError(f"{line}. Correct it.")
                said, *numbers = line.split("\t")
                word = numbers.pop() if numbers else ""
                place = _place(numbers)
                if place is None or not word.strip():
                    raise DataError(
                        f"{shown(path)}, line {number}: the line is {line[:60]!r}; expected name, start, end, word, or "
                        "name, left, top, right, bottom, word, with tabs between and each end above its start. "
                        "Correct it."
                    )
                try:
                    name = locate(said, path)
                except UnusableSource as error:
                    raise DataError(f"{shown(path)}, line {number}: the line {error}. Correct it.") from error
                self.words.setdefault(name, []).append((word.strip(), place))

    def of(self, example: Example) -> list[Place | None]:
        """The place of each word of the target, None for one without: words are found in their order, and where there
        are as many gold words as words, each belongs to its own, however it is written. Raises DataError for gold words
        that the target does not have."""
        words, gold = (example.target or "").split(), self.words.get(example.source, [])
        if len(gold) == len(words):
            return [place for _, place in gold]
        found: list[Place | None] = []
        wanted = iter(gold)
        word, place = next(wanted, (None, None))
        for each in words:
            found.append(place if each == word else None)
            if each == word:
                word, place = next(wanted, (None, None))
        if word is not None:
            raise DataError(
                f"{self.path}: {example.source[-200:]} has the gold word {word!r}, which its target "
                f"{' '.join(words)[:60]!r} does not have there. Give the words of the target in their order."
            )
        return found


def _place(numbers: Sequence[str]) -> Place | None:
    """A stretch or a box; None for what is none."""
    try:
        place = [float(number) for number in numbers]
    except ValueError:
        return None
    half = len(place) // 2
    if len(place) not in (STRETCH, BOX) or not all(map(math.isfinite, place)):
        return None
    return place if all(low < high for low, high in zip(place[:half], place[half:], strict=True)) else None
