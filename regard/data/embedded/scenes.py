"""Who does what to whom, and under what circumstances: the pieces that every kind of clause is made from.

Nothing is ever said that could be understood in two ways: a phrase that ends in a clause of its own is `closed`, and no
adverbial follows it, so that English decides what belongs to what and the translation is a function of the source.
"""

from collections.abc import Collection
from functools import cache
from random import Random

from regard.data.embedded import adverbials
from regard.data.embedded.clauses import Clause, Mood, finite, statement
from regard.data.embedded.noun_phrases import (
    NounPhrase,
    Tags,
    choose_adjective,
    choose_determiner,
    choose_head,
    named,
    noun_phrase,
)
from regard.data.embedded.nouns import PRONOUNS, Noun, Pronoun
from regard.data.embedded.phrase import EMPTY, Phrase, english_of, rule
from regard.data.embedded.verbs import TRANSITIVE, Verb

NOBODY = NounPhrase(EMPTY)
CHANCE = frozenset(["chance", "harm"])
UNLIKELY = {"must": CHANCE, "should": CHANCE, "can": frozenset(["harm"])}  # nobody ought to lose a key, or can


def mention(rng: Random, tags: Tags, role: str, depth: int = 0, others: Collection[str] = ()) -> NounPhrase:
    """Mention someone or something with one of the tags, none of the others; at a depth above 0, maybe at length."""
    head = choose_head(rng, tags, others)
    if not isinstance(head, Noun):
        found = named(head, role in ("agent", "topic", "described"))
    else:
        found = mention_noun(rng, head, role, depth, others)
    if depth > 0 and role in ("agent", "object") and not isinstance(head, Pronoun) and rng.random() < 0.1:
        return _coordinated(rng, found, tags, role, others)
    return found


def mention_noun(rng: Random, noun: Noun, role: str, depth: int = 0, others: Collection[str] = ()) -> NounPhrase:
    """Mention something by this noun."""
    determiner = choose_determiner(rng, noun, role)
    if role == "described":
        return noun_phrase(rng, noun, determiner)
    adjective = choose_adjective(rng, noun, determiner)
    long = depth > 0 and determiner.kind in ("the", "a", "that", "numeral") and rng.random() < 0.25
    relative = relative_clause(rng, noun, determiner.plural, others) if long else EMPTY
    return noun_phrase(rng, noun, determiner, adjective, relative)


def _coordinated(rng: Random, first: NounPhrase, tags: Tags, role: str, others: Collection[str]) -> NounPhrase:
    """Tom and the boys, Tom and I. Other pronouns are rarely said so."""
    head = choose_head(rng, tags, (first.head, *others))
    if isinstance(head, Pronoun):
        head = PRONOUNS[0]
    second = mention_noun(rng, head, role) if isinstance(head, Noun) else named(head, role == "agent")
    if first.closed or first.every or second.every or second.head in (first.head, *others):
        return first
    phrase = rule("{a} and {b}", "{a} 和/and {b}", a=first.phrase, b=second.phrase).marked("coordination")
    return NounPhrase(phrase, "they", first.head)


def relative_clause(rng: Random, noun: Noun, plural: bool, others: Collection[str] = ()) -> Phrase:
    """A relative clause on a noun, as the subject or as the object in it; nothing if no verb fits."""
    acting, acted = verbs_for(noun)
    if acting and (not acted or rng.random() < 0.5):
        agreement = "they" if plural else "he"
        return _subject_relative(rng, noun, rng.choice(acting), agreement, (noun.singular, *others))
    return _object_relative(rng, noun, rng.choice(acted), (noun.singular, *others)) if acted else EMPTY


@cache
def verbs_for(noun: Noun) -> tuple[tuple[Verb, ...], tuple[Verb, ...]]:
    """The verbs that a noun can be the subject of, and those that it can be the object of."""
    verbs = [verb for verb in TRANSITIVE if verb.base != "have"]
    return tuple(v for v in verbs if v.subjects & noun.tags), tuple(v for v in verbs if v.objects & noun.tags)


