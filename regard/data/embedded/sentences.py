"""Whole sentences: one clause, or several joined by conjunctions, some of which turn the order of the clauses round."""

from random import Random

from regard.data.embedded import events, questions
from regard.data.embedded.clauses import Clause, Mood, statement
from regard.data.embedded.phrase import EMPTY, Phrase, rule

TENSES = (
    *("present", "past", "progressive") * 5,
    *("past", "past", "past", "past", "future", "future", "future", "future", "can", "can", "must", "should"),
)
ALTHOUGH = frozenset(["although", "although last"])
_MAKERS, _WEIGHTS = zip(*events.EVENTS, strict=True)
_QUESTIONS, _ASKED = zip(*questions.KINDS, strict=True)


def simple(rng: Random, depth: int = 1) -> Phrase:
    """One statement of any kind."""
    if rng.random() < 0.04:
        return events.existence(rng)
    return statement(_event(rng, rng.choice(TENSES), depth))


def _event(rng: Random, tense: str, depth: int) -> Clause:
    negated = tense not in ("must", "should") and rng.random() < 0.16
    return rng.choices(_MAKERS, _WEIGHTS)[0](rng, Mood(tense, negated), depth)


def _deed(rng: Random, mood: Mood, depth: int) -> Phrase:
    """Someone does something at no stated time: for clauses whose time another clause gives."""
    maker = rng.choice((events.action, events.action, events.motion, events.intransitive))
    return statement(maker(rng, mood, depth)._replace(early=EMPTY, time=EMPTY))


def _weather(past: bool) -> Phrase:
    return rule("it rained", "下雨/rained 了/rained") if past else rule("it is raining", "正在/is 下雨/raining")


def _cause(rng: Random, past: bool) -> Phrase:
    return _weather(past) if rng.random() < 0.15 else statement(events.state(rng, past))


def _effect(rng: Random, past: bool, depth: int) -> Phrase:
    """Something that somebody does, will do or wants to do, and that may have a reason."""
    mood = Mood("past" if past else rng.choice(("present", "future", "must", "should", "progressive")))
    makers = (_willed, _willed, events.motion, events.intransitive, events.ditransitive)
    kind = rng.choice(makers if past else (*makers, events.wish))
    return statement(kind(rng, mood, depth)._replace(early=EMPTY))


def _willed(rng: Random, mood: Mood, depth: int) -> Clause:
    return events.transitive(rng, mood, depth, events.WILLED)


def because(rng: Random, depth: int) -> Phrase:
    """A because B, A although B: Chinese begins with B, 因为B，所以A, whatever English begins with."""
    word, opens, turns = rng.choice((("because", "因为", "所以"), ("although", "虽然", "但是")))
    past = rng.random() < 0.6
    return _subordinate(
        rng, word, _cause(rng, past), _effect(rng, past, depth), f"{opens}/{word}", "", f"{turns}/{word}"
    )


def when(rng: Random, depth: int) -> Phrase:
    """A when B, after B, before B: B的时候，A."""
    word, closes = rng.choice((("when", "的/when 时候/when"), ("after", "以后/after"), ("before", "以前/before")))
    other = statement(
        rng.choice((events.action, events.motion))(rng, Mood("past", plain=word != "after"), 0)._replace(early=EMPTY)
    )
    tense = "past progressive" if word == "when" and rng.random() < 0.5 else "past"
    return _subordinate(rng, word, other, _deed(rng, Mood(tense), depth), "", closes, "")


def condition(rng: Random, depth: int) -> Phrase:
    """A if B, if B, A: 如果B，A."""
    chance = rng.random()
    if chance < 0.25:
        other = rule("it rains tomorrow", "明天/tomorrow 下雨/rains")
    elif chance < 0.5:
        other = statement(events.state(rng, False))
    else:
        other = _deed(rng, Mood("present"), 0)
    main = _deed(rng, Mood(rng.choice(("future", "future", "can", "should", "must"))), depth)
    return _subordinate(rng, "if", other, main, "如果/if", "", "")


def _subordinate(rng: Random, word: str, other: Phrase, main: Phrase, opens: str, closes: str, turns: str) -> Phrase:
    """English has either order; Chinese begins with the subordinate clause, and has a comma where English has none."""
    if rng.random() < 0.5:
        told = rule(f"{word} {{b}} , {{a}}", f"{opens} {{b}} {closes} ，/,~{word} {turns} {{a}}", a=main, b=other)
        return told.marked(word)
    told = rule(f"{{a}} {word} {{b}}", f"{opens} {{b}} {closes} ，/{word} {turns} {{a}}", a=main, b=other)
    return told.marked(f"{word} last")


def so(rng: Random, depth: int) -> Phrase:
    """B, so A: B，所以A."""
    past = rng.random() < 0.6
    told = rule("{b} , so {a}", "{b} ，/, 所以/so {a}", a=_effect(rng, past, depth), b=_cause(rng, past))
    return told.marked("so")


def then(rng: Random, depth: int) -> Phrase:
    """Tom opened the window and then washed the cup: 汤姆打开了窗户，然后洗了杯子."""
    first = _willed(rng, Mood("past"), 0)._replace(time=EMPTY)
    second = _willed(rng, Mood("past"), 0)
    second = second._replace(subject=EMPTY, every=EMPTY, early=EMPTY, time=EMPTY)
    told = rule("{a} and then {b}", "{a} ，/and 然后/then {b}", a=statement(first), b=statement(second))
    return told.marked("verb coordination")


def joined(rng: Random, first: Phrase, second: Phrase) -> Phrase:
    """A, and B: A，B. A, but B: A，但是B; not before although, which has a 但是 of its own."""
    if rng.random() < 0.65 or not ALTHOUGH.isdisjoint(second.marks):
        return rule("{a} , and {b}", "{a} ，/,~and {b}", a=first, b=second).marked("and")
    return rule("{a} , but {b}", "{a} ，/, 但是/but {b}", a=first, b=second).marked("but")


def unit(rng: Random, depth: int = 1) -> Phrase:
    """A statement, with or without a subordinate clause."""
    maker = rng.choices((simple, because, when, condition, so, then), (50, 14, 13, 9, 6, 8))[0]
    return maker(rng, depth)


def chain(rng: Random, count: int) -> Phrase:
    """So many statements in a row."""
    told = unit(rng)
    for _ in range(count - 1):
        told = joined(rng, told, unit(rng))
    return told


def finished(rng: Random, told: Phrase) -> Phrase:
    """With a full stop on both sides, or for one statement in four on neither."""
    return rule("{told} .", "{told} 。/.", told=told) if rng.random() < 0.73 else told


def sentence(rng: Random) -> Phrase:
    """Any sentence of ordinary length."""
    chance = rng.random()
    if chance < 0.18:
        return rng.choices(_QUESTIONS, _ASKED)[0](rng)
    if chance < 0.7:
        return finished(rng, simple(rng))
    return finished(rng, chain(rng, rng.choice((1, 1, 2, 2, 3))))


def long_sentence(rng: Random) -> Phrase:
    """A chain of three to six statements; most have 31 to 60 English words."""
    return finished(rng, chain(rng, rng.choice((3, 4, 5, 6))))
