"""Scores on the embedded stories: answers, and whether the looks at a story find the sentences that it follows from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.alignment.alignment import Alignment
from regard.data.embedded.stories import Story
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator

ATTENTION = "attention"


@dataclass(frozen=True)
class Found:
    """Of looks at the sentences of stories, means over all supporting sentences.

    Args:
        found: share of them at which some look of their story is largest.
        mass: what the looks of a story put on its supporting sentences together; the mean of its looks.
    """

    found: float
    mass: float


@dataclass(frozen=True)
class StoryScores:
    """Some stories.

    Args:
        right: answers that are right, in per cent.
        looks: of the weights of the model ("attention"), and of each rule that does not read.
    """

    right: Score
    looks: Mapping[str, Found]


def score_stories(translator: Translator, stories: Sequence[Story]) -> StoryScores:
    """Answer the questions, force the gold answers, and compare both with the gold. Training never uses the facts."""
    texts, answers = [story.text for story in stories], [story.answer for story in stories]
    said = [best.target_text for best, *_ in translator.outputs(texts)]
    forced = translator.score(texts, answers, units="tokens")
    looks = {
        name: _mean(
            [facts_found(rule(looks_of(alignment)), story) for alignment, story in zip(forced, stories, strict=True)]
        )
        for name, rule in RULES.items()
    }
    return StoryScores(METRICS["exact"](said, [[answer] for answer in answers]), looks)


def looks_of(alignment: Alignment) -> np.ndarray:
    """The looks behind the first unit of the target: (layers, source)."""
    return np.stack([one.weights[0] for _, one in alignment.each_layer])


def facts_found(looks: np.ndarray, story: Story) -> Found:
    """The scores of looks (layers, sentences) at one story; of equal weights each has a share in the largest."""
    facts = list(story.facts)
    largest = looks >= looks.max(1, keepdims=True)
    chances = largest / largest.sum(1, keepdims=True)  # of each sentence to be the one that a look chooses
    missed = np.prod(1 - chances[:, facts], 0)
    return Found(float((1 - missed).mean()), float(looks[:, facts].sum(1).mean()))


def _mean(each: Sequence[Found]) -> Found:
    return Found(float(np.mean([one.found for one in each])), float(np.mean([one.mass for one in each])))


def _uniform(looks: np.ndarray) -> np.ndarray:
    return np.full_like(looks, 1 / looks.shape[1])


def _last(looks: np.ndarray) -> np.ndarray:
    found = np.zeros_like(looks)
    found[:, -1] = 1.0
    return found


RULES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    ATTENTION: lambda looks: looks,
    "uniform": _uniform,
    "last sentence": _last,
}
"""As many looks as the model has, and what they are at without reading; the first is that of the model."""
