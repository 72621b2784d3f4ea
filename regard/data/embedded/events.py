"""What happens: each function makes a clause of one kind, with a subject, a verb and an object that make sense together."""

from functools import lru_cache
from random import Random

from regard.data.embedded import adverbials
from regard.data.embedded.clauses import Clause, Mood, be, finite, passive, statement
from regard.data.embedded.noun_phrases import (
    Determiner,
    NounPhrase,
    choose_determiner,
    choose_head,
    named,
    noun_phrase,
    nouns_with,
)
from regard.data.embedded.nouns import Name, Noun, Pronoun
from regard.data.embedded.phrase import EMPTY, Phrase, echo, lexical, rule
from regard.data.embedded.verbs import (
    ADJECTIVES,
    CAUSATIVE,
    CLAUSAL,
    DITRANSITIVE,
    INFINITIVAL,
    INTRANSITIVE,
    MOTION,
    TRANSITIVE,
    Adjective,
    Verb,
)

PERSON = frozenset(["person"])
NOBODY = NounPhrase(EMPTY, "he", "")


def mention(rng: Random, tags: frozenset[str], subject: bool, depth: int = 0, other: str = "") -> NounPhrase:
    """Mention someone or something with one of the tags, other than `other`; at a depth above 0, maybe at length."""
    head = choose_head(rng, tags, other)
    found = _mention_noun(rng, head, subject, depth) if isinstance(head, Noun) else named(head, subject)
    if depth and not found.closed and rng.random() < 0.08:
        return _coordinated(rng, found, tags, subject, other)
    return found


def _mention_noun(rng: Random, noun: Noun, subject: bool, depth: int) -> NounPhrase:
    determiner = choose_determiner(rng, noun, subject)
    relative = EMPTY
    if depth and determiner.kind in ("the", "a", "that", "numeral") and rng.random() < 0.25:
        relative = relative_clause(rng, noun, determiner.plural)
    return noun_phrase(rng, noun, determiner, relative)


def _coordinated(rng: Random, first: NounPhrase, tags: frozenset[str], subject: bool, other: str) -> NounPhrase:
    second = mention(rng, tags, subject, 0, first.head)
    if second.head in (other, first.head) or first.every is not EMPTY or second.every is not EMPTY:
        return first
    phrase = rule("{a} and {b}", "{a} 和/and {b}", a=first.phrase, b=second.phrase).marked("coordination")
    return NounPhrase(phrase, "they", first.head)


def relative_clause(rng: Random, noun: Noun, plural: bool) -> Phrase:
    """A relative clause on a noun, as its subject or as its object."""
    acting, acted = verbs_for(noun)
    if acting and (not acted or rng.random() < 0.5):
        return subject_relative(rng, noun, rng.choice(acting), "they" if plural else "he")
    return object_relative(rng, noun, rng.choice(acted)) if acted else EMPTY


@lru_cache(maxsize=None)
def verbs_for(noun: Noun) -> tuple[tuple[Verb, ...], tuple[Verb, ...]]:
    """The transitive verbs that a noun can be the subject of, and those that it can be the object of."""
    tags = noun.tags
    return tuple(v for v in TRANSITIVE if v.subjects & tags), tuple(v for v in TRANSITIVE if v.objects & tags)


def subject_relative(rng: Random, noun: Noun, verb: Verb, agreement: str) -> Phrase:
    """who bought the book: 买了书的."""
    mood = _mood(rng, verb, agreement, ("past", "past", "present", "progressive"))
    thing = mention(rng, verb.objects, False, 0, noun.singular)
    clause = active(verb, NOBODY._replace(agreement=agreement), mood, thing)
    told = statement(situate(rng, clause, verb, mood, NOBODY, chance=0.15, embedded=True))
    that = "who" if "person" in noun.tags else "that"
    return rule(f"{that} {{told}}", f"{{told}} 的/{that}", told=told).marked(
        "subject relative", f"subject relative:{verb.base}"
    )


def object_relative(rng: Random, noun: Noun, verb: Verb) -> Phrase:
    """that Tom bought: 汤姆买的. The past needs no 了 here."""
    who = mention(rng, verb.subjects, True, 0, noun.singular)
    mood = _mood(rng, verb, who.agreement, ("past", "past", "present", "progressive"))._replace(bare=True)
    clause = active(verb, who, mood, NOBODY)
    told = statement(situate(rng, clause, verb, mood, who, chance=0.15, embedded=True))
    return rule("that {told}", "{told} 的/that", told=told).marked("object relative", f"object relative:{verb.base}")


