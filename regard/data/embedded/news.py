"""Short news with headlines: what a headline says stands in the news, and many of its words are names.

Each pair is a function of (split, number) alone. The names of `train`, `dev` and `ordinary` are the same; those of
`names` are in no other split.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from regard.data.embedded.draws import expect_split, stream

SEED = 20
SIZES = {"train": 4_000, "dev": 200, "ordinary": 500, "names": 500}
NAMES = 400
"""So many names are in training, and so many others in `names`."""
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
SYLLABLES = (2, 5)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Span = tuple[int, int]

EVENTS: Sequence[tuple[str, str]] = (
    ("{a} said on {day} that it has bought {b} for {n} million dollars", "{a} buys {b}"),
    ("shares of {a} fell by {n} percent on {day} after {b} left the firm", "{a} shares fall as {b} leaves"),
    ("a storm that reached {a} on {day} has hurt {n} people, said the mayor , {b}", "storm hurts {n} in {a}"),
    ("{a} won against {b} by {n} points on {day}", "{a} beats {b}"),
    ("a court in {a} sent {b} to prison on {day} for {n} years", "{b} jailed in {a} for {n} years"),
    ("the new coach , {a} , will not let {b} play on {day}", "{a} leaves out {b}"),
    ("{a} wants to open {n} shops in {b} by the end of the year", "{a} to open {n} shops in {b}"),
    ("scientists from {a} found water on {b} after a search of {n} years", "water found on {b}"),
    ("the police of {a} have been looking for {b} since {day}", "{a} police look for {b}"),
    ("{a} and {b} signed a treaty on {day} after talks of {n} days", "{a} and {b} sign treaty"),
)
"""What happens, and its headline."""
ASIDES: Sequence[str] = (
    "{c} did not want to say anything about it",
    "the news was first told by {c} late on {day}",
    "a friend of {c} called it the best day in {n} years",
    "nobody in {c} had heard of it before",
    "in {c} it rained for {n} hours",
)
"""What stands before or behind it, with a name that the headline does not have."""


@dataclass(frozen=True)
class News:
    """A piece of news and its headline.

    Args:
        text: of the news; words and marks have spaces between, as in the headline.
        headline: what it says in short.
        names: for each word of the headline, the characters of the news where it stands; None for one that is no name.
    """

    text: str
    headline: str
    names: tuple[Span | None, ...]


def news(split: str, number: int) -> News:
    """News `number` of a split. Raises ValueError for an unknown split, or a number below 0."""
    rng = stream("news", split, tuple(SIZES), SEED, number)
    pool = names()[NAMES:] if split == "names" else names()[:NAMES]
    a, b, c = (pool[place] for place in rng.choice(len(pool), 3, replace=False))
    event, headline = EVENTS[rng.randint(len(EVENTS))]
    aside = ASIDES[rng.randint(len(ASIDES))]
    first, second = ((event, aside), (aside, event))[rng.randint(2)]
    days = [DAYS[place] for place in rng.choice(len(DAYS), 2, replace=False)]
    numbers = [str(2 + place) for place in rng.choice(998, 2, replace=False)]
    told = {"a": a, "b": b, "c": c, "day": days[0], "n": numbers[0]}
    beside = told | {"day": days[1], "n": numbers[1]}
    parts = [part.format(**(told if part is event else beside)) for part in (first, second)]
    text = " ".join(f"{part[0].upper()}{part[1:]} ." for part in parts)
    said = headline.format(**told)
    places = {match[0]: match.span() for match in re.finditer(r"\S+", text)}
    return News(text, said, tuple([places[word] if word in (a, b) else None for word in said.split()]))


def all_news(split: str) -> Iterator[News]:
    """The news of a split that a demo uses. Raises ValueError for an unknown split."""
    expect_split("all_news", split, tuple(SIZES))
    return (news(split, number) for number in range(SIZES[split]))


@cache
def names() -> tuple[str, ...]:
    """Invented names, none of them twice: first those of training, then the others."""
    rng = np.random.RandomState(SEED)
    found: dict[str, None] = {}
    while len(found) < 2 * NAMES:
        syllables = [
            CONSONANTS[rng.randint(len(CONSONANTS))] + VOWELS[rng.randint(len(VOWELS))]
            for _ in range(rng.randint(*SYLLABLES))
        ]
        found["".join(syllables).capitalize()] = None
    return tuple(found)
