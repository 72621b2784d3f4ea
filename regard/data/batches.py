"""The plan of an epoch, and its batches.

plan         lengths, budget, seed, epoch → which pairs form a batch, and the order of the batches
batches      corpus, plan → Batch, Batch, Batch … from any number on
collate      corpus, pair numbers → one Batch
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Integer

from regard.data.batch import BEGIN, PAD, Batch
from regard.data.corpus import Corpus
from regard.data.part_batch import tensors
from regard.data.text import with_end

Vary = Callable[[np.ndarray, np.random.Generator], np.ndarray]
VaryPair = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]
Side = tuple[np.ndarray, np.ndarray]
"""The numbers of one side of several pairs, one pair behind the other, and how many each has."""
TRIES = 8
WINDOW_PAIRS = 65_536
"""So many pairs are sorted by length at a time: enough to fill batches well, and every epoch has other batches."""


@dataclass(frozen=True)
class BatchPlan:
    """Which pairs form each batch of an epoch: `plan[i]` gives the numbers of the pairs of batch i.

    Args:
        pairs: every pair of the corpus once; the pairs of one batch are next to each other.
        starts: where each batch begins in `pairs`, and where the last one ends.
        turn: the order of the batches.
    """

    pairs: Integer[np.ndarray, " pairs"]
    starts: Int[np.ndarray, " batches_and_one"]
    turn: Int[np.ndarray, " batches"]

    def __len__(self) -> int:
        return len(self.turn)

    def __getitem__(self, number: int) -> Integer[np.ndarray, " rows"]:
        place = self.turn[number]
        return self.pairs[self.starts[place] : self.starts[place + 1]]

    def __iter__(self) -> Iterator[Integer[np.ndarray, " rows"]]:
        return (self[number] for number in range(len(self)))


def plan(
    source_lengths: Integer[np.ndarray, " sources"],
    target_lengths: Integer[np.ndarray, " targets"],
    *,
    max_tokens: int | None = None,
    max_sentences: int | None = None,
    seed: int,
    epoch: int,
) -> BatchPlan:
    """Group pairs of similar length into batches. The result depends only on these arguments.

    All pairs are shuffled, then sorted by target and source length in windows of `WINDOW_PAIRS`, cut into batches, and
    the batches are shuffled. It needs four bytes a pair.

    Args:
        source_lengths: tokens of each source, without marks.
        target_lengths: tokens of each target, without marks.
        max_tokens: most tokens of a batch: rows × longest side, with padding and one mark.
        max_sentences: most pairs of a batch. At least one of the two must be given.
        seed: the seed of the run.
        epoch: from 0; every epoch has another order.

    Raises ValueError without a limit, for lengths that do not match, and for a pair that alone exceeds `max_tokens`.
    """
    _check(source_lengths, target_lengths, max_tokens, max_sentences)
    generator = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    count = len(source_lengths)
    pairs = np.arange(count, dtype=np.int32 if count < 2**31 else np.int64)
    generator.shuffle(pairs)
    starts = []
    for begin in range(0, count, WINDOW_PAIRS):
        window = pairs[begin : begin + WINDOW_PAIRS]
        source, target = source_lengths[window], target_lengths[window]
        order = np.lexsort((source, target))
        window[:] = window[order]
        widths = np.maximum(source, target)[order].astype(np.int64) + 1
        starts.append(begin + np.array(_cuts(widths.tolist(), max_tokens, max_sentences), np.int64))
    turn = generator.permutation(sum(map(len, starts)))
    return BatchPlan(pairs, np.concatenate([*starts, np.array([count], np.int64)]), turn)


def _check(source: np.ndarray, target: np.ndarray, max_tokens: int | None, max_sentences: int | None) -> None:
    if max_tokens is None and max_sentences is None:
        raise ValueError("plan: max_tokens and max_sentences are None; expected a budget. Give one of them.")
    if max_sentences is not None and max_sentences < 1:
        raise ValueError(f"plan: max_sentences is {max_sentences}; expected at least 1.")
    if len(source) != len(target) or not len(source):
        raise ValueError(
            f"plan: lengths are of {len(source)} sources and {len(target)} targets; expected as many, at least one."
        )
    longest = 1 + max(int(source.max()), int(target.max()))
    if max_tokens is not None and longest > max_tokens:
        raise ValueError(
            f"plan: max_tokens is {max_tokens}; expected at least {longest}, the longest pair with its mark. "
            "Raise max_tokens, or lower the max_length of the corpus."
        )


def _cuts(widths: Sequence[int], max_tokens: int | None, max_sentences: int | None) -> list[int]:
    """Where batches begin: each takes pairs until the next one would exceed a limit."""
    tokens = max_tokens if max_tokens is not None else max(widths) * len(widths)
    rows = max_sentences if max_sentences is not None else len(widths)
    starts, start, width = [0], 0, 0
    for place, candidate in enumerate(widths):
        width = max(width, candidate)
        if width * (place - start + 1) > tokens or place - start == rows:
            starts.append(place)
            start, width = place, candidate
    return starts


@dataclass(frozen=True)
class Varied:
    """Varies the sources of an epoch for training, each on its own.

    Args:
        vary: `vary(values, generator)` gives the varied numbers of a source; their length can differ, but is not 0.
        seed: of the run.
        epoch: from 0. The generator of a pair depends on the seed, the epoch and the number of the pair, and not on its
            batch: a resumed epoch continues with the same values.
        fewest: pair number → the fewest positions that its source may be left with. One with fewer is varied anew, some
            times, and then stays as it is; None allows any.
    """

    vary: Vary
    seed: int
    epoch: int
    fewest: Callable[[int], int] | None = None

    def __call__(self, values: np.ndarray, lengths: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Varied sources, one behind the other, and their lengths; the arguments are the same, and the pair numbers."""
        parts = np.split(values, np.cumsum(lengths)[:-1])
        made = [self._one(part, number) for part, number in zip(parts, numbers.tolist(), strict=True)]
        return np.concatenate([values[:0], *made]), np.array([len(one) for one in made], np.int64)

    def _one(self, values: np.ndarray, number: int) -> np.ndarray:
        generator = _generator(self.seed, self.epoch, number)
        fewest = 1 if self.fewest is None else self.fewest(number)
        for _ in range(TRIES):
            if len(made := self.vary(values, generator)) >= fewest:
                return made
        return values


