"""Links between the words of given pairs, by forced decoding with a run, or with one for each direction."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.alignment.alignment import Alignment
from regard.alignment.linking import Links, reverse
from regard.alignment.shown import regrouped
from regard.alignment.symmetrize import AGREED, Symmetrization, agreement
from regard.alignment.units import regroup
from regard.analysis.units import linked
from regard.analysis.words import Segmentation
from regard.data.example import Example
from regard.errors import UsageError
from regard.translator import Translator


@dataclass(frozen=True)
class Direction:
    """What the run of one direction says of a pair.

    Args:
        alignment: of this direction: from target to source, of the other one.
        links: of this direction alone, source first in both.
    """

    alignment: Alignment
    links: Links


@dataclass(frozen=True)
class Aligned:
    """The alignment of one pair: units with weights, and their links.

    Args:
        example: the pair.
        alignment: from source to target.
        links: of all directions, joined.
        directions: what they were joined from: one, or two.
    """

    example: Example
    alignment: Alignment
    links: Links
    directions: tuple[Direction, ...] = ()

    @property
    def warning(self) -> str | None:
        """What the validation of the runs says against their weights; of the first that has a warning."""
        return next((one.alignment.warning for one in self.directions if one.alignment.warning), None)


@dataclass(frozen=True)
class Aligner:
    """Aligns pairs.

    Args:
        forward: from source to target.
        segment: gives the words of a pair, and the text that the models read.
        backward: from target to source, if there is one.
        symmetrize: joins the links of both directions; None for links where both look, see `agreement`.
        units: what is aligned; only words are sure to be the same units in both directions. A source that is no text
            keeps the units of its memory.
        threshold: link all pairs with this weight or more, of `agreement` with this mean of both weights; None links
            the largest weight of each unit.
        min_weight: the smallest weight of a link; None for the default, `MIN_WEIGHT`.
    """

    forward: Translator
    segment: Segmentation
    backward: Translator | None = None
    symmetrize: Symmetrization | None = None
    units: str = "words"
    threshold: float | None = None
    min_weight: float | None = None

    def __post_init__(self) -> None:
        kinds = {each.source.kind for each in (self.forward, self.backward) if each is not None}
        if self.backward is not None and kinds != {"text"}:
            raise UsageError(
                "both directions can be aligned if both sides are texts; these runs read "
                f"{' and '.join(sorted(kinds))}. Give one run."
            )

    def __call__(self, examples: Sequence[Example]) -> list[Aligned]:
        """The links of each pair."""
        text = self.forward.source.kind == "text"
        pairs = [self.segment(example) for example in examples]
        targets = [target for _, target in pairs]
        given = zip(examples, pairs, strict=True)
        sources = [source if text else (example.source, None) for example, (source, _) in given]
        left, right = [name for name, _ in sources], [name for name, _ in targets]
        found = self.forward.score(left, right, units="tokens")
        if self.units == "words":
            spans = list(zip(sources, targets, strict=True))
            found = [regroup(one, source[1], target[1]) for one, (source, target) in zip(found, spans, strict=True)]
        else:
            found = [regrouped(one, self.units) for one in found]
        results = [linked(one, self.threshold, self.min_weight) for one in found]
        directions: list[tuple[Direction, ...]] = [
            (Direction(one, links),) for one, links in zip(found, results, strict=True)
        ]
        if self.backward is not None:
            back = self.backward.score(right, left, units="tokens")
            for place, one in enumerate(back):
                words = regroup(one, targets[place][1], sources[place][1])
                other = Direction(words, reverse(linked(words, self.threshold, self.min_weight)))
                if self.symmetrize is None:
                    results[place] = agreement(found[place], words, self.threshold or AGREED)
                else:
                    results[place] = self.symmetrize(results[place], other.links)
                directions[place] += (other,)
        return [Aligned(*parts) for parts in zip(examples, found, results, directions, strict=True)]
