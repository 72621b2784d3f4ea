"""The pairs to learn from, and the pairs held out for validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from regard.config import Config, DataConfig
from regard.data.batch import Batch
from regard.data.batches import BatchPlan, Varied, batches, plan
from regard.data.corpus import Corpus
from regard.data.readers import PairFiles
from regard.data.shards import prepare
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError

HELD_OUT_SHARE, HELD_OUT_MOST = 0.02, 1000


@dataclass(frozen=True)
class Subset:
    """Some or all pairs of a corpus, batched by length.

    Args:
        corpus: the whole corpus.
        rows: the numbers of the pairs, int32; None for all pairs, which takes no memory.
        data: the section of the recipe that says how to make batches.
        varied: whether the sources are varied as the recipe says; pairs to validate on are not.
    """

    corpus: Corpus
    rows: np.ndarray | None
    data: DataConfig
    varied: bool = False

    def __len__(self) -> int:
        return len(self.corpus) if self.rows is None else len(self.rows)

    def first(self, count: int) -> list[int]:
        """The numbers of the first pairs, at most `count`."""
        return list(range(min(count, len(self)))) if self.rows is None else self.rows[:count].tolist()

    @property
    def longest(self) -> int:
        """The number of the pair with the most tokens on one side, without marks."""
        source, target = self.corpus.source_lengths, self.corpus.target_lengths
        if self.rows is None:
            return int(np.maximum(source, target).argmax())
        return int(self.rows[np.maximum(source[self.rows], target[self.rows]).argmax()])

    def check(self) -> None:
        """Raises UsageError if the longest pair does not fit into a batch."""
        if self.data.batch_by != "tokens":
            return
        most, pair = self.data.batch_size * (self.data.workers or 1), self.longest
        longest = 1 + int(max(self.corpus.source_lengths[pair], self.corpus.target_lengths[pair]))
        if longest > most:
            file, line = self.corpus.origin(pair)
            raise UsageError(
                f"data.batch_size is {self.data.batch_size} tokens, and the longest pair has {longest} with its mark "
                f"({file}, line {line}). Raise data.batch_size, or lower data.max_length, which leaves such pairs out."
            )

    def plan(self, seed: int, epoch: int) -> BatchPlan:
        """The batches of an epoch: a function of corpus, rows, seed and epoch."""
        size = {f"max_{self.data.batch_by}": self.data.batch_size * (self.data.workers or 1)}
        source, target = self.corpus.source_lengths, self.corpus.target_lengths
        if self.rows is None:
            return plan(source, target, seed=seed, epoch=epoch, **size)
        order = plan(source[self.rows], target[self.rows], seed=seed, epoch=epoch, **size)
        return replace(order, pairs=self.rows[order.pairs])

    def batches(self, seed: int, epoch: int, start: int = 0, *, worker: int = 0, workers: int = 1) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on. Each of several workers gets its own rows of every batch."""
        order, vary = self.plan(seed, epoch), self.data.source.variation() if self.varied else None
        varied = None if vary is None else Varied(vary, seed, epoch)
        return batches(self.corpus, order, start, worker=worker, workers=workers, varied=varied)


class Limits(TypedDict):
    """Which pairs of a corpus are used: most tokens of a target, most positions of a source, and the input positions
    per position of the memory where CTC needs to align the targets."""

    max_length: int
    max_source_length: int
    ctc_stride: int | None


def limits_of(config: Config) -> Limits:
    """The limits of a recipe."""
    longest, stride = config.data.max_length, config.model.encoder.stride if config.training.ctc else None
    return Limits(max_length=longest, max_source_length=config.data.source.limit(longest), ctc_stride=stride)


def split(
    config: Config, files: PairFiles, validation: PairFiles | None, source: Source, target: Tokenizer, cache: Path
) -> tuple[Subset, Subset]:
    """The pairs to learn from, and the pairs to validate on.

    Without `validation`, some pairs are drawn from the corpus by the seed of the recipe. Only one worker validates, so
    batches of the pairs to validate on are not shared.
    """
    data, alone = config.data, config.data.model_copy(update={"workers": 1})
    limits = limits_of(config)
    corpus = prepare(files, source, target, **limits, cache=cache)
    if validation is not None:
        other = prepare(validation, source, target, **limits, cache=cache)
        return Subset(corpus, None, data, varied=True), Subset(other, None, alone)
    first = np.ones(len(corpus), dtype=bool)  # of its line: what a manifest says of one file is held out together
    first[1:] = corpus.lines[1:] != corpus.lines[:-1]
    lines = int(first.sum())
    if lines < 2:
        raise UsageError("One pair is too few to hold any out for validation. Give more, or give --dev.")
    count = max(1, min(HELD_OUT_MOST, int(lines * HELD_OUT_SHARE)))
    chosen = np.zeros(lines, dtype=bool)
    chosen[np.random.default_rng(config.training.seed).choice(lines, count, replace=False)] = True
    held = chosen if lines == len(corpus) else chosen[np.cumsum(first) - 1]
    learn, rest = (np.flatnonzero(chosen).astype(np.int32) for chosen in (~held, held))
    return Subset(corpus, learn, data, varied=True), Subset(corpus, rest, alone)
