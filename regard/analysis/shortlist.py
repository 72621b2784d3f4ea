"""Which target words a source word may become, counted from the attention weights of the model on pairs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regard.data.batch import END, Batch
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.shortlist import Shortlist

PENDING = 1 << 22
"""Links that are held one by one before they are counted."""


@dataclass(frozen=True)
class Choice:
    """How many of the counted links are kept.

    Args:
        targets: at most so many target tokens for each source token, the most frequent ones.
        links: a target token needs so many links with the source token.
        common: target tokens that every sentence may use, the most frequent of all.
    """

    targets: int = 50
    links: int = 2
    common: int = 300


class Links:
    """Counts, for each target token, the source token of its largest weight.

    Args:
        sizes: entries of the source and the target vocabulary.
    """

    def __init__(self, sizes: tuple[int, int]) -> None:
        self.sizes = sizes
        self.frequency = np.zeros(sizes[1], np.int64)
        self._keys = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int64)
        self._pending: list[np.ndarray] = []

    def add(self, batch: Batch, weights: Tensor) -> None:
        """Those of one batch, given what was looked at, (batch, target, source)."""
        most = weights.max(2)
        known = batch.targets < self.sizes[1]  # what else there is, a word of the source, may be copied anyway
        looked = batch.target_mask & (most.values > 0) & known
        assert isinstance(batch.source, Tensor), "shortlists are for sources that are texts"
        read = batch.source if batch.source.dim() == 2 else batch.source[..., 0]
        targets, sources = batch.targets[looked], read.gather(1, most.indices)[looked]
        keys = sources * self.sizes[1] + targets
        self.frequency += np.bincount(targets.cpu().numpy(), minlength=self.sizes[1])
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
    """Force the targets of pairs, and count the links between source and target tokens.

    Args:
        model: in evaluation mode.
        batches: of pairs; the training pairs are best.
        sizes: entries of the source and the target vocabulary.
        joint: whether both sides have one vocabulary; then a token may become itself, such as a copied name.
        choice: how many links are kept.

    Raises ValueError for a model without attention.
    """
    links = Links(sizes)
    device = next(model.parameters()).device
    for batch in batches:
        here = batch.to(device)
        weights = model(here).weights
        if not weights.any():
            raise ValueError("its decoder looks at nothing, so that no words are linked. Train one that looks.")
        links.add(here, weights)
    common = np.sort(np.argsort(-links.frequency, kind="stable")[: choice.common])
    starts, targets = _kept(links, joint, choice)
    # From lists: an array without entries becomes a tensor of stride 0, which no file takes.
    lists = [torch.tensor(part.tolist(), dtype=torch.long) for part in (common, starts, targets)]
    return Shortlist(lists[0], lists[1], lists[2], sizes[1])


def _kept(links: Links, joint: bool, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Where the targets of each source token begin, and the targets."""
    source_size, target_size = links.sizes
    sources, targets, counts = links.counts()
    words = targets > END  # marks are allowed anyway
    sources, targets, counts = sources[words], targets[words], counts[words]
    rank = np.arange(len(sources)) - np.searchsorted(sources, sources)
    kept = (rank < choice.targets) & (counts >= choice.links)
    itself = np.arange(END + 1, min(source_size, target_size) if joint else 0)
    keys = np.unique(np.concatenate([sources[kept] * target_size + targets[kept], itself * (target_size + 1)]))
    owners, targets = np.divmod(keys, target_size)
    return np.searchsorted(owners, np.arange(source_size + 1)), targets
