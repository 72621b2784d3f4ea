"""State of the recurrent decoders, and how its rows look at their sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.attention import Attended, Attention
from regard.attention.history import History
from regard.attention.source import Source
from regard.decoders.recurrence import Cells
from regard.decoders.step import Advance, State, Unrolled
from regard.encoders.memory import Memory


@dataclass(frozen=True)
class Groups:
    """State rows side by side that share a source, as those of a beam do.

    Args:
        sources: one number for each run of such rows.
        beam: how many rows a run has, at most.
        places: where the rows stand among `beam` places for each run; None where they fill them all.
    """

    sources: Int[Tensor, " sources"]
    beam: int
    places: Int[Tensor, " rows"] | None


@dataclass(frozen=True)
class Rows:
    """The source row that each state row decodes; a beam repeats numbers, never the source.

    Args:
        numbers: of the source rows.
        count: how many source rows there are.
    """

    numbers: Int[Tensor, " rows"]
    count: int

    @classmethod
    def start(cls, mask: Bool[Tensor, "batch source"]) -> "Rows":
        """Row r decodes source r."""
        return cls(torch.arange(mask.size(0), device=mask.device), mask.size(0))

    def select(self, rows: Int[Tensor, " selected"]) -> "Rows":
        """Those of the given state rows; where these are the same, what is known of them is kept."""
        numbers = self.numbers.index_select(0, rows)
        return self if torch.equal(numbers, self.numbers) else Rows(numbers, self.count)

    @cached_property
    def groups(self) -> Groups:
        """Found out once, since a search asks at every step."""
        sources, counts = torch.unique_consecutive(self.numbers, return_counts=True)
        beam = int(counts.max()) if counts.numel() else 1
        if beam * len(counts) == len(self.numbers):
            return Groups(sources, beam, None)
        firsts = torch.arange(len(counts), device=counts.device) * beam - (counts.cumsum(0) - counts)
        places = torch.arange(len(self.numbers), device=counts.device) + firsts.repeat_interleave(counts)
        return Groups(sources, beam, places)

    @cached_property
    def whole(self) -> bool:
        """Whether all sources are decoded, in their order."""
        every = torch.arange(self.count, device=self.numbers.device)
        return torch.equal(self.groups.sources, every)


@dataclass(frozen=True)
class AttentiveState:
    """One row per hypothesis.

    Args:
        cells: the recurrent states.
        fed: the attentional vector of the step before; width 0 without input feeding.
        past: what the attention remembers, but for its last steps.
        rows: the source row that each state row decodes.
        parents: the row of `cells` and `fed` that each hypothesis continues; None where each has one of its own.
        steps: how many steps `past` does not know of yet, of an attention that forgets.
    """

    cells: Cells
    fed: Float[Tensor, "continued fed"]
    past: History
    rows: Rows
    parents: Int[Tensor, " rows"] | None = None
    steps: int = 0

    @property
    def history(self) -> History:
        """What the attention remembers."""
        return self.past.later(self.steps) if self.steps else self.past

    def select(self, rows: Int[Tensor, " selected"]) -> "AttentiveState":
        """The state of the given rows, in the given order."""
        kept, parents = _distinct(rows if self.parents is None else self.parents[rows])
        looking = self.rows.select(rows)
        past = self.past.select(rows, moved=looking is not self.rows)
        cells, fed = self.cells.select(kept), self.fed.index_select(0, kept)
        return AttentiveState(cells, fed, past, looking, parents, self.steps)

    def apart(self) -> "AttentiveState":
        """The same, with cells of its own for each hypothesis."""
        if self.parents is None:
            return self
        return replace(self, cells=self.cells.select(self.parents), fed=self.fed[self.parents], parents=None)


def _distinct(rows: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " continued"], Int[Tensor, " rows"] | None]:
    """Each row once, and the place of each among these; None where it is its own. A GPU would have to be waited for,
    and gets what was asked for."""
    if rows.device.type != "cpu":
        return rows, None
    given = rows.numpy()
    kept = np.bincount(given).nonzero()[0]
    if len(kept) == len(given):
        return rows, None
    return torch.from_numpy(kept), torch.from_numpy(kept.searchsorted(given))


def begin(
    attention: Attention, memory: Memory, cells: Cells, *, fed_size: int, temperature: float
) -> tuple[Source, AttentiveState]:
    """The source with its keys projected, and the first state: nothing fed yet, row r looks at source r."""
    source = attention.prepare(memory.keys, memory.values, memory.mask)
    fed = memory.values.new_zeros(memory.mask.size(0), fed_size)
    history = attention.begin(source, temperature=temperature)
    return source, AttentiveState(cells, fed, history, Rows.start(memory.mask))


def look(
    attention: Attention, query: Float[Tensor, "rows query"], source: Source, history: History, rows: Rows
) -> Attended:
    """One look of every state row at its own source row; the record has a target axis of length 1.

    Rows side by side that share a source, as those of a beam do, become several targets of one source, which is then
    read once for all of them. A mechanism for which a target has a past, a time or noise of its own gets copies.
    """
    whole = source if rows.whole else None
    groups = rows.groups
    if groups.beam == 1:
        return attention(query.unsqueeze(1), whole or source.select(rows.numbers), history)
    if attention.sequential or attention.timed or attention.training:
        return attention(query.unsqueeze(1), source.select(rows.numbers), history)
    chosen, places = whole or source.select(groups.sources), groups.places
    if places is not None:
        query = query.new_zeros(len(groups.sources) * groups.beam, query.size(-1)).index_copy(0, places, query)
    grouped = attention(query.view(-1, groups.beam, query.size(-1)), chosen, attention.begin(chosen))

    def apart(targets: Tensor) -> Tensor:
        flat = targets.flatten(0, 1)
        return flat if places is None else flat[places]

    return replace(
        grouped,
        context=apart(grouped.context).unsqueeze(1),
        weights=apart(grouped.weights).unsqueeze(1),
        history=history.later(1),
        log_prob=apart(grouped.log_prob).unsqueeze(1),
        entropy=apart(grouped.entropy).unsqueeze(1),
        heads=None if grouped.heads is None else apart(grouped.heads.transpose(1, 2)).unsqueeze(2),
    )


def advanced(features: Float[Tensor, "rows features"], state: State, looks: Sequence[Attended]) -> Advance:
    """What one step comes to, from the looks of its layers: its weights are those of the last."""
    heads = tuple(heads_of(look).squeeze(2) for look in looks)
    return Advance(features, state, looks[-1].weights.squeeze(1), heads)


def heads_of(look: Attended) -> Float[Tensor, "rows heads target source"]:
    """The weights of each head, also where there is one."""
    return look.weights.unsqueeze(1) if look.heads is None else look.heads


def unrolled(features: Float[Tensor, "batch target features"], looks: Sequence[Attended]) -> Unrolled:
    """The answer for a whole target, from its features and the looks that they were made with, in order."""
    weights = torch.cat([look.weights for look in looks], 1)
    several = [look.heads for look in looks if look.heads is not None]
    return Unrolled(
        features,
        weights,
        torch.cat([look.log_prob for look in looks], 1),
        torch.cat([look.entropy for look in looks], 1),
        (torch.cat(several, 2) if several else weights.unsqueeze(1),),
    )
