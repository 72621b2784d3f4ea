"""The decoder of End-To-End Memory Networks: it reads the memory several times before it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.attention import Attended, Attention
from regard.attention.history import History
from regard.attention.source import Source
from regard.decoders.state import Rows, advanced, attend, heads_of
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.marks import BEGIN
from regard.recurrent.cells import Recurrence

Look = Callable[[Source, History, Attention, Tensor], Attended]
Tying = Literal["adjacent", "layer_wise"]


@dataclass(frozen=True)
class ReadingState:
    """One row per hypothesis.

    Args:
        query: what the last step ended with; before the first step the question.
        histories: what the attention of each hop remembers.
        rows: the source row that each state row decodes.
    """

    query: Float[Tensor, "rows hidden"]
    histories: tuple[History, ...]
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "ReadingState":
        """The state of the given rows, in the given order."""
        looking = self.rows.select(rows)
        histories = tuple(history.select(rows, moved=looking is not self.rows) for history in self.histories)
        return ReadingState(self.query.index_select(0, rows), histories, looking)


class MemoryNetworkDecoder(nn.Module):
    """Reads the memory K times; what a hop finds is added to the query of the next.

        u(1) = B q,   p(k) = attention(u(k), A(k) h),   o(k) = Σ p(k)_i C(k) h_i,   u(k+1) = u(k) + o(k)
        p(y) = softmax(O u(K+1) + b)

    "adjacent": A(k+1) = C(k), and B = A(1) where the summary has as many features as a position. "layer_wise": A and C
    are the same for all hops, and u(k+1) = H u(k) + o(k).

    Source: Sukhbaatar et al. 2015, "End-To-End Memory Networks", arXiv:1503.08895, section 2. A, B, C are tables of
    words there. Here they multiply what the encoder puts out: h_i for each position, q for the question. Over bags of
    embedded words that is a table again, A(k) E.

    The paper answers with one word. Longer outputs go on from what the step before ended with:

        u(1, t) = cell(E y(t-1), u(K+1, t-1))   for t > 1

    Args:
        tokens: E, O and b; `tokens.feature_size` is `hidden_size`.
        attentions: one for each hop; queries, keys and values have `hidden_size` features.
        memory_size, summary_size: features of the memory's values, and of its summary, which is q.
        hidden_size: features of a query.
        tying: "adjacent" or "layer_wise".

    The weights of its steps are those of the last hop; `heads` has all of them.

    Attributes:
        looks: the names of the hops, which views show one by one.

    Raises ValueError for other sizes, and without a hop.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        attentions: Sequence[Attention],
        *,
        memory_size: int,
        summary_size: int,
        hidden_size: int,
        tying: Tying = "adjacent",
    ) -> None:
        super().__init__()
        if not attentions or tokens.feature_size != hidden_size:
            raise ValueError(
                f"MemoryNetworkDecoder: attentions has {len(attentions)} entries, and tokens.feature_size is "
                f"{tokens.feature_size}; expected one for each hop, and hidden_size, which is {hidden_size}."
            )
        self.tokens = tokens
        self.attentions: Any = nn.ModuleList(attentions)  # Any: torch's list does not know what it holds
        self.adjacent = tying == "adjacent"
        count = len(attentions) + 1 if self.adjacent else 2
        self.maps: Any = nn.ModuleList(nn.Linear(memory_size, hidden_size, bias=False) for _ in range(count))
        tied = self.adjacent and summary_size == memory_size
        self.ask = None if tied else nn.Linear(summary_size, hidden_size, bias=False)
        self.carry = nn.Identity() if self.adjacent else nn.Linear(hidden_size, hidden_size, bias=False)
        self.recurrence = Recurrence("gru", tokens.embedding_size, hidden_size, 1, 0.0)
        self.looks = tuple(f"hop {hop}" for hop in range(1, len(attentions) + 1))

    @property
    def carries(self) -> bool:
        """What a hop found is in the query of the next, and of the next step."""
        return True

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[tuple[Source, ...], ReadingState]:
        """Keys and values of every hop, and the question."""
        keys = [each(memory.keys) for each in self.maps]
        same = memory.values is memory.keys
        values = keys if same else [each(memory.values) for each in self.maps]
        places = range(len(self.attentions)) if self.adjacent else [0] * len(self.attentions)
        sources = tuple(
            attention.prepare(keys[place], values[place + 1], memory.mask)
            for attention, place in zip(self.attentions, places, strict=True)
        )
        histories = tuple(
            attention.begin(source, temperature=temperature)
            for attention, source in zip(self.attentions, sources, strict=True)
        )
        query = (self.maps[0] if self.ask is None else self.ask)(memory.summary)
        return sources, ReadingState(query, histories, Rows.start(memory.mask))

    def advance(self, tokens: Int[Tensor, " rows"], state: ReadingState, source: tuple[Source, ...]) -> Advance:
        """Features of the next token."""

        def each_at_its_own(source: Source, history: History, attention: Attention, query: Tensor) -> Attended:
            return attend(attention, query, source, history, state.rows)

        query, histories, looks = self._read(tokens, state.query, state.histories, source, each_at_its_own)
        return advanced(query, ReadingState(query, histories, state.rows), looks)

    def forward(self, inputs: Int[Tensor, "batch target"], source: tuple[Source, ...], state: ReadingState) -> Unrolled:
        """All steps of a known target, one after the other."""
        query, histories = state.query, state.histories
        queries, steps = [], []
        for tokens in inputs.unbind(1):
            query, histories, looks = self._read(tokens, query, histories, source, _all_at_once)
            queries.append(query)
            steps.append(looks)
        each_hop = list(zip(*steps, strict=True))
        return Unrolled(
            torch.stack(queries, 1),
            torch.cat([look.weights for look in each_hop[-1]], 1),
            torch.stack([torch.cat([look.log_prob for look in hop], 1) for hop in each_hop]).sum(0),
            torch.stack([torch.cat([look.entropy for look in hop], 1) for hop in each_hop]).sum(0),
            tuple(torch.cat([heads_of(look) for look in hop], 2) for hop in each_hop),
        )

    def _read(
        self, tokens: Tensor, query: Tensor, histories: tuple[History, ...], sources: tuple[Source, ...], look: Look
    ) -> tuple[Tensor, tuple[History, ...], list[Attended]]:
        """All hops of one step: the query behind the last, what the attentions remember, and what each looked at."""
        begun = (tokens == BEGIN).unsqueeze(1)
        cells = self.recurrence.begin(query.unsqueeze(1))
        moved = self.recurrence.step(self.recurrence.gates(self.tokens.embed(tokens)), cells).top
        query = torch.where(begun, query, moved)
        looks = []
        for attention, source, history in zip(self.attentions, sources, histories, strict=True):
            looks.append(look(source, history, attention, query))
            query = self.carry(query) + looks[-1].context.squeeze(1)
        return query, tuple(each.history for each in looks), looks


def _all_at_once(source: Source, history: History, attention: Attention, query: Tensor) -> Attended:
    """Row r of the queries is that of source r."""
    attended: Attended = attention(query.unsqueeze(1), source, history)
    return attended
