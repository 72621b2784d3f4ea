"""Phrases in two languages at once: what the grammar is made of, and where the gold alignment comes from.

A sentence is one tree, and each language reads it in its own order. `rule` makes a node from one pattern per language:

    rule("{patient} was {verb} by {agent}", "{patient} 被/by~was {agent} {verb} 了/verb", patient=…, verb=…, agent=…)

- `{name}` is a slot, filled by a phrase.
- Any other English token is a word. `word:label` names it where the same word stands twice in the pattern.
- Any other Chinese token is `word/sure~possible`: the labels of the English words, or the names of the slots, that it
  renders, several joined by `+`. Without them the word has no link.

A link to a slot means a sure link to the first English word of that phrase, its head, and possible links to the others.
So the links of a sentence fall out of its making; no aligner is involved.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple


class Word(NamedTuple):
    """A Chinese word of a pattern, and what it is linked to: places in the English pattern, or names of slots."""

    text: str
    sure: tuple[int | str, ...]
    possible: tuple[int | str, ...]


class Slot(NamedTuple):
    """A place of a pattern that a phrase fills."""

    name: str


class Pattern(NamedTuple):
    """What to read in each language."""

    english: tuple[str | Slot, ...]
    chinese: tuple[Word | Slot, ...]


class Phrase(NamedTuple):
    """A node of the tree. `marks` names the constructions that it stands for, so that some can be held out."""

    pattern: Pattern
    slots: Mapping[str, "Phrase"]
    marks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pattern.english or self.pattern.chinese)

    def marked(self, *marks: str) -> "Phrase":
        """The same phrase with more marks: a phrase of its own, so what is linked to it must be given this one."""
        return Phrase(self.pattern, self.slots, self.marks + marks)


class Reading(NamedTuple):
    """A tree read out: words in both orders, links (source word, target word), and every mark in it."""

    source: list[str]
    target: list[str]
    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]
    marks: frozenset[str]


_NONE: Mapping[str, Phrase] = {}
EMPTY = Phrase(Pattern((), ()), _NONE)


def rule(english: str, chinese: str, **slots: Phrase) -> Phrase:
    """A phrase from one pattern per language and the phrases in its slots. The module's docstring has the notation."""
    return Phrase(_pattern(english, chinese), slots)


def lexical(english: str, chinese: str) -> Phrase:
    """A dictionary entry. Without labels every Chinese word is linked surely to the first English word, its head."""
    return Phrase(_entry(english, chinese), _NONE)


def echo(text: str, sure: Phrase = EMPTY, possible: Phrase = EMPTY) -> Phrase:
    """A Chinese word without English of its own, linked to phrases elsewhere in the sentence: 了, 吗, 个."""
    return Phrase(_echo(text, bool(sure), bool(possible)), {"sure": sure, "possible": possible})


def english_of(phrase: Phrase) -> Phrase:
    """Only the English of a phrase, for what each language puts in a place of its own."""
    return rule("{whole}", "", whole=phrase)


def chinese_of(phrase: Phrase) -> Phrase:
    """Only the Chinese of a phrase; its English must stand elsewhere in the sentence, for the links."""
    return rule("", "{whole}", whole=phrase)


class Links(NamedTuple):
    """The links found so far."""

    sure: list[tuple[int, int]]
    possible: list[tuple[int, int]]


def read(phrase: Phrase) -> Reading:
    """Read a tree in both orders."""
    source: list[str] = []
    target: list[str] = []
    marks: list[str] = []
    starts: dict[int, Sequence[int]] = {}
    links = Links([], [])
    _read_english(phrase, source, marks, starts)
    _read_chinese(phrase, target, starts, links)
    sure = frozenset(links.sure)
    return Reading(source, target, sure, sure.union(links.possible), frozenset(marks))


def _read_english(phrase: Phrase, words: list[str], marks: list[str], starts: dict[int, Sequence[int]]) -> None:
    """Add the English words and the marks, and for the phrase (by its id) where each part of it begins, and its end."""
    pattern, slots, own = phrase
    marks += own
    begun = []
    for item in pattern.english:
        begun.append(len(words))
        if isinstance(item, str):
            words.append(item)
        elif (part := slots[item.name]) is not EMPTY:
            _read_english(part, words, marks, starts)
    begun.append(len(words))
    starts[id(phrase)] = begun


def _read_chinese(phrase: Phrase, words: list[str], starts: dict[int, Sequence[int]], links: Links) -> None:
    """Add the Chinese words and their links to the English ones."""
    pattern, slots, _ = phrase
    for item in pattern.chinese:
        if isinstance(item, Slot):
            if (part := slots[item.name]) is not EMPTY:
                _read_chinese(part, words, starts, links)
            continue
        text, sure, possible = item
        here = len(words)
        words.append(text)
        for place in sure:
            first, end = _span(phrase, place, starts)
            links.sure.append((first, here))
            if end > first + 1:
                links.possible.extend([(other, here) for other in range(first + 1, end)])
        for place in possible:
            links.possible.extend([(other, here) for other in range(*_span(phrase, place, starts))])


def _span(phrase: Phrase, place: int | str, starts: dict[int, Sequence[int]]) -> tuple[int, int]:
    """Where the English begins and ends that a link points to: a part of this phrase, or all of the one in a slot."""
    if isinstance(place, int):
        begun = starts[id(phrase)]
        return begun[place], begun[place + 1]
    begun = starts[id(phrase.slots[place])]
    return begun[0], begun[-1]


@cache
def _pattern(english: str, chinese: str) -> Pattern:
    tokens = english.split()
    labels = [token[1:-1] if token.startswith("{") else token.rpartition(":")[2] for token in tokens]
    places: dict[str, int] = {label: place for place, label in enumerate(labels)}
    if len(places) < len(labels):
        raise ValueError(f"{english!r}: two parts have the same label, so that a link could mean either. Label one.")
    left = tuple(
        Slot(label) if token.startswith("{") else token.partition(":")[0]
        for token, label in zip(tokens, labels, strict=True)
    )
    right = tuple(Slot(token[1:-1]) if token.startswith("{") else _word(token, places) for token in chinese.split())
    return Pattern(left, right)


def _word(token: str, places: Mapping[str, int]) -> Word:
    text, _, links = token.partition("/")
    sure, _, possible = links.partition("~")
    return Word(
        text, *(tuple(places.get(label, label) for label in part.split("+") if label) for part in (sure, possible))
    )


@cache
def _entry(english: str, chinese: str) -> Pattern:
    if "/" in chinese:
        return _pattern(english, chinese)
    words = tuple(english.split())
    return Pattern(words, tuple(Word(text, (0,), tuple(range(1, len(words)))) for text in chinese.split()))


@cache
def _echo(text: str, sure: bool, possible: bool) -> Pattern:
    return Pattern((), (Word(text, ("sure",) if sure else (), ("possible",) if possible else ()),))
