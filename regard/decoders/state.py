"""State of the recurrent decoders, and how its rows attend to their sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.attention.attention import Attended, Attention
from regard.attention.history import History
from regard.attention.source import Source
from regard.decoders.step import Advance, State, Unrolled
from regard.encoders.memory import Memory
from regard.recurrent.cells import Cells

Start = Literal["bridge", "summary"]
"""What makes the first state of a recurrent decoder."""


class Bridge(nn.Module):
    """First hidden states, one per layer.

        s(0) = tanh(W summary + b)

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.2.2 (there without bias, from the backward
    state alone; here from the whole summary).

    Args:
        summary_size: features of `Memory.summary`.
        hidden_size: features of the decoder's state.
        num_layers: depth of the decoder.
    """

    def __init__(self, summary_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.project = nn.Linear(summary_size, hidden_size * num_layers)
        self.num_layers = num_layers

    def forward(self, summary: Float[Tensor, "batch summary"]) -> Float[Tensor, "batch layers hidden"]:
        """One hidden state per layer."""
        return torch.tanh(self.project(summary)).view(summary.size(0), self.num_layers, -1)


class Handover(nn.Module):
    """The summary itself as the first hidden state of every layer.

        s(0) = summary

    Source: Sutskever, Vinyals & Le 2014, arXiv:1409.3215, section 2 (there layer by layer; here the summary is that
    of the encoder's last layer).

    Args:
        summary_size: features of `Memory.summary`.
        hidden_size: features of the decoder's state; the same.
        num_layers: depth of the decoder.

    Raises ValueError if the sizes differ.
    """

    def __init__(self, summary_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        if summary_size != hidden_size:
            raise ValueError(
                f"Handover: summary_size is {summary_size} and hidden_size is {hidden_size}; expected the same, since "
                "the summary is the first state. Make the decoder as wide as the encoder's output, or use a bridge."
            )
        self.num_layers = num_layers

    def forward(self, summary: Float[Tensor, "batch summary"]) -> Float[Tensor, "batch layers hidden"]:
        """The same hidden state for each layer."""
        return summary.unsqueeze(1).expand(-1, self.num_layers, -1).contiguous()


def first_state(start: Start, summary_size: int, hidden_size: int, num_layers: int) -> Bridge | Handover:
    """What makes the first state: a layer over the summary, or the summary itself."""
    kind = Bridge if start == "bridge" else Handover
    return kind(summary_size, hidden_size, num_layers)


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
        rows = cls(torch.arange(mask.size(0), device=mask.device), mask.size(0))
        # Known without a look at the numbers, which a graph that is traced for any batch could not take.
        vars(rows).update(groups=Groups(rows.numbers, 1, None), whole=True)
        return rows

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
        history: what the attention remembers.
        rows: the source row that each state row decodes.
    """

    cells: Cells
    fed: Float[Tensor, "rows fed"]
    history: History
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "AttentiveState":
        """The state of the given rows, in the given order."""
        sources = self.rows.select(rows)
        history = self.history.select(rows, moved=sources is not self.rows)
        return AttentiveState(self.cells.select(rows), self.fed.index_select(0, rows), history, sources)

    def join(self, other: "AttentiveState", rows: Rows, length: int) -> "AttentiveState":
        """The rows of another behind these.

        Args:
            other: a state of the same decoder.
            rows: the source row that each row of both decodes.
            length: positions of the sources.
        """
        history = self.history.narrow(length).join(other.history.narrow(length))
        return AttentiveState(self.cells.join(other.cells), torch.cat([self.fed, other.fed]), history, rows)


def begin(
    attention: Attention, memory: Memory, cells: Cells, *, fed_size: int, temperature: float
) -> tuple[Source, AttentiveState]:
    """The source with its keys projected, and the first state: nothing fed yet, row r decodes source r."""
    source = attention.prepare(memory.keys, memory.values, memory.mask)
    fed = memory.values.new_zeros(memory.mask.size(0), fed_size)
    history = attention.begin(source, temperature=temperature)
    return source, AttentiveState(cells, fed, history, Rows.start(memory.mask))


def attend(
    attention: Attention, query: Float[Tensor, "rows query"], source: Source, history: History, rows: Rows
) -> Attended:
    """What every state row attends to of its own source row; the record has a target axis of length 1.

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


def advanced(features: Float[Tensor, "rows features"], state: State, attended: Sequence[Attended]) -> Advance:
    """The answer of one step, from what each layer attended to: its weights are those of the last."""
    heads = tuple(heads_of(each).squeeze(2) for each in attended)
    return Advance(features, state, attended[-1].weights.squeeze(1), heads)


def heads_of(attended: Attended) -> Float[Tensor, "rows heads target source"]:
    """The weights of each head, also where there is one."""
    return attended.weights.unsqueeze(1) if attended.heads is None else attended.heads


def unrolled(features: Float[Tensor, "batch target features"], attended: Sequence[Attended]) -> Unrolled:
    """The answer for a whole target, from its features and what was attended to at each step, in order."""
    weights = torch.cat([each.weights for each in attended], 1)
    several = [each.heads for each in attended if each.heads is not None]
    return Unrolled(
        features,
        weights,
        torch.cat([each.log_prob for each in attended], 1),
        torch.cat([each.entropy for each in attended], 1),
        (torch.cat(several, 2) if several else weights.unsqueeze(1),),
    )
