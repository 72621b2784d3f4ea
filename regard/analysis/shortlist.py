"""Which target words a source word may become: the model's own attention on pairs says it, so no aligner is needed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regard.data.batch import END, Batch
from regard.model import EncoderDecoder
from regard.search.shortlist import Shortlist

PENDING = 1 << 22
"""Links that are held one by one before they are counted."""


@dataclass(frozen=True)
class Choice:
    """How much of what was seen is kept.

    Args:
        targets: target tokens of a source token, the most frequent first, at most.
        share: of the links of a source token that one of its targets must have, at least.
        common: target tokens that every sentence may use, the most frequent of all.
        threshold: a target token is linked with what it looked at most, and all that has this weight.
    """

    targets: int = 20
    share: float = 0.002
    common: int = 100
    threshold: float = 0.2


class Links:
    """Counts how often a target token looked at a source token.

    Args:
        sizes: entries of the source and the target vocabulary.
        threshold: see `Choice`.
    """

    def __init__(self, sizes: tuple[int, int], threshold: float) -> None:
        self.sizes = sizes
        self.threshold = threshold
        self.frequency = np.zeros(sizes[1], np.int64)
        self._keys = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int64)
        self._pending: list[np.ndarray] = []

    def add(self, batch: Batch, weights: Tensor) -> None:
        """Those of one batch, given what was looked at, (batch, target, source)."""
        real = batch.target_mask.unsqueeze(2) & batch.source_mask.unsqueeze(1)
        weights = weights.masked_fill(~real, 0.0)
        linked = (weights >= self.threshold) | ((weights == weights.amax(2, keepdim=True)) & (weights > 0))
        rows, targets, sources = linked.nonzero().unbind(1)
        keys = batch.source[rows, sources] * self.sizes[1] + batch.targets[rows, targets]
        self.frequency += np.bincount(batch.targets[batch.target_mask].cpu().numpy(), minlength=self.sizes[1])
        self._pending.append(keys.cpu().numpy())
        if sum(map(len, self._pending)) > PENDING:
            self._count()

    def counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source token, target token and how often, by source token, the most frequent first."""
        self._count()
        sources, targets = np.divmod(self._keys, self.sizes[1])
        order = np.lexsort((targets, -self._counts, sources))
        return sources[order], targets[order], self._counts[order]

    def _count(self) -> None:
        keys, places = np.unique(np.concatenate([self._keys, *self._pending]), return_inverse=True)
        ones = [np.ones(len(each), np.int64) for each in self._pending]
        self._counts = np.bincount(places, np.concatenate([self._counts, *ones]), len(keys)).astype(np.int64)
        self._keys, self._pending = keys, []


@torch.inference_mode()
def collect(
    model: EncoderDecoder, batches: Iterable[Batch], sizes: tuple[int, int], *, joint: bool, choice: Choice
) -> Shortlist:
    """Force the targets of pairs, and keep which source tokens each target token looked at.

    Args:
        model: in evaluation mode.
        batches: of pairs; those that it learnt from are best.
        sizes: entries of the source and the target vocabulary.
        joint: they are one vocabulary, so that a token may become itself: a name that is copied.
        choice: how much is kept.

    Raises ValueError for a model that looks at nothing.
    """
    links = Links(sizes, choice.threshold)
    device = next(model.parameters()).device
    for batch in batches:
        here = batch.to(device)
        weights = model(here).weights
        if not weights.any():
            raise ValueError("its decoder looks at nothing, so that no words are linked. Train one that looks.")
        links.add(here, weights)
    sources, targets, counts = links.counts()
    starts = np.searchsorted(sources, np.arange(sizes[0] + 1))
    rank = np.arange(len(sources)) - starts[sources]
    totals = np.bincount(sources, counts, sizes[0])
    kept = (rank < choice.targets) & (counts >= choice.share * totals[sources]) & (targets > END)
    own = np.arange(END + 1, sizes[1] if joint else 0)
    owners = np.concatenate([sources[kept], own])
    words = np.concatenate([targets[kept], own])
    keys = np.unique(owners * sizes[1] + words)
    owners, words = np.divmod(keys, sizes[1])
    common = np.argsort(-links.frequency, kind="stable")[: choice.common]
    ends = np.searchsorted(owners, np.arange(sizes[0] + 1))
    return Shortlist(torch.from_numpy(np.sort(common)), torch.from_numpy(ends), torch.from_numpy(words), sizes[1])
