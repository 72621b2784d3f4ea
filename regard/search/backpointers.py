"""Every choice of a search, each with a pointer to the one before it; followed back once the search is over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from regard.search.hypothesis import Hypothesis


@dataclass(frozen=True, slots=True)
class End:
    """Where a hypothesis ends.

    Args:
        sentence: its number in the batch.
        length: its tokens.
        slot: its place among the hypotheses of its sentence at its last step.
        log_prob, score: as in `Hypothesis`.
    """

    sentence: int
    length: int
    slot: int
    log_prob: float
    score: float


class Backpointers:
    """Every choice of a search, with a pointer to the choice before it.

    Nothing is copied while the search runs: a beam that reorders its hypotheses leaves tokens and weights where they
    were written, and `hypotheses` follows the pointers.

    Attributes:
        steps: of each step the arguments of `add`, which appends them.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Tensor]] = []
        self._began = np.zeros(0, dtype=np.int64)
        self._source_lengths: list[int] = []

    def add_sentences(self, source_lengths: Int[Tensor, " batch"]) -> Int[np.ndarray, " batch"]:
        """Sentences whose first step comes next, with the real source positions of each; returns their numbers."""
        self._source_lengths += source_lengths.tolist()
        self._began = np.append(self._began, np.full(source_lengths.numel(), len(self.steps)))
        return np.arange(len(self._began) - source_lengths.numel(), len(self._began))

    def lengths(self, sentences: Int[np.ndarray, " live"]) -> Int[np.ndarray, " live"]:
        """The steps that each has taken."""
        return len(self.steps) - self._began.take(sentences)

    def add(
        self,
        sentences: Int[np.ndarray, " live"],
        parents: Int[np.ndarray, "live slots"],
        tokens: Int[np.ndarray, "live slots"],
        rows: Int[np.ndarray, "live slots"],
        weights: Float[Tensor, "rows source"],
    ) -> None:
        """One step.

        Args:
            sentences: numbers of the sentences that are still searched, ascending.
            parents: the slot that each choice continues.
            tokens: the choices.
            rows: of the weights, those of each choice.
            weights: what the continued hypotheses attended to.
        """
        self.steps.append((sentences, parents, tokens, rows, weights.detach()))

    def hypotheses(self, ends: Sequence[End]) -> list[Hypothesis]:
        """Tokens and weights that lead to each end; the weights are cut to the real positions of its source."""
        steps = [(*choices, weights.cpu().numpy()) for *choices, weights in self.steps]
        sentence, length, slot = (
            np.array([getattr(end, name) for end in ends], dtype=np.int64) for name in ("sentence", "length", "slot")
        )
        began = self._began[sentence]
        ended = began + length
        widest = max((step[-1].shape[1] for step in steps), default=0)
        tokens = np.zeros((len(ends), length.max(initial=0)), dtype=np.int64)
        weights = np.empty((*tokens.shape, widest), dtype=np.float32)  # what is cut out of it below is written first
        for number, (live, parents, chosen, rows, attended) in reversed(list(enumerate(steps))):
            on = ((began <= number) & (number < ended)).nonzero()[0]
            position, choice = number - began[on], (live.searchsorted(sentence[on]), slot[on])
            tokens[on, position] = chosen[choice]
            weights[on, position, : attended.shape[1]] = attended[rows[choice]]
            slot[on] = parents[choice]
        return [
            Hypothesis(
                tuple(tokens[row, : end.length].tolist()),
                end.log_prob,
                end.score,
                weights[row, : end.length, : self._source_lengths[end.sentence]].copy(),
            )
            for row, end in enumerate(ends)
        ]
