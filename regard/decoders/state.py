"""State of the recurrent decoders, and how its rows look at their sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
class Rows:
    """The source row that each state row decodes; a beam repeats numbers, never the source.

    Args:
        numbers: of the source rows.
        sources: the same, but one for each run of rows that share it.
        beam: how many rows share each, at most.
        places: where the rows stand among `beam` places for each of `sources`; None where they fill them all.
        whole: `sources` are all that there are, in order.
        count: how many there are.
    """

    numbers: Int[Tensor, " rows"]
    sources: Int[Tensor, " sources"]
    beam: int
    places: Int[Tensor, " rows"] | None
    whole: bool
    count: int

    @classmethod
    def start(cls, mask: Bool[Tensor, "batch source"]) -> "Rows":
        """Row r decodes source r."""
        numbers = torch.arange(mask.size(0), device=mask.device)
        return cls(numbers, numbers, 1, None, True, len(numbers))

    def select(self, rows: Int[Tensor, " selected"]) -> "Rows":
        """Those of the given state rows; found out once, since a search asks at every step."""
        numbers = self.numbers[rows]
        if torch.equal(numbers, self.numbers):
            return self
        sources, counts = torch.unique_consecutive(numbers, return_counts=True)
        beam = int(counts.max()) if counts.numel() else 1
        places = None
        if beam * len(counts) > len(numbers):
            firsts = torch.arange(len(counts), device=counts.device) * beam - (counts.cumsum(0) - counts)
            places = torch.arange(len(numbers), device=counts.device) + firsts.repeat_interleave(counts)
        whole = torch.equal(sources, torch.arange(self.count, device=sources.device))
        return Rows(numbers, sources, beam, places, whole, self.count)


@dataclass(frozen=True)
class AttentiveState:
    """One row per hypothesis.

    Args:
        cells: the recurrent states.
        fed: the attentional vector of the step before; width 0 without input feeding.
        history: what the attention remembers.
        rows: the source row that each state row decodes.
    """

    cells: Cells
    fed: Float[Tensor, "rows fed"]
    history: History
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "AttentiveState":
        """The state of the given rows, in the given order."""
        return AttentiveState(
            self.cells.select(rows), self.fed[rows], self.history.select(rows), self.rows.select(rows)
        )


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
    if rows.beam == 1:
        return attention(query.unsqueeze(1), whole or source.select(rows.numbers), history)
    if attention.sequential or attention.timed or attention.training:
        return attention(query.unsqueeze(1), source.select(rows.numbers), history)
    chosen, places = whole or source.select(rows.sources), rows.places
    if places is not None:
        query = query.new_zeros(len(rows.sources) * rows.beam, query.size(-1)).index_copy(0, places, query)
    grouped = attention(query.view(-1, rows.beam, query.size(-1)), chosen, attention.begin(chosen))

    def apart(targets: Tensor) -> Tensor:
        flat = targets.flatten(0, 1)
        return flat if places is None else flat[places]

    return replace(
        grouped,
        context=apart(grouped.context).unsqueeze(1),
        weights=apart(grouped.weights).unsqueeze(1),
        history=replace(history, step=history.step + 1),
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
