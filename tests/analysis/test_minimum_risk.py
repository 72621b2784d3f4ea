"""The output that is most like all that were drawn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sacrebleu.metrics.chrf import CHRF

from regard.alignment.alignment import Alignment
from regard.analysis.minimum_risk import minimum_risk
from regard.search.options import SamplingOptions
from regard.translator import Translator

DRAWN = [["a red dog", "a red dot", "the cat", "a red dot"], ["x", "x y", "x y z", "x y z w"]]


class Drawing(Translator):
    """Draws what it is told to, without a model: draw k has the seed 5 + k."""

    def __init__(self) -> None:
        pass

    def sample(self, sources: Any, sampling: SamplingOptions, *_: Any, **__: Any) -> list[Alignment]:
        empty = np.zeros((0, 0), np.float32)
        texts = [DRAWN[int(source)][sampling.seed - 5] for source in sources]
        return [Alignment("", text, (), (), empty, -float(sampling.seed)) for text in texts]


def test_it_is_the_one_with_the_largest_mean_utility() -> None:
    found = minimum_risk(Drawing(), ["0", "1"], 4, SamplingOptions(seed=5))
    for one, drawn in zip(found, DRAWN, strict=True):
        worth = [np.mean([CHRF().sentence_score(text, [other]).score for other in drawn]) for text in drawn]
        assert one.target_text == drawn[int(np.argmax(worth))]
    assert (found[0].target_text, found[0].score) == ("a red dot", -6.0)  # the first of two equal ones


def test_of_one_it_is_that_one_and_of_none_an_error() -> None:
    sampling = SamplingOptions(seed=5)
    (one,) = minimum_risk(Drawing(), ["0"], 1, replace(sampling, seed=7))
    assert one.target_text == "the cat"
    with pytest.raises(ValueError, match="minimum_risk: count is 0; expected at least 1"):
        minimum_risk(Drawing(), ["0"], 0, sampling)
