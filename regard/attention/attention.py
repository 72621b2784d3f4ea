"""Attention: score, window, select, mix, once for all mechanisms."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.gate import ContextGate
from regard.attention.hierarchical import Hierarchy
from regard.attention.history import History
from regard.attention.moves import Moves
from regard.attention.multihead import Heads
from regard.attention.select import Softmax
from regard.attention.source import Source
from regard.attention.window import GlobalWindow
from regard.check import (
    expect_device,
    expect_dtype,
    expect_floating,
    expect_mask,
    expect_module,
    expect_shape,
    expect_some,
)
from regard.kernels.moves import moved_softmax


@dataclass(frozen=True)
class Attended:
    """The result of one attention call, always this record.

    Args:
        context: the values, mixed by the weights.
        weights: the attention weights; with several heads their mean.
        history: the history, with this call included.
        log_prob, entropy: of a sampled choice (see `select.Selected`); zeros if nothing is sampled. Heads choose
            independently, so both are sums over heads.
        heads: weights of each head; None if there is only one.
    """

    context: Float[Tensor, "batch target value"]
    weights: Float[Tensor, "batch target source"]
    history: History
    log_prob: Float[Tensor, "batch target"]
    entropy: Float[Tensor, "batch target"]
    heads: Float[Tensor, "batch heads target source"] | None = None


class Attention(nn.Module):
    """Look at a source with a query.

        scores        = score(query, prepared keys, history)
        visible, gain = window(query, source, history)
        weights       = select(scores, visible, history) · gain
        context       = weights @ values

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, eq. 5 and 6.

    Args:
        score: an entry of `SCORES`, built.
        select: an entry of `SELECTIONS`, built.
        window: an entry of `WINDOWS`, built.
        heads: projections into several heads (see `multihead.py`), or None for one head without projections.
        gate: how much of the context a query lets in (see `gate.py`), or None for all of it.
        hierarchy: of a source of several memories, a look at each and one at what they gave (see `hierarchical.py`);
            None for one look at everything.
        moves: a term of the score for how far a position is from where the step before looked (see `moves.py`), or
            None.

    A part (score, select, window) is a module with flags. `sequential`: it reads the weights of earlier steps, so
    several steps run one by one. `timed` (default False): it reads the number of earlier steps. A caller without a
    history can use a mechanism only if both are False. A score may have `first_weights(mask)`: the weights of the step
    before the first one; the default is zeros. Training reads two more flags (default False). `sampled`: no gradient
    goes through its choice, so an objective has to use `log_prob`. `annealed`: it reads the temperature.

    Masks: `prepare` takes the source mask (True = real); padding gets a weight of exactly zero, and whatever
    stands there, NaN too, changes nothing. A row without a real position gets zeros.

    Cost: time O(batch·target·source·value), memory O(batch·(target·(source + value) + source·(key + value))).
    Beside those of the parts; a window hides positions, but does not save computing their scores.

    The query [10, 5, 10] against three keys: scores 60, 15, 15, of which softmax leaves the first.

        >>> import torch
        >>> from regard.attention.build import build_attention
        >>> attention = build_attention(3, 3, score="dot")
        >>> keys = torch.tensor([[[5.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]])
        >>> source = attention.prepare(keys, keys, torch.ones(1, 3, dtype=torch.bool))
        >>> attended = attention(torch.tensor([[[10.0, 5.0, 10.0]]]), source, attention.begin(source))
        >>> attended.context.round(decimals=3).tolist()
        [[[5.0, 0.0, 1.0]]]
    """

    def __init__(
        self,
        score: nn.Module,
        select: nn.Module,
        window: nn.Module,
        heads: Heads | None = None,
        gate: ContextGate | None = None,
        hierarchy: Hierarchy | None = None,
        moves: Moves | None = None,
    ) -> None:
        super().__init__()
        # Any: torch knows no type of module with a `prepare`.
        self.score: Any = score
        self.select = select
        self.window = window
        self.heads = heads
        self.gate = gate
        self.hierarchy = hierarchy
        self.moves = moves
        parts = (score, select, window)
        self.sequential = moves is not None or any(bool(part.sequential) for part in parts)
        self.timed = any(bool(getattr(part, "timed", False)) for part in parts)

    def prepare(
        self,
        keys: Float[Tensor, "batch source key"],
        values: Float[Tensor, "batch source value"],
        mask: Bool[Tensor, "batch source"],
    ) -> Source:
        """Project the keys; called once per source. Raises ValueError for a source axis of length 0."""
        _check_source(keys, values, mask)
        expect_module("Attention.prepare", "keys", keys, self)
        real = mask.unsqueeze(-1)
        same = values is keys
        # Filled before any product: 0 · NaN is NaN.
        keys = torch.where(real, keys, 0.0)
        values = keys if same else torch.where(real, values, 0.0)
        if self.heads is None:
            return Source(self.score.prepare(keys), values, mask)
        keys, values = self.heads.split_keys(keys), self.heads.split_values(values)
        prepared = self.score.prepare(keys.flatten(0, 1))
        return Source(prepared.view(*keys.shape[:2], *prepared.shape[1:]), values, mask)

    def begin(self, source: Source, generator: torch.Generator | None = None, temperature: float = 1.0) -> History:
        """The history before the first step.

        Args:
            source: the prepared source.
            generator: gives the seed of each row to a mechanism that samples in training mode; torch's own generator if
                None. Nothing else is drawn from it.
            temperature: see `History`; above zero.
        """
        if not temperature > 0:
            raise ValueError(
                f"Attention.begin: temperature is {temperature}; expected more than 0. Anneal towards zero, not to it."
            )
        width = source.values.size(-2) if self.sequential else 0
        past = source.values.new_zeros(*source.values.shape[:-2], width)
        seed = None
        if self.training and getattr(self.select, "random", False):
            device = "cpu" if generator is None else generator.device
            seed = torch.randint(1 << 62, (past.size(0),), generator=generator, device=device).to(past.device)
        step = torch.zeros(past.size(0), dtype=torch.long, device=past.device)
        annealed = past.new_full((past.size(0),), temperature)
        history = History(step, past, past, step if seed is None else seed, annealed)
        first = getattr(self.score, "first_weights", None)
        if first is None:
            return history
        weights = first(source.mask).to(past.dtype)
        return replace(history, previous=weights if self.heads is None else weights.unsqueeze(1).expand_as(past))

    def forward(self, query: Float[Tensor, "batch target query"], source: Source, history: History) -> Attended:
        """Attend to the source, once for each target position."""
        _check_query(query, source, history)
        attended = self._look(query, source, history)
        if self.gate is None:
            return attended
        return replace(attended, context=self.gate(query, attended.context))

    def _look(self, query: Tensor, source: Source, history: History) -> Attended:
        if self.heads is None:
            return self._run(query, source, history)
        split = self.heads.split_query(query).flatten(0, 1)
        attended = self._run(split, self.heads.fold_source(source), self.heads.fold_history(history))
        heads = (query.size(0), self.heads.num_heads)
        weights = attended.weights.reshape(*heads, *attended.weights.shape[1:])
        return Attended(
            self.heads.merge(attended.context.reshape(*heads, *attended.context.shape[1:])),
            weights.mean(1),
            self.heads.unfold_history(attended.history, history),
            attended.log_prob.reshape(*heads, -1).sum(1),
            attended.entropy.reshape(*heads, -1).sum(1),
            weights,
        )

    def _run(self, query: Tensor, source: Source, history: History) -> Attended:
        if not self.sequential:
            return self._attend(query, source, history)
        if (type(self.select), type(self.window)) == (Softmax, GlobalWindow) and not self.score.sequential:
            return self._follow(query, source, history)
        looks = []
        for position in range(query.size(1)):
            look = self._attend(query[:, position : position + 1], source, history)
            history = look.history
            looks.append(look)
        return Attended(
            torch.cat([look.context for look in looks], 1),
            torch.cat([look.weights for look in looks], 1),
            history,
            torch.cat([look.log_prob for look in looks], 1),
            torch.cat([look.entropy for look in looks], 1),
        )

    def _follow(self, query: Tensor, source: Source, history: History) -> Attended:
        """With softmax everywhere: only what moves add, and softmax, wait for the step before."""
        assert self.moves is not None
        scores = self.score(query, source.prepared, history)
        weights = moved_softmax(scores, self.moves(query), history.previous, source.mask, self.moves.classes)
        nothing = weights.new_zeros(()).expand(weights.shape[:2])
        step, total = history.step + query.size(1), history.total + weights.sum(1)
        history = replace(history, step=step, previous=weights[:, -1], total=total)
        return Attended(weights @ source.values, weights, history, nothing, nothing)

    def _attend(self, query: Tensor, source: Source, history: History) -> Attended:
        scores = self.score(query, source.prepared, history)
        if self.moves is not None:
            scores = scores + self.moves.term(query[:, 0], history.previous).unsqueeze(1)
        visible, gain = self.window(query, source, history)
        if self.hierarchy is None:
            selected = self.select(scores, visible, history)
        else:
            select = partial(self.select, history=history)
            selected = self.hierarchy(query, source.prepared, source.values, scores, visible, select)
        weights = selected.weights if gain is None else selected.weights * gain
        step = history.step + query.size(1)
        if self.sequential:
            history = replace(history, step=step, previous=weights[:, -1], total=history.total + weights.sum(1))
        else:
            history = replace(history, step=step)
        return Attended(weights @ source.values, weights, history, selected.log_prob, selected.entropy)


def _check_source(keys: Tensor, values: Tensor, mask: Tensor) -> None:
    place = "Attention.prepare"
    expect_shape(place, "keys", keys, ("batch", "source", "key"), "Give one row of features per source position.")
    batch, length, _ = keys.shape
    expect_some(place, "keys", keys, "source", "end")
    expect_shape(place, "values", values, (batch, length, "value"), "Give one value per key.")
    expect_shape(place, "mask", mask, (batch, length), "Give one entry per key.")
    expect_mask(place, mask)
    expect_floating(place, "keys", keys)
    expect_dtype(place, "values", values, "keys", keys)
    expect_device(place, "values", values, "keys", keys)
    expect_device(place, "mask", mask, "keys", keys)


def _check_query(query: Tensor, source: Source, history: History) -> None:
    batch, values = source.mask.size(0), source.values
    fits = query.dim() == 3 and query.size(0) == history.step.size(0) == batch and query.size(1) > 0
    if fits and (query.dtype, query.device) == (values.dtype, values.device):
        return
    place = "Attention.forward"
    expect_shape(place, "query", query, (batch, "target", "query"), "Give one row of queries per source.")
    expect_some(place, "query", query, "target", "begin")
    expect_dtype(place, "query", query, "the source", source.values)
    expect_device(place, "query", query, "the source", source.values)
    if history.step.size(0) != batch:
        raise ValueError(
            f"{place}: history has {history.step.size(0)} rows; expected {batch}, those of the source. "
            "Select the same rows of both."
        )
