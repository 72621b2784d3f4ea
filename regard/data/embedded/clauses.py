"""Clauses: their parts, the verb in all its moods, and one pattern of word order for each way of saying them."""

from typing import NamedTuple

from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule
from regard.data.embedded.verbs import Verb

MODALS = {"future": ("will", "会"), "can": ("can", "能"), "must": ("must", "必须"), "should": ("should", "应该")}
PRESENT = {"I": "am", "he": "is", "they": "are"}
PAST = {"I": "was", "he": "was", "they": "were"}


class Clause(NamedTuple):
    """The parts of a clause. Each language has an order of its own for them; an empty part takes no place in either.

    `early` is an adverbial in front of the subject, `time` the same at the end of the English clause; `every` is the 都
    of the subject; `company` is with whom or by what; `moved` follows the verb in English and precedes it in
    Chinese, as the agent with by, 被.
    """

    early: Phrase = EMPTY
    subject: Phrase = EMPTY
    every: Phrase = EMPTY
    auxiliary: Phrase = EMPTY
    frequency: Phrase = EMPTY
    verb: Phrase = EMPTY
    aspect: Phrase = EMPTY
    moved: Phrase = EMPTY
    object: Phrase = EMPTY
    benefit: Phrase = EMPTY
    manner: Phrase = EMPTY
    company: Phrase = EMPTY
    place: Phrase = EMPTY
    time: Phrase = EMPTY
    marks: tuple[str, ...] = ()

    def parts(self) -> dict[str, Phrase]:
        """The phrases by the names that the patterns have for them."""
        return dict(zip(self._fields[:-1], self[:-1], strict=True))


class Mood(NamedTuple):
    """How a clause is told. `inverted`: a question with its auxiliary in front. `plain`: the past without 了."""

    tense: str = "present"
    negated: bool = False
    inverted: bool = False
    plain: bool = False

    @property
    def progressive(self) -> bool:
        """Whether the verb is in the progressive, present or past."""
        return self.tense in ("progressive", "past progressive")

    @property
    def name(self) -> str:
        """The construction that this mood stands for."""
        return "inverted" if self.inverted else f"{self.tense} negation" if self.negated else self.tense


class Finite(NamedTuple):
    """An inflected verb: what a question moves to the front, the verb itself, and the Chinese aspect."""

    auxiliary: Phrase
    verb: Phrase
    aspect: Phrase = EMPTY


_REST = "{frequency} {verb} {moved} {object} {benefit} {manner} {company} {place} {time}"
_STATEMENT = "{early} {subject} {auxiliary} " + _REST
_QUESTION = "{front} {auxiliary} {subject} " + _REST
_CHINESE = (
    "{early} {subject} {time} {every} {frequency} {auxiliary} {company} {place} {manner} {benefit} {moved} "
    "{verb} {aspect} {object}"
)


def statement(clause: Clause) -> Phrase:
    """Tom is reading a book in the park: 汤姆正在公园里读一本书."""
    return rule(_STATEMENT, _CHINESE, **clause.parts()).marked(*clause.marks)


def question(clause: Clause, front: Phrase = EMPTY) -> Phrase:
    """What is Tom reading in the park? English moves the auxiliary and the question word; Chinese moves nothing."""
    return rule(_QUESTION, _CHINESE, front=front, **clause.parts()).marked(*clause.marks)


def be(agreement: str, past: bool = False) -> Phrase:
    """The form of `be`, without Chinese of its own."""
    return lexical((PAST if past else PRESENT)[agreement], "")


def finite(verb: Verb, agreement: str, mood: Mood) -> Finite:
    """The verb in the active voice. The past is 了 after the verb, or 没 before it when negated."""
    if mood.progressive:
        return Finite(_progressive(be(agreement, mood.tense != "progressive"), mood.negated), word(verb, verb.gerund))
    if mood.tense in MODALS:
        return Finite(_modal(mood), word(verb, verb.base))
    if mood.negated or mood.inverted:
        return _supported(verb, agreement, mood)
    if mood.tense == "present":
        return Finite(EMPTY, word(verb, verb.third if agreement == "he" else verb.base))
    if mood.plain or "plain" in verb.traits:
        return Finite(EMPTY, word(verb, verb.past))
    told = word(verb, verb.past, split=True)
    return Finite(EMPTY, told, _perfective(verb, told))


def passive(verb: Verb, agreement: str, mood: Mood) -> Finite:
    """The verb in the passive voice: past, progressive or with a modal; 被 comes with the agent."""
    participle = word(verb, verb.participle)
    if mood.progressive:
        helper = _progressive(be(agreement), mood.negated)
        return Finite(helper, rule("being {verb}", "{verb}", verb=participle))
    if mood.tense in MODALS:
        return Finite(_modal(mood), rule("be {verb}", "{verb}", verb=participle))
    helper = be(agreement, past=True)
    if mood.negated:
        return Finite(rule("{helper} not", "没/not~helper", helper=helper), participle)
    return Finite(helper, participle, EMPTY if mood.plain else _perfective(verb, participle))


def word(verb: Verb, form: str, split: bool = False) -> Phrase:
    """The verb alone, with its particle if English has one; split where 了 comes into the middle of the Chinese one."""
    english = f"{form} {verb.particle}" if verb.particle else form
    return lexical(english, verb.chinese if split else verb.chinese + verb.split)


def copula(helper: Phrase, mood: Mood, chinese: str = "") -> Phrase:
    """`be` as the main verb, in Chinese the given word: 很 with a quality, 是 with a name for it, or none."""
    linked = f"{chinese}/helper" if chinese else ""
    if mood.negated:
        return rule("{helper} not", f"不/not~helper {linked}", helper=helper)
    return rule("{helper}", linked, helper=helper)


def _perfective(verb: Verb, sure: Phrase, possible: Phrase = EMPTY) -> Phrase:
    aspect = echo("了", sure, possible)
    return rule("", "{le} {rest}", le=aspect, rest=echo(verb.split, possible or sure)) if verb.split else aspect


def _supported(verb: Verb, agreement: str, mood: Mood) -> Finite:
    past = mood.tense == "past"
    helper = lexical("did" if past else "does" if agreement == "he" else "do", "")
    if mood.negated:
        chinese = "没" if past or verb.chinese == "有" else "不"
        return Finite(rule("{helper} not", f"{chinese}/not~helper", helper=helper), word(verb, verb.base))
    if not past or mood.plain or "plain" in verb.traits:
        return Finite(helper, word(verb, verb.base))
    asked = word(verb, verb.base, split=True)
    return Finite(helper, asked, _perfective(verb, helper, asked))


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
