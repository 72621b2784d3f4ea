"""Two tasks with a known answer, made from a seed: can a mechanism find by content, and can it find by position?

    reverse        g - c a - f  →  f a c g     the next symbol is known by its neighbour; its position is random
    shifted_copy   b a a b c a  →  b c a       the next symbol is known by its position; the symbol is random

In `reverse` no symbol occurs twice in a text, so the symbol just written tells the next one: the symbol before it.
There are gaps ("-") at random positions, so a decoder cannot find the position by counting. In `shifted_copy` the first
three symbols are left out. There are only four symbols, so the symbol just written occurs in many places. The position
is always the step + 3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

GAP = "-"
SYMBOLS = "abcdefghijklmnopqrst"  # of reverse
FEW_SYMBOLS = "abcd"  # of shifted_copy
GAP_PROBABILITY = 0.3
OFFSET = 3

Pair = tuple[str, str]


@dataclass(frozen=True)
class Task:
    """Pairs of texts, with spaces between symbols. No source occurs twice, in one split or in two."""

    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]


def reverse(rng: Random) -> Pair:
    """5 to 15 different symbols with gaps; and the symbols in reverse order, without the gaps."""
    symbols = rng.sample(SYMBOLS, rng.randint(5, 15))
    source = [part for symbol in symbols for part in ([GAP] if rng.random() < GAP_PROBABILITY else []) + [symbol]]
    return " ".join(source), " ".join(reversed(symbols))


def shifted_copy(rng: Random) -> Pair:
    """8 to 20 symbols of four kinds; and the same symbols without the first three."""
    symbols = rng.choices(FEW_SYMBOLS, k=rng.randint(5 + OFFSET, 17 + OFFSET))
    return " ".join(symbols), " ".join(symbols[OFFSET:])


TASKS: dict[str, Callable[[Random], Pair]] = {"reverse": reverse, "shifted_copy": shifted_copy}


def make_task(name: str, *, seed: int = 1, train: int = 30_000, dev: int = 200, test: int = 500) -> Task:
    """The pairs of a task. The same arguments give the same pairs.

    Args:
        name: an entry of `TASKS`.
        seed: seed of the random generator.
        train, dev, test: number of pairs of each split.

    Raises ValueError for an unknown name.
    """
    if name not in TASKS:
        raise ValueError(f"make_task: name is {name!r}; expected one of {', '.join(TASKS)}. Choose one of them.")
    pairs = _distinct(TASKS[name], Random(f"{name} {seed}"))
    # The held-out pairs are drawn first, so that they do not depend on the number of training pairs.
    held = [next(pairs) for _ in range(dev + test)]
    return Task(tuple(next(pairs) for _ in range(train)), tuple(held[:dev]), tuple(held[dev:]))


def write_task(task: Task, folder: Path) -> None:
    """Write train.tsv, dev.tsv and test.tsv: source, tab, target."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pairs in (("train", task.train), ("dev", task.dev), ("test", task.test)):
        text = "".join(f"{source}\t{target}\n" for source, target in pairs)
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8", newline="\n")


def _distinct(draw: Callable[[Random], Pair], rng: Random) -> Iterator[Pair]:
    seen: set[str] = set()
    while True:
        pair = draw(rng)
        if pair[0] not in seen:
            seen.add(pair[0])
            yield pair