def _subject_relative(rng: Random, noun: Noun, verb: Verb, agreement: str, others: Collection[str]) -> Phrase:
    """the student who bought the book: 买了书的学生."""
    mood = fitting(Mood(rng.choice(("past", "past", "present", "progressive"))), verb, agreement)
    thing = mention(rng, verb.objects, "object", 0, others)
    clause = active(verb, NounPhrase(EMPTY, agreement), mood, thing)
    told = statement(situate(rng, clause, verb, mood, chance=0.12, embedded=True))
    that = "who" if "person" in noun.tags else "that"
    relative = rule(f"{that} {{told}}", f"{{told}} 的/{that}", told=told)
    return relative.marked("subject relative", f"subject relative:{verb.base}")


def _object_relative(rng: Random, noun: Noun, verb: Verb, others: Collection[str]) -> Phrase:
    """the book that Tom bought: 汤姆买的书; the past needs no 了 here."""
    who = mention(rng, verb.subjects, "topic", 0, others)
    mood = Mood(rng.choice(("past", "past", "present", "progressive")), plain=True)
    mood = fitting(mood, verb, who.agreement)
    told = statement(situate(rng, active(verb, who, mood, NOBODY), verb, mood, chance=0.12, embedded=True))
    relative = rule("that {told}", "{told} 的/that", told=told)
    return relative.marked("object relative", f"object relative:{verb.base}")


def active(verb: Verb, who: NounPhrase, mood: Mood, thing: NounPhrase) -> Clause:
    """Subject, verb and object in the active voice."""
    auxiliary, told, aspect = finite(verb, who.agreement, mood)
    marks = (mood.name, f"{mood.name}:{verb.base}", f"{verb.base}:{thing.head}")
    return Clause(
        subject=who.phrase,
        every=who.every,
        auxiliary=auxiliary,
        verb=told,
        aspect=aspect,
        object=thing.phrase,
        marks=marks,
    )


def fitting(mood: Mood, verb: Verb, agreement: str) -> Mood:
    """The nearest mood that the verb can be in; the past of `read` is told from its present only after he and she."""
    if "state" in verb.traits:
        return mood._replace(tense="present")
    tense = mood.tense
    if tense in UNLIKELY and verb.traits & UNLIKELY[tense]:
        tense = "future"
    if mood.progressive and "instant" in verb.traits:
        tense = "past"
    return mood._replace(tense="future" if unclear(verb, mood._replace(tense=tense), agreement) else tense)


def unclear(verb: Verb, mood: Mood, agreement: str) -> bool:
    """Whether English leaves it open if this is told in the past or in the present: they read."""
    plain = mood.tense in ("past", "present") and not mood.negated and not mood.inverted
    return plain and verb.past == verb.base and agreement != "he"


def situate(
    rng: Random,
    clause: Clause,
    verb: Verb,
    mood: Mood,
    *,
    chance: float = 0.22,
    closed: bool = False,
    embedded: bool = False,
) -> Clause:
    """Add circumstances that fit the verb and the mood. An embedded clause has no adverbial before its subject."""
    if "state" in verb.traits:
        return clause
    statement = not (mood.negated or mood.inverted)
    if statement and mood.tense == "present" and rng.random() < 0.4:
        clause = clause._replace(frequency=adverbials.frequency(rng))
    if rng.random() < chance + 0.12:
        clause = _timed(rng, clause, mood, closed, embedded)
    if closed:
        return clause
    if statement and mood.tense != "infinitive" and rng.random() < chance:
        clause = clause._replace(manner=adverbials.manner(rng, verb.manners))
    if verb.places and rng.random() < chance and not (mood.progressive and mood.negated):
        clause = _placed(rng, clause, verb, mood)
    return clause


def _timed(rng: Random, clause: Clause, mood: Mood, closed: bool, embedded: bool) -> Clause:
    when = adverbials.time(rng, mood.tense)
    if not embedded and not mood.inverted and (closed or rng.random() < 0.4):
        return clause._replace(early=when)
    return clause if closed else clause._replace(time=when)


def _placed(rng: Random, clause: Clause, verb: Verb, mood: Mood) -> Clause:
    if mood.progressive and not clause.company:
        helper = english_of(clause.auxiliary)
        return clause._replace(auxiliary=helper, place=adverbials.place(rng, verb.places, helper))
    return clause if mood.progressive else clause._replace(place=adverbials.place(rng, verb.places))
