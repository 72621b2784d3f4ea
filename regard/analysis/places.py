"""Where attention points in a recording or a picture, compared with gold places and with rules that see nothing."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

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

ATTENTION = "attention"
Rules = Mapping[str, Callable[[int, np.ndarray], np.ndarray]]
OF_BOXES: Rules = {"centre": blind_centre, "uniform": blind_uniform}
OF_STRETCHES: Rules = {"diagonal": blind_diagonal, **OF_BOXES}
"""Rules that know how many words and positions there are, and nothing else, by their names."""
STRETCH, BOX = 2, 4
Locate = Callable[[str, str], str]
"""`locate(said, path)`: the name of a source, made whole as those of pairs are."""


def pointed(alignment: Alignment, places: Sequence[Place | None]) -> dict[str, Pointing]:
    """The scores of the weights of one alignment, and of each rule over the same positions.

    Args:
        alignment: of words, from forced decoding: other words than those of the target have no gold place. A word has
            the mean of the rows of its tokens.
        places: of each word, or None.
    """
    cells = np.array([unit.box or (unit.start, unit.end) for unit in alignment.source], dtype=np.float64)
    rules = OF_STRETCHES if cells.shape[1] == STRETCH else OF_BOXES
    weights = {name: rule(len(alignment.target), cells) for name, rule in rules.items()}
    return {
        name: pointing_scores(rows, cells, places) for name, rows in ({ATTENTION: alignment.weights} | weights).items()
    }


def mean_pointed(parts: Iterable[Mapping[str, Pointing]]) -> dict[str, Pointing]:
    """The scores of all outputs together, each word with the same weight."""
    parts = list(parts)
    return {name: mean_pointing([part[name] for part in parts]) for name in (parts[0] if parts else ())}


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
