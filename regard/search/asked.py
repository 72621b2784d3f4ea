"""What a user asks of the output of each source: how it begins, and phrases that it has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from regard.data.copying import CopySource, target_ids
from regard.data.edits import SCRIPTS, SentenceEdits
from regard.data.given import Constraints, expect_as_many, texts
from regard.data.phrases import Phrase, phrases
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer

NO_BEAM = "expected a beam of 2 or more, since outputs with a phrase and outputs without it are kept side by side."
"""Why greedy search has no phrases."""
ONE_DIVISION = "expected one of the two, since both divide its places. Leave one out."
"""Why groups have none."""


@dataclass(frozen=True)
class Asked:
    """Of the output of each source, by its number.

    Args:
        prefixes: tokens that it begins with; a source that is not there may begin as it will.
        phrases: what it has, in any order; never an empty list.
    """

    prefixes: dict[int, Sequence[int]] = field(default_factory=dict)
    phrases: dict[int, Sequence[Phrase]] = field(default_factory=dict)

    def kinds(self, numbers: Sequence[int]) -> list[list[int]]:
        """The places of these sources, those together of which the same kinds of things are asked: so a search of which
        nothing is asked keeps its speed."""

        def kind(place: int) -> tuple[bool, bool]:
            return numbers[place] in self.prefixes, numbers[place] in self.phrases

        return [list(places) for _, places in groupby(sorted(range(len(numbers)), key=kind), kind)]

    def tokens(self, numbers: Sequence[int]) -> dict[int, list[int]]:
        """The tokens that outputs have to have, by the place of their source among these."""
        found: dict[int, list[int]] = {}
        for place, number in enumerate(numbers):
            spellings = [each for one in self.phrases.get(number, ()) for each in (one.bare, one.spaced)]
            if tokens := [token for each in (self.prefixes.get(number, ()), *spellings) for token in each]:
                found[place] = tokens
        return found


NOTHING = Asked()


def asked(
    place: str,
    sources: Sequence[str],
    prefixes: str | Sequence[str] | None,
    constraints: Constraints | None,
    source: Source,
    tokenizer: Tokenizer,
) -> Asked:
    """What callers ask, as tokens.

    Args:
        place: what is called, for messages.
        sources: texts, or what else a source is.
        prefixes, constraints: of each source; None for nothing.
        source: what the sources are.
        tokenizer: of the targets.

    Raises TypeError for what is no text, ValueError for another number than of sources, for phrases that the vocabulary
    cannot write, and where tokens are edits.
    """
    begun: dict[int, Sequence[int]] = {}
    held: dict[int, Sequence[Phrase]] = {}
    asks = {"prefixes": prefixes, "constraints": constraints}
    given = [name for name, each in asks.items() if each is not None]
    if given and isinstance(source, CopySource) and source.edits:
        raise ValueError(f"{place}: {given[0]} is given; expected None, since {SCRIPTS}")
    if prefixes is not None:
        beginnings = texts(place, "prefixes", prefixes)
        expect_as_many(place, sources, "prefixes", beginnings)
        ids = target_ids(source, tokenizer)
        begun = {number: ids(sources[number], text) for number, text in enumerate(beginnings) if text}
    if constraints is not None:
        if not isinstance(constraints, str | Sequence):
            raise TypeError(
                f"{place}: constraints is {constraints!r:.60}; expected a list with the phrases of each source."
            )
        each = [constraints] if isinstance(constraints, str) else constraints
        expect_as_many(place, sources, "constraints", each)
        for number, one in enumerate(each):
            name = f"constraints[{number}]"
            try:
                found = phrases_of(sources[number], texts(place, name, one), source, tokenizer)
            except ValueError as error:
                raise ValueError(f"{place}: {name}: {error}") from error
            held |= {number: found} if found else {}
    return Asked(begun, held)


def phrases_of(text: str, given: Sequence[str], source: Source, tokenizer: Tokenizer) -> list[Phrase]:
    """The phrases of the output of one source. Raises ValueError for one that the vocabulary cannot write."""
    if not any(each.strip() for each in given):
        return []
    tokens = source.target_of(text, source.encode(text)) if isinstance(source, CopySource) else tokenizer
    assert not isinstance(tokens, SentenceEdits), "asked refuses it before"
    return phrases(given, tokens)
