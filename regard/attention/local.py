"""Moving windows: only the source positions around a centre, which moves by one per step or is predicted."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.source import Source
from regard.check import expect_features, expect_query


class LocalMWindow(nn.Module):
    """A window that moves on by one position with every step ("monotonic").

        p(t) = t,  visible: |s − p(t)| ≤ D,  gain = 1

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, section 3.2 "local-m". Steps and positions are counted from 0.
    After the last real position, where the paper's window would be empty, p(t) stays on that position.

    Args:
        radius: D; 10 in the paper.

    Cost: time O(batch·target·source), memory O(batch·target·source).

    On paper: D = 1 and four positions, of which the last is padding; the steps are 0 to 3.

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.source import Source
        >>> source = Source(torch.zeros(1, 4, 0), torch.zeros(1, 4, 1), torch.tensor([[True, True, True, False]]))
        >>> LocalMWindow(radius=1)(torch.zeros(1, 4, 1), source, History.start(torch.zeros(1, 0)))[0].int()
        tensor([[[1, 1, 0, 0],
                 [1, 1, 1, 0],
                 [0, 1, 1, 0],
                 [0, 1, 1, 0]]], dtype=torch.int32)
    """

    sequential = False
    timed = True

    def __init__(self, *, radius: int = 10) -> None:
        super().__init__()
        self.radius = _radius("LocalMWindow", radius)

    def forward(
        self, query: Float[Tensor, "batch target query"], source: Source, history: History
    ) -> tuple[Bool[Tensor, "batch target source"], None]:
        """Where the window is; no gain."""
        centre = torch.minimum(history.positions(query.size(1)), _length(source.mask) - 1)
        return _within(source.mask, centre, self.radius), None


class LocalPWindow(nn.Module):
    """A window around a position that is predicted from the query ("predictive"), with a Gaussian in it.

        p(t) = S · σ(v · tanh(W q)),  visible: |s − p(t)| ≤ D,  gain = exp(−(s − p(t))² / (2 (D/2)²))

    Source: Luong, Pham & Manning 2015, arXiv:1508.04025, eq. 9 and 10. W, v are `project_query`, `energy` here; S is
    the length of the source, padding behind it not counted; positions are counted from 0. As in the paper, the weights
    are not normalised again: the gradient reaches W and v through the Gaussian.

    Args:
        query_size: features of a query.
        hidden_size: width of the prediction; `query_size` if not given.
        radius: D; 10 in the paper.

    Cost: time O(batch·target·(query·hidden + source)), memory O(batch·target·(hidden + source)).

    On paper: v = 0 predicts the middle of four positions, p = 2; with D = 2 the gains are exp(−d² / 2).

        >>> import torch
        >>> from regard.attention.history import History
        >>> from regard.attention.source import Source
        >>> window = LocalPWindow(1, radius=2)
        >>> _ = window.energy.weight.data.zero_()
        >>> source = Source(torch.zeros(1, 4, 0), torch.zeros(1, 4, 1), torch.ones(1, 4, dtype=torch.bool))
        >>> visible, gain = window(torch.zeros(1, 1, 1), source, History.start(torch.zeros(1, 0)))
        >>> gain.detach()
        tensor([[[0.1353, 0.6065, 1.0000, 0.6065]]])
    """

    sequential = False

    def __init__(self, query_size: int, *, hidden_size: int | None = None, radius: int = 10) -> None:
        super().__init__()
        hidden_size = query_size if hidden_size is None else hidden_size
        expect_features("LocalPWindow", {"query_size": query_size, "hidden_size": hidden_size})
        self.radius = _radius("LocalPWindow", radius)
        self.project_query = nn.Linear(query_size, hidden_size, bias=False)
        self.energy = nn.Linear(hidden_size, 1, bias=False)

    def forward(
        self, query: Float[Tensor, "batch target query"], source: Source, history: History
    ) -> tuple[Bool[Tensor, "batch target source"], Float[Tensor, "batch target source"]]:
        """Where the window is, and the Gaussian."""
        expect_query("LocalPWindow.forward", query, self.project_query.in_features)
        share = torch.sigmoid(self.energy(torch.tanh(self.project_query(query)))).squeeze(-1)
        # Half precision cannot hold a position of some hundreds and its fraction.
        centre = share.to(torch.promote_types(share.dtype, torch.float32)) * _length(source.mask)
        distance = torch.arange(source.mask.size(1), device=query.device) - centre.unsqueeze(-1)
        gain = torch.exp(-2 * (distance / self.radius).square())
        return _within(source.mask, centre, self.radius), gain.to(share.dtype)


def _length(mask: Tensor) -> Tensor:
    """The last real position plus one; 1 if there is none."""
    positions = torch.arange(mask.size(1), device=mask.device)
    return (positions * mask).amax(1, keepdim=True) + 1


def _within(mask: Tensor, centre: Tensor, radius: int) -> Tensor:
    positions = torch.arange(mask.size(1), device=mask.device)
    return ((positions - centre.unsqueeze(-1)).abs() <= radius) & mask.unsqueeze(1)


def _radius(place: str, radius: int) -> int:
    if radius < 1:
        raise ValueError(f"{place}: radius is {radius}; expected 1 or more. Leave it out for 10.")
    return radius
