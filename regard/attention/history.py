"""The state of a mechanism between steps: a record that goes in and comes out."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.source import joined


@dataclass(frozen=True)
class History:
    """The past of one decoding, a row per hypothesis.

    Noise is a function of `seed`, `step` and the source position (see `noise.py`). So stepping and computing all steps
    at once have the same noise, and a copy of a row continues with the noise of the original.

    Args:
        step: number of target positions already decoded.
        previous: weights of the step before; width 0 if the mechanism is not sequential. Several heads:
            (batch, heads, ·).
        total: sum of the weights of all steps before; width 0 and heads likewise.
        seed: the seed of the noise of this row; zero if nothing is sampled.
        temperature: a factor for the temperature of a selection; training sets it.
    """

    step: Int[Tensor, " batch"]
    previous: Float[Tensor, " batch *remembered"]
    total: Float[Tensor, " batch *remembered"]
    seed: Int[Tensor, " batch"]
    temperature: Float[Tensor, " batch"]

    @classmethod
    def start(
        cls,
        past: Float[Tensor, " batch *remembered"],
        seed: Int[Tensor, " batch"] | None = None,
        temperature: float = 1.0,
    ) -> "History":
        """The history before the first step; `past` holds zeros, a row per hypothesis."""
        step = torch.zeros(past.size(0), dtype=torch.long, device=past.device)
        return cls(step, past, past, step if seed is None else seed, past.new_full((past.size(0),), temperature))

    def select(self, rows: Int[Tensor, " selected"], *, moved: bool = True) -> "History":
        """The history of the given rows, in the given order.

        Args:
            moved: False if each row attends to the same source as the row that was in its place. Step, seed and
            temperature
                belong to a source, so that nothing changes for a mechanism that is not sequential.
        """
        if not moved and self.previous.size(-1) == 0:
            return self
        parts = (self.step, self.previous, self.total, self.seed, self.temperature)
        return History(*(part.index_select(0, rows) for part in parts))

    def later(self, steps: int) -> "History":
        """The history after `steps` more steps, of a mechanism that is not sequential."""
        return History(self.step + steps, self.previous, self.total, self.seed, self.temperature)

    def narrow(self, length: int) -> "History":
        """The history of the first source positions only."""
        remembered = (self.previous[..., :length], self.total[..., :length])
        return History(self.step, *remembered, self.seed, self.temperature)

    def join(self, other: "History") -> "History":
        """The rows of `other` after these; shorter sources are padded with zeros."""
        return History(
            torch.cat([self.step, other.step]),
            joined(self.previous, other.previous, -1),
            joined(self.total, other.total, -1),
            torch.cat([self.seed, other.seed]),
            torch.cat([self.temperature, other.temperature]),
        )

    def positions(self, count: int) -> Int[Tensor, "batch count"]:
        """The next target positions, counted from 0 at the first step."""
        return self.step.unsqueeze(1) + torch.arange(count, device=self.step.device)
