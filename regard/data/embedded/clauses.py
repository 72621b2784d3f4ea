"""Clauses: one record of parts, and one pattern of word order for each way of saying them."""

from random import Random
from typing import NamedTuple

from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule
from regard.data.embedded.verbs import Verb

MODALS = {"future": ("will", "会"), "can": ("can", "能"), "must": ("must", "必须"), "should": ("should", "应该")}
BE_PRESENT = {"I": "am", "he": "is", "they": "are"}
BE_PAST = {"I": "was", "he": "was", "they": "were"}


class Clause(NamedTuple):
    """The parts of a clause. Each language has its own order for them; an empty part takes no place in either.

    `moved` follows the verb in English and precedes it in Chinese: the agent with by, 被.
    """

    subject: Phrase = EMPTY
    auxiliary: Phrase = EMPTY
    verb: Phrase = EMPTY
    aspect: Phrase = EMPTY
    moved: Phrase = EMPTY
    object: Phrase = EMPTY
    every: Phrase = EMPTY
    frequency: Phrase = EMPTY
    manner: Phrase = EMPTY
    companion: Phrase = EMPTY
    place: Phrase = EMPTY
    time: Phrase = EMPTY
    early: Phrase = EMPTY


class Mood(NamedTuple):
    """How a clause is told. `inverted`: a question with the auxiliary in front. `bare`: no 了 for the past."""

    tense: str = "present"
    negated: bool = False
    inverted: bool = False
    bare: bool = False


class Finite(NamedTuple):
    """An inflected verb: what English puts before the subject in a question, the verb itself, and the Chinese aspect."""

    auxiliary: Phrase
    verb: Phrase
    aspect: Phrase = EMPTY


_AFTER_SUBJECT = "{frequency} {verb} {moved} {object} {manner} {companion} {place} {time}"
_CHINESE = "{early} {subject} {time} {every} {frequency} {auxiliary} {companion} {place} {manner} {moved} {verb} {aspect} {object}"


def statement(clause: Clause) -> Phrase:
    """Tom is reading a book in the park: 汤姆正在公园里读一本书."""
    return rule("{early} {subject} {auxiliary} " + _AFTER_SUBJECT, _CHINESE, **clause._asdict())


def question(clause: Clause, front: Phrase = EMPTY) -> Phrase:
    """Where is Tom reading a book? English moves the auxiliary and the question word; Chinese moves nothing."""
    return rule("{front} {auxiliary} {subject} " + _AFTER_SUBJECT, _CHINESE, front=front, **clause._asdict())


def be(agreement: str, past: bool = False) -> Phrase:
    """The form of `be`, without Chinese of its own."""
    return rule((BE_PAST if past else BE_PRESENT)[agreement], "")


def finite(verb: Verb, agreement: str, mood: Mood) -> Finite:
    """The verb in the active voice: tense, negation and aspect. The past is 了, or 没 when negated."""
    if mood.tense in ("present", "past"):
        if mood.negated or mood.inverted:
            return _supported(verb, agreement, mood)
        form = verb.past if mood.tense == "past" else verb.third if agreement == "he" else verb.base
        perfective = mood.tense == "past" and not mood.bare and "bare" not in verb.traits
        word = verb_word(verb, form, perfective)
        return Finite(EMPTY, word, _perfective(verb, word) if perfective else EMPTY)
    if mood.tense in ("progressive", "past progressive"):
        helper = be(agreement, mood.tense.startswith("past"))
        return Finite(_progressive(helper, mood.negated), verb_word(verb, verb.gerund))
    return Finite(_modal(mood), verb_word(verb, verb.base))


def passive(verb: Verb, agreement: str, mood: Mood) -> Finite:
    """The verb in the passive voice; 被 comes with the agent."""
    participle = verb_word(verb, verb.participle)
    if mood.tense == "past":
        helper = be(agreement, past=True)
        if mood.negated:
            return Finite(rule("{helper} not", "没/not~helper", helper=helper), participle)
        return Finite(helper, participle, _perfective(verb, participle))
    if mood.tense == "progressive":
        return Finite(_progressive(be(agreement), mood.negated), rule("being {verb}", "{verb}", verb=participle))
    return Finite(_modal(mood), rule("be {verb}", "{verb}", verb=participle))


def verb_word(verb: Verb, form: str, perfective: bool = False) -> Phrase:
    """The verb alone, with its particle if English has one."""
    english = f"{form} {verb.particle}" if verb.particle else form
    return lexical(english, verb.chinese if perfective else verb.chinese + verb.split)


def _perfective(verb: Verb, word: Phrase, possible: Phrase = EMPTY) -> Phrase:
    aspect = echo("了", word, possible)
    return rule("", "{aspect} {rest}", aspect=aspect, rest=echo(verb.split, possible or word)) if verb.split else aspect


def _supported(verb: Verb, agreement: str, mood: Mood) -> Finite:
    past = mood.tense == "past"
    helper = rule("did" if past else "does" if agreement == "he" else "do", "")
    if mood.negated:
        auxiliary = rule("{helper} not", "没/not~helper" if past else "不/not~helper", helper=helper)
        return Finite(auxiliary, verb_word(verb, verb.base))
    perfective = past and not mood.bare and "bare" not in verb.traits
    word = verb_word(verb, verb.base, perfective)
    return Finite(helper, word, _perfective(verb, helper, word) if perfective else EMPTY)


def _progressive(helper: Phrase, negated: bool) -> Phrase:
    if negated:
        return rule("{helper} not", "没/not 在/helper", helper=helper)
    return rule("{helper}", "正在/helper", helper=helper)


def _modal(mood: Mood) -> Phrase:
    english, chinese = MODALS[mood.tense]
    if not mood.negated:
        return lexical(english, chinese)
    if mood.tense == "can":
        return lexical("cannot", "不 能")
    return rule("{modal} not", "不/not {modal}", modal=lexical(english, chinese))
