"""Scores on the embedded recordings: words, and where attention points, beside rules that see and hear nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.alignment.alignment import Alignment
from regard.alignment.pointing import (
    Pointing,
    blind_centre,
    blind_diagonal,
    blind_uniform,
    mean_pointing,
    pointing_scores,
)
from regard.data.embedded.spoken import recording
from regard.data.speech.recording import SPLIT
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator

BLIND = {"diagonal": blind_diagonal, "centre": blind_centre, "uniform": blind_uniform}
TOGETHER = 50
"""Recordings at a time: their frames, which both passes read, are computed once."""


@dataclass(frozen=True)
class SpokenScores:
    """One split.

    Args:
        name: of the split.
        recordings: how many.
        word_error: of what the model heard, in per cent.
        pointing: of its weights, and of each blind rule over the same positions, against the seconds of each word.
    """

    name: str
    recordings: int
    word_error: Score
    pointing: Mapping[str, Pointing]


def name_of(split: str, number: int) -> str:
    """What a recording of the embedded corpus is called as a source."""
    return f"{SPLIT}{split}/{number}"


def score_spoken(translator: Translator, split: str, numbers: Sequence[int]) -> SpokenScores:
    """Transcribe these recordings of a split, force their words, and compare both with the gold.

    Training never uses the seconds. Weights are those under forced decoding of the words that were said: other words
    have no gold place. A word has the mean of the rows of its tokens.
    """
    texts: list[str] = []
    outputs: list[str] = []
    parts: dict[str, list[Pointing]] = {"attention": [], **{name: [] for name in BLIND}}
    for first in range(0, len(numbers), TOGETHER):
        chosen = numbers[first : first + TOGETHER]
        sources, made = [name_of(split, number) for number in chosen], [recording(split, number) for number in chosen]
        said = [one.text for one in made]
        texts += said
        outputs += [best.target_text for best, *_ in translator.outputs(sources)]
        for one, alignment in zip(made, translator.score(sources, said, units="words"), strict=True):
            cells = np.array([(unit.start, unit.end) for unit in alignment.source])
            for name, weights in _weights(alignment, cells).items():
                parts[name].append(pointing_scores(weights, cells, one.seconds))
    pointing = {name: mean_pointing(found) for name, found in parts.items()}
    return SpokenScores(split, len(texts), METRICS["wer"](outputs, [[text] for text in texts]), pointing)


def _weights(alignment: Alignment, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Those of the model, and those of the rules."""
    rules = {name: rule(len(alignment.target), cells) for name, rule in BLIND.items()}
    return {"attention": alignment.weights, **rules}
