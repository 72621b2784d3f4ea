"""Links between the words of given pairs, by forced decoding with a run, or with one for each direction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from regard.alignment.alignment import Alignment
from regard.alignment.linking import Links, reverse
from regard.alignment.symmetrize import Symmetrization
from regard.alignment.units import Span, regroup, word_spans
from regard.cli.units import linked, regrouped
from regard.data.example import Example
from regard.translator import Translator

SOURCE, TARGET = ("source", "both"), ("target", "both")


@dataclass(frozen=True)
class Aligned:
    """What was found for one pair: units with weights, and their links."""

    example: Example
    alignment: Alignment
    links: Links


@dataclass(frozen=True)
class Aligner:
    """Aligns pairs.

    Args:
        forward: from source to target.
        backward: from target to source, if there is one.
        symmetrize: makes one of the links of both.
        units: what is aligned; anything but words has the same units in both directions only by chance.
        join: "source", "target" or "both": these come with spaces between words, of which the model is to see none;
            "none" for neither.
        threshold: link all that is looked at with this weight; None for the most of each unit.
    """

    forward: Translator
    backward: Translator | None = None
    symmetrize: Symmetrization | None = None
    units: str = "words"
    join: str = "none"
    threshold: float | None = None

    def __call__(self, examples: Sequence[Example]) -> list[Aligned]:
        """The links of each pair."""
        sources = [_read(example.source, self.join in SOURCE) for example in examples]
        targets = [_read(example.target or "", self.join in TARGET) for example in examples]
        left, right = [text for text, _ in sources], [text for text, _ in targets]
        found = self.forward.score(left, right)
        if self.units == "words":
            spans = list(zip(sources, targets, strict=True))
            found = [regroup(one, source[1], target[1]) for one, (source, target) in zip(found, spans, strict=True)]
        else:
            found = [regrouped(one, self.units) for one in found]
        results = [linked(one, self.threshold) for one in found]
        if self.backward is not None and self.symmetrize is not None:
            back = self.backward.score(right, left)
            for place, one in enumerate(back):
                words = regroup(one, targets[place][1], sources[place][1])
                results[place] = self.symmetrize(results[place], reverse(linked(words, self.threshold)))
        return [Aligned(*parts) for parts in zip(examples, found, results, strict=True)]


def hide_spaces(example: Example, join: str) -> Example:
    """The pair as the model is to see it."""
    source, _ = _read(example.source, join in SOURCE)
    target, _ = _read(example.target or "", join in TARGET)
    return replace(example, source=source, target=target)


def _read(text: str, join: bool) -> tuple[str, list[Span]]:
    """The text as the model is to see it, and where its words are in that."""
    if not join:
        return text, word_spans(text)
    words = text.split()
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    return "".join(words), list(pairwise(ends))
