"""Attention: score, window, select, mix, once for all mechanisms."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.source import Source


@dataclass(frozen=True)
class Attended:
    """What came of one look, always this record.

    Args:
        context: the values, mixed by the weights.
        weights: what was looked at.
        history: the past, this look included.
        log_prob, entropy: of a sampled choice (see `select.Selected`); zeros where nothing is sampled.
    """

    context: Float[Tensor, "batch target value"]
    weights: Float[Tensor, "batch target source"]
    history: History
    log_prob: Float[Tensor, "batch target"]
    entropy: Float[Tensor, "batch target"]


class Attention(nn.Module):
    """Look at a source with a query.

        scores        = score(query, prepared keys, history)
        visible, gain = window(query, source, history)
        weights       = select(scores, visible, history) · gain
        context       = weights @ values

    Args:
        score: an entry of `SCORES`, built.
        select: an entry of `SELECTIONS`, built.
        window: an entry of `WINDOWS`, built.

    Masks: `prepare` takes the source mask (True = real); padding gets a weight of exactly zero, and whatever
    stands there, NaN too, changes nothing. A row without a real position gets zeros.
    """

    def __init__(self, score: nn.Module, select: nn.Module, window: nn.Module) -> None:
        super().__init__()
        self.score = score
        self.select = select
        self.window = window
        self.sequential = any(bool(part.sequential) for part in (score, select, window))

    def prepare(
        self,
        keys: Float[Tensor, "batch source key"],
        values: Float[Tensor, "batch source value"],
        mask: Bool[Tensor, "batch source"],
    ) -> Source:
        """Project the keys; called once per source. Raises ValueError for a source axis of length 0."""
        if keys.size(1) == 0:
            raise ValueError(
                f"Attention.prepare: keys have shape {tuple(keys.shape)}; expected at least one source position. "
                "Give an empty source its end mark."
            )
        padding = ~mask.unsqueeze(-1)
        keys, values = keys.masked_fill(padding, 0.0), values.masked_fill(padding, 0.0)
        return Source(self.score.prepare(keys), values, mask)

    def begin(self, source: Source) -> History:
        """The history before the first step."""
        batch, length = source.mask.shape
        past = source.values.new_zeros(batch, length if self.sequential else 0)
        return History(torch.zeros(batch, dtype=torch.long, device=past.device), past, past)

    def forward(self, query: Float[Tensor, "batch target query"], source: Source, history: History) -> Attended:
        """Look once per target position."""
        if not self.sequential:
            return self._look(query, source, history)
        looks = []
        for position in range(query.size(1)):
            look = self._look(query[:, position : position + 1], source, history)
            history = look.history
            looks.append(look)
        return Attended(
            torch.cat([look.context for look in looks], 1),
            torch.cat([look.weights for look in looks], 1),
            history,
            torch.cat([look.log_prob for look in looks], 1),
            torch.cat([look.entropy for look in looks], 1),
        )

    def _look(self, query: Tensor, source: Source, history: History) -> Attended:
        scores = self.score(query, source.prepared, history)
        visible, gain = self.window(query, source, history)
        selected = self.select(scores, visible, history)
        weights = selected.weights if gain is None else selected.weights * gain
        if self.sequential:
            past = weights[:, -1]
            history = History(history.step + query.size(1), past, history.total + weights.sum(1))
        return Attended(weights @ source.values, weights, history, selected.log_prob, selected.entropy)
