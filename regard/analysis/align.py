"""Links between the words of given pairs, by forced decoding with a run, or with one for each direction."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.alignment.alignment import Alignment
from regard.alignment.linking import Links, reverse
from regard.alignment.shown import regrouped
from regard.alignment.symmetrize import Symmetrization
from regard.alignment.units import regroup
from regard.analysis.units import linked
from regard.analysis.words import Segmentation
from regard.data.example import Example
from regard.translator import Translator


@dataclass(frozen=True)
class Aligned:
    """The alignment of one pair: units with weights, and their links."""

    example: Example
    alignment: Alignment
    links: Links


@dataclass(frozen=True)
class Aligner:
    """Aligns pairs.

    Args:
        forward: from source to target.
        segment: gives the words of a pair, and the text that the models read.
        backward: from target to source, if there is one.
        symmetrize: joins the links of both directions.
        units: what is aligned; only words are sure to be the same units in both directions.
        threshold: link all pairs with this weight or more; None links the largest weight of each unit.
        min_weight: the smallest weight of a link; None for the default, `MIN_WEIGHT`.
    """

    forward: Translator
    segment: Segmentation
    backward: Translator | None = None
    symmetrize: Symmetrization | None = None
    units: str = "words"
    threshold: float | None = None
    min_weight: float | None = None

    def __call__(self, examples: Sequence[Example]) -> list[Aligned]:
        """The links of each pair."""
        pairs = [self.segment(example) for example in examples]
        sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
        left, right = [text for text, _ in sources], [text for text, _ in targets]
        found = self.forward.score(left, right, units="tokens")
        if self.units == "words":
            spans = list(zip(sources, targets, strict=True))
            found = [regroup(one, source[1], target[1]) for one, (source, target) in zip(found, spans, strict=True)]
        else:
            found = [regrouped(one, self.units) for one in found]
        results = [linked(one, self.threshold, self.min_weight) for one in found]
        if self.backward is not None and self.symmetrize is not None:
            back = self.backward.score(right, left, units="tokens")
            for place, one in enumerate(back):
                words = regroup(one, targets[place][1], sources[place][1])
                results[place] = self.symmetrize(
                    results[place], reverse(linked(words, self.threshold, self.min_weight))
                )
        return [Aligned(*parts) for parts in zip(examples, found, results, strict=True)]
