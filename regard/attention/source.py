"""The input of an attention: prepared once per source, read at every step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Source:
    """Prepared keys, values, and the mask of real positions. Keys and values are zero at padding.

    Args:
        prepared: what `score.prepare(keys)` returned, (batch, source, ·); several heads: (batch, heads, source, ·).
        values: what is mixed, (batch, source, value); several heads: (batch, heads, source, value).
        mask: True where a position is real.
    """

    prepared: Float[Tensor, " batch *prepared"]
    values: Float[Tensor, " batch *values"]
    mask: Bool[Tensor, "batch source"]

    @cached_property
    def _made(self) -> dict[Callable[[Tensor], Tensor], Tensor]:
        return {}

    def once(self, make: Callable[[Tensor], Tensor]) -> Tensor:
        """The result of this function for the prepared keys, computed once: a search needs it at every step."""
        if make not in self._made:
            self._made[make] = make(self.prepared)
        return self._made[make]

    def select(self, rows: Int[Tensor, " selected"]) -> "Source":
        """The given rows, in the given order."""
        return Source(self.prepared[rows], self.values[rows], self.mask[rows])

    @classmethod
    def stack(cls, parts: "Sequence[tuple[Source, Int[Tensor, ' selected']]]") -> "Source":
        """The given rows of some, one behind the other, as wide as the longest of them is, and one position at least.
        Without gradients."""
        widest = max(source.mask.size(1) for source, _ in parts)
        mask = _stacked([(source.mask, rows) for source, rows in parts], -1, widest)
        length = max(1, int((mask.any(0) * torch.arange(1, widest + 1, device=mask.device)).max()))
        return cls(
            _stacked([(source.prepared, rows) for source, rows in parts], -2, length),
            _stacked([(source.values, rows) for source, rows in parts], -2, length),
            mask[:, :length].contiguous(),
        )


def _stacked(parts: Sequence[tuple[Tensor, Tensor]], axis: int, length: int) -> Tensor:
    """The rows of all; those with fewer source positions are padded with zeros."""
    shape = list(parts[0][0].shape)
    shape[0], shape[axis] = sum(len(rows) for _, rows in parts), length
    found, start = parts[0][0].new_empty(shape), 0
    for part, rows in parts:
        shorter, place = min(length, part.size(axis)), found.narrow(0, start, len(rows))
        torch.index_select(part.detach().narrow(axis, 0, shorter), 0, rows, out=place.narrow(axis, 0, shorter))
        place.narrow(axis, shorter, length - shorter).zero_()
        start += len(rows)
    return found


def joined(first: Tensor, second: Tensor, axis: int) -> Tensor:
    """The rows of both; the one with fewer source positions is padded with zeros."""
    longest = max(first.size(axis), second.size(axis))
    return torch.cat([_filled(each, axis, longest) for each in (first, second)])


def _filled(part: Tensor, axis: int, length: int) -> Tensor:
    missing = length - part.size(axis)
    return F.pad(part, (*[0] * (-2 * axis - 2), 0, missing)) if missing else part
