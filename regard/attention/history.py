"""What a mechanism remembers of the steps before: a record that goes in and comes out."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.source import joined


@dataclass(frozen=True)
class History:
    """The past of one decoding, a row per hypothesis.

    Noise is part of the past: it is computed from `seed`, `step` and the source position (see `noise.py`), so that
    stepping and unrolling meet the same noise, and a copy of a row goes on with the noise of the original.

    Args:
        step: number of target positions already decoded.
        previous: weights of the step before; width 0 for a mechanism that forgets. Several heads: (batch, heads, ·).
        total: sum of the weights of all steps before; width 0 for a mechanism that forgets. Several heads likewise.
        seed: what the noise of this row is computed from; zero where nothing is sampled.
        temperature: what a selection's own temperature is multiplied by; training that anneals sets it.
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
            moved: False where each looks at the source that the row in its place looked at before. Step, seed and
                temperature are those of a source, so that for a mechanism that forgets nothing changes.
        """
        if not moved and self.previous.size(-1) == 0:
            return self
        parts = (self.step, self.previous, self.total, self.seed, self.temperature)
        return History(*(part.index_select(0, rows) for part in parts))

    def later(self, steps: int) -> "History":
        """The history of a mechanism that forgets, so many steps later."""
        return History(self.step + steps, self.previous, self.total, self.seed, self.temperature)

    def narrow(self, length: int) -> "History":
        """What is remembered of the first positions."""
        remembered = (self.previous[..., :length], self.total[..., :length])
        return History(self.step, *remembered, self.seed, self.temperature)

    def join(self, other: "History") -> "History":
        """The rows of another behind these; what is remembered of a shorter source gets zeros."""
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
