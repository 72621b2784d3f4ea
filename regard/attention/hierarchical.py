"""Attention over several memories: a look at each of them, then a look at what was found in each."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.select import Scores, Selected, Visible, deterministic, masked_softmax


class MarkedScore(nn.Module):
    """A score of keys behind which marks say to which memory a position belongs: it does not read these.

        score(q, [k; m]) = score(q, k)

    Source: Libovický & Helcl 2017, "Attention Strategies for Multi-Source Sequence-to-Sequence Learning",
    arXiv:1704.06567, section 3, which has one score for each memory. The marks m stay behind what is prepared, where
    `Hierarchy` reads them.

    Args:
        score: an entry of `SCORES`, built, that remembers nothing.
        count: how many memories.

    Masks: none; the scores of positions that are not visible mean nothing.

    Cost: time O(batch·target·source·query), memory O(batch·target·source). With another score, that one's.

        >>> import torch
        >>> from regard.attention.dot import DotScore
        >>> from regard.attention.history import History
        >>> score = MarkedScore(DotScore(2, 2), count=2)
        >>> prepared = score.prepare(torch.tensor([[[1.0, 2.0, 1.0, 0.0]]]))
        >>> score(torch.ones(1, 1, 2), prepared, History.start(torch.zeros(1, 0))).tolist()
        [[[3.0]]]
    """

    def __init__(self, score: Any, count: int) -> None:
        super().__init__()
        self.score = score
        self.count = count
        self.sequential = bool(score.sequential)
        self.timed = bool(getattr(score, "timed", False))

    def prepare(self, keys: Float[Tensor, "batch source marked"]) -> Float[Tensor, "batch source prepared"]:
        """What the score prepares, and the marks."""
        return torch.cat([self.score.prepare(keys[..., : -self.count]), keys[..., -self.count :]], -1)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source prepared"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every position of all memories."""
        scores: Tensor = self.score(query, prepared[..., : -self.count], history)
        return scores


class Hierarchy(nn.Module):
    """Look at each of K memories, then at what was found in each.

        α(k) = select(score(q, keys of memory k)),   c(k) = Σ_j α(k, j) v(k, j)
        e(k) = b · tanh(W q + U(k) c(k)),            β = softmax(e)
        context = Σ_k β(k) c(k)

    Source: Libovický & Helcl 2017, "Attention Strategies for Multi-Source Sequence-to-Sequence Learning",
    arXiv:1704.06567, the hierarchical combination of section 3. There each memory has a score of its own, and context
    is the sum of β(k) U_c(k) c(k). Here one score reads all, and values come projected, as `SeveralEncoder` gives them.

    The weights are those of all positions, β(k) α(k, j): the positions of a memory sum to β(k), and divided by it they
    are α(k). So they mix the context, as those of any attention.

    Args:
        query_size, value_size: features of a query, of a value.
        count: K. The last K features of what a `MarkedScore` prepared are 1 for the memory of a position, 0 for others.
        hidden_size: width of the comparison that gives e.

    Masks: as for `Attention`. A memory without a visible position has a β of zero.

    Cost: time O(batch·target·source·value·memories), memory O(batch·target·memories·(source + value)).

    Two memories that say the same share the look, whatever their length:

        >>> import torch
        >>> from regard.attention.build import build_attention
        >>> attention = build_attention(2, 2, score="dot", memories=2)
        >>> keys = torch.tensor([[[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]]])  # marks behind
        >>> source = attention.prepare(keys, keys[..., :2], torch.ones(1, 3, dtype=torch.bool))
        >>> _ = attention.hierarchy.compare.weight.data[2:].copy_(attention.hierarchy.compare.weight[:2])  # U(2) = U(1)
        >>> attention(torch.ones(1, 1, 2), source, attention.begin(source)).weights.tolist()
        [[[0.5, 0.25, 0.25]]]
    """

    def __init__(self, query_size: int, value_size: int, count: int, hidden_size: int) -> None:
        super().__init__()
        self.count = count
        self.ask = nn.Linear(query_size, hidden_size, bias=False)
        self.compare = nn.Linear(value_size, count * hidden_size, bias=False)  # U, a block for each memory
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source prepared"],
        values: Float[Tensor, "batch source value"],
        scores: Scores,
        visible: Visible,
        select: Callable[[Scores, Visible], Selected],
    ) -> Selected:
        """The weights of all positions; `select` gives those within a memory."""
        members = (prepared[..., -self.count :] > 0).movedim(-1, 0).unsqueeze(
            2
        ) & visible  # (memories, batch, 1, source)
        alpha = torch.stack([select(scores, member).weights for member in members])
        found = alpha @ values  # (memories, batch, target, value)
        weight = self.compare.weight.view(self.count, -1, found.size(-1))
        compared = torch.einsum("kbtd,khd->kbth", found, weight)
        energies = self.energy(torch.tanh(self.ask(query) + compared)).squeeze(-1).movedim(0, -1)
        beta = masked_softmax(energies, members.any(-1).movedim(0, -1))  # (batch, target, memories)
        return deterministic(torch.einsum("btk,kbts->bts", beta, alpha))
