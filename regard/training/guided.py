"""Guided alignment: a term that wants each target token to look where given links say."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.training.objective import Loss

LEAST = 1e-6
"""Added to the mass on the links, so that a position that no weight can reach, as outside of a window, costs no more
than 14 nats."""


@dataclass(frozen=True)
class GivenLinks:
    """Links between the tokens of the pairs of a corpus, those of all pairs one after the other.

    Args:
        starts: of each pair, the number of its first link; the number of all links follows.
        sources: of each link, the position of the memory.
        targets: of each link, the target token; those of one pair ascend.
    """

    starts: Int[np.ndarray, " pairs_and_one"]
    sources: Int[np.ndarray, " links"]
    targets: Int[np.ndarray, " links"]

    def of(self, pairs: Int[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The links of some pairs: the place of the pair among these, the target token, the position."""
        counts = self.starts[pairs + 1] - self.starts[pairs]
        rows = np.repeat(np.arange(len(pairs)), counts)
        within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        links = np.repeat(self.starts[pairs], counts) + within
        return rows, self.targets[links].astype(np.int64), self.sources[links].astype(np.int64)


class WithGuidedAlignment(nn.Module):
    """An objective, and a term that is 0 where all weight of each linked token lies on what it is linked to.

        total = total of the objective + λ Σ over rows and linked tokens t: -log Σ over i linked to t: α(t,i)

    Source: Chen et al. 2016, "Guided Alignment Training for Topic-Aware Neural Machine Translation", arXiv:1607.01628,
    section 3.2; Mi, Wang & Ittycheriah 2016, "Supervised Attentions for Neural Machine Translation", arXiv:1608.00112.
    They want the weight spread evenly over the links of a token; here the model may choose among them, since a word of
    several tokens need not be looked at as a whole. For a token with one link both are the same. Tokens without a link
    are free. Of several heads α is the mean.

    Args:
        objective: maps model, its output for a batch, and the batch to a `Loss`, by its method `loss`.
        weight: λ, 0 or more.
        links: of the pairs that `Batch.order` numbers.
        until_step: the last update with the term; None for all. Links show attention early where to look, and what it
            learns from them stays; from then on it may look elsewhere, where links are wrong or missing.

    `nll` and `tokens` of the loss are those of the objective.
    """

    def __init__(self, objective: nn.Module, weight: float, links: GivenLinks, until_step: int | None = None) -> None:
        super().__init__()
        if not weight >= 0:
            raise ValueError(f"WithGuidedAlignment: weight is {weight}; expected 0 or more. Try 0.3.")
        self.objective: Any = objective
        self.weight = weight
        self.links = links
        self.until_step = until_step

    def at(self, step: int) -> nn.Module:
        """The objective of an update: without the term after the last one."""
        return self if self.until_step is None or step <= self.until_step else self.objective

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch, with the term."""
        return self.loss(model, model(batch, temperature), batch)

    def loss(self, model: Any, unrolled: Unrolled, batch: Batch) -> Loss:
        """The same, from the output of the model for the batch."""
        loss: Loss = self.objective.loss(model, unrolled, batch)
        return replace(loss, total=loss.total + self.weight * surprise(unrolled, batch, self.links).sum())


def surprise(unrolled: Unrolled, batch: Batch, links: GivenLinks) -> Float[Tensor, " batch"]:
    """Σ over linked tokens t: -log Σ over i linked to t: α(t,i), of each row, in nats."""
    weights = unrolled.weights
    rows, targets, sources = (torch.from_numpy(each).to(weights.device) for each in links.of(batch.order.cpu().numpy()))
    mass = torch.zeros_like(weights[..., 0]).index_put(
        (rows, targets), weights[rows, targets, sources], accumulate=True
    )
    linked = torch.zeros_like(batch.target_mask).index_put((rows, targets), torch.ones_like(rows, dtype=torch.bool))
    return -(mass.clamp_min(0) + LEAST).log().masked_fill(~linked, 0.0).sum(1)
