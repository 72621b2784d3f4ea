"""What is aligned: words, tokens, or what suits the script."""

import re

from regard.alignment.alignment import Alignment, Unit
from regard.alignment.linking import Links, links, links_above
from regard.alignment.units import Span, regroup, word_spans, words
from regard.data.scripts import UNSPACED


def regrouped(alignment: Alignment, units: str) -> Alignment:
    """The alignment of these units. `auto` is words, save that a stretch written without spaces keeps its tokens."""
    if units == "tokens":
        return alignment
    if units == "words":
        return words(alignment)
    source = _suited(alignment.source_text, alignment.source)
    return regroup(alignment, source, _suited(alignment.target_text, alignment.target))


def linked(alignment: Alignment, threshold: float | None) -> Links:
    """The links: for each target unit where it looked most, or all from a weight on."""
    return links(alignment) if threshold is None else links_above(alignment, threshold)


def _suited(text: str, tokens: tuple[Unit, ...]) -> list[Span]:
    spans: list[Span] = []
    unspaced = re.compile(UNSPACED)  # here, since it takes 5 ms the first time
    for start, end in word_spans(text):
        inside = [(max(int(token.start), start), min(int(token.end), end)) for token in tokens]
        pieces = [(low, high) for low, high in inside if low < high]
        spans += pieces if unspaced.search(text, start, end) else [(start, end)]
    return spans
