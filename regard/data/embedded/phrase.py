"""Phrases in two languages at once: what the grammar is made of, and where the gold alignment comes from.

A `Phrase` holds the same thing said in English and in Chinese. Its words carry the ids of what they mean, and two words
that share an id are linked. Phrases are put together by `rule`, one pattern per language, each in its own word order:

    rule("{patient} was {verb} by {agent}", "{patient} 被/by~was {agent} {verb} 了/verb", patient=…, verb=…, agent=…)

- `{name}` is a slot, filled by a phrase.
- Any other English token is a word of its own. `word:label` names it when the same word stands there twice.
- Any other Chinese token is `word/sure~possible`: the labels of the English words, or the names of the slots, that it is
  linked to, several joined by `+`. Without labels the word has no link of its own.

So the links of a sentence fall out of its making, and no aligner is involved.
"""

import itertools
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple


class Word(NamedTuple):
    """One word of one language, with the ids of what it surely and what it possibly means."""

    text: str
    sure: tuple[int, ...] = ()
    possible: tuple[int, ...] = ()


class Phrase(NamedTuple):
    """The same phrase in both languages. `marks` names the constructions inside it, for the held-out combinations."""

    source: tuple[Word, ...] = ()
    target: tuple[Word, ...] = ()
    marks: frozenset[str] = frozenset()

    def marked(self, *marks: str) -> "Phrase":
        """The same phrase with more marks."""
        return Phrase(self.source, self.target, self.marks.union(marks))

    def english(self) -> "Phrase":
        """The English side alone, for a word that each language puts in another place."""
        return Phrase(self.source, (), self.marks)

    def chinese(self) -> "Phrase":
        """The Chinese side alone."""
        return Phrase((), self.target, self.marks)


EMPTY = Phrase()
_ids = itertools.count()  # only equality within one sentence matters


class _Literal(NamedTuple):
    text: str
    sure: tuple[str, ...]
    possible: tuple[str, ...]


def rule(english: str, chinese: str, **slots: Phrase) -> Phrase:
    """Fill both patterns with the same slots; see the module's docstring for the notation.

    A link to a slot is a link to the English words of the phrase in that slot. Raises KeyError for a label that names
    neither an English word of the pattern nor a slot.
    """
    left, right = _parse(english), _parse(chinese)
    named: dict[str, tuple[int, ...]] = {}
    source: list[Word] = []
    for item in left:
        if isinstance(item, str):
            source.extend(slots[item].source)
        else:
            named[item.sure[0]] = ids = (next(_ids),)
            source.append(Word(item.text, ids))
    target: list[Word] = []
    for item in right:
        if isinstance(item, str):
            target.extend(slots[item].target)
        else:
            target.append(Word(item.text, _resolve(item.sure, named, slots), _resolve(item.possible, named, slots)))
    marks = frozenset().union(*[slot.marks for slot in slots.values() if slot.marks])
    return Phrase(tuple(source), tuple(target), marks)


def lexical(english: str, chinese: str) -> Phrase:
    """A dictionary entry. Each Chinese word is linked surely to the first English word and possibly to the others.

    With labels ("last week", "上个/last 星期/week") it is a rule without slots.
    """
    if "/" in chinese:
        return rule(english, chinese)
    ids = (next(_ids),)
    first, *others = english.split()
    return Phrase(
        (Word(first, ids), *(Word(other, (), ids) for other in others)),
        tuple(Word(word, ids) for word in chinese.split()),
    )


def echo(text: str, sure: Phrase, possible: Phrase = EMPTY) -> Phrase:
    """A Chinese word with no English of its own, linked to the English words of other phrases: 了, 吗, a measure word."""
    return Phrase((), (Word(text, _ids_of(sure.source), _ids_of(possible.source)),))


def _ids_of(words: Iterable[Word]) -> tuple[int, ...]:
    return tuple(i for word in words for i in word.sure)


def _resolve(labels: tuple[str, ...], named: dict[str, tuple[int, ...]], slots: dict[str, Phrase]) -> tuple[int, ...]:
    return tuple(i for label in labels for i in (named.get(label) or _ids_of(slots[label].source)))


@lru_cache(maxsize=None)
def _parse(pattern: str) -> tuple[str | _Literal, ...]:
    return tuple(token[1:-1] if token.startswith("{") else _literal(token) for token in pattern.split())


def _literal(token: str) -> _Literal:
    if "/" in token:
        text, _, links = token.partition("/")
        sure, _, possible = links.partition("~")
        return _Literal(text, *(tuple(part.split("+")) if part else () for part in (sure, possible)))
    text, _, label = token.partition(":")
    return _Literal(text, (label or text,) if text.isascii() else (), ())
