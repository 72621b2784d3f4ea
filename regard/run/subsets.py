"""The pairs to learn from, and the pairs held out for validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np

from regard.config import Config, DataConfig
from regard.config.fitting_learning import SPELLED
from regard.data.batch import Batch
from regard.data.batches import BatchPlan, Varied, VariedPairs, batches, plan
from regard.data.bpe_dropout import DropMerges
from regard.data.copying import CopySource, not_copied
from regard.data.corpus import Corpus
from regard.data.corpus_writer import labels_needed
from regard.data.edits import HallucinatedEdits
from regard.data.hallucination import Hallucination
from regard.data.joined_pairs import Joining
from regard.data.readers import PairFiles
from regard.data.several import SeveralTexts
from regard.data.shards import prepare
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError

HELD_OUT_SHARE, HELD_OUT_MOST = 0.02, 1000
LOOKED_AT = 10_000
"""Pairs of which one at least has to have letters that can be replaced."""


@dataclass(frozen=True)
class Subset:
    """Some or all pairs of a corpus, batched by length.

    Args:
        corpus: the whole corpus.
        rows: the numbers of the pairs, int32; None for all pairs, which takes no memory.
        data: the section of the recipe that says how to make batches.
        varied: whether the sources are varied as the recipe says; pairs to validate on are not.
        ctc_stride: input positions per position of the memory, where CTC needs to align the targets.
        hallucination: what makes up pairs to learn from; None for none.
        split_anew: splits texts to learn from into other pieces; None leaves them as they are.
    """

    corpus: Corpus
    rows: np.ndarray | None
    data: DataConfig
    varied: bool = False
    ctc_stride: int | None = None
    hallucination: Hallucination | HallucinatedEdits | None = None
    split_anew: DropMerges | None = None

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
        """Raises UsageError if the longest pair does not fit into a batch, or if no pair can be made up."""
        self._check_hallucination()
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

    def _check_hallucination(self) -> None:
        """Of the first pairs, one at least has letters to replace."""
        if self.hallucination is None:
            return
        source, target = self.corpus.source, self.corpus.target
        if not any(len(self.hallucination.places(source[n], target[n])) for n in self.first(LOOKED_AT)):
            raise UsageError(
                f"data.hallucinate.share is {self.data.hallucinate.share}, and source and target share no "
                f"{max(self.data.hallucinate.shortest, self.data.hallucinate.kept + 1)} letters in a row. Lower "
                "data.hallucinate.shortest or kept, or set share to 0."
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
        varied = None if vary is None else Varied(vary, seed, epoch, self._fewest)
        both = self.hallucination or self.split_anew
        paired = None if both is None else VariedPairs(both, seed, epoch)
        return batches(self.corpus, order, start, worker=worker, workers=workers, varied=varied, paired=paired)

    def _fewest(self, number: int) -> int:
        """Positions of the source that CTC needs for the target of a pair."""
        if self.ctc_stride is None:
            return 1
        return 1 + self.ctc_stride * (labels_needed(self.corpus.target[number].tolist()) - 1)


class Limits(TypedDict):
    """Which pairs of a corpus are used: most tokens of a target, most positions of a source, and the input positions
    per position of the memory where CTC needs to align the targets."""

    max_length: int
    max_source_length: int | tuple[int, ...]
    ctc_stride: int | None


def limits_of(config: Config) -> Limits:
    """The limits of a recipe."""
    longest, stride = config.data.max_length, config.model.encoder.stride if config.training.ctc else None
    return Limits(max_length=longest, max_source_length=config.data.source.limit(longest), ctc_stride=stride)


def joined(config: Config, files: PairFiles, validation: PairFiles | None) -> PairFiles:
    """The pairs to learn from, joined as the recipe says.

    Raises UsageError without `validation`: what is held out would be a part of what is learned.
    """
    options = config.data.join
    if not options.words:
        return files
    if validation is None:
        raise UsageError(
            f"data.join.words is {options.words}, and no pairs are given to validate on; those that are held out would "
            "also be a part of joined pairs. Give --dev."
        )
    return replace(files, joining=Joining(options.words, options.share, options.rounds, config.training.seed))


def split(
    config: Config, files: PairFiles, validation: PairFiles | None, source: Source, target: Tokenizer, cache: Path
) -> tuple[Subset, Subset]:
    """The pairs to learn from, and the pairs to validate on.

    Without `validation`, some pairs are drawn from the corpus by the seed of the recipe. Only one worker validates, so
    batches of the pairs to validate on are not shared.
    """
    data, alone = config.data, config.data.model_copy(update={"workers": 1})
    limits = limits_of(config)
    stride = limits["ctc_stride"]
    corpus = prepare(files, source, target, **limits, cache=cache)
    learned = partial(
        Subset,
        corpus,
        data=data,
        varied=True,
        ctc_stride=stride,
        hallucination=_made_up(data, source, target),
        split_anew=_split_anew(data, source, target),
    )
    if validation is not None:
        other = prepare(validation, source, target, **limits, cache=cache)
        return learned(None), Subset(other, None, alone)
    group, groups = _together(corpus)
    if groups < 2:
        thing = "One pair is" if len(corpus) == 1 else "One source, of all pairs, is"
        raise UsageError(f"{thing} too few to hold any out for validation. Give more, or give --dev.")
    count = max(1, min(HELD_OUT_MOST, int(groups * HELD_OUT_SHARE)))
    chosen = np.zeros(groups, dtype=bool)
    chosen[np.random.default_rng(config.training.seed).choice(groups, count, replace=False)] = True
    held = chosen if group is None else chosen[group]
    learn, rest = (np.flatnonzero(chosen).astype(np.int32) for chosen in (~held, held))
    return learned(learn), Subset(corpus, rest, alone)


def _split_anew(data: DataConfig, source: Source, target: Tokenizer) -> DropMerges | None:
    """What splits texts into other pieces, as the recipe says."""
    if not data.bpe_dropout:
        return None
    assert source.tokenizer is not None, "the recipe lets texts alone be split"
    drop = target.dropping(data.bpe_dropout)
    other = drop if source.tokenizer is target else source.tokenizer.dropping(data.bpe_dropout)
    return DropMerges(other, drop, data.max_length)


def _made_up(data: DataConfig, source: Source, target: Tokenizer) -> Hallucination | HallucinatedEdits | None:
    """What makes up pairs, as the recipe says."""
    options, plain = data.hallucinate, not_copied(source)
    if not options.share:
        return None
    assert plain.tokenizer is not None, "the recipe lets texts alone be made up"
    texts = plain.texts_of(SPELLED) if isinstance(plain, SeveralTexts) else plain.tokenizer.texts
    letters = Hallucination(options.share, options.shortest, options.kept, texts, target.texts)
    edits = isinstance(source, CopySource) and source.edits
    return HallucinatedEdits(letters, target.size) if edits else letters


def _together(corpus: Corpus) -> tuple[np.ndarray | None, int]:
    """Which group each pair belongs to, None where each is one of its own, and how many there are.

    What is said of one file, on one line or on several, is held out together, or validation would know its source.
    """
    first = corpus.first
    if first is None:  # of texts, and of a corpus that an earlier version wrote: what stands on one line
        starts = np.ones(len(corpus), dtype=bool)
        starts[1:] = corpus.lines[1:] != corpus.lines[:-1]
        groups = int(starts.sum())
        return (None if groups == len(corpus) else np.cumsum(starts) - 1), groups
    distinct, group = np.unique(first, return_inverse=True)
    return (None if len(distinct) == len(corpus) else group), len(distinct)
