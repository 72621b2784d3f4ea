"""A model that is a table: what comes next depends on the source and on everything said so far. No network."""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.decoders.step import Step
from regard.search.length_limit import LengthLimit

HISTORIES = 7


@dataclass(frozen=True)
class ToyState:
    rows: Tensor
    history: Tensor

    def select(self, rows: Tensor) -> "ToyState":
        return ToyState(self.rows[rows], self.history[rows])

    def join(self, other: "ToyState") -> "ToyState":
        return ToyState(torch.cat([self.rows, other.rows]), torch.cat([self.history, other.history]))


class ToyTable:
    """logits[source, history, token], weights[source, history, token, position]; counts the rows of each step."""

    def __init__(self, source_lengths: list[int], vocab: int = 5, seed: int = 0, spread: float = 2.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        batch, self.vocab = len(source_lengths), vocab
        self.source_lengths = torch.tensor(source_lengths, dtype=torch.long)
        self.logits = torch.randn(batch, HISTORIES, vocab, vocab, generator=generator) * spread
        scores = torch.randn(batch, HISTORIES, vocab, max(source_lengths, default=1), generator=generator)
        padding = torch.arange(scores.size(-1)) >= self.source_lengths.view(-1, 1, 1, 1)
        self.weights = scores.masked_fill(padding, -torch.inf).softmax(-1)
        self.steps: list[int] = []

    def begin(self, rows: list[int] | None = None) -> ToyState:
        taken = torch.arange(len(self.source_lengths)) if rows is None else torch.tensor(rows)
        return ToyState(taken, torch.zeros_like(taken))

    def step(self, tokens: Tensor, state: ToyState) -> Step:
        self.steps.append(len(tokens))
        place = (state.rows, state.history, tokens)
        history = (state.history * 3 + tokens + 1) % HISTORIES
        return Step(self.logits[place], ToyState(state.rows, history), self.weights[place])

    def follow(self, source: int, tokens: tuple[int, ...]) -> tuple[float, Tensor]:
        """Log-probability and weights of an output, one step at a time, on its own."""
        state, previous, total, weights = self.begin([source]), BEGIN, 0.0, []
        for token in tokens:
            answer = self.step(torch.tensor([previous]), state)
            total += float(answer.logits[0].double().log_softmax(0)[token])
            weights.append(answer.weights[0, : int(self.source_lengths[source])])
            state, previous = answer.state, token
        return total, torch.stack(weights)

    def outputs(self, limit: int) -> list[tuple[int, ...]]:
        """All outputs that end within the limit."""
        words = range(END + 1, self.vocab)
        return [(*body, END) for size in range(limit) for body in itertools.product(words, repeat=size)]


def at_most(tokens: int) -> LengthLimit:
    return LengthLimit(ratio=0.0, extra=tokens)