@dataclass(frozen=True)
class VariedPairs:
    """Varies both sides of the pairs of an epoch for training, each pair on its own.

    Args:
        vary: `vary(source, target, generator)` gives the varied numbers of both sides. Their lengths can differ; the
            plan of an epoch is that of the pairs as they are.
        seed, epoch: as in `Varied`.
    """

    vary: VaryPair
    seed: int
    epoch: int

    def __call__(self, source: Side, target: Side, numbers: np.ndarray) -> tuple[Side, Side]:
        """Both sides, varied; the arguments are the same, and the pair numbers."""
        sides = (np.split(values, np.cumsum(lengths)[:-1]) for values, lengths in (source, target))
        pairs = zip(*sides, numbers.tolist(), strict=True)
        made = [self.vary(one, other, _generator(self.seed, self.epoch, number)) for one, other, number in pairs]
        first, second = (
            (np.concatenate(side), np.array([len(one) for one in side], np.int64)) for side in zip(*made, strict=True)
        )
        return first, second


def _generator(seed: int, epoch: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, number]))


def batches(
    corpus: Corpus,
    order: BatchPlan,
    start: int = 0,
    *,
    worker: int = 0,
    workers: int = 1,
    varied: Varied | None = None,
    paired: VariedPairs | None = None,
) -> Iterator[Batch]:
    """The batches of an epoch in order. To continue an interrupted epoch, they begin at number `start`.

    Worker k of n gets the pairs k, k + n, k + 2n … of every batch. The pairs of a batch are sorted by length, so all
    workers have about the same amount of work. Together they get every pair once. If a batch has fewer pairs than there
    are workers, some workers get a batch without rows.
    """
    for number in range(start, len(order)):
        yield collate(corpus, order[number][worker::workers], varied, paired)


def collate(
    corpus: Corpus,
    numbers: Integer[np.ndarray, " rows"],
    varied: Varied | None = None,
    paired: VariedPairs | None = None,
) -> Batch:
    """Pad these pairs to one Batch. An end mark follows each target, and a begin mark precedes the inputs."""
    left, right = (
        (side.take(numbers), side.lengths[numbers].astype(np.int64)) for side in (corpus.source, corpus.target)
    )
    if paired is not None and len(numbers):
        left, right = paired(left, right, numbers)
    values, lengths = left
    if varied is not None and len(numbers):
        values, lengths = varied(values, lengths, numbers)
    source, source_mask = corpus.collate(values, lengths)
    targets, target_mask = with_end(*right)
    inputs = np.where(target_mask, np.roll(targets, 1, axis=1), PAD)
    inputs[:, 0] = BEGIN
    arrays = (source_mask, inputs, targets, target_mask, numbers.astype(np.int64))
    return Batch(tensors(source), *map(torch.from_numpy, arrays))
