"""Whole sentences: statements, questions, and clauses joined by conjunctions."""

from random import Random

from regard.data.embedded import adverbials, events
from regard.data.embedded.clauses import Clause, Mood, question, statement
from regard.data.embedded.nouns import NAMES
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule

TENSES = ("present", "present", "past", "past", "past", "future", "progressive", "progressive", "can", "must", "should")
EVENTS = (
    (events.transitive, 40),
    (events.intransitive, 7),
    (events.motion, 7),
    (events.ditransitive, 8),
    (events.passive_event, 12),
    (events.description, 6),
    (events.comparison, 5),
    (events.identity, 2),
    (events.location, 4),
    (events.wish, 5),
    (events.request, 4),
    (events.report, 5),
)
_MAKERS, _WEIGHTS = zip(*EVENTS, strict=True)


def simple(rng: Random, depth: int = 1) -> Phrase:
    """One statement."""
    if rng.random() < 0.04:
        return events.existence(rng, Mood(), depth)
    return statement(event(rng, rng.choice(TENSES), depth))


def event(rng: Random, tense: str, depth: int, *, negatable: bool = True, bare: bool = False) -> Clause:
    """A clause of any kind."""
    maker = rng.choices(_MAKERS, _WEIGHTS)[0]
    negated = negatable and tense not in ("must", "should") and rng.random() < 0.15
    return maker(rng, Mood(tense, negated, bare=bare), depth)


def yes_no(rng: Random) -> Phrase:
    """Did Tom buy the book? 汤姆买了书吗？"""
    maker = rng.choices(_MAKERS[:9], _WEIGHTS[:9])[0]
    clause = maker(rng, Mood(rng.choice(("present", "past", "past", "future", "progressive", "can")), inverted=True), 0)
    asked = question(clause)
    mark = rule("?", "")
    ma = echo("吗", clause.auxiliary, mark)
    return rule("{asked} {mark}", "{asked} {ma} ？/mark", asked=asked, ma=ma, mark=mark).marked("yes-no question")


def who_question(rng: Random) -> Phrase:
    """Who stole the car? 谁偷了汽车？"""
    verb = rng.choice([verb for verb in events.TRANSITIVE if "person" in verb.subjects])
    who = events.NounPhrase(lexical("who", "谁"), "he", "who")
    mood = events._mood(rng, verb, "he", ("past", "past", "future", "progressive"))
    thing = events.mention(rng, verb.objects, False, 0)
    clause = events.situate(rng, events.active(verb, who, mood, thing), verb, mood, who, embedded=True, mannered=False)
    return _asked(statement(clause)).marked("who question", f"who question:{verb.base}")


def object_question(rng: Random) -> Phrase:
    """What did Tom buy? 汤姆买了什么？ Whom the verb is done to is asked for by who."""
    verb = rng.choice(events.TRANSITIVE)
    people = verb.objects <= {"person", "animal", "thief"}
    word = lexical("who", "谁") if people else lexical("what", "什么")
    subject = events.mention(rng, verb.subjects, True)
    mood = events._fitting(
        Mood(rng.choice(("past", "past", "present", "future", "progressive")), inverted=True), verb, "he"
    )
    clause = events.active(verb, subject, mood, events.NOBODY._replace(phrase=word.chinese()))
    clause = events.situate(rng, clause, verb, mood, subject, embedded=True, mannered=False)
    return _asked(question(clause, word.english())).marked("object question", f"object question:{verb.base}")


def adverb_question(rng: Random) -> Phrase:
    """Where, when and why: 在哪里, 什么时候, 为什么."""
    word, tenses = rng.choice(
        (
            ("where", ("future", "progressive", "present")),
            ("when", ("future",)),
            ("why", ("past", "present", "progressive")),
        )
    )
    maker = rng.choice((events.transitive, events.transitive, events.intransitive))
    clause = maker(rng, Mood(rng.choice(tenses), inverted=True), 0)
    clause = clause._replace(time=EMPTY, place=EMPTY, manner=EMPTY)
    if word == "where":
        asked = rule("where", "在/where 哪里/where")
        clause = clause._replace(place=asked.chinese())
        if "正在" in (w.text for w in clause.auxiliary.target):
            helper = clause.auxiliary.english()
            asked = rule("where", "{zai} 哪里/where", zai=echo("正在", helper))
            clause = clause._replace(auxiliary=helper, place=asked.chinese())
    else:
        asked = lexical(word, "什么时候" if word == "when" else "为什么")
        clause = clause._replace(time=asked.chinese())
    return _asked(question(clause, asked.english())).marked(f"{word} question")


def _asked(asked: Phrase) -> Phrase:
    return rule("{asked} ?", "{asked} ？/?", asked=asked)


def weather(rng: Random, tense: str) -> Phrase:
    """It rained: 下雨了."""
    if tense == "past":
        return rule("it rained", "下雨/rained 了/rained")
    if tense == "future":
        return rule("it will rain", "会/will 下雨/rain")
    return rule("it is raining", "正在/is 下雨/raining")


def cause(rng: Random, past: bool) -> Phrase:
    """A state of things that something else may follow from."""
    if rng.random() < 0.15:
        return weather(rng, "past" if past else "progressive")
    return statement(events.description(rng, Mood("past" if past else "present"), 0)._replace(early=EMPTY))


