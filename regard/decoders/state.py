"""State of the recurrent decoders, and how its rows look at their sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.attention import Attended, Attention
from regard.attention.history import History
from regard.attention.source import Source
from regard.decoders.recurrence import Cells
from regard.decoders.step import Advance, State, Unrolled
from regard.encoders.memory import Memory


@dataclass(frozen=True)
class AttentiveState:
    """One row per hypothesis.

    Args:
        cells: the recurrent states.
        fed: the attentional vector of the step before; width 0 without input feeding.
        history: what the attention remembers.
        rows: the source row that each state row decodes; a beam repeats numbers, never the source.
    """

    cells: Cells
    fed: Float[Tensor, "rows fed"]
    history: History
    rows: Int[Tensor, " rows"]

    def select(self, rows: Int[Tensor, " selected"]) -> "AttentiveState":
        """The state of the given rows, in the given order."""
        return AttentiveState(self.cells.select(rows), self.fed[rows], self.history.select(rows), self.rows[rows])


def begin(
    attention: Attention, memory: Memory, cells: Cells, *, fed_size: int, temperature: float
) -> tuple[Source, AttentiveState]:
    """The source with its keys projected, and the first state: nothing fed yet, row r looks at source r."""
    source = attention.prepare(memory.keys, memory.values, memory.mask)
    batch = memory.mask.size(0)
    fed = memory.values.new_zeros(batch, fed_size)
    rows = torch.arange(batch, device=fed.device)
    history = attention.begin(source, temperature=temperature)
    return source, AttentiveState(cells, fed, history, rows)


def look(
    attention: Attention,
    query: Float[Tensor, "rows query"],
    source: Source,
    history: History,
    rows: Int[Tensor, " rows"],
) -> Attended:
    """One look of every state row at its own source row, `rows`; the record has a target axis of length 1.

    Rows side by side that share a source, as those of a beam do, become several targets of one source, which is then
    read once for all of them. A mechanism for which a target has a past, a time or noise of its own gets copies.
    """
    sources, counts = torch.unique_consecutive(rows, return_counts=True)
    beam = int(counts[0]) if counts.numel() else 1
    if attention.sequential or attention.timed or attention.training or bool((counts != beam).any()):
        return attention(query.unsqueeze(1), _rows(source, rows), history)
    chosen = _rows(source, sources)
    grouped = attention(query.view(-1, beam, query.size(-1)), chosen, attention.begin(chosen))
    return replace(
        grouped,
        context=grouped.context.flatten(0, 1).unsqueeze(1),
        weights=grouped.weights.flatten(0, 1).unsqueeze(1),
        history=replace(history, step=history.step + 1),
        log_prob=grouped.log_prob.reshape(-1, 1),
        entropy=grouped.entropy.reshape(-1, 1),
        heads=None if grouped.heads is None else grouped.heads.transpose(1, 2).flatten(0, 1).unsqueeze(2),
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


def _rows(source: Source, rows: Int[Tensor, " rows"]) -> Source:
    """The rows of a source, without a copy when they are all of it in order."""
    batch = source.mask.size(0)
    whole = rows.numel() == batch and torch.equal(rows, torch.arange(batch, device=rows.device))
    return source if whole else source.select(rows)
