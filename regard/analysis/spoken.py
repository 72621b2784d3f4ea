"""Scores on the embedded recordings: words, and where attention points, beside rules that hear nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.analysis.places import PlaceScores, score_places
from regard.data.embedded.spoken import recording
from regard.data.speech.recording import SPLIT
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator


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
    made = [recording(split, number) for number in numbers]
    sources, texts = [name_of(split, number) for number in numbers], [one.text for one in made]
    outputs = [best.target_text for best, *_ in translator.outputs(sources)]
    places = score_places(translator, sources, texts, [one.seconds for one in made])
    return SpokenScores(split, len(made), METRICS["wer"](outputs, [[text] for text in texts]), places)
