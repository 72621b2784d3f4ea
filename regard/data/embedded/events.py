"""What happens: each function makes a clause of one kind, in the mood that is asked for or the nearest that it has."""

from collections.abc import Sequence
from random import Random

from regard.data.embedded import adverbials
from regard.data.embedded.clauses import Clause, Mood, be, copula, passive, statement
from regard.data.embedded.modifiers import ADJECTIVES, PASSING, Adjective
from regard.data.embedded.noun_phrases import (
    Determiner,
    NounPhrase,
    Tags,
    choose_head,
    named,
    noun_phrase,
    nouns_with,
)
from regard.data.embedded.nouns import Noun
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule
from regard.data.embedded.scenes import NOBODY, active, fitting, mention, mention_noun, situate, unclear
from regard.data.embedded.verbs import (
    CAUSATIVE,
    CLAUSAL,
    DITRANSITIVE,
    INFINITIVAL,
    INTRANSITIVE,
    MOTION,
    TRANSITIVE,
    Verb,
)

PERSON = frozenset(["person"])
JOB = frozenset(["job"])
LAID = frozenset(["laid"])
FELT = frozenset(["person", "animal", "cleaned"])
PASSIVE = tuple(verb for verb in TRANSITIVE if "passive" in verb.traits)
ACTIONS = tuple(verb for verb in TRANSITIVE if "state" not in verb.traits)
DEEDS = tuple(verb for verb in ACTIONS if "person" in verb.subjects)
WILLED = tuple(verb for verb in DEEDS if "chance" not in verb.traits)
COMPARED = tuple(adjective for adjective in ADJECTIVES if adjective.comparative)
TRANSIENT = tuple(adjective for adjective in ADJECTIVES if adjective.english in PASSING)


def transitive(rng: Random, mood: Mood, depth: int, verbs: Sequence[Verb] = TRANSITIVE) -> Clause:
    """Someone does something to someone or something: Tom chases Jerry, 汤姆追逐杰瑞."""
    verb = rng.choice(verbs)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth - 1)
    while unclear(verb, mood, who.agreement):
        who = mention(rng, verb.subjects, "agent")
    mood = fitting(mood, verb, who.agreement)
    thing = mention(rng, verb.objects, "denied" if mood.negated else "object", depth, [who.head])
    clause = active(verb, who, mood, thing)
    if "gift" in verb.traits and not mood.progressive and not thing.closed and rng.random() < 0.2:
        clause = clause._replace(benefit=adverbials.benefit(rng, who.head))
    return situate(rng, clause, verb, mood, closed=thing.closed)


def intransitive(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone does something, alone or with somebody: swam with Tom, 和汤姆一起游了泳."""
    verb = rng.choice(INTRANSITIVE)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth)
    mood = fitting(mood, verb, who.agreement)
    clause = active(verb, who, mood, NOBODY)
    if "animal" not in verb.subjects and not mood.progressive and not mood.negated and rng.random() < 0.3:
        clause = clause._replace(company=adverbials.company(rng, who.head))
    return situate(rng, clause, verb, mood, chance=0.4)


def motion(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone goes somewhere: went to Beijing by train, 坐火车去了北京."""
    verb = rng.choice(MOTION)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth)
    mood = fitting(mood, verb, who.agreement)
    clause = active(verb, who, mood, NounPhrase(adverbials.goal(rng)))
    chance = rng.random()
    if not mood.negated and not mood.progressive and chance < 0.25:
        clause = clause._replace(company=adverbials.company(rng, who.head))
    elif verb.particle == "to" and chance < 0.5:
        clause = clause._replace(company=adverbials.conveyance(rng))
    return situate(rng, clause, verb, mood)