def because(rng: Random, depth: int) -> Phrase:
    """A because B, because B, A; and the same with although: Chinese has B first."""
    past = rng.random() < 0.6
    why = cause(rng, past)
    main = statement(
        event(rng, "past" if past else rng.choice(("present", "future", "must", "should")), depth)._replace(early=EMPTY)
    )
    word, first, second = rng.choice(
        (("because", "因为", "所以"), ("because", "因为", "所以"), ("although", "虽然", "但是"))
    )
    if rng.random() < 0.5:
        return rule(
            f"{word} {{why}} , {{main}}", f"{first}/{word} {{why}} ，/, {second}/{word} {{main}}", why=why, main=main
        ).marked(word)
    return rule(
        f"{{main}} {word} {{why}}", f"{first}/{word} {{why}} ，/{word} {second}/{word} {{main}}", why=why, main=main
    ).marked(f"{word} last")


def when(rng: Random, depth: int) -> Phrase:
    """A when B, after B, before B: B的时候，A."""
    word, after = rng.choice((("when", "的/when 时候/when"), ("after", "以后/after"), ("before", "以前/before")))
    bare = word != "after"
    maker = rng.choice((events.transitive, events.transitive, events.motion))
    sub = statement(maker(rng, Mood("past", bare=bare), 0)._replace(early=EMPTY))
    tense = rng.choice(("past", "past progressive")) if word == "when" else "past"
    main = statement(
        rng.choice((events.transitive, events.intransitive, events.transitive))(rng, Mood(tense), depth)._replace(
            early=EMPTY, time=EMPTY
        )
    )
    return _subordinate(rng, word, sub, main, "", after)


def condition(rng: Random, depth: int) -> Phrase:
    """If B, A; A if B: 如果B，A."""
    maker = rng.choice((events.transitive, events.motion, events.description, None))
    sub = (
        rule("it rains tomorrow", "明天/tomorrow 下雨/rains")
        if maker is None
        else statement(maker(rng, Mood("present"), 0))
    )
    main = statement(
        event(rng, rng.choice(("future", "future", "can", "should", "must")), depth)._replace(early=EMPTY, time=EMPTY)
    )
    return _subordinate(rng, "if", sub, main, "如果/if", "")


def _subordinate(rng: Random, word: str, sub: Phrase, main: Phrase, opens: str, closes: str) -> Phrase:
    if rng.random() < 0.5:
        return rule(f"{word} {{sub}} , {{main}}", f"{opens} {{sub}} {closes} ，/, {{main}}", sub=sub, main=main).marked(
            word
        )
    return rule(f"{{main}} {word} {{sub}}", f"{opens} {{sub}} {closes} ，/{word} {{main}}", sub=sub, main=main).marked(
        f"{word} last"
    )


def joined(rng: Random, first: Phrase, second: Phrase) -> Phrase:
    """A, and B; A, but B."""
    if rng.random() < 0.6:
        return rule("{a} , and {b}", "{a} ，/,~and {b}", a=first, b=second).marked("and")
    return rule("{a} , but {b}", "{a} ，/, 但是/but {b}", a=first, b=second).marked("but")


def so(rng: Random, depth: int) -> Phrase:
    """B, so A: B，所以A."""
    past = rng.random() < 0.6
    main = statement(event(rng, "past" if past else "must", depth)._replace(early=EMPTY))
    return rule("{why} , so {main}", "{why} ，/, 所以/so {main}", why=cause(rng, past), main=main).marked("so")


def two_acts(rng: Random) -> Phrase:
    """Tom opened the window and washed the cup: 汤姆打开了窗户，然后洗了杯子."""
    first = events.transitive(rng, Mood("past"), 0)
    second = events.transitive(rng, Mood("past"), 0)._replace(subject=EMPTY, every=EMPTY, early=EMPTY)
    return rule("{a} and then {b}", "{a} ，/and 然后/then {b}", a=statement(first), b=statement(second)).marked(
        "verb coordination"
    )


def unit(rng: Random, depth: int = 1) -> Phrase:
    """A statement, with or without a subordinate clause."""
    maker = rng.choices((None, because, when, condition, so, two_acts), (55, 10, 10, 8, 4, 6))[0]
    if maker is None:
        return simple(rng, depth)
    return maker(rng) if maker is two_acts else maker(rng, depth)


def declarative(rng: Random) -> Phrase:
    """A statement of one or several clauses."""
    chance = rng.random()
    if chance < 0.72:
        return simple(rng)
    sentence = unit(rng)
    while rng.random() < 0.25:
        sentence = joined(rng, sentence, unit(rng))
    return sentence


def chain(rng: Random, least: int) -> Phrase:
    """Clauses joined until there are at least so many English words."""
    sentence = unit(rng)
    while len(sentence.source) < least:
        sentence = joined(rng, sentence, unit(rng))
    return sentence


def sentence(rng: Random) -> Phrase:
    """Any sentence, with its punctuation or, for one statement in three, without."""
    chance = rng.random()
    if chance < 0.1:
        return yes_no(rng)
    if chance < 0.17:
        return rng.choice((who_question, object_question, object_question, adverb_question))(rng)
    return finished(rng, declarative(rng))


def finished(rng: Random, told: Phrase) -> Phrase:
    """With a full stop on both sides, or on neither."""
    return rule("{told} .", "{told} 。/.", told=told) if rng.random() < 0.68 else told


def names() -> tuple[str, ...]:
    return tuple(name.english for name in NAMES)
