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

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple


class Word(NamedTuple):
    """A word of a pattern. English words have a label; Chinese words have the labels of what they are linked to."""

    text: str
    label: str = ""
    sure: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()


class Pattern(NamedTuple):
    """What to read in each language: words, and slots as plain strings."""

    english: tuple[Word | str, ...]
    chinese: tuple[Word | str, ...]


@dataclass(slots=True, eq=False)
class Phrase:
    """A node of the tree. `marks` names the constructions that it stands for, so that some can be held out."""

    pattern: Pattern
    slots: Mapping[str, "Phrase"] = field(default_factory=dict)
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


EMPTY = Phrase(Pattern((), ()))


def rule(english: str, chinese: str, **slots: Phrase) -> Phrase:
    """A phrase from one pattern per language and the phrases in its slots. The module's docstring has the notation."""
    return Phrase(_pattern(english, chinese), slots)


def lexical(english: str, chinese: str) -> Phrase:
    """A dictionary entry. Without labels every Chinese word is linked surely to the first English word, its head."""
    return Phrase(_entry(english, chinese))


def echo(text: str, sure: Phrase = EMPTY, possible: Phrase = EMPTY) -> Phrase:
    """A Chinese word without English of its own, linked to phrases elsewhere in the sentence: 了, 吗, a measure word."""
    return Phrase(_echo(text, bool(sure), bool(possible)), {"sure": sure, "possible": possible})


def english_of(phrase: Phrase) -> Phrase:
    """Only the English of a phrase, for what each language puts in a place of its own."""
    return rule("{whole}", "", whole=phrase)


def chinese_of(phrase: Phrase) -> Phrase:
    """Only the Chinese of a phrase; its English must stand elsewhere in the sentence, for the links."""
    return rule("", "{whole}", whole=phrase)


def read(phrase: Phrase) -> Reading:
    """Read a tree in both orders. Raises KeyError for a label that names no English word and no slot."""
    reader = _Reader()
    reader.english(phrase)
    reader.chinese(phrase)
    sure = frozenset(reader.sure)
    return Reading(reader.source, reader.target, sure, sure.union(reader.possible), frozenset(reader.marks))


class _Reader:
    def __init__(self) -> None:
        self.source: list[str] = []
        self.target: list[str] = []
        self.sure: list[tuple[int, int]] = []
        self.possible: list[tuple[int, int]] = []
        self.marks: list[str] = []
        self.spans: dict[int, tuple[int, int]] = {}  # by id of the phrase
        self.labels: dict[tuple[int, str], int] = {}  # by id of the phrase and label of the word

    def english(self, phrase: Phrase) -> None:
        start = len(self.source)
        for item in phrase.pattern.english:
            if isinstance(item, str):
                if (slot := phrase.slots[item]) is not EMPTY:
                    self.english(slot)
            else:
                self.labels[id(phrase), item.label] = len(self.source)
                self.source.append(item.text)
        self.spans[id(phrase)] = (start, len(self.source))
        self.marks += phrase.marks

    def chinese(self, phrase: Phrase) -> None:
        for item in phrase.pattern.chinese:
            if isinstance(item, str):
                if (slot := phrase.slots[item]) is not EMPTY:
                    self.chinese(slot)
            else:
                self.link(phrase, item)
                self.target.append(item.text)

    def link(self, phrase: Phrase, word: Word) -> None:
        here = len(self.target)
        for label in word.sure:
            first, *others = self.find(phrase, label)
            self.sure.append((first, here))
            self.possible += [(other, here) for other in others]
        for label in word.possible:
            self.possible += [(place, here) for place in self.find(phrase, label)]

    def find(self, phrase: Phrase, label: str) -> range:
        slot = phrase.slots.get(label)
        if slot is not None:
            return range(*self.spans[id(slot)])
        place = self.labels[id(phrase), label]
        return range(place, place + 1)


@cache
def _pattern(english: str, chinese: str) -> Pattern:
    left = tuple(token[1:-1] if token.startswith("{") else _english_word(token) for token in english.split())
    right = tuple(token[1:-1] if token.startswith("{") else _chinese_word(token) for token in chinese.split())
    return Pattern(left, right)


@cache
def _entry(english: str, chinese: str) -> Pattern:
    if "/" in chinese:
        return _pattern(english, chinese)
    head, *others = english.split()
    right = tuple(Word(text, "", (head,), tuple(others)) for text in chinese.split())
    return Pattern(_pattern(english, "").english, right)


@cache
def _echo(text: str, sure: bool, possible: bool) -> Pattern:
    word = Word(text, "", ("sure",) if sure else (), ("possible",) if possible else ())
    return Pattern((), (word,))


def _english_word(token: str) -> Word:
    text, _, label = token.partition(":")
    return Word(text, label or text)


def _chinese_word(token: str) -> Word:
    text, _, links = token.partition("/")
    sure, possible = ((*part.split("+"),) if part else () for part in (links.partition("~")[::2]))
    return Word(text, "", sure, possible)
