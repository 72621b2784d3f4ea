"""Adverbials of time, frequency, place, manner and company: at the end in English, before the verb in Chinese."""

from functools import lru_cache
from random import Random

from regard.data.embedded.noun_phrases import NUMERALS, possessor
from regard.data.embedded.nouns import NAMES, PLACES, Place
from regard.data.embedded.phrase import EMPTY, Phrase, lexical, rule
from regard.data.embedded.verbs import MANNERS, Verb

PAST_TIMES = (
    ("yesterday", "昨天"),
    ("last week", "上个/last 星期/week"),
    ("last year", "去年/year~last"),
    ("last night", "昨晚/night~last"),
    ("yesterday morning", "昨天/yesterday 早上/morning"),
)
FUTURE_TIMES = (
    ("tomorrow", "明天"),
    ("next week", "下个/next 星期/week"),
    ("next year", "明年/year~next"),
    ("tonight", "今晚"),
    ("tomorrow morning", "明天/tomorrow 早上/morning"),
)
HABITS = (
    ("every day", "每天/day~every"),
    ("every morning", "每天/every 早上/morning"),
    ("in the morning", "早上/morning~in+the"),
    ("in the evening", "晚上/evening~in+the"),
)
WEEKDAYS = (("on Monday", "星期一/Monday~on"), ("on Friday", "星期五/Friday~on"), ("on Sunday", "星期天/Sunday~on"))
NOW = (("now", "现在"),)
FREQUENCIES = (
    ("often", "经常"),
    ("always", "总是"),
    ("sometimes", "有时候"),
    ("usually", "通常"),
    ("never", "从来 不"),
)
UNITS = (("days", "天", ""), ("weeks", "星期", "个"), ("months", "月", "个"), ("years", "年", ""))


def time(rng: Random, tense: str) -> Phrase:
    """When: an adverbial that goes with the tense."""
    if tense == "past" and rng.random() < 0.25:
        return ago(rng)
    choices = {
        "past": PAST_TIMES + WEEKDAYS,
        "present": HABITS,
        "progressive": NOW,
        "future": FUTURE_TIMES + WEEKDAYS,
        "must": FUTURE_TIMES,
        "should": FUTURE_TIMES,
        "can": FUTURE_TIMES,
    }.get(tense)
    return lexical(*rng.choice(choices)).marked("time") if choices else EMPTY


def ago(rng: Random) -> Phrase:
    """three days ago: 三天以前."""
    numeral = rng.choice(tuple(NUMERALS))
    unit, chinese, measure = rng.choice(UNITS)
    right = f"{{n}} {measure}/n~{unit} {chinese}/{unit} 以前/ago" if measure else f"{{n}} {chinese}/{unit} 以前/ago"
    return rule(f"{{n}} {unit} ago", right, n=lexical(numeral, NUMERALS[numeral])).marked("time", "ago")


def frequency(rng: Random) -> Phrase:
    """How often; before the verb in both languages."""
    return lexical(*rng.choice(FREQUENCIES)).marked("frequency")


def manner(rng: Random, verb: Verb) -> Phrase:
    """How; only in a way in which this can be done."""
    if not verb.manners:
        return EMPTY
    adverb = rng.choice(verb.manners)
    return lexical(adverb, MANNERS[adverb]).marked("manner", f"{adverb}:{verb.base}")


def company(rng: Random, subject: str) -> Phrase:
    """with Tom: 和汤姆一起."""
    name = rng.choice([name for name in NAMES if name.english != subject])
    return rule("with {name}", "和/with {name} 一起/with", name=lexical(name.english, name.chinese)).marked("company")


@lru_cache(maxsize=None)
def places_with(tag: str) -> tuple[Place, ...]:
    """All places with a tag."""
    return tuple(place for place in PLACES if tag in place.tags)


def place(rng: Random, tag: str, progressive: Phrase = EMPTY) -> Phrase:
    """Where: 在公园里. With a progressive 正在 stands for both, and the verb has none."""
    where = rng.choice(places_with(tag))
    opener = f"正在/{where.preposition}+progressive" if progressive is not EMPTY else f"在/{where.preposition}"
    return located(rng, where, opener, progressive).marked("place")


def located(rng: Random, where: Place, opener: str, progressive: Phrase = EMPTY) -> Phrase:
    """A place as a phrase; `opener` is the Chinese pattern of the word that governs it, or nothing."""
    locative = f"{where.locative}/{where.preposition}" if where.locative else ""
    noun = lexical(where.noun, where.chinese)
    if "bare" in where.tags:
        determiner = EMPTY
    elif "owned" in where.tags and rng.random() < 0.4:
        determiner = possessor(rng)
    else:
        determiner = rule("the", "")
    return rule(
        f"{where.preposition} {{determiner}} {{noun}}",
        f"{opener} {{determiner}} {{noun}} {locative}",
        determiner=determiner,
        noun=noun,
        progressive=progressive,
    )


def goal(rng: Random) -> Phrase:
    """Where to: the place without preposition and locative."""
    where = rng.choice(places_with("goal"))
    noun = lexical(where.noun, where.chinese)
    return noun if "bare" in where.tags else rule("the {noun}", "{noun}", noun=noun)
