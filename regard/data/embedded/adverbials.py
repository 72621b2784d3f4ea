"""Adverbials of time, place, manner and company: at the end in English, before the verb in Chinese."""

from functools import cache
from random import Random

from regard.data.embedded.modifiers import CONVEYANCES, FREQUENCIES, MANNERS, PLACES, TIMES, UNITS, Place
from regard.data.embedded.noun_phrases import numeral, possessor
from regard.data.embedded.nouns import NAMES, PRONOUNS
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule


def time(rng: Random, tense: str) -> Phrase:
    """When: an adverbial that goes with the tense, or none."""
    if tense not in TIMES:
        return EMPTY
    chance = rng.random()
    if chance < 0.15 and tense in ("past", "future", "present"):
        return rule("at {n} o'clock", "{n} 点/o'clock", n=numeral(rng)).marked("clock")
    if chance < 0.35 and tense == "past":
        return _ago(rng)
    return lexical(*rng.choice(TIMES[tense])).marked("time")


def _ago(rng: Random) -> Phrase:
    """three days ago: 三天以前; two weeks ago: 两个星期以前."""
    unit, chinese, measure = rng.choice(UNITS)
    word = lexical(unit, chinese)
    number = numeral(rng)
    ge = echo(measure, number, word) if measure else EMPTY
    return rule("{n} {unit} ago", "{n} {ge} {unit} 以前/ago", n=number, ge=ge, unit=word).marked("ago")


def frequency(rng: Random) -> Phrase:
    """How often; before the verb in both languages."""
    return lexical(*rng.choice(FREQUENCIES)).marked("frequency")


def manner(rng: Random, manners: tuple[str, ...]) -> Phrase:
    """How, in one of the manners that the verb knows, or nothing."""
    if not manners:
        return EMPTY
    adverb = rng.choice(manners)
    return lexical(adverb, MANNERS[adverb]).marked("manner")


def company(rng: Random, subject: str) -> Phrase:
    """with Tom: 和汤姆一起."""
    name = rng.choice([name for name in NAMES if name.english != subject])
    return rule("with {name}", "和/with {name} 一起/with", name=lexical(name.english, name.chinese)).marked("company")


def benefit(rng: Random, subject: str) -> Phrase:
    """for Tom, for her: 给汤姆, 给她."""
    name = rng.choice([name for name in NAMES if name.english != subject])
    pronoun = rng.choice([pronoun for pronoun in PRONOUNS if pronoun.subject in ("he", "she", "they")])
    english, chinese = (name.english, name.chinese) if rng.random() < 0.7 else (pronoun.object, pronoun.chinese)
    return rule("for {whom}", "给/for {whom}", whom=lexical(english, chinese)).marked("benefit")


def conveyance(rng: Random) -> Phrase:
    """by train: 坐火车."""
    return lexical(*rng.choice(CONVEYANCES)).marked("conveyance")


def place(rng: Random, tags: tuple[str, ...], progressive: Phrase = EMPTY) -> Phrase:
    """Where: 在公园里. With a progressive verb 正在 says both that it goes on and that it is there: 正在公园里."""
    where = rng.choice(places_with(tags))
    opener = f"正在/progressive~{where.preposition}" if progressive else f"在/{where.preposition}"
    return located(rng, where, opener, progressive).marked("progressive place" if progressive else "place")


@cache
def places_with(tags: tuple[str, ...]) -> tuple[Place, ...]:
    """All places with one of the tags."""
    return tuple(place for place in PLACES if place.tags.intersection(tags))


def located(rng: Random, where: Place, opener: str, helper: Phrase = EMPTY) -> Phrase:
    """A place as a phrase; `opener` is the pattern of the Chinese word that governs it, or nothing."""
    locative = f"{where.locative}/{where.preposition}" if where.locative else ""
    return rule(
        f"{where.preposition} {{determiner}} {{noun}}",
        f"{opener} {{determiner}} {{noun}} {locative}",
        determiner=_determiner(rng, where),
        noun=lexical(where.noun, where.chinese),
        progressive=helper,
    )


def goal(rng: Random) -> Phrase:
    """Where to: a place without preposition and locative. 去公园."""
    where = rng.choice(places_with(("goal",)))
    return rule("{the} {noun}", "{noun}", the=_determiner(rng, where, 0.0), noun=lexical(where.noun, where.chinese))


def _determiner(rng: Random, where: Place, owned: float = 0.4) -> Phrase:
    if "bare" in where.tags:
        return EMPTY
    return possessor(rng) if "owned" in where.tags and rng.random() < owned else lexical("the", "")
