"""The words inside the units of a source: from the positions that a memory says them of, to what a reader calls a word.

A sentence of a hierarchical encoder is a weighted sum of its words. So the parts of a word that was read in several
tokens are SUMMED, as the columns of weights are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from regard.alignment.alignment import Word
from regard.data.text import written

NAMES = ("inside_spans", "inside_units", "inside_weights")
"""The arrays that words are stored as."""


def words_inside(
    text: str,
    spans: Sequence[Sequence[int | float]],
    covered: Int[np.ndarray, "units ends"],
    weights: Float[np.ndarray, " positions"],
) -> tuple[Word, ...]:
    """The words of a source, one for each input position that a unit was pooled of.

    Args:
        text: the source.
        spans: the characters of each input position.
        covered: the input positions of each unit: the first, and the one after its last.
        weights: the share of each input position in its unit.

    A position between two units, or behind the last, as those of a question, is none; neither is an end mark, which
    covers no character. Neighbours with the same characters, the bytes of one, are one word.
    """
    found: list[Word] = []
    for number, (first, last) in enumerate(covered.tolist()):
        for place in range(first, min(last, len(spans))):
            start, end, weight = int(spans[place][0]), int(spans[place][1]), weights[place]
            if found and found[-1][1:4] == (start, end, number):
                weight += np.float32(found.pop().weight)
            if end > start:
                found.append(Word(written(text, start, end), start, end, number, float(weight)))
    return tuple(found)


def regrouped_words(
    words: Sequence[Word], spans: Sequence[tuple[int, int]], shares: Float[np.ndarray, "words spans"], text: str
) -> tuple[Word, ...]:
    """The words over other stretches of the text, of which none is in two units.

    Args:
        words: as they are.
        spans: the characters of each new word.
        shares: which part of each word lies in each of them.
        text: the source.
    """
    weights = shares.T @ np.array([word.weight for word in words])
    found = []
    for place, (start, end) in enumerate(spans):
        if shares[:, place].any():
            unit = words[int(shares[:, place].argmax())].unit
            found.append(Word(written(text, start, end), start, end, unit, float(np.float32(weights[place]))))
    return tuple(found)


def moved(word: Word, by: int) -> Word:
    """The same word so many characters farther on."""
    return word._replace(start=word.start + by, end=word.end + by)


def of_units(words: Sequence[Word], count: int) -> list[list[int]]:
    """The numbers of the words of each of so many units."""
    found: list[list[int]] = [[] for _ in range(count)]
    for number, word in enumerate(words):
        found[word.unit].append(number)
    return found


def to_records(words: Sequence[Word], weights: Sequence[float]) -> list[dict[str, Any]]:
    """As plain JSON values, the weights as they are given here."""
    return [word._replace(weight=weight)._asdict() for word, weight in zip(words, weights, strict=True)]


def from_records(records: Any) -> tuple[Word, ...]:
    """The words of such records. Raises KeyError, TypeError or ValueError if they are none."""
    return tuple([_word(each["text"], each["start"], each["end"], each["unit"], each["weight"]) for each in records])


def to_arrays(words: Sequence[Word]) -> dict[str, np.ndarray]:
    """As arrays of numpy, without the texts."""
    return {
        "inside_spans": np.array([(word.start, word.end) for word in words], np.int64).reshape(-1, 2),
        "inside_units": np.array([word.unit for word in words], np.int64),
        "inside_weights": np.array([word.weight for word in words], np.float32),
    }


def from_arrays(texts: Sequence[Any], arrays: dict[str, np.ndarray]) -> tuple[Word, ...]:
    """The words of such arrays and their texts. Raises ValueError if they do not fit."""
    each = (arrays[name].tolist() for name in NAMES)
    found = zip(texts, *each, strict=True)
    return tuple([_word(text, start, end, unit, weight) for text, (start, end), unit, weight in found])


def _word(text: Any, start: Any, end: Any, unit: Any, weight: Any) -> Word:
    return Word(str(text), int(start), int(end), int(unit), float(np.float32(weight)))
