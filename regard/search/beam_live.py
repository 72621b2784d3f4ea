"""The hypotheses of a beam that still go on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from regard.data.batch import BEGIN
from regard.search.allocation import allocated
from regard.search.diversity import Diversity
from regard.search.step_function import Choices, read


@dataclass(frozen=True)
class Live:
    """Hypotheses that go on, `slots` side by side for each sentence.

    Args:
        sentences: numbers of the sentences in the batch, ascending.
        tokens: the last token of each hypothesis.
        log_probs: what hypotheses are compared by, float64: their log-probabilities less all penalties; -inf for an
            empty slot.
        parents: the slot at the step before that each continues.
        rows: the row of the state that each continues; means nothing for an empty slot.
        coverage: sum of the weights so far; a zero of width 1 where none has been kept.
        free: slots of each sentence that no finished hypothesis has taken.
        penalties: the sum of those of each hypothesis; no columns where there are none.
    """

    sentences: Int[np.ndarray, " live"]
    tokens: Int[np.ndarray, "live slots"]
    log_probs: Float[np.ndarray, "live slots"]
    parents: Int[np.ndarray, "live slots"]
    rows: Int[np.ndarray, "live slots"]
    coverage: Float[np.ndarray, "live slots source"]
    free: Int[np.ndarray, " live"]
    penalties: Float[np.ndarray, "live penalized"]

    @classmethod
    def start(cls, sentences: Int[np.ndarray, " batch"], size: int) -> "Live":
        """One hypothesis per sentence, the begin mark; the other slots are empty."""
        batch = len(sentences)
        zeros = np.zeros((batch, size), dtype=np.int64)
        log_probs = np.full((batch, size), -np.inf)
        log_probs[:, 0] = 0.0
        coverage = np.zeros((batch, size, 1), dtype=np.float32)
        nothing = np.zeros((batch, 0))
        return cls(sentences, zeros + BEGIN, log_probs, zeros, zeros, coverage, np.full(batch, size), nothing)

    @cached_property
    def filled(self) -> Int[np.ndarray, " rows"]:
        """The slots that hold a hypothesis, counted through all sentences."""
        slots: Int[np.ndarray, " rows"] = (self.log_probs > -np.inf).ravel().nonzero()[0]
        return slots

    def keep(
        self,
        kept: Int[np.ndarray, " kept"],
        log_probs: Float[np.ndarray, "live slots"],
        free: Int[np.ndarray, " live"],
    ) -> "Live":
        """The sentences in these places of all; log-probabilities and free slots of all are new."""
        parts = (self.sentences, self.tokens, log_probs, self.parents, self.rows, self.coverage, free, self.penalties)
        return Live(*(part.take(kept, 0) for part in parts))

    def join(self, later: "Live") -> "Live":
        """The sentences of another behind these."""
        width = max(self.coverage.shape[2], later.coverage.shape[2])
        slots = max(self.penalties.shape[1], later.penalties.shape[1])
        first, second = (
            replace(each, coverage=_widened(each.coverage, width), penalties=_widened(each.penalties, slots))
            for each in (self, later)
        )
        return Live(*(np.concatenate([getattr(each, part.name) for each in (first, second)]) for part in fields(self)))

    def expand(self, found: Choices, diversity: Diversity | None = None, *, track: bool) -> "Live":
        """Continue every hypothesis and keep the best of each sentence.

        Args:
            found: what may come next in each that is filled.
            diversity: what keeps groups apart, where each sentence is one.
            track: whether to keep the coverage.
        """
        (live, size), slots = self.tokens.shape, self.filled
        choices, log_probs = read(found, self.sentences.take(slots // size))
        width = choices.shape[1]
        # The row of each slot. An empty slot gets that of another, but has -inf to add to.
        owners = slots.searchsorted(np.arange(live * size), side="right") - 1
        penalties = None if found.penalties is None else found.penalties.numpy(force=True)
        compared = log_probs if penalties is None else log_probs - penalties
        totals = (self.log_probs.reshape(-1, 1) + compared.take(owners, 0)).reshape(live, size * width)
        if found.missing is not None:
            missing = found.missing.numpy(force=True).take(owners, 0).reshape(totals.shape)
            totals = allocated(totals, missing, self.free)
        avoided = None
        if diversity is not None:
            said = choices.take(owners, 0).reshape(totals.shape)
            totals, avoided = diversity.chosen(self.sentences, totals, said, self.free)
        # The stable sort is what sends ties to the lower slot, then to the lower token.
        places = (-totals).argsort(axis=1, kind="stable")[:, :size]
        parents, first = places // width, np.arange(0, live * size, size)[:, None]
        rows = owners.take(parents + first)
        log_probs = totals.take(places + first * width)
        log_probs[np.arange(size) >= self.free[:, None]] = -np.inf
        cells = places + (rows - parents) * width
        tokens = choices.take(cells)
        costs = [] if penalties is None else [penalties.take(cells)]
        costs += [] if avoided is None else [avoided.take(places + first * width)]
        coverage = self.coverage
        if track:
            attended = found.weights.detach().float().cpu().numpy()[rows]
            width = max(attended.shape[2], coverage.shape[2])
            coverage = _widened(coverage, width)[np.arange(live)[:, None], parents] + _widened(attended, width)
        charged = self._charged(parents, costs)
        return Live(self.sentences, tokens, log_probs, parents, rows, coverage, self.free, charged)

    def _charged(self, parents: Int[np.ndarray, "live slots"], costs: Sequence[np.ndarray]) -> np.ndarray:
        """What continuations of these slots have paid, with what their last tokens cost."""
        if not costs:
            return self.penalties
        return np.take_along_axis(_widened(self.penalties, parents.shape[1]), parents, 1) + sum(costs)


def _widened(numbers: Float[np.ndarray, "live ... some"], width: int) -> Float[np.ndarray, "live ... width"]:
    """With zeros along the last axis."""
    missing = width - numbers.shape[-1]
    return np.pad(numbers, (*[(0, 0)] * (numbers.ndim - 1), (0, missing))) if missing > 0 else numbers
