"""The embedded English → Chinese corpus: drawn from the grammar, split, and written out.

The same texts come out on every machine and in every process: the only source of chance is one `random.Random` with a
fixed seed. See `sentences.py` for what is said and `phrase.py` for how the gold alignment comes about.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from regard.data.embedded.gold import GoldPair, render
from regard.data.embedded.phrase import Phrase
from regard.data.embedded.sentences import chain, finished, sentence

SIZES = {"train": 12_000, "dev": 300, "ordinary": 500, "combinations": 300, "long": 300}
HELD_OUT = frozenset(
    [
        "chase:Jerry",
        "passive:wash",
        "passive:invite",
        "subject relative:open",
        "object relative:sell",
        "object question:wash",
        "negation:help",
        "numeral:horse",
        "numeral:letter",
        "possessor:David",
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
    """The embedded corpus; made in about a second and kept."""
    rng = Random(1)
    texts: set[str] = set()

    def draw(make: Callable[[], Phrase], count: int, fits: Callable[[Phrase], bool]) -> tuple[GoldPair, ...]:
        pairs: list[GoldPair] = []
        while len(pairs) < count:
            phrase = make()
            if not fits(phrase):
                continue
            pair = render(phrase)
            if pair.source not in texts and pair.target not in texts:
                texts.update((pair.source, pair.target))
                pairs.append(pair)
        return tuple(pairs)

    def known(phrase: Phrase) -> bool:
        return 3 <= len(phrase.source) <= 30 and not phrase.marks & HELD_OUT

    def new(phrase: Phrase) -> bool:
        return 3 <= len(phrase.source) <= 30 and bool(phrase.marks & HELD_OUT)

    def long(phrase: Phrase) -> bool:
        return 31 <= len(phrase.source) <= 60 and not phrase.marks & HELD_OUT

    train = draw(lambda: sentence(rng), SIZES["train"], known)
    dev = draw(lambda: sentence(rng), SIZES["dev"], known)
    test = {
        "ordinary": draw(lambda: sentence(rng), SIZES["ordinary"], known),
        "combinations": draw(lambda: sentence(rng), SIZES["combinations"], new),
        "long": draw(lambda: finished(rng, chain(rng, rng.randint(31, 52))), SIZES["long"], long),
    }
    return Corpus(train, dev, test)


def write_corpus(folder: str | Path) -> None:
    """Write every split as `<split>.tsv` (source, tab, target) and `<split>.gold` (Pharaoh; `-` sure, `p` possible)."""
    corpus = english_chinese()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    splits = {"train": corpus.train, "dev": corpus.dev} | {f"test-{name}": pairs for name, pairs in corpus.test.items()}
    for name, pairs in splits.items():
        _write(folder / f"{name}.tsv", (f"{pair.source}\t{pair.target}" for pair in pairs))
        _write(folder / f"{name}.gold", (pair.pharaoh() for pair in pairs))


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
