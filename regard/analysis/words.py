"""Where the words of given pairs are, and what of the pairs the model is to see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, pairwise

from regard.alignment.units import Span, word_spans
from regard.data.example import Example
from regard.data.lines import BadLine
from regard.data.readers import PairFiles
from regard.errors import DataError, UsageError

Side = tuple[str, list[Span]]
"""A text as the model is to see it, and where its words are in that."""
Segmentation = Callable[[Example], tuple[Side, Side]]
"""Source and target of a pair."""


def segmentation(join: str, words: Sequence[str] | None, pairs: int, first: int = 1) -> Segmentation:
    """How the words of pairs are found.

    Args:
        join: "source", "target" or "both": these come with spaces between words, of which the model is to see none;
            "none" for neither.
        words: the same pairs once more, in one file or two, with white space between their words; the model sees the
            pairs themselves.
        pairs: how many there are.
        first: the line of the first of them; 2 behind the names of columns.

    Raises UsageError if both are given, DataError for words that cannot be read or are of another number of pairs.
    """
    if not words:
        return partial(_by_spaces, join)
    if join != "none":
        raise UsageError("--words and --join both say where the words are. Leave one out.")
    files = PairFiles(tuple(words))
    records = list(files.records())
    if len(records) != pairs:
        raise DataError(
            f"{' and '.join(words)}: {len(records)} lines, and there are {pairs} pairs. Give one line for each pair."
        )
    return partial(_by_words, dict(enumerate(records, first)))


def seen(segment: Segmentation, example: Example) -> Example:
    """The pair as the model is to see it."""
    (source, _), (target, _) = segment(example)
    return replace(example, source=source, target=target)


def _by_spaces(join: str, example: Example) -> tuple[Side, Side]:
    source, target = example.source, example.target or ""
    return _read(source, join in ("source", "both")), _read(target, join in ("target", "both"))


def _read(text: str, join: bool) -> Side:
    if not join:
        return text, word_spans(text)
    words = text.split()
    return "".join(words), list(pairwise(accumulate(map(len, words), initial=0)))


def _by_words(records: Mapping[int, Example | BadLine], example: Example) -> tuple[Side, Side]:
    record = records[example.line]
    if isinstance(record, BadLine):
        raise DataError(f"{record}. Correct it.")
    source, target = example.source, example.target or ""
    return (source, _placed(source, record.source, record)), (target, _placed(target, record.target or "", record))


def _placed(text: str, words: str, record: Example) -> list[Span]:
    """Where these words are in the text; white space of the text does not count."""
    places = [place for place, character in enumerate(text) if not character.isspace()]
    pieces = words.split()
    if "".join(text[place] for place in places) != "".join(pieces):
        raise DataError(
            f"{record.file}, line {record.line}: the words are {words[:60]!r}, but the text is {text[:60]!r}. Give the "
            "same pairs in the same order, changed in nothing but white space."
        )
    return [(places[start], places[end - 1] + 1) for start, end in pairwise(accumulate(map(len, pieces), initial=0))]
