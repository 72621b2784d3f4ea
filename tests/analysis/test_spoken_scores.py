"""Scores on the embedded recordings, against a model whose words and weights are known."""

from itertools import pairwise

import numpy as np
import pytest

from regard.alignment.alignment import Alignment, Unit
from regard.analysis.spoken import name_of, score_spoken
from regard.data.embedded.spoken import RATE_HZ, recording
from regard.translator import Output, Translator

NUMBERS = (0, 1, 5)


class Oracle(Translator):
    """Hears the first word wrong, and looks at the middle of every word."""

    def __init__(self, split: str) -> None:
        self.split = split

    def _made(self, source: str) -> Alignment:
        one = recording(self.split, int(source.rpartition("/")[2]))
        edges = np.arange(0, len(one.samples) / RATE_HZ, 0.05)
        cells = [Unit("", float(start), float(end)) for start, end in pairwise(edges)]
        weights = np.zeros((len(one.words), len(cells)), np.float32)
        for row, (start, end) in enumerate(one.seconds):
            weights[row, int((start + end) / 2 / 0.05)] = 1
        words = tuple(Unit(word, 0, 0) for word in one.words)
        return Alignment(source, " ".join(("silence", *one.words[1:])), tuple(cells), words, weights, 0.0)

    def outputs(self, sources: list[str]) -> list[list[Output]]:
        return [[Output(self._made(source).target_text, 0.0)] for source in sources]

    def score(self, sources: list[str], targets: list[str], units: str) -> list[Alignment]:
        assert targets == [recording(self.split, number).text for number in NUMBERS]
        return [self._made(source) for source in sources]


@pytest.mark.parametrize("split", ["ordinary", "hard"])
def test_words_and_places(split: str) -> None:
    assert name_of(split, 3) == f"spoken:{split}/3"
    found = score_spoken(Oracle(split), split, NUMBERS)
    words = sum(len(recording(split, number).words) for number in NUMBERS)
    assert found.word_error.value == pytest.approx(100 * len(NUMBERS) / words)
    assert found.pointing["attention"].pointing == 1
    assert found.pointing["attention"].distance < 0.05
    assert {place.targets for place in found.pointing.values()} == {words}
    for rule in ("diagonal", "centre", "uniform"):
        assert found.pointing[rule].pointing < 0.9
        assert found.pointing[rule].distance > 2 * found.pointing["attention"].distance
