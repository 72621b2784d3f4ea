"""The embedded English → Chinese corpus: drawn from the grammar, split, and written out.

The same texts come out on every machine and in every process: the only sources of chance are two `random.Random` with
fixed seeds. One makes what a model learns from and is chosen on, the other the tests, so that these can be drawn anew
when somebody has looked at them while choosing, and the training text stays as it is. `sentences.py` has what is said,
`phrase.py` where the gold alignment comes from.

The guideline of the alignment. Punctuation is a word and is linked. A Chinese word has one sure link, to the English
word that it renders; where several English words share in it, the others are possible:

- a verb of two English words (looked for, 寻找): the verb surely, the particle possibly; 了 to the past-tense verb, in
  a question to `did`; 没 and 不 to `not`, possibly to `did` or `do`; 正在 to the form of `be`, possibly to `in`
- 吗 to the auxiliary that opens the question, possibly to the question mark; 被 to `by`, without an agent to `be`
- a measure word to the numeral, article or demonstrative before it, possibly to the noun; 的 to `'s`, to the possessive
  pronoun, to the adjective, or to `that` and `who` of a relative clause
- 在 and the word for the side of a place (里, 上) both to the preposition; 很 and 是 to the form of `be`
- a comma that English does not write to the conjunction that makes Chinese write one
- 把 has no counterpart: possible links to the verb. The English articles, and other words without one, stay alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from random import Random

from regard.data.embedded.clauses import Mood, statement
from regard.data.embedded.gold import GoldPair, write_pair
from regard.data.embedded.noun_phrases import named
from regard.data.embedded.nouns import NAMES
from regard.data.embedded.phrase import Phrase, read, rule
from regard.data.embedded.scenes import active
from regard.data.embedded.sentences import long_sentence, sentence
from regard.data.embedded.verbs import TRANSITIVE

LEARNING_SEED = 20
TEST_SEED = 2030
SHORT, LONG = range(3, 31), range(31, 61)  # English words
SIZES = {"train": 12_000, "dev": 300, "ordinary": 500, "combinations": 300, "long": 300}

# Never in training: a word in a construction (construction:word), a pair of words (chase:Jerry, red:car).
HELD_OUT = frozenset(
    [
        "chase:Jerry",
        "passive:wash",
        "passive:find",
        "passive:invite",
        "subject relative:open",
        "subject relative:sing",
        "object relative:sell",
        "object relative:praise",
        "object question:read",
        "object question:paint",
        "past negation:help",
        "past negation:buy",
        "inverted:catch",
        "infinitive:repair",
        "numeral:horse",
        "numeral:letter",
        "numeral:chair",
        "possessor:David",
        "red:car",
        "clever:girl",
    ]
)


@dataclass(frozen=True)
class Corpus:
    """Training, validation and test pairs. `test` has the splits `ordinary`, `combinations` and `long`."""

    train: tuple[GoldPair, ...]
    dev: tuple[GoldPair, ...]
    test: dict[str, tuple[GoldPair, ...]]


@lru_cache(maxsize=1)
def english_chinese() -> Corpus:
    """The embedded corpus, made in a few seconds and kept.

    12,000 training pairs of 3 to 30 English words, 300 to validate on, and three test splits without a training
    sentence in them: `ordinary` (500), `combinations` (300: each has a word in a construction, or beside another word,
    that never occur together in training) and `long` (300 of 31 to 60 English words).
    """
    texts: set[str] = set()
    shown = list(_distinct(_tom_chases_jerry(), SHORT, texts))
    learning = _distinct(_endless(sentence, Random(LEARNING_SEED)), SHORT, texts)
    train = _take(learning, SIZES["train"])
    dev = _take(learning, SIZES["dev"])
    rng = Random(TEST_SEED)
    short = _distinct(_endless(sentence, rng), SHORT, texts)
    tests = {
        "ordinary": _take(short, SIZES["ordinary"]),
        "combinations": _take(chain(shown, short), SIZES["combinations"], held_out=True),
        "long": _take(_distinct(_endless(long_sentence, rng), LONG, texts), SIZES["long"]),
    }
    return Corpus(train, dev, tests)


def _take(drawn: Iterable[tuple[GoldPair, bool]], count: int, *, held_out: bool = False) -> tuple[GoldPair, ...]:
    """The next so many pairs that have what training must not have, or that do not."""
    return tuple(islice((pair for pair, has in drawn if has == held_out), count))


def _endless(make: Callable[[Random], Phrase], rng: Random) -> Iterator[Phrase]:
    while True:
        yield make(rng)


def _distinct(phrases: Iterable[Phrase], lengths: range, texts: set[str]) -> Iterator[tuple[GoldPair, bool]]:
    """Pairs of which neither side is among the texts yet, and whether they have what training must not have."""
    for phrase in phrases:
        reading = read(phrase)
        if len(reading.source) not in lengths:
            continue
        pair = write_pair(reading)
        if pair.source not in texts and pair.target not in texts:
            texts.update((pair.source, pair.target))
            yield pair, not reading.marks.isdisjoint(HELD_OUT)


def _tom_chases_jerry() -> Iterator[Phrase]:
    """The sentence that every demonstration begins with, with and without a full stop."""
    tom, jerry = (named(name, subject=True) for name in NAMES[:2])
    told = statement(active(TRANSITIVE[0], tom, Mood("present"), jerry))
    yield told
    yield rule("{told} .", "{told} 。/.", told=told)


def write_corpus(folder: str | Path) -> None:
    """Write every split as three files.

    `<split>.tsv` has source, tab, target; `<split>.words.tsv` the same with spaces between the words that the links
    count; `<split>.gold` the links (Pharaoh; `-` sure, `p` possible).
    """
    corpus = english_chinese()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    splits = {"train": corpus.train, "dev": corpus.dev} | {f"test-{name}": pairs for name, pairs in corpus.test.items()}
    for name, pairs in splits.items():
        _write(folder / f"{name}.tsv", (f"{pair.source}\t{pair.target}" for pair in pairs))
        _write(folder / f"{name}.words.tsv", ("\t".join(map(" ".join, pair.words())) for pair in pairs))
        _write(folder / f"{name}.gold", (pair.pharaoh() for pair in pairs))


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
