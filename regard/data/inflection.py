"""Tags and a lemma, for inflection: each tag is one token, and the lemma is spelled in characters."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from regard.data.characters import Characters
from regard.data.pieces import FIRST_PIECE, most_frequent
from regard.marks import UNKNOWN


class Inflection:
    """Tags as symbols, then a lemma as characters: "N;SG;ACC Haus" is N, SG, ACC, H, a, u, s.

    The tags are the text before the first space, split at ";". All text after that space is the lemma, which may have
    spaces ("V;PST take off"). An unseen tag becomes UNKNOWN, an unseen character its bytes. The numbers of the tags
    follow those of the characters, so the tag N and the letter N are different tokens.

    Args:
        characters: the characters that have their own number.
        tags: the tags that have their own number.
    """

    def __init__(self, characters: Sequence[str], tags: Sequence[str]) -> None:
        if len(set(tags)) != len(tags) or any(not tag or set(tag) & {";", " "} for tag in tags):
            raise ValueError("Inflection: tags hold a space, a semicolon or one tag twice; expected each tag once.")
        self.lemma = Characters(characters)
        self.tags = list(tags)
        self.names = [*self.lemma.names, *self.tags]
        self._first_tag = len(self.lemma.names)
        self._numbers = {tag: self._first_tag + place for place, tag in enumerate(tags)}

    @property
    def texts(self) -> list[str | None]:
        """The characters of the lemma."""
        return [*self.lemma.texts, *[None] * len(self.tags)]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> "Inflection":
        """Number the most frequent tags; of vocab_size − 260 numbers, those that are left go to characters."""
        tags: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for text in texts:
            head, _, tail = text.partition(" ")
            tags.update(filter(None, head.split(";")))
            characters.update(tail)
        room = vocab_size - FIRST_PIECE
        known = most_frequent(tags, room)
        return cls(sorted(most_frequent(characters, room - len(known))), known)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Inflection":
        return cls(state["characters"], state["tags"])

    def state(self) -> dict[str, list[str]]:
        return {"characters": self.lemma.pieces.texts, "tags": self.tags}

    def ids(self, text: str) -> list[int]:
        """The numbers of the tags, then of the characters of the lemma."""
        head, _, tail = text.partition(" ")
        tags = [self._numbers.get(tag, UNKNOWN) for tag in head.split(";") if tag]
        if UNKNOWN in tags:
            head.encode()  # a lone surrogate is not an unseen tag: raise UnicodeEncodeError, as other tokenisers do
        return tags + self.lemma.ids(tail)

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """One tag or one character each; semicolons and the first space are in no span."""
        head, _, tail = text.partition(" ")
        tags = [match.span() for match in re.finditer("[^;]+", head)]
        offset = len(head) + 1
        lemma = self.lemma.spans(tail, ids[len(tags) :])
        return tags + [(start + offset, end + offset) for start, end in lemma]

    def decode(self, ids: Sequence[int]) -> str:
        """The tags with ";" between them, a space, and the lemma; no space if there are no tags or no lemma."""
        tags = [self.names[number] for number in ids if number == UNKNOWN or number >= self._first_tag]
        lemma = self.lemma.decode([number for number in ids if number < self._first_tag])
        return " ".join(filter(None, [";".join(tags), lemma]))