def ditransitive(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone gives someone something: gave Mary a book, 给了玛丽一本书; gave the book to Mary, 把书给了玛丽."""
    verb = rng.choice(DITRANSITIVE)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth - 1)
    mood = fitting(mood, verb, who.agreement)
    whom = mention(rng, PERSON, "given", 0, [who.head])
    noun = rng.choice(nouns_with(verb.objects))
    if mood.negated or rng.random() < 0.5:
        gift = mention_noun(rng, noun, "given")
        clause = active(verb, who, mood, gift)
        moved = rule("{gift}", "{ba} {gift}", gift=gift.phrase, ba=echo("把", possible=clause.verb))
        receiver = rule("to {whom}", "{whom}", whom=whom.phrase)
        clause = clause._replace(moved=moved, object=receiver, marks=(*clause.marks, "ba"))
    else:
        gift = mention_noun(rng, noun, "new")
        both = rule("{whom} {gift}", "{whom} {gift}", whom=whom.phrase, gift=gift.phrase).marked("ditransitive")
        clause = active(verb, who, mood, gift)._replace(object=both)
    return situate(rng, clause, verb, mood)


def undergone(rng: Random, mood: Mood, depth: int) -> Clause:
    """Something is done to someone or something: was stolen by the thief, 被小偷偷了."""
    verb = rng.choice(PASSIVE)
    instant = "instant" in verb.traits or mood.negated
    if mood.tense in ("present", "past progressive") or (mood.progressive and instant):
        mood = mood._replace(tense="past")
    what = mention_noun(rng, rng.choice(nouns_with(verb.objects)), "topic", depth)
    mood = fitting(mood, verb, what.agreement)
    auxiliary, told, aspect = passive(verb, what.agreement, mood)
    closed = False
    if rng.random() < 0.75:
        by = mention(rng, verb.subjects, "given", depth, [what.head])
        agent, closed = rule("by {agent}", "被/by {agent}", agent=by.phrase), by.closed
    else:
        agent = echo("被", auxiliary if mood.tense == "past" else told)
    clause = Clause(
        subject=what.phrase,
        every=what.every,
        auxiliary=auxiliary,
        verb=told,
        aspect=aspect,
        moved=agent,
        marks=("passive", f"passive:{verb.base}", f"passive {mood.name}"),
    )
    return situate(rng, clause, verb._replace(manners=(), places=()), mood, closed=closed)


def description(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone or something is so: is tall, 很高; is very tall, 非常高; is red, 是红色的."""
    adjective = rng.choice(ADJECTIVES)
    return described(rng, adjective, adjective.described, mood._replace(tense="present"), depth)


def state(rng: Random, past: bool) -> Clause:
    """A passing state of someone or of a room, such as may be the cause of something else."""
    adjective = rng.choice(TRANSIENT)
    return described(rng, adjective, adjective.described & FELT, Mood("past" if past else "present"), 0)


def described(rng: Random, adjective: Adjective, tags: Tags, mood: Mood, depth: int) -> Clause:
    """A clause that says of someone or something with one of the tags that it is so."""
    who = mention(rng, tags, "described", depth)
    helper = be(who.agreement, mood.tense == "past")
    quality = lexical(adjective.english, adjective.predicate)
    if adjective.predicate.endswith("的"):
        auxiliary = copula(helper, mood, "是")
    elif mood.negated or mood.inverted:
        auxiliary = copula(helper, mood)
    elif rng.random() < 0.25:
        auxiliary, quality = helper, rule("very {quality}", "非常/very {quality}", quality=quality)
    else:
        auxiliary = copula(helper, mood, "很")
    return Clause(subject=who.phrase, auxiliary=auxiliary, verb=quality, marks=("description",))


def comparison(rng: Random, mood: Mood, depth: int) -> Clause:
    """taller than Mary: 比玛丽高; as tall as Mary: 和玛丽一样高. Only like is compared with like."""
    adjective = rng.choice(COMPARED)
    tags = adjective.described
    if tags & {"person", "animal"}:
        who = mention(rng, tags, "described")
        than = mention(rng, PERSON if "person" in tags else tags, "given", 0, [who.head])
    else:
        who, than = _two_alike(rng, tags)
    same = lexical(adjective.english, adjective.predicate)
    if rng.random() < 0.3 and not mood.negated:
        quality = rule("as {same} as:than {other}", "和/than {other} 一样/as {same}", same=same, other=than.phrase)
    elif adjective.comparative.startswith("more"):
        quality = rule("more {same} than {other}", "比/than {other} 更/more {same}", same=same, other=than.phrase)
    else:
        more = lexical(adjective.comparative, adjective.predicate)
        quality = rule("{more} than {other}", "比/than {other} {more}", more=more, other=than.phrase)
    auxiliary = copula(be(who.agreement), mood)
    return Clause(subject=who.phrase, auxiliary=auxiliary, verb=quality, marks=("comparison",))


def _two_alike(rng: Random, tags: Tags) -> tuple[NounPhrase, NounPhrase]:
    """This book and Tom's book."""
    noun = rng.choice([noun for noun in nouns_with(tags) if noun.measure])
    kinds = (("this", "that"), ("that", "this"), ("this", "possessive"), ("the", "possessive"), ("possessive", "that"))
    one, other = rng.choice(kinds[:2] if "free" in noun.tags else kinds)
    plural = rng.random() < 0.2
    return noun_phrase(rng, noun, Determiner(one, plural)), noun_phrase(rng, noun, Determiner(other, plural))


def identity(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone is something: Tom is a doctor, 汤姆是一位医生."""
    head = choose_head(rng, PERSON)
    who = mention(rng, frozenset(["young", "kin"]), "described") if isinstance(head, Noun) else named(head, True)
    many = who.agreement == "they" and who.head != "you"
    what = noun_phrase(rng, rng.choice(nouns_with(JOB)), Determiner("bare", True) if many else Determiner("a"))
    auxiliary = copula(be(who.agreement), mood, "是")
    return Clause(subject=who.phrase, auxiliary=auxiliary, verb=what.phrase, marks=("identity",))


def location(rng: Random, mood: Mood, depth: int) -> Clause:
    """The cat is under the table: 猫在桌子下面."""
    thing = mention(rng, LAID, "topic", depth)
    helper = be(thing.agreement)
    where = rng.choice(adverbials.places_with(("spot",)))
    spot = adverbials.located(rng, where, f"在/{where.preposition}~progressive", helper)
    return Clause(subject=thing.phrase, auxiliary=copula(helper, mood), verb=spot, marks=("location",))


def existence(rng: Random) -> Phrase:
    """There are three books on the table: 桌子上有三本书."""
    thing = mention(rng, LAID, "new")
    helper = be(thing.agreement)
    where = adverbials.located(rng, rng.choice(adverbials.places_with(("spot",))), "")
    told = rule("there {be} {thing} {where}", "{where} 有/be~there {thing}", be=helper, thing=thing.phrase, where=where)
    return told.marked("existence")


def wish(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone wants to do something; where and when belong to what is wanted."""
    verb = rng.choice(INFINITIVAL)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth - 1)
    tense = mood.tense if mood.tense in ("present", "past") else "present"
    clause = active(verb, who, fitting(mood._replace(tense=tense), verb, who.agreement), NOBODY)
    act = rule("to {act}", "{act}", act=_infinitive(rng, depth - 1, who.head))
    return clause._replace(object=act, marks=(*clause.marks, "infinitive"))


def request(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone asks someone to do something: 请玛丽打开门."""
    verb = rng.choice(CAUSATIVE)
    who = mention(rng, verb.subjects, "topic" if mood.inverted or mood.negated else "agent", depth - 1)
    whom = mention(rng, PERSON, "given", 0, [who.head])
    act = rule("{whom} to {act}", "{whom} {act}", whom=whom.phrase, act=_infinitive(rng, depth - 1, whom.head))
    clause = active(verb, who, fitting(mood, verb, who.agreement), NOBODY)
    return clause._replace(object=act, marks=(*clause.marks, "request"))


def _infinitive(rng: Random, depth: int, subject: str) -> Phrase:
    verb = rng.choice(WILLED)
    thing = mention(rng, verb.objects, "object", depth, [subject])
    told = lexical(f"{verb.base} {verb.particle}", verb.chinese)
    clause = Clause(verb=told, object=thing.phrase, marks=(f"infinitive:{verb.base}", f"{verb.base}:{thing.head}"))
    return statement(situate(rng, clause, verb, Mood("infinitive"), closed=thing.closed, embedded=True))


def report(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone says or knows that something is so. What was said is told in the past; hopes are for later."""
    verb = rng.choice(CLAUSAL)
    who = mention(rng, verb.subjects, "agent")
    mood = fitting(Mood("past" if mood.tense == "past" else "present"), verb, who.agreement)
    if mood.tense == "past":
        tense = "past"
    else:
        tense = "future" if verb.base == "hope" else rng.choice(("future", "past", "present"))
    maker = rng.choice((action, action, motion, undergone, description if tense == "present" else action))
    content = statement(maker(rng, Mood(tense), depth - 1)._replace(early=EMPTY))
    clause = active(verb, who, mood, NOBODY)
    said = rule("that {content}", "{content}", content=content)
    return clause._replace(object=said, marks=(*clause.marks, "report"))


def action(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone does something, so that the clause really is in the tense that is asked for."""
    return transitive(rng, mood, depth, ACTIONS)


EVENTS = (
    (transitive, 40),
    (intransitive, 8),
    (motion, 8),
    (ditransitive, 8),
    (undergone, 13),
    (description, 6),
    (comparison, 5),
    (identity, 2),
    (location, 4),
    (wish, 5),
    (request, 4),
    (report, 5),
)
