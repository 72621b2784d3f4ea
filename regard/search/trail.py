"""What a search did, step by step, read backwards once it is over."""

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


class Trail:
    """Every choice of a search, with a pointer to the choice before it.

    Nothing is copied while the search runs: a beam that reorders its hypotheses leaves tokens and weights where they
    were written, and `hypotheses` follows the pointers.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[np.ndarray, np.ndarray, np.ndarray, Tensor]] = []

    def add(
        self,
        sentences: Int[np.ndarray, " live"],
        parents: Int[np.ndarray, "live slots"],
        tokens: Int[np.ndarray, "live slots"],
        weights: Float[Tensor, "rows source"],
    ) -> None:
        """Write one step down.

        Args:
            sentences: numbers of the sentences that are still searched, ascending.
            parents: the slot that each choice continues.
            tokens: the choices.
            weights: what each continued slot looked at, `live · slots` rows.
        """
        self._steps.append((sentences, parents, tokens, weights.detach()))

    def hypotheses(self, ends: Sequence[End], source_lengths: Int[Tensor, " batch"]) -> list[Hypothesis]:
        """Tokens and weights that lead to each end; the weights are cut to the real positions of its source."""
        steps = [(*choices, weights.cpu().numpy()) for *choices, weights in self._steps]
        length = np.array([end.length for end in ends], dtype=np.int64)
        order = (-length).argsort(kind="stable")  # the longest first: those that reach a position stand in front
        sentence = np.array([end.sentence for end in ends], dtype=np.int64)[order]
        slot = np.array([end.slot for end in ends], dtype=np.int64)[order]
        reaching = np.searchsorted(-length[order], -np.arange(len(steps))).tolist()
        widest = max((step[3].shape[1] for step in steps), default=0)
        tokens = np.zeros((len(ends), len(steps)), dtype=np.int64)
        weights = np.zeros((len(ends), len(steps), widest), dtype=np.float32)
        for position, (live, parents, chosen, looked) in reversed(list(enumerate(steps))):
            count = reaching[position]
            place = np.searchsorted(live, sentence[:count])
            tokens[:count, position] = chosen[place, slot[:count]]
            slot[:count] = parents[place, slot[:count]]
            weights[:count, position, : looked.shape[1]] = looked[place * parents.shape[1] + slot[:count]]
        real = source_lengths.tolist()
        return [
            Hypothesis(
                tuple(tokens[row, : end.length].tolist()),
                end.log_prob,
                end.score,
                weights[row, : end.length, : real[end.sentence]].copy(),
            )
            for end, row in zip(ends, order.argsort().tolist(), strict=True)
        ]
