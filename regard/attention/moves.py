"""Moves: a term of the score for how far a position is from where the step before looked."""

import math
from functools import lru_cache

from jaxtyping import Float
from torch import Tensor, nn

from regard.check import expect_features, expect_query
from regard.kernels.moves import Classes, between, term

ALONE = 4
"""Distances up to this one are told apart; farther ones share a number with their neighbours."""


class Moves(nn.Module):
    """A term added to any score: a number, which the query gives, for each move from where the step before looked.

        m(t) = W q(t) + b
        score(t, s) = inner(q(t), k_s) + Σ_j α(t−1, j) · m(t)[move from j to s]

    A move is a direction and a distance. Distances of 0 to 4 are told apart; farther ones are in classes that grow by
    √2 each, up to `farthest`, and longer moves count as this one. Before the first step the term is zero.

    Source: the jumps of Vogel, Ney & Tillmann 1996, "HMM-Based Word Alignment in Statistical Translation", with the
    weights of the step before in place of its one position; Cohn et al. 2016, "Incorporating Structural Alignment
    Biases into an Attentional Neural Translation Model", arXiv:1601.01085, section 3.2, whose features are the
    weights of the neighbours, inside of an additive score. Classes that grow: Raffel et al. 2020, arXiv:1910.10683,
    section 2.1.

    Args:
        query_size: features of a query.
        farthest: the longest move that is told from shorter ones, 1 or more.

    Masks: none; the scores of positions that are not visible mean nothing.

    Cost: time O(batch·target·source·log(farthest)), memory O(batch·target·(source + log(farthest))).
    Of a selection other than softmax time and memory grow with batch·target·source²·log(farthest), and each step is
    computed by itself.

    On paper: farthest = 1, so that m has a number for back, for here and for on. They are 2, 3 and 5, and the step
    before looked at the second of four positions:

        >>> import torch
        >>> moves = Moves(1, farthest=1)
        >>> _ = moves.wish.weight.data.zero_(), moves.wish.bias.data.copy_(torch.tensor([2.0, 3.0, 5.0]))
        >>> moves.term(torch.ones(1, 1), torch.tensor([[0.0, 1.0, 0.0, 0.0]])).tolist()
        [[2.0, 3.0, 5.0, 5.0]]
    """

    def __init__(self, query_size: int, farthest: int) -> None:
        super().__init__()
        expect_features("Moves", {"query_size": query_size})
        if farthest < 1:
            raise ValueError(f"Moves: farthest is {farthest}; expected 1 or more. Try 16.")
        self.classes = classes_up_to(farthest)
        self.wish = nn.Linear(query_size, 2 * len(self.classes) - 1)

    def forward(self, query: Float[Tensor, "batch target query"]) -> Float[Tensor, "batch target moves"]:
        """m, for each step."""
        expect_query("Moves.forward", query, self.wish.in_features)
        wanted: Tensor = self.wish(query)
        return wanted

    def term(
        self, query: Float[Tensor, "batch query"], previous: Float[Tensor, "batch source"]
    ) -> Float[Tensor, "batch source"]:
        """What one step adds to its scores."""
        near = between(previous.size(-1), self.classes).to(previous)
        return term(self.wish(query), previous, near)


@lru_cache(maxsize=256)
def classes_up_to(farthest: int) -> Classes:
    """The least distance of each class: 0, 1, 2, 3, 4, then steps of √2."""
    classes = list(range(min(farthest, ALONE) + 1))
    while len(classes) > ALONE and (least := math.floor(ALONE * 2 ** ((len(classes) - 1 - ALONE) / 2)) + 1) <= farthest:
        classes.append(least)
    return tuple(classes)
