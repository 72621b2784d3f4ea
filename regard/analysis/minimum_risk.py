"""Minimum Bayes risk: of several drawn outputs, the one that is most like all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from regard.alignment.alignment import Alignment
from regard.search.options import SamplingOptions
from regard.translator import Translator


def minimum_risk(
    translator: Translator,
    sources: Sequence[str],
    count: int,
    sampling: SamplingOptions,
    places: Sequence[int] | None = None,
    *,
    units: str = "auto",
    alternatives: int = 0,
) -> list[Alignment]:
    """For each source, the drawn output with the largest expected utility.

        ŷ = argmax over drawn y: 1/n Σ over drawn r: chrF2(y, r)

    Source: Eikema & Aziz 2022, "Sampling-Based Approximations to Minimum Bayes Risk Decoding for Neural Machine
    Translation", arXiv:2108.04718, eq. 3-4, with chrF2 of sacrebleu as the utility. The most probable output is often
    short or odd; the one that agrees with most of what the model would say is neither. Among equals the first drawn.

    Args:
        translator: the model.
        sources: what to translate.
        count: outputs to draw for each, n.
        sampling: how; draw k of a source has the seed `sampling.seed + k`.
        places, units, alternatives: as in `Translator.sample`.

    Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"minimum_risk: count is {count}; expected at least 1. Try 32.")
    drawn = [
        translator.sample(
            sources, replace(sampling, seed=sampling.seed + number), places, units=units, alternatives=alternatives
        )
        for number in range(count)
    ]
    return [_best([draw[place] for draw in drawn]) for place in range(len(sources))]


def _best(drawn: Sequence[Alignment]) -> Alignment:
    """The one with the largest utility on average."""
    from sacrebleu.metrics.chrf import CHRF

    counts, utility = Counter(each.target_text for each in drawn), CHRF()
    worth = {
        text: sum(times * utility.sentence_score(text, [other]).score for other, times in counts.items())
        for text in counts
    }
    return max(drawn, key=lambda each: worth[each.target_text])
