"""Sentences enter a search in groups: the first at its start, others as those before them end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from jaxtyping import Int
from torch import Tensor

from regard.search.length_limit import LengthLimit

Later = Iterable[tuple[Any, Tensor]]
"""First states of further sentences, group by group, with the real source positions of each sentence. Such states have
`join(other)`: the rows of the other behind their own."""


@dataclass(frozen=True)
class Group:
    """Sentences that enter together.

    Args:
        state: the first state; row r belongs to sentence r.
        source_lengths: real source positions of each.
        limits: most tokens of each.
    """

    state: Any
    source_lengths: Int[Tensor, " batch"]
    limits: Int[Tensor, " batch"]

    @classmethod
    def each(
        cls, state: Any, source_lengths: Int[Tensor, " batch"], limit: LengthLimit, later: Later
    ) -> "Iterator[Group]":
        """The groups of a search, one by one. A state may have limits of its own, which then hold."""
        for each, lengths in chain([(state, source_lengths)], later):
            own = getattr(each, "limits", None)
            yield cls(each, lengths, limit(lengths) if own is None else own)


class Entrance:
    """Lets the first group in at once, and every other when it has room among as many sentences as the first had."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self._groups = iter(groups)
        self._waiting = next(self._groups, None)
        self._most = 0 if self._waiting is None else self._waiting.limits.numel()

    @property
    def room(self) -> int:
        """How many sentences may still be there when others enter; 0 if nobody waits."""
        return 0 if self._waiting is None else max(0, self._most - self._waiting.limits.numel())

    def admit(self, live: int) -> Iterator[Group]:
        """Those that may enter beside so many sentences."""
        while self._waiting is not None:
            count = self._waiting.limits.numel()
            if live and live + count > self._most:
                return
            live += count
            group, self._waiting = self._waiting, next(self._groups, None)
            yield group


def joined(state: Any, group: Group) -> Any:
    """The state with the rows of the group behind its own; None where it has none."""
    return group.state if state is None else state.join(group.state)
