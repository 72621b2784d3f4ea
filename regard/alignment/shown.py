"""Which units a reader is shown: words, tokens, or what suits the script. One rule, for the commands and for Python."""

import re
from dataclasses import replace
from itertools import groupby

from regard.alignment.alignment import Alignment, Unit, Word
from regard.alignment.inside import moved, regrouped_words
from regard.alignment.units import Span, regroup, shares, source_words, word_spans
from regard.data.scripts import UNSPACED

UNITS = ("words", "tokens", "auto")


def regrouped(alignment: Alignment, units: str) -> Alignment:
    """An alignment of tokens over these units; itself where it has them already.

    Args:
        units: `words`, what stands between white space; `tokens`, as they are; `auto`, words, save that a stretch
            written without spaces (Chinese, Thai …) keeps its tokens, and a token that holds several whole words, as a
            label or a sentence of a hierarchical encoder does, stays one. A source that is no text keeps its units.
            What stands `inside` such sentences is regrouped likewise; with `words` the units are these words.

    Raises ValueError for another name.
    """
    if units not in UNITS:
        raise ValueError(f"units is {units!r}; expected one of {', '.join(UNITS)}.")
    if units == "tokens":
        return alignment
    source = target = None
    if alignment.source_kind == "text" and not (alignment.inside and units == "auto"):
        source = _spans(alignment.source_text, source_words(alignment), alignment.source, units)
    target = _spans(alignment.target_text, word_spans(alignment.target_text), alignment.target, units)
    if alignment.inside and source is None:
        alignment = replace(alignment, inside=_inside(alignment, units))
    return alignment if source is target is None else regroup(alignment, source, target)


def _inside(alignment: Alignment, units: str) -> tuple[Word, ...]:
    """The wanted words inside the units of the source, of which none is in two of them."""
    found: list[Word] = []
    for number, group in groupby(alignment.inside, lambda word: word.unit):
        start = int(alignment.source[number].start)
        text = alignment.source_text[start : int(alignment.source[number].end)]
        tokens = tuple([moved(word, -start) for word in group])
        spans = word_spans(text)
        if units == "auto":
            spans = _suited(text, tokens, spans)
        words = regrouped_words(tokens, spans, shares(tokens, spans, text), text)
        found += [moved(word, start) for word in words]
    return tuple(found)


def _spans(text: str, words: list[Span], tokens: tuple[Unit, ...], units: str) -> list[Span] | None:
    """Where the wanted units are; None if the tokens are these."""
    spans = _suited(text, tokens, _unbroken(tokens, words)) if units == "auto" else words
    same = len(spans) == len(tokens) and all(
        start == token.start and end == token.end for (start, end), token in zip(spans, tokens, strict=True)
    )
    return None if same else spans


def _suited(text: str, tokens: tuple[Unit, ...] | tuple[Word, ...], words: list[Span]) -> list[Span]:
    spans: list[Span] = []
    unspaced = re.compile(UNSPACED)  # here, since it takes 5 ms the first time
    for start, end in words:
        if not unspaced.search(text, start, end):
            spans.append((start, end))
            continue
        inside = [(max(int(token.start), start), min(int(token.end), end)) for token in tokens]
        spans += [(low, high) for low, high in inside if low < high]
    return spans


def _unbroken(tokens: tuple[Unit, ...], words: list[Span]) -> list[Span]:
    """The words, and in place of those that lie within one token this token, where they are several. What stands behind
    all tokens, as the question that a memory is read with, is left out: nothing could look at it."""
    found: list[Span] = []
    number = 0
    for token in tokens:
        while number < len(words) and words[number][0] < token.start:
            found.append(words[number])
            number += 1
        inside = number
        while inside < len(words) and words[inside][1] <= token.end:
            inside += 1
        if inside - number > 1:
            found.append((words[number][0], words[inside - 1][1]))
            number = inside
    behind = max([token.end for token in tokens], default=0)
    return found + [word for word in words[number:] if word[0] < behind]