def active(verb: Verb, who: NounPhrase, mood: Mood, thing: NounPhrase) -> Clause:
    """Subject, verb and object in the active voice."""
    auxiliary, word, aspect = finite(verb, who.agreement, mood)
    kind = "question" if mood.inverted else "negation" if mood.negated else mood.tense
    word = word.marked(kind, f"{kind}:{verb.base}", f"{verb.base}:{thing.head}")
    return Clause(who.phrase, auxiliary, word, aspect, object=thing.phrase, every=who.every)


def transitive(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone does something to someone or something."""
    verb = rng.choice(TRANSITIVE)
    who = mention(rng, verb.subjects, True, depth - 1)
    mood = _fitting(mood, verb, who.agreement)
    thing = mention(rng, verb.objects, False, depth, who.head)
    return situate(rng, active(verb, who, mood, thing), verb, mood, who, closed=thing.closed)


def intransitive(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone does something, perhaps with somebody, perhaps for some time."""
    verb = rng.choice(INTRANSITIVE)
    who = mention(rng, verb.subjects, True, depth)
    mood = _fitting(mood, verb, who.agreement)
    clause = active(verb, who, mood, NOBODY)
    if "person" in verb.subjects and mood.tense != "progressive" and not mood.negated and rng.random() < 0.3:
        clause = clause._replace(companion=adverbials.company(rng, who.head))
    return situate(rng, clause, verb, mood, who, chance=0.5)


def motion(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone goes somewhere."""
    verb = rng.choice(MOTION)
    who = mention(rng, verb.subjects, True, depth)
    mood = _fitting(mood, verb, who.agreement)
    clause = active(verb, who, mood, NOBODY._replace(phrase=adverbials.goal(rng)))
    if not mood.negated and mood.tense != "progressive" and rng.random() < 0.3:
        clause = clause._replace(companion=adverbials.company(rng, who.head))
    return situate(rng, clause, verb, mood, who, placed=False)


def ditransitive(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone gives someone something: gave Mary a book, 给了玛丽一本书; gave the book to Mary, 把书给了玛丽."""
    verb = rng.choice(DITRANSITIVE)
    who = mention(rng, verb.subjects, True, depth - 1)
    mood = _fitting(mood, verb, who.agreement)
    whom = mention(rng, PERSON, False, 0, who.head)
    noun = rng.choice(nouns_with(verb.objects))
    determiner = choose_determiner(rng, noun, False)
    while determiner.kind == "bare":
        determiner = choose_determiner(rng, noun, False)
    gift = noun_phrase(rng, noun, determiner)
    clause = active(verb, who, mood, gift)
    if determiner.kind in ("the", "this", "that", "possessive"):
        moved = rule("{gift}", "{ba} {gift}", gift=gift.phrase, ba=echo("把", EMPTY, clause.verb))
        receiver = rule("to {whom}", "{whom}", whom=whom.phrase)
        return situate(rng, clause._replace(moved=moved, object=receiver), verb, mood, who, placed=False)
    both = rule("{whom} {gift}", "{whom} {gift}", whom=whom.phrase, gift=gift.phrase)
    return situate(rng, clause._replace(object=both), verb, mood, who, placed=False)


def passive_event(rng: Random, mood: Mood, depth: int) -> Clause:
    """Something is done to someone or something: was stolen by the thief, 被小偷偷了."""
    verb = rng.choice([verb for verb in TRANSITIVE if "passive" in verb.traits])
    if mood.tense == "present" or (mood.tense == "progressive" and "instant" in verb.traits):
        mood = mood._replace(tense="past")
    noun = rng.choice(nouns_with(verb.objects))
    determiner = choose_determiner(rng, noun, True)
    what = noun_phrase(rng, noun, determiner)
    auxiliary, word, aspect = passive(verb, what.agreement, mood)
    if rng.random() < 0.75:
        by = mention(rng, verb.subjects, False, depth - 1, what.head)
        agent = rule("by {agent}", "被/by {agent}", agent=by.phrase)
        closed = by.closed
    else:
        agent, closed = echo("被", auxiliary if auxiliary.source else word), False
    word = word.marked("passive", f"passive:{verb.base}")
    clause = Clause(what.phrase, auxiliary, word, aspect, agent, every=what.every)
    return situate(rng, clause, verb, mood, what, closed=closed, mannered=False, placed=False)


def description(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone or something is so: is tall, 很高; is red, 是红色的."""
    adjective, who = _described(rng, depth)
    past = mood.tense == "past"
    helper = be(who.agreement, past)
    if mood.negated:
        auxiliary = rule("{helper} not", "不/not", helper=helper)
    elif mood.inverted:
        auxiliary = helper
    else:
        auxiliary = rule("{helper}", "很/helper", helper=helper)
    quality = lexical(adjective.english, adjective.predicate)
    if adjective.predicate.endswith("色"):
        auxiliary = (
            rule("{helper} not", "不/not 是/helper", helper=helper) if mood.negated else rule("{h}", "是/h", h=helper)
        )
        quality = lexical(adjective.english, adjective.attribute)
    elif not mood.negated and not mood.inverted and rng.random() < 0.3:
        auxiliary, quality = helper, rule("very {quality}", "非常/very {quality}", quality=quality)
    time = adverbials.time(rng, "past") if past and rng.random() < 0.3 else EMPTY
    return Clause(who.phrase, auxiliary, quality.marked("description"), every=who.every, early=time)


def comparison(rng: Random, mood: Mood, depth: int) -> Clause:
    """taller than Mary: 比玛丽高; more expensive than: 比…更昂贵; as tall as: 和…一样高."""
    adjective, who = _described(rng, depth, compared=True)
    tags = PERSON if who.agreement != "he" or who.head[0].isupper() else frozenset([who.head])
    than = _compared_with(rng, who, adjective, tags)
    if rng.random() < 0.3:
        same = lexical(adjective.english, adjective.predicate)
        quality = rule("as {same} as:than {than}", "和/than {than} 一样/as {same}", same=same, than=than.phrase)
    elif adjective.comparative.startswith("more"):
        same = lexical(adjective.english, adjective.predicate)
        quality = rule("more {same} than {than}", "比/than {than} 更/more {same}", same=same, than=than.phrase)
    else:
        same = lexical(adjective.comparative, adjective.predicate)
        quality = rule("{same} than {than}", "比/than {than} {same}", same=same, than=than.phrase)
    helper = be(who.agreement)
    if mood.negated:
        helper = rule("{helper} not", "不/not~helper", helper=helper)
    return Clause(who.phrase, helper, quality.marked("comparison"), every=who.every)


def _described(rng: Random, depth: int, compared: bool = False) -> tuple[Adjective, NounPhrase]:
    adjective = rng.choice([a for a in ADJECTIVES if a.comparative] if compared else ADJECTIVES)
    return adjective, mention(rng, adjective.tags, True, depth)


def _compared_with(rng: Random, who: NounPhrase, adjective: Adjective, tags: frozenset[str]) -> NounPhrase:
    return mention(rng, PERSON if "person" in tags else adjective.tags, False, 0, who.head)


def identity(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone is something: Tom is a doctor, 汤姆是一位医生."""
    who = named(choose_head_named(rng), True)
    job = rng.choice(nouns_with(frozenset(["job"])))
    plural = who.agreement == "they" and who.head != "you"
    what = noun_phrase(rng, job, Determiner("bare", True) if plural else Determiner("a", False))
    helper = be(who.agreement)
    auxiliary = (
        rule("{helper} not", "不/not 是/helper", helper=helper) if mood.negated else rule("{h}", "是/h", h=helper)
    )
    return Clause(who.phrase, auxiliary, what.phrase.marked("identity"))


def choose_head_named(rng: Random) -> Name | Pronoun:
    """A name or a pronoun."""
    while True:
        head = choose_head(rng, PERSON)
        if not isinstance(head, Noun):
            return head


def location(rng: Random, mood: Mood, depth: int) -> Clause:
    """The cat is under the table: 猫在桌子下面."""
    thing = mention(rng, frozenset(["goods", "pet", "lost"]), True, depth)
    where = rng.choice(adverbials.places_with("spot"))
    helper = be(thing.agreement)
    if mood.negated:
        auxiliary = rule("{helper} not", "不/not", helper=helper)
    else:
        auxiliary = helper
    spot = adverbials.located(rng, where, f"在/{where.preposition}~progressive", helper)
    return Clause(thing.phrase, auxiliary, spot.marked("location"), every=thing.every)


def existence(rng: Random, mood: Mood, depth: int) -> Phrase:
    """There are three books on the table: 桌子上有三本书."""
    noun = rng.choice(nouns_with(frozenset(["goods", "pet"])))
    determiner = choose_determiner(rng, noun, False)
    while determiner.kind not in ("a", "numeral", "many", "some", "portion"):
        determiner = choose_determiner(rng, noun, False)
    thing = noun_phrase(rng, noun, determiner)
    many = determiner.plural or (determiner.kind == "portion" and thing.phrase.source[0].text != "a")
    helper = be("they" if many else "he")
    where = adverbials.located(rng, rng.choice(adverbials.places_with("spot")), "")
    there = rule("there {be} {thing}", "有/be~there {thing}", be=helper, thing=thing.phrase)
    return rule("{there} {where}", "{where} {there}", there=there, where=where).marked("existence")


def wish(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone wants to do something; where and how belong to what is wanted."""
    verb = rng.choice(INFINITIVAL)
    who = mention(rng, verb.subjects, True, depth - 1)
    mood = _fitting(mood, verb, who.agreement)
    clause = active(verb, who, mood, NOBODY)
    act = rule("to {act}", "{act}", act=infinitive(rng, depth - 1, who.head)).marked(
        "infinitive", f"infinitive:{verb.base}"
    )
    return clause._replace(object=act)


def request(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone asks someone to do something: 请玛丽打开门."""
    verb = rng.choice(CAUSATIVE)
    who = mention(rng, verb.subjects, True, depth - 1)
    mood = _fitting(mood, verb, who.agreement)
    whom = mention(rng, PERSON, False, 0, who.head)
    act = rule("{whom} to {act}", "{whom} {act}", whom=whom.phrase, act=infinitive(rng, depth - 1, whom.head))
    return active(verb, who, mood, NOBODY)._replace(object=act.marked("request"))


def infinitive(rng: Random, depth: int, subject: str) -> Phrase:
    """Something to do, for a person."""
    verb = rng.choice([verb for verb in TRANSITIVE if "person" in verb.subjects and "stative" not in verb.traits])
    thing = mention(rng, verb.objects, False, depth, subject)
    clause = Clause(verb=lexical(f"{verb.base} {verb.particle}", verb.chinese), object=thing.phrase)
    return statement(
        situate(rng, clause, verb, Mood("infinitive"), NOBODY, closed=thing.closed, chance=0.3, embedded=True)
    )


def report(rng: Random, mood: Mood, depth: int) -> Clause:
    """Someone says or knows that something is so."""
    verb = rng.choice(CLAUSAL)
    who = mention(rng, verb.subjects, True, 0)
    mood = _fitting(mood, verb, who.agreement)
    tense = rng.choice(("past", "future", "past", "present"))
    content = statement(
        rng.choice((transitive, transitive, motion, description, passive_event))(rng, Mood(tense), depth - 1)
    )
    clause = active(verb, who, mood, NOBODY)
    return clause._replace(object=rule("that {content}", "{content}", content=content).marked("report"))


def situate(
    rng: Random,
    clause: Clause,
    verb: Verb,
    mood: Mood,
    who: NounPhrase,
    *,
    closed: bool = False,
    chance: float = 0.25,
    placed: bool = True,
    mannered: bool = True,
    embedded: bool = False,
) -> Clause:
    """Add adverbials that fit. Nothing follows a closed phrase: it would be understood as a part of it."""
    stative = "stative" in verb.traits
    if mood.tense == "present" and not mood.negated and not mood.inverted and not stative and rng.random() < 0.35:
        clause = clause._replace(frequency=adverbials.frequency(rng))
    if not stative and rng.random() < chance + 0.1:
        when = adverbials.time(rng, mood.tense)
        if closed or (not embedded and not mood.inverted and rng.random() < 0.4):
            clause = clause._replace(early=when) if not embedded and not mood.inverted else clause
        else:
            clause = clause._replace(time=when)
    if closed:
        return clause
    acting = mannered and not mood.negated and not stative and mood.tense != "infinitive"
    if acting and rng.random() < chance:
        clause = clause._replace(manner=adverbials.manner(rng, verb))
    progressive = mood.tense in ("progressive", "past progressive")
    if placed and not stative and not (progressive and mood.negated) and rng.random() < chance:
        tag = rng.choice(("inside", "outside"))
        if progressive:
            helper = clause.auxiliary.english()
            where = adverbials.place(rng, tag, helper)
            clause = clause._replace(auxiliary=helper, place=where)
        else:
            clause = clause._replace(place=adverbials.place(rng, tag))
    return clause


def _mood(rng: Random, verb: Verb, agreement: str, tenses: tuple[str, ...]) -> Mood:
    return _fitting(Mood(rng.choice(tenses)), verb, agreement)


def _fitting(mood: Mood, verb: Verb, agreement: str) -> Mood:
    """The nearest mood that the verb can be in."""
    if "stative" in verb.traits:
        return mood._replace(tense="present")
    if "progressive" in mood.tense and "instant" in verb.traits:
        mood = mood._replace(tense="past")
    same = verb.past == verb.base and agreement != "he" and not mood.negated and not mood.inverted
    return mood._replace(tense="future") if same and mood.tense in ("past", "present") else mood
