"""The edit transducer: an output is made of its source by edits, from left to right.

What is where:

data/edits.py             an output as a script of edits, and the text of a script; so training, every search and every
                          view have tokens, as of any other model
decoders/edit_transducer  this file: the probability of the next edit
training/edit_expert.py   the edits that are best, after any edits, right ones or wrong ones
training/imitation.py     the loss: learn the best edits where the model itself has come to

An output has several scripts, and a search follows scripts: what it finds, scores and puts side by side are scripts.
Of two with the same text, n-best lists have both. A letter's weights are 1 at the place of the pointer: where it was
copied from, or before which it was inserted. What is deleted writes nothing, and has no row in an `Alignment`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.attention.source import Source
from regard.decoders.marginal_output import MarginalOutput
from regard.decoders.output import LinearOutput
from regard.decoders.pointer_generator import as_targets
from regard.decoders.state import Rows, Start, first_state
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.marks import END, PAD, UNKNOWN
from regard.recurrent.cells import Cells, Recurrence

Unroll = Callable[[Tensor, Cells], Tensor]
"""Inputs (batch, target, input) and cells → the outputs of the last layer."""


@dataclass(frozen=True)
class EditState:
    """One row per hypothesis.

    Args:
        cells: the recurrent states.
        places: of the pointer.
        rows: the source row that each state row decodes.
    """

    cells: Cells
    places: Int[Tensor, " rows"]
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "EditState":
        """The state of the given rows, in the given order."""
        return EditState(self.cells.select(rows), self.places.index_select(0, rows), self.rows.select(rows))

    def join(self, other: "EditState", rows: Rows, length: int) -> "EditState":
        """The rows of another behind these; the arguments are as in `AttentiveState.join`."""
        return EditState(self.cells.join(other.cells), torch.cat([self.places, other.places]), rows)


@dataclass(frozen=True)
class Letters:
    """What a memory says of the source as something to edit.

    Args:
        numbers: the target token of each position, to be copied.
        there: whether a letter stands there, and no end mark nor padding.
        copied: whether it can be copied. A tag cannot.
    """

    numbers: Int[Tensor, "batch source"]
    there: Bool[Tensor, "batch source"]
    copied: Bool[Tensor, "batch source"]

    @classmethod
    def of(cls, memory: Memory) -> "Letters":
        """The letters of a memory whose last real position is an end mark. Raises what `as_targets` raises."""
        numbers = as_targets(memory, "EditTransducerDecoder.begin")
        there = torch.arange(numbers.size(1), device=numbers.device) < memory.lengths.unsqueeze(1) - 1
        return cls(numbers, there, there & (numbers != UNKNOWN) & (numbers != PAD))


class EditTransducerDecoder(nn.Module):
    """A transducer over the edits COPY, DELETE and INSERT(c), with a pointer that reads the source once.

        i(t)  = number of COPY and DELETE among a(1) … a(t-1)                                   the pointer
        s(t)  = cell([E a(t-1); h(i(t))], s(t-1))
        p(a(t) = a | a(<t), x) ∝ exp(W tanh(V [s(t); h(i(t))] + b) + c)(a)  over the edits that can be done there

        COPY, DELETE   where a letter stands at i(t); COPY where it can be written
        INSERT(c)      everywhere
        END            where no letter stands at i(t)

    Source: Makarov & Clematide 2018, "Imitation Learning for Neural Morphological String Transduction",
    arXiv:1808.10701, section 2, after Aharoni & Goldberg 2017, arXiv:1611.01487. Differences: there the output layer
    reads s(t) alone, and the features of the word form stand beside h(i(t)) in the cell; here they are in h, which an
    encoder of several texts makes (`model.encoder.joined`). The substitutions of their system of 2020 are left out: a
    DELETE and an INSERT do the same.

    The weights of row t are 1 at i(t), which is where the edit looked. With `attends_end` that may be the end mark;
    without it h is zero there, and so are the weights.

    Args:
        tokens: E over the target vocabulary, COPY and DELETE, and W and c as a `LinearOutput` of these.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part.
        layer_dropout: between layers.
        start: how s(0) comes from the summary, as in `HardAttentionDecoder`.

    Raises ValueError for another output layer.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        *,
        memory_size: int,
        summary_size: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        start: Start = "bridge",
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not isinstance(tokens.output, LinearOutput):
            raise ValueError(
                f"EditTransducerDecoder: the output layer is a {type(tokens.output).__name__}; expected a linear one, "
                "of which some edits are left out at each step. Leave model.output at its default."
            )
        self.copy, self.delete = tokens.output.size - 2, tokens.output.size - 1
        self.tokens = TargetTokens(
            tokens.embedding,
            MarginalOutput(tokens.output),
            embedding_dropout=tokens.embedding_dropout,
            barred=tokens.barred,
            copies=True,
        )
        self.bridge = first_state(start, summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(cell, tokens.embedding_size + memory_size, hidden_size, num_layers, layer_dropout)
        self.project = nn.Linear(hidden_size + memory_size, tokens.feature_size)

    @property
    def carries(self) -> bool:
        """What is at the pointer reaches the state."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, EditState]:
        """The values of the memory, with what can be done at each position as its keys; the pointer at the first.

        Raises ValueError for a memory that is not that of a text with target numbers, see `data.copying`.
        """
        letters = Letters.of(memory)
        possible = torch.stack([letters.there, letters.copied], -1).to(memory.values.dtype)
        source = Source(possible, memory.values.masked_fill(~memory.mask.unsqueeze(-1), 0.0), memory.mask)
        cells = self.recurrence.begin(self.bridge(memory.summary))
        places = torch.zeros_like(memory.lengths)
        return source, EditState(cells, places, Rows.start(memory.mask))

    def advance(self, tokens: Int[Tensor, " rows"], state: EditState, source: Source) -> Advance:
        """Logits of the next edit."""
        own = source if state.rows.whole and state.rows.groups.beam == 1 else source.select(state.rows.numbers)
        places = state.places + self.moves(tokens).long()
        weights = _at(places.unsqueeze(1), own)
        context = (weights @ own.values).squeeze(1)
        gates = self.recurrence.gates(torch.cat([self.tokens.embed(tokens), context], 1))
        cells = self.recurrence.step(gates, state.cells)
        logits = self._answers(cells.top, context, (weights @ own.prepared).squeeze(1))
        return Advance(logits, EditState(cells, places, state.rows), weights.squeeze(1), (weights,))

    def forward(
        self, inputs: Int[Tensor, "batch target"], source: Source, state: EditState, unroll: Unroll | None = None
    ) -> Unrolled:
        """All steps of a known script. The pointer is known beforehand, so no step waits for another but in the cell.

        Args:
            inputs, source, state: as of every decoder.
            unroll: what does the same as `Recurrence.unroll`, faster; None for that.
        """
        places = state.places.unsqueeze(1) + self.moves(inputs).long().cumsum(1)
        weights = _at(places, source)
        context = weights @ source.values
        hidden = (unroll or self.recurrence.unroll)(torch.cat([self.tokens.embed(inputs), context], 2), state.cells)
        nothing = weights.new_zeros(weights.shape[:2])
        logits = self._answers(hidden, context, weights @ source.prepared)
        return Unrolled(logits, weights, nothing, nothing, (weights.unsqueeze(1),))

    def moves(self, tokens: Int[Tensor, "*axes"]) -> Bool[Tensor, "*axes"]:
        """Which of these tokens move the pointer."""
        return (tokens == self.copy) | (tokens == self.delete)

    def _answers(self, hidden: Tensor, context: Tensor, possible: Tensor) -> Float[Tensor, "*axes edits"]:
        """Logits of all edits, -inf for what cannot be done."""
        linear: Any = self.tokens.output.linear
        logits: Tensor = linear(torch.tanh(self.project(torch.cat([hidden, context], -1))))
        there, copied = (possible > 0).unbind(-1)
        barred = torch.zeros_like(logits, dtype=torch.bool)
        barred[..., END], barred[..., self.copy], barred[..., self.delete] = there, ~copied, ~there
        return logits.masked_fill(barred, -torch.inf)


def _at(places: Int[Tensor, "batch target"], source: Source) -> Float[Tensor, "batch target source"]:
    """Weights of 1 at these places, where they may be looked at."""
    positions = torch.arange(source.mask.size(1), device=places.device)
    return ((places.unsqueeze(2) == positions) & source.mask.unsqueeze(1)).to(source.values)
