"""The past of a causal self-attention: a source that grows by what has just been decoded."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.source import Source

LEAST_ROOM = 16


class Room:
    """Tensors with free positions at their end, shared by the caches that grew in them.

    Args:
        prepared, values: as in `Source`, with room for more positions than there are.
        taken: positions that some cache has written.
    """

    def __init__(self, prepared: Float[Tensor, " batch *prepared"], values: Tensor, taken: int) -> None:
        self.prepared = prepared
        self.values = values
        self.taken = taken

    def wider(self, length: int, least: int) -> "Room":
        """Tensors of one's own with the first `length` positions of these and room for `least`, or twice as many."""
        copies = []
        for part in (self.prepared, self.values):
            copy = part.new_empty(*part.shape[:-2], max(least, 2 * length, LEAST_ROOM), part.size(-1))
            copy.narrow(-2, 0, length).copy_(part.narrow(-2, 0, length))
            copies.append(copy)
        return Room(copies[0], copies[1], length)


@dataclass(frozen=True)
class Cache:
    """The positions so far, with room for those to come.

    Room is allocated ahead and doubles when it is full, so that a step writes its own position and copies none. A
    cache never changes: those that grew from one past share its tensors, the first to go on writes there, and another
    that goes on from the same past differently gets tensors of its own. Where a gradient is kept, positions are joined
    instead, since autograd has saved what would be written over.

    Args:
        room: where the positions stand.
        length: how many there are.

    Two ways on from one past:

        >>> import torch
        >>> def one(value): return Source(*[torch.full((1, 1, 1), value)] * 2, torch.ones(1, 1, dtype=torch.bool))
        >>> past = Cache.start(torch.zeros(1, 0)).append(one(1.0)).append(one(2.0))
        >>> here, there = past.append(one(3.0)), past.append(one(5.0))
        >>> [cache.source.values.flatten().tolist() for cache in (past, here, there)]
        [[1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0, 5.0]]
    """

    room: Room
    length: int

    @classmethod
    def start(cls, past: Float[Tensor, " batch *any"]) -> "Cache":
        """Nothing yet; of `past` only the number of rows, the type and the device matter."""
        nothing = past.new_zeros(past.size(0), 0, 0)
        return cls(Room(nothing, nothing, 0), 0)

    @property
    def source(self) -> Source:
        """The positions so far, all of them real."""
        prepared, values = (part.narrow(-2, 0, self.length) for part in (self.room.prepared, self.room.values))
        return Source(prepared, values, torch.ones(values.size(0), self.length, dtype=torch.bool, device=values.device))

    def append(self, piece: Source) -> "Cache":
        """These positions and those of the piece, all of which must be real."""
        count = piece.values.size(-2)
        length = self.length + count
        if not self.length:
            return Cache(Room(piece.prepared, piece.values, count), count)
        if any(part.requires_grad for part in (self.room.values, self.room.prepared, piece.values, piece.prepared)):
            past = self.source
            prepared = torch.cat([past.prepared, piece.prepared], -2)
            return Cache(Room(prepared, torch.cat([past.values, piece.values], -2), length), length)
        room = self.room
        if room.taken != self.length or room.values.size(-2) < length:
            room = room.wider(self.length, length)
        room.prepared.narrow(-2, self.length, count).copy_(piece.prepared)
        room.values.narrow(-2, self.length, count).copy_(piece.values)
        room.taken = length
        return Cache(room, length)

    def select(self, rows: Int[Tensor, " selected"]) -> "Cache":
        """The cache of the given rows, in the given order; tensors of its own."""
        prepared, values = (part.index_select(0, rows) for part in (self.room.prepared, self.room.values))
        return Cache(Room(prepared, values, self.length), self.length)
