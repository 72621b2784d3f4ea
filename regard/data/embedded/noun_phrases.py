"""Noun phrases: names, pronouns, and nouns with determiner, measure word, adjective and relative clause."""

from functools import lru_cache
from random import Random
from typing import NamedTuple

from regard.data.embedded.nouns import NAMES, NOUNS, PRONOUNS, RELATIVES, Name, Noun, Pronoun
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule
from regard.data.embedded.verbs import ADJECTIVES, Adjective

NUMERALS = {
    "two": "两",
    "three": "三",
    "four": "四",
    "five": "五",
    "six": "六",
    "seven": "七",
    "eight": "八",
    "nine": "九",
    "ten": "十",
}
PORTIONS = {"cup": ("cup", "cups", "杯"), "piece": ("piece", "pieces", "块"), "bowl": ("bowl", "bowls", "碗")}


class NounPhrase(NamedTuple):
    """A noun phrase and what the rest of the clause must know of it.

    `agreement` is the pronoun whose verb form it takes (I, he, they); `head` tells two mentions of the same one apart;
    `every` is the 都 that the subject asks for; `closed` says that it ends in a clause of its own, to which anything that
    follows would be understood to belong.
    """

    phrase: Phrase
    agreement: str
    head: str
    every: Phrase = EMPTY
    closed: bool = False


class Determiner(NamedTuple):
    """What stands before a noun: the kind of determiner, and whether the noun is plural."""

    kind: str
    plural: bool


@lru_cache(maxsize=None)
def nouns_with(tags: frozenset[str]) -> tuple[Noun, ...]:
    """All nouns that carry one of the tags, in the order of the dictionary."""
    return tuple(noun for noun in (*NOUNS, *RELATIVES) if noun.tags & tags)


@lru_cache(maxsize=None)
def adjectives_for(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives that make sense of a noun."""
    return tuple(adjective for adjective in ADJECTIVES if adjective.tags & noun.tags)


def choose_head(rng: Random, tags: frozenset[str], other: str = "") -> Name | Pronoun | Noun:
    """Someone or something with one of the tags, if possible not `other`; people often by name or by a pronoun."""
    if "person" in tags or "adult" in tags:
        chance = rng.random()
        if chance < 0.38:
            return rng.choice([name for name in NAMES if name.english != other])
        if chance < 0.58:
            return rng.choice([pronoun for pronoun in PRONOUNS if _head(pronoun) != other])
    nouns = nouns_with(tags)
    return rng.choice([noun for noun in nouns if noun.singular != other] or nouns)


def _head(pronoun: Pronoun) -> str:
    return "we" if pronoun.subject == "I" else pronoun.subject


def named(head: Name | Pronoun, subject: bool) -> NounPhrase:
    """A name or a pronoun as a noun phrase."""
    if isinstance(head, Name):
        return NounPhrase(lexical(head.english, head.chinese), "he", head.english)
    phrase = lexical(head.subject if subject else head.object, head.chinese)
    return NounPhrase(phrase, head.agreement, _head(head))


def choose_determiner(rng: Random, noun: Noun, subject: bool) -> Determiner:
    """A determiner that the noun can take in this role."""
    if "relative" in noun.tags:
        return Determiner("possessive", False)
    if "mass" in noun.tags:
        return Determiner(rng.choice(("the", "the", "bare", "bare", "possessive", "some", "portion", "portion")), False)
    kind = rng.choices(
        ("the", "a", "numeral", "this", "that", "possessive", "many", "some", "bare", "every"),
        (30, 6 if subject else 26, 15, 7, 7, 16, 4, 5, 4, 5 if subject else 0),
    )[0]
    if kind in ("numeral", "many", "some", "bare"):
        return Determiner(kind, True)
    return Determiner(kind, kind not in ("a", "every") and rng.random() < 0.25)


def noun_phrase(rng: Random, noun: Noun, determiner: Determiner, relative: Phrase = EMPTY) -> NounPhrase:
    """Put a noun phrase together. English: determiner, adjective, noun, relative clause. Chinese: the relative clause
    and the adjective stand between the measure word and the noun."""
    adjective = _adjective(rng, noun, determiner)
    word = _noun_word(noun, determiner)
    before = _determiner(rng, noun, determiner, word, (adjective.source or word.source)[0].text)
    phrase = rule(
        "{before} {adjective} {word} {relative}",
        "{before} {relative} {adjective} {word}",
        before=before,
        adjective=adjective,
        word=word,
        relative=relative,
    ).marked(determiner.kind, f"{determiner.kind}:{noun.singular}")
    every = echo("都", before) if determiner.kind == "every" else EMPTY
    return NounPhrase(phrase, "they" if determiner.plural else "he", noun.singular, every, relative is not EMPTY)


def possessor(rng: Random) -> Phrase:
    """my, Tom's: 我的, 汤姆的."""
    if rng.random() < 0.6:
        pronoun = rng.choice(PRONOUNS)
        return lexical(pronoun.possessive, f"{pronoun.chinese} 的")
    name = rng.choice(NAMES)
    return rule("{name} 's", "{name} 的/'s", name=lexical(name.english, name.chinese)).marked(
        f"possessor:{name.english}"
    )


def _adjective(rng: Random, noun: Noun, determiner: Determiner) -> Phrase:
    choices = adjectives_for(noun)
    if not choices or determiner.kind in ("every", "bare", "portion") or rng.random() > 0.22:
        return EMPTY
    adjective = rng.choice(choices)
    return lexical(adjective.english, adjective.attribute).marked("adjective", f"{adjective.english}:{noun.singular}")


def _noun_word(noun: Noun, determiner: Determiner) -> Phrase:
    group = determiner.plural and "person" in noun.tags and determiner.kind in ("the", "possessive")
    return lexical(noun.plural if determiner.plural else noun.singular, noun.chinese + ("们" if group else ""))


def _determiner(rng: Random, noun: Noun, determiner: Determiner, word: Phrase, following: str) -> Phrase:
    kind, plural = determiner
    if kind == "bare":
        return EMPTY
    if kind == "the":
        return rule("the", "")
    if kind == "possessive":
        return possessor(rng)
    if kind == "many":
        return lexical("many", "很多")
    if kind == "some":
        return lexical("some", "一些")
    if kind == "portion":
        return _portion(rng, noun)
    if kind in ("this", "that") and plural:
        return rule("these", "这/these 些/these") if kind == "this" else rule("those", "那/those 些/those")
    if kind == "numeral":
        numeral = rng.choice(tuple(NUMERALS))
        first = lexical(numeral, NUMERALS[numeral])
    elif kind == "a":
        first = lexical("an" if following[0] in "aeiou" else "a", "一")
    else:
        first = lexical(kind, {"this": "这", "that": "那", "every": "每"}[kind])
    return rule("{first}", "{first} {measure}", first=first, measure=echo(noun.measure, first, word))


def _portion(rng: Random, noun: Noun) -> Phrase:
    singular, plural, measure = PORTIONS[next(name for name in PORTIONS if name in noun.tags)]
    if rng.random() < 0.5:
        return rule("{a} {cup} of", "{a} {cup}", a=lexical("a", "一"), cup=lexical(singular, measure))
    numeral = rng.choice(tuple(NUMERALS))
    return rule("{n} {cup} of", "{n} {cup}", n=lexical(numeral, NUMERALS[numeral]), cup=lexical(plural, measure))
