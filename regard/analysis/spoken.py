"""Scores on the embedded recordings: words, and where attention points, beside rules that hear nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.analysis.places import PlaceScores, mean_places, score_places
from regard.data.embedded.spoken import recording
from regard.data.speech.recording import SPLIT
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator

TOGETHER = 50
"""Recordings at a time: their frames, which both passes read, are computed once."""


@dataclass(frozen=True)
class SpokenScores:
    """One split.

    Args:
        name: of the split.
        recordings: how many.
        word_error: of what the model heard, in per cent.
        places: where the weights of each word point, beside blind rules.
    """

    name: str
    recordings: int
    word_error: Score
    places: PlaceScores


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
    places: list[PlaceScores] = []
    for first in range(0, len(numbers), TOGETHER):
        chosen = numbers[first : first + TOGETHER]
        sources, made = [name_of(split, number) for number in chosen], [recording(split, number) for number in chosen]
        said = [one.text for one in made]
        texts += said
        outputs += [best.target_text for best, *_ in translator.outputs(sources)]
        places.append(score_places(translator, sources, said, [one.seconds for one in made]))
    return SpokenScores(split, len(texts), METRICS["wer"](outputs, [[text] for text in texts]), mean_places(places))
