"""What keeps groups of hypotheses apart in a diverse beam search."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Diversity:
    """Groups that choose their tokens one after the other at each step, and avoid those of the groups before them.

        score(hypothesis, y) = score(hypothesis) + log p(y | hypothesis) - λ · n(y)

    n(y) is how often the groups before this one have chosen y at this step. What a hypothesis has paid stays in its
    score: at the next step those that say the same as other groups still stand behind those that do not.

    Source: Vijayakumar et al. 2018, arXiv:1610.02424, algorithm 1 with Hamming diversity.

    Args:
        groups: how many; 2 or more.
        strength: λ, above 0; the source finds 0.2 to 0.8 good.

    Raises ValueError for numbers out of range.
    """

    groups: int
    strength: float = 0.5

    def __post_init__(self) -> None:
        if self.groups < 2:
            raise ValueError(f"Diversity: groups is {self.groups}; expected 2 or more. For one group give none.")
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise ValueError(f"Diversity: strength is {self.strength}; expected a finite number above 0. Try 0.5.")

    def chosen(
        self,
        sentences: Int[np.ndarray, " live"],
        totals: Float[np.ndarray, "live candidates"],
        tokens: Int[np.ndarray, "live candidates"],
        free: Int[np.ndarray, " live"],
    ) -> tuple[Float[np.ndarray, "live candidates"], Float[np.ndarray, "live candidates"]]:
        """The totals of the candidates that each group chooses, less their penalties, -inf for the others; and the
        penalty of every candidate.

        Args:
            sentences: number `sentence · groups + group`, ascending.
            totals: what candidates are compared by within a group; -inf for none.
            tokens: of the candidates.
            free: how many each group may choose.
        """
        names, numbers = np.unique(tokens, return_inverse=True)
        _, owners = np.unique(sentences // self.groups, return_inverse=True)
        counts = np.zeros((1 + owners.max(), len(names)))
        kept, penalties = np.full_like(totals, -np.inf), np.zeros_like(totals)
        numbers, places = numbers.reshape(tokens.shape), np.arange(totals.shape[1])
        for group in range(self.groups):
            rows = np.flatnonzero(sentences % self.groups == group)
            theirs = owners[rows][:, None], numbers[rows]
            penalties[rows] = self.strength * counts[theirs]
            own = totals[rows] - penalties[rows]
            order = (-own).argsort(axis=1, kind="stable")
            ranks = np.empty_like(order)
            np.put_along_axis(ranks, order, np.broadcast_to(places, order.shape), 1)
            mine = (ranks < free[rows][:, None]) & (own > -np.inf)
            kept[rows] = np.where(mine, own, -np.inf)
            np.add.at(counts, theirs, mine)
        return kept, penalties


def grouped(groups: int, strength: float) -> Diversity | None:
    """What keeps so many groups apart; None for one group."""
    return Diversity(groups, strength) if groups > 1 else None
