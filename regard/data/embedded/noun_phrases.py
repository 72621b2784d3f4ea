"""Noun phrases: names, pronouns, and nouns with determiner, measure word, adjective and relative clause."""

from collections.abc import Collection
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from regard.data.embedded.modifiers import ADJECTIVES, Adjective
from regard.data.embedded.nouns import NAMES, NOUNS, NUMERALS, PORTIONS, PRONOUNS, Name, Noun, Pronoun
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule

Tags = frozenset[str]

# What a noun phrase is there for, and how often each determiner is used for it. An agent acts. A topic and a given
# thing are known, and so is what is described, which has no adjective of its own. A new thing is not known. What is
# denied takes no number, because Chinese says 没有书 and not 没有一本书.
ROLES = {
    "agent": {"the": 36, "a": 6, "numeral": 9, "this": 8, "that": 8, "possessive": 22, "some": 4, "every": 6},
    "topic": {"the": 42, "this": 14, "that": 14, "possessive": 30},
    "described": {"the": 42, "this": 14, "that": 14, "possessive": 30},
    "given": {"the": 50, "this": 10, "that": 10, "possessive": 30},
    "object": {
        "the": 28,
        "a": 24,
        "numeral": 16,
        "this": 6,
        "that": 6,
        "possessive": 15,
        "many": 3,
        "some": 4,
        "bare": 4,
    },
    "denied": {"the": 35, "this": 14, "that": 14, "possessive": 25, "bare": 12},
    "new": {"a": 50, "numeral": 35, "many": 8, "some": 10},
}
MASS = {
    "agent": ("the",),
    "topic": ("the", "the", "possessive"),
    "described": ("the", "the", "possessive"),
    "given": ("the", "the", "possessive"),
    "object": ("the", "bare", "possessive", "some", "portion", "portion"),
    "denied": ("the", "bare"),
    "new": ("some", "portion"),
}
_CUMULATED = {role: (tuple(kinds), tuple(accumulate(kinds.values()))) for role, kinds in ROLES.items()}


class NounPhrase(NamedTuple):
    """A noun phrase and what the rest of the clause must know of it.

    `agreement` is the pronoun whose verb form it takes (I, he, they). `head` tells whether two phrases speak of the
    same. `every` is the 都 that a subject asks for. `closed` says that it ends in a clause of its own, so that whatever
    followed would be understood as a part of that.
    """

    phrase: Phrase
    agreement: str = "he"
    head: str = ""
    every: Phrase = EMPTY
    closed: bool = False


class Determiner(NamedTuple):
    """What stands before a noun, and whether the noun is plural."""

    kind: str
    plural: bool = False


@cache
def nouns_with(tags: Tags) -> tuple[Noun, ...]:
    """All nouns that carry one of the tags, in the order of the dictionary."""
    return tuple(noun for noun in NOUNS if noun.tags & tags)


