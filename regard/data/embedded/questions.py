"""Questions: English moves the auxiliary and the question word to the front; Chinese asks in place, or ends in 吗."""

from collections.abc import Sequence
from random import Random

from regard.data.embedded import events
from regard.data.embedded.clauses import Clause, Mood, question, statement
from regard.data.embedded.noun_phrases import NounPhrase, counted, nouns_with
from regard.data.embedded.phrase import Phrase, chinese_of, echo, english_of, lexical, rule
from regard.data.embedded.scenes import NOBODY, active, fitting, mention, situate
from regard.data.embedded.verbs import INTRANSITIVE, TRANSITIVE, Verb

ASKED = (
    (events.transitive, 40),
    (events.intransitive, 8),
    (events.motion, 8),
    (events.ditransitive, 6),
    (events.undergone, 10),
    (events.description, 8),
    (events.comparison, 4),
    (events.identity, 4),
    (events.location, 5),
)
_MAKERS, _WEIGHTS = zip(*ASKED, strict=True)
TENSES = ("present", "past", "past", "future", "progressive", "can")
DOINGS = (*events.WILLED, *INTRANSITIVE)
PLACED = tuple(verb for verb in DOINGS if verb.places)
LIVING = frozenset(["person", "animal", "thief"])


def yes_no(rng: Random) -> Phrase:
    """Did Tom buy the book? 汤姆买了书吗？"""
    maker = rng.choices(_MAKERS, _WEIGHTS)[0]
    clause = maker(rng, Mood(rng.choice(TENSES), inverted=True), 0)
    mark = lexical("?", "")
    ma = echo("吗", clause.auxiliary, mark)
    asked = rule("{asked} {mark}", "{asked} {ma} ？/mark", asked=question(clause), ma=ma, mark=mark)
    return asked.marked("yes-no question", *(f"yes-no question:{mark}" for mark in clause.marks))


def who(rng: Random) -> Phrase:
    """Who stole the car? 谁偷了汽车？"""
    verb = rng.choice(events.DEEDS)
    mood = fitting(Mood(rng.choice(("past", "past", "future", "progressive", "can"))), verb, "he")
    thing = mention(rng, verb.objects, "object")
    clause = active(verb, NounPhrase(lexical("who", "谁")), mood, thing)
    clause = situate(rng, clause, verb._replace(manners=()), mood, embedded=True)
    return _asked(statement(clause)).marked("who question", f"who question:{verb.base}")


def what(rng: Random) -> Phrase:
    """What did Tom buy? Whom did he help? How many books, which book did he read? 什么, 谁, 多少本书, 哪本书."""
    verb = rng.choice(TRANSITIVE)
    nouns = [noun for noun in nouns_with(verb.objects) if noun.measure and "kin" not in noun.tags]
    chance = rng.random()
    if nouns and chance < 0.2:
        noun = rng.choice(nouns)
        word = lexical(noun.plural, noun.chinese)
        many = counted(rule("how many", "多少/many~how"), noun.measure, word)
        asked = rule("{many} {word}", "{many} {word}", many=many, word=word).marked("how many")
    elif nouns and chance < 0.4:
        noun = rng.choice(nouns)
        word = lexical(noun.singular, noun.chinese)
        asked = rule(
            "{which} {word}", "{which} {word}", which=counted(lexical("which", "哪"), noun.measure, word), word=word
        )
        asked = asked.marked("which")
    else:
        asked = lexical("who", "谁") if verb.objects <= LIVING else lexical("what", "什么")
    subject = mention(rng, verb.subjects, "topic")
    mood = fitting(Mood(rng.choice(TENSES), inverted=True), verb, subject.agreement)
    clause = situate(rng, active(verb, subject, mood, NounPhrase(chinese_of(asked))), verb, mood, embedded=True)
    return _asked(question(clause, english_of(asked))).marked("object question", f"object question:{verb.base}")


def where(rng: Random) -> Phrase:
    """Where will Tom work? 汤姆会在哪里工作？ Where is he working? 他正在哪里工作？"""
    clause, mood = _plain(rng, PLACED, ("future", "progressive", "present", "can"))
    if mood.progressive:
        helper = english_of(clause.auxiliary)
        asked = rule("where", "正在/helper~where 哪里/where", helper=helper)
        clause = clause._replace(auxiliary=helper)
    else:
        asked = rule("where", "在/where 哪里/where")
    return _asked(question(clause._replace(place=chinese_of(asked)), english_of(asked))).marked("where question")


def when(rng: Random) -> Phrase:
    """When will Tom wash the car? 汤姆什么时候会洗汽车？"""
    asked = lexical("when", "什么时候")
    clause, _ = _plain(rng, DOINGS, ("future", "future", "can"))
    return _asked(question(clause._replace(time=chinese_of(asked)), english_of(asked))).marked("when question")


def why(rng: Random) -> Phrase:
    """Why did Tom sell the car? 汤姆为什么卖了汽车？"""
    asked = lexical("why", "为什么")
    clause, _ = _plain(rng, DOINGS, ("past", "past", "present", "progressive"))
    return _asked(question(clause._replace(time=chinese_of(asked)), english_of(asked))).marked("why question")


def _plain(rng: Random, verbs: Sequence[Verb], tenses: tuple[str, ...]) -> tuple[Clause, Mood]:
    """A clause to ask about, without any adverbial."""
    verb = rng.choice(verbs)
    subject = mention(rng, verb.subjects, "topic")
    mood = fitting(Mood(rng.choice(tenses), inverted=True), verb, subject.agreement)
    thing = mention(rng, verb.objects, "object", 0, [subject.head]) if verb.objects else NOBODY
    return active(verb, subject, mood, thing), mood


def _asked(asked: Phrase) -> Phrase:
    return rule("{asked} ?", "{asked} ？/?", asked=asked)


KINDS = ((yes_no, 55), (what, 22), (who, 10), (where, 5), (when, 3), (why, 5))
