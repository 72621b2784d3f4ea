"""Scores on the embedded recordings and pictures: words, and where attention points, beside rules that see nothing."""

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
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator

Rules = Mapping[str, Callable[[int, np.ndarray], np.ndarray]]
OF_BOXES: Rules = {"centre": blind_centre, "uniform": blind_uniform}
OF_STRETCHES: Rules = {"diagonal": blind_diagonal, **OF_BOXES}
"""Rules that know how many words and positions there are, and nothing else, by their names."""
TOGETHER = 50
"""Sources at a time: their features, which both passes read, are computed once."""


@dataclass(frozen=True)
class Known:
    """A source of an embedded corpus, what is said in it, and where.

    Args:
        source: its name.
        text: the words.
        places: for each group of words, the place of each word of the text; None for a word of another group. Seconds
            (start, end) or boxes (left, top, right, bottom).
    """

    source: str
    text: str
    places: Mapping[str, Sequence[Place | None]]


@dataclass(frozen=True)
class SplitScores:
    """One split.

    Args:
        name: of the split.
        sources: how many.
        word_error: of the outputs, in per cent.
        pointing: for each group of words: of the weights of the model ("attention") and of each blind rule.
    """

    name: str
    sources: int
    word_error: Score
    pointing: Mapping[str, Mapping[str, Pointing]]


def score_split(translator: Translator, name: str, known: Sequence[Known]) -> SplitScores:
    """Translate the sources, force their texts, and compare both with the gold.

    Training never uses the places. Weights are those under forced decoding of the text: other words have no gold place.
    A word has the mean of the rows of its tokens.
    """
    outputs: list[str] = []
    parts: dict[str, dict[str, list[Pointing]]] = {}
    for first in range(0, len(known), TOGETHER):
        chosen = known[first : first + TOGETHER]
        sources, texts = [one.source for one in chosen], [one.text for one in chosen]
        outputs += [best.target_text for best, *_ in translator.outputs(sources)]
        for one, alignment in zip(chosen, translator.score(sources, texts, units="words"), strict=True):
            cells = cells_of(alignment)
            rules = OF_STRETCHES if cells.shape[1] == 2 else OF_BOXES
            looks = {rule: blind(len(alignment.target), cells) for rule, blind in rules.items()}
            for group, places in one.places.items():
                found = parts.setdefault(group, {})
                for rule, weights in {"attention": alignment.weights, **looks}.items():
                    found.setdefault(rule, []).append(pointing_scores(weights, cells, places))
    pointing = {group: {rule: mean_pointing(found) for rule, found in rules.items()} for group, rules in parts.items()}
    error = METRICS["wer"](outputs, [[one.text] for one in known])
    return SplitScores(name, len(known), error, pointing)


def cells_of(alignment: Alignment) -> np.ndarray:
    """The place of each position, (cells, 2) or (cells, 4): seconds of a recording, boxes of a picture."""
    return np.array([unit.box or (unit.start, unit.end) for unit in alignment.source])