@cache
def adjectives_for(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives that can stand before a noun."""
    return tuple(adjective for adjective in ADJECTIVES if adjective.attribute and adjective.tags & noun.tags)


def choose_head(rng: Random, tags: Tags, others: Collection[str] = ()) -> Name | Pronoun | Noun:
    """Someone or something with one of the tags, if possible none of the others; people often by name or pronoun."""
    if "person" in tags or "adult" in tags:
        chance = rng.random()
        if chance < 0.36:
            return rng.choice([name for name in NAMES if name.english not in others])
        if chance < 0.56:
            return rng.choice([pronoun for pronoun in PRONOUNS if _who(pronoun) not in others])
    nouns = nouns_with(tags)
    noun = rng.choice(nouns)
    if noun.singular not in others:
        return noun
    return rng.choice([noun for noun in nouns if noun.singular not in others] or nouns)


def named(head: Name | Pronoun, subject: bool) -> NounPhrase:
    """A name or a pronoun as a noun phrase."""
    if isinstance(head, Name):
        return NounPhrase(lexical(head.english, head.chinese), "he", head.english)
    phrase = lexical(head.subject if subject else head.object, head.chinese)
    return NounPhrase(phrase, head.agreement, _who(head))


def choose_determiner(rng: Random, noun: Noun, role: str) -> Determiner:
    """A determiner that the noun can take in this role."""
    if "mass" in noun.tags:
        kind = rng.choice(MASS[role])
        return Determiner(kind, kind == "portion" and rng.random() < 0.5)
    if "kin" in noun.tags:
        return Determiner("possessive", bool(noun.plural) and rng.random() < 0.2)
    kinds, weights = _CUMULATED[role]
    kind = rng.choices(kinds, cum_weights=weights)[0]
    if kind in ("numeral", "many", "some", "bare"):
        return Determiner(kind, True)
    if (kind == "possessive" and "free" in noun.tags) or (kind == "every" and not noun.tags & {"person", "animal"}):
        kind = "the"
    return Determiner(kind, kind not in ("a", "every") and rng.random() < 0.25)


def choose_adjective(rng: Random, noun: Noun, determiner: Determiner) -> Adjective | None:
    """An adjective for the noun, mostly none."""
    choices = adjectives_for(noun)
    if not choices or determiner.kind in ("every", "bare", "portion", "many") or rng.random() > 0.22:
        return None
    return rng.choice(choices)


def noun_phrase(
    rng: Random,
    noun: Noun,
    determiner: Determiner,
    adjective: Adjective | None = None,
    relative: Phrase = EMPTY,
) -> NounPhrase:
    """Put a noun phrase together.

    English: determiner, adjective, noun, relative clause. In Chinese the relative clause and then the adjective stand
    between the measure word and the noun: 一只追逐了狗的小猫.
    """
    kind, plural = determiner
    spelled = noun.plural if plural and noun.plural else noun.singular
    group = plural and "person" in noun.tags and kind in ("the", "possessive")
    word = lexical(spelled, noun.chinese + "们" if group else noun.chinese)
    before = _determiner(rng, noun, determiner, word, adjective.english if adjective else spelled)
    phrase = rule(
        "{before} {adjective} {word} {relative}",
        "{before} {relative} {adjective} {word}",
        before=before,
        adjective=lexical(adjective.english, adjective.attribute) if adjective else EMPTY,
        word=word,
        relative=relative,
    )
    marks = (
        kind,
        f"{kind}:{noun.singular}",
        *(("adjective", f"{adjective.english}:{noun.singular}") if adjective else ()),
    )
    every = echo("都", before) if kind == "every" else EMPTY
    return NounPhrase(phrase.marked(*marks), "they" if plural else "he", noun.singular, every, bool(relative))


def possessor(rng: Random) -> Phrase:
    """my, Tom's: 我的, 汤姆的."""
    if rng.random() < 0.6:
        pronoun = rng.choice(PRONOUNS)
        return lexical(pronoun.possessive, f"{pronoun.chinese} 的")
    name = rng.choice(NAMES)
    phrase = rule("{name} 's", "{name} 的/'s", name=lexical(name.english, name.chinese))
    return phrase.marked("possessor", f"possessor:{name.english}")


def numeral(rng: Random) -> Phrase:
    """A number from two to ten."""
    english = rng.choice(tuple(NUMERALS))
    return lexical(english, NUMERALS[english])


def counted(first: Phrase, measure: str, noun: Phrase) -> Phrase:
    """A numeral, article or demonstrative, and in Chinese the measure word that the noun asks for."""
    return rule("{first}", "{first} {measure}", first=first, measure=echo(measure, first, noun))


def _who(pronoun: Pronoun) -> str:
    return "we" if pronoun.subject == "I" else pronoun.subject


def _determiner(rng: Random, noun: Noun, determiner: Determiner, word: Phrase, following: str) -> Phrase:
    kind, plural = determiner
    if kind == "bare":
        return EMPTY
    if kind == "possessive":
        return possessor(rng)
    if kind == "portion":
        return _portion(rng, noun, plural)
    if kind == "numeral":
        return counted(numeral(rng), noun.measure, word)
    if kind == "a":
        return counted(lexical("an" if following[0] in "aeiou" else "a", "一"), noun.measure, word)
    if kind in ("this", "that", "every") and not plural:
        return counted(lexical(kind, {"this": "这", "that": "那", "every": "每"}[kind]), noun.measure, word)
    return lexical(*_UNCOUNTED[kind])


_UNCOUNTED = {
    "the": ("the", ""),
    "many": ("many", "很多"),
    "some": ("some", "一些"),
    "this": ("these", "这 些"),
    "that": ("those", "那 些"),
}


def _portion(rng: Random, noun: Noun, many: bool) -> Phrase:
    singular, plural, measure = PORTIONS[next(name for name in PORTIONS if name in noun.tags)]
    how_many = numeral(rng) if many else lexical("a", "一")
    return rule("{n} {cup} of", "{n} {cup}", n=how_many, cup=lexical(plural if many else singular, measure))
