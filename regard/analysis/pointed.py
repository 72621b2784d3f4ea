"""Scores on embedded corpora whose gold is a place: outputs, and where attention points, beside rules that see
nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regard.alignment.pointing import Place, Pointing
from regard.analysis.places import mean_pointed, pointed
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator

TOGETHER = 50
"""Sources at a time: their features, which both passes read, are computed once."""


@dataclass(frozen=True)
class Known:
    """A source of an embedded corpus, what is said in it, and where.

    Args:
        source: its name.
        text: the words.
        places: for each group of words, the place of each word of the text; None for a word of another group. Seconds
            or, of a text, characters (start, end), or boxes (left, top, right, bottom).
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
        score: of the outputs.
        pointing: for each group of words: of the weights of the model ("attention") and of each blind rule.
    """

    name: str
    sources: int
    score: Score
    pointing: Mapping[str, Mapping[str, Pointing]]


def score_split(translator: Translator, name: str, known: Sequence[Known], metric: str = "wer") -> SplitScores:
    """Translate the sources, force their texts, and compare both with the gold; the metric is that of the outputs.

    Training never uses the places. Weights are those under forced decoding of the text.
    """
    outputs: list[str] = []
    parts: dict[str, list[Mapping[str, Pointing]]] = {}
    for first in range(0, len(known), TOGETHER):
        chosen = known[first : first + TOGETHER]
        sources, texts = [one.source for one in chosen], [one.text for one in chosen]
        outputs += [best.target_text for best, *_ in translator.outputs(sources)]
        for one, alignment in zip(chosen, translator.score(sources, texts, units="words"), strict=True):
            for group, places in one.places.items():
                parts.setdefault(group, []).append(pointed(alignment, places))
    pointing = {group: mean_pointed(found) for group, found in parts.items()}
    return SplitScores(name, len(known), METRICS[metric](outputs, [[one.text] for one in known]), pointing)
