"""The past of a causal self-attention: a source that gets the new position at every step."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.source import Source

MIN_POSITIONS = 16


class Buffers:
    """Tensors with free positions at their end, shared by several caches.

    Args:
        prepared, values: as in `Source`, with more positions than are used.
        taken: positions that some cache has written.
    """

    def __init__(self, prepared: Float[Tensor, " batch *prepared"], values: Tensor, taken: int) -> None:
        self.prepared = prepared
        self.values = values
        self.taken = taken

    def extended(self, length: int, least: int) -> "Buffers":
        """A copy of the first `length` positions with room for `least` positions, or for twice as many."""
        copies = []
        for part in (self.prepared, self.values):
            copy = part.new_empty(*part.shape[:-2], max(least, 2 * length, MIN_POSITIONS), part.size(-1))
            copy.narrow(-2, 0, length).copy_(part.narrow(-2, 0, length))
            copies.append(copy)
        return Buffers(copies[0], copies[1], length)


@dataclass(frozen=True)
class Cache:
    """The positions so far, with room for the next ones.

    Buffers are allocated ahead and double when they are full, so that a step writes its own position and copies no
    other. A cache never changes. Caches that continue the same past share its buffers: the first one writes there, and
    a second one that continues in another way gets its own copy. If a gradient is needed, tensors are concatenated
    instead, since autograd does not allow them to be overwritten.

    Args:
        buffers: the tensors with the positions.
        length: number of positions.

    Two continuations of one past:

        >>> import torch
        >>> def one(value): return Source(*[torch.full((1, 1, 1), value)] * 2, torch.ones(1, 1, dtype=torch.bool))
        >>> past = Cache.start(torch.zeros(1, 0)).append(one(1.0)).append(one(2.0))
        >>> here, there = past.append(one(3.0)), past.append(one(5.0))
        >>> [cache.source.values.flatten().tolist() for cache in (past, here, there)]
        [[1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0, 5.0]]
    """

    buffers: Buffers
    length: int

    @classmethod
    def start(cls, past: Float[Tensor, " batch *any"]) -> "Cache":
        """An empty cache, with the number of rows, the type and the device of `past`."""
        nothing = past.new_zeros(past.size(0), 0, 0)
        return cls(Buffers(nothing, nothing, 0), 0)

    @property
    def source(self) -> Source:
        """The positions so far, all of them real."""
        prepared, values = (part.narrow(-2, 0, self.length) for part in (self.buffers.prepared, self.buffers.values))
        return Source(prepared, values, torch.ones(values.size(0), self.length, dtype=torch.bool, device=values.device))

    def append(self, piece: Source) -> "Cache":
        """The cache with the positions of `piece` added, all of which must be real."""
        count = piece.values.size(-2)
        length = self.length + count
        if not self.length:
            return Cache(Buffers(piece.prepared, piece.values, count), count)
        if any(
            part.requires_grad for part in (self.buffers.values, self.buffers.prepared, piece.values, piece.prepared)
        ):
            past = self.source
            prepared = torch.cat([past.prepared, piece.prepared], -2)
            return Cache(Buffers(prepared, torch.cat([past.values, piece.values], -2), length), length)
        room = self.buffers
        if room.taken != self.length or room.values.size(-2) < length:
            room = room.extended(self.length, length)
        room.prepared.narrow(-2, self.length, count).copy_(piece.prepared)
        room.values.narrow(-2, self.length, count).copy_(piece.values)
        room.taken = length
        return Cache(room, length)

    def select(self, rows: Int[Tensor, " selected"]) -> "Cache":
        """The cache of the given rows, in the given order; a copy."""
        prepared, values = (part.index_select(0, rows) for part in (self.buffers.prepared, self.buffers.values))
        return Cache(Buffers(prepared, values, self.length), self.length)
