"""Exact hard attention: each token looks at one source position, and the loss sums over all ways to choose them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from regard.attention.attention import Attention
from regard.attention.select import Softmax
from regard.attention.source import Source, joined
from regard.attention.window import GlobalWindow
from regard.decoders.marginal_output import MarginalOutput
from regard.decoders.output import LinearOutput
from regard.decoders.paths import NEVER, Chain, most_probable_path, posterior
from regard.decoders.state import Rows, Start, first_state
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.cells import Cells, Recurrence

MOST_ANSWERS = 2**24
"""Numbers (batch × target × source × vocabulary) that training holds at once; what is more is computed twice."""


@dataclass(frozen=True)
class HardState:
    """One row per hypothesis.

    Args:
        cells: the recurrent states.
        looks: log π of the step before.
        answers: log p(v | j, s) of the step before, for every position j and token v. Where no step asks for the one
            before, both have no positions.
        rows: the source row that each state row decodes.
    """

    cells: Cells
    looks: Float[Tensor, "rows source"]
    answers: Float[Tensor, "rows source vocab"]
    rows: Rows

    def select(self, rows: Int[Tensor, " selected"]) -> "HardState":
        """The state of the given rows, in the given order."""
        looks, answers = self.looks.index_select(0, rows), self.answers.index_select(0, rows)
        return HardState(self.cells.select(rows), looks, answers, self.rows.select(rows))

    def join(self, other: "HardState", rows: Rows, length: int) -> "HardState":
        """The rows of another behind these; the arguments are as in `AttentiveState.join`."""
        looks = joined(self.looks[:, :length], other.looks[:, :length], -1)
        answers = joined(self.answers[:, :length], other.answers[:, :length], -2)
        return HardState(self.cells.join(other.cells), looks, answers, rows)


class HardAttentionDecoder(nn.Module):
    """Hard attention whose alignments are summed over exactly.

        s(t) = cell(E y(t-1), s(t-1))
        p(v | j, s(t)) = softmax(O tanh(W [s(t); h(j)] + b) + c)                  the answer of position j
        p(j | i, s(t)) ∝ exp score(s(t), h(j))                                    order 0
        p(j | i, s(t)) ∝ exp(score(s(t), h(j)) + (U [s(t); h(i)] + u)[j - i])     order 1
        p(j | i, s(t)) = 0 where j < i                                            monotonic

        π(t, j) = Σ(i) φ(t-1, i) p(j | i, s(t))                                   where it looks, before y(t) is known
        p(v | y(<t), x) = Σ(j) π(t, j) p(v | j, s(t))
        φ(t, j) ∝ π(t, j) p(y(t) | j, s(t))                                       and after

    Source: order 0, free: Wu, Shapiro & Cotterell 2018, arXiv:1808.10024; order 1 and monotonic: Wu & Cotterell 2019,
    arXiv:1905.06319. The product of p(y(t) | y(<t), x) over t is the sum of p(y, a | x) over all alignments a (the
    forward algorithm, scaled at each step), since s(t) does not know a: there is no input feeding. i is the position of
    the token before; of the first token it is the first position. Order 0 without `monotonic` asks for no i. π and φ
    are in log space; a token has at least the probability of the smallest normal number.

    Different from the paper of 2019: there order 1 has U alone, for j - i within a window, and no score. Here the score
    stays, and moves beyond the window count as those at its ends: every position can be reached, such as a lemma behind
    its tags. u starts at -|m - 1| for a move m, so that a new model goes on by about one position a token.

    The weights of row t are π(t), what y(t) was mixed by. A source without a position is answered from s(t) alone. Of
    a known target `posterior` and `viterbi` say where it came from, from all of its tokens.

    Args:
        tokens: E, and O and c as a `LinearOutput`; its feature size is that of tanh.
        attention: gives the score. Selection and window are those of the decoder: softmax, global, one head.
        memory_size, summary_size: features of the memory's values, and of its summary.
        hidden_size, num_layers, cell: the recurrent part.
        order: whether the move from the position before counts.
        monotonic: never back.
        moves: the window of order 1: moves of at most so many positions have a weight of their own.
        layer_dropout: between layers.
        start: how s(0) comes from the summary: "bridge", a layer with tanh; "summary", as it is.

    Cost: beside the recurrence, memory O(batch·target·source·(feature + vocab)) in training, and O(rows·source·vocab)
    in search. Beyond `MOST_ANSWERS` numbers training computes a part of the target at a time, and again for the
    gradient.

    Raises ValueError for an attention with another selection, window or number of heads, with a gate, or with a score
    that remembers; and for another output layer.
    """

    def __init__(
        self,
        tokens: TargetTokens,
        attention: Attention,
        *,
        memory_size: int,
        summary_size: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        start: Start = "bridge",
        order: Literal[0, 1] = 0,
        monotonic: bool = False,
        moves: int = 5,
        layer_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        expect_score_alone(attention)
        self.tokens = TargetTokens(
            tokens.embedding,
            MarginalOutput(expect_linear(tokens.output)),
            embedding_dropout=tokens.embedding_dropout,
            barred=tokens.barred,
        )
        self.attention = attention
        self.monotonic = monotonic
        self.first_move, self.last_move = (0 if monotonic else -moves), moves
        self.chained = monotonic or order == 1
        self.bridge = first_state(start, summary_size, hidden_size, num_layers)
        self.recurrence = Recurrence(cell, tokens.embedding_size, hidden_size, num_layers, layer_dropout)
        # W and U side by side: first the features, then the moves.
        self.favoured = nn.Parameter(_favoured(self.first_move, self.last_move)) if order == 1 else None
        width = tokens.feature_size + (0 if self.favoured is None else len(self.favoured))
        self.project_state = nn.Linear(hidden_size, width)
        self.project_source = nn.Linear(memory_size, width, bias=False)

    @property
    def linear(self) -> LinearOutput:
        """What a position is asked with."""
        linear: LinearOutput = self.tokens.output.linear
        return linear

    @property
    def carries(self) -> bool:
        """Where a step asks for the position before."""
        return self.chained

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, HardState]:
        """Project keys and values, and make the first state, in which the first position was looked at."""
        source = self.attention.prepare(memory.keys, memory.values, memory.mask)
        source = Source(source.prepared, self.project_source(source.values), source.mask)
        cells = self.recurrence.begin(self.bridge(memory.summary))
        rows, length = source.mask.shape
        looks = source.values.new_full((rows, length if self.chained else 0), NEVER)
        looks[:, :1] = 0.0
        answers = looks.new_zeros(*looks.shape, 1).expand(-1, -1, self.linear.size)
        return source, HardState(cells, looks, answers, Rows.start(memory.mask))

    def advance(self, tokens: Int[Tensor, " rows"], state: HardState, source: Source) -> Advance:
        """Log-probabilities of the next token."""
        cells = self.recurrence.step(self.recurrence.gates(self.tokens.embed(tokens)), state.cells)
        alone = state.rows.whole and state.rows.groups.beam == 1
        own = source if alone else source.select(state.rows.numbers)
        found, moves = (part.squeeze(1) for part in self._parts(cells.top.unsqueeze(1), own))
        looks = self._look(self._after(state, tokens, own), moves) if self.chained else moves.squeeze(1)
        weights = looks.exp().masked_fill(~own.mask, 0.0)
        kept = looks.size(1) if self.chained else 0
        state = HardState(cells, looks[:, :kept], found[:, :kept], state.rows)
        return Advance(_mixed(looks, found), state, weights, (weights.unsqueeze(1),))

    def forward(self, inputs: Int[Tensor, "batch target"], source: Source, state: HardState) -> Unrolled:
        """All steps of a known target."""
        return self.attend_all(self.recurrence.unroll(self.tokens.embed(inputs), state.cells), inputs, source, state)

    def attend_all(
        self,
        hidden: Float[Tensor, "batch target hidden"],
        inputs: Int[Tensor, "batch target"],
        source: Source,
        state: HardState,
    ) -> Unrolled:
        """All steps of a known target, from their states."""
        before = self._after(state, inputs[:, 0], source) if self.chained else state.looks
        following = torch.cat([inputs[:, 1:], inputs[:, -1:]], 1)  # nothing reads the last
        at_once = max(1, MOST_ANSWERS // (source.mask.numel() * self.linear.size))
        again = at_once < inputs.size(1) and torch.is_grad_enabled()
        features, looks = [], []
        parts = (torch.split(each, at_once, 1) for each in (hidden, following))
        for part, answers in zip(*parts, strict=True):
            given = (part, answers, before, source)
            found: Any = checkpoint(self._run, *given, use_reentrant=False) if again else self._run(*given)
            features.append(found[0])
            looks.append(found[1])
            before = found[2]
        weights = torch.cat(looks, 1).exp().masked_fill(~source.mask.unsqueeze(1), 0.0)
        nothing = weights.new_zeros(weights.shape[:2])
        return Unrolled(torch.cat(features, 1), weights, nothing, nothing, (weights.unsqueeze(1),))

    def posterior(
        self,
        inputs: Int[Tensor, "batch target"],
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        source: Source,
        state: HardState,
    ) -> Float[Tensor, "batch target source"]:
        """p(a(t) = j | y, x) of known targets, by the forward-backward algorithm; of an end without its mark, of the
        tokens up to it. Zeros for a source without a position; rows of padding mean nothing.

        Memory O(batch·source·(source + target + vocab)): what a step needs of the model is computed when it is asked
        for.
        """
        return posterior(self._known(inputs, targets, mask, source, state)).masked_fill(~source.mask.unsqueeze(1), 0.0)

    def viterbi(
        self,
        inputs: Int[Tensor, "batch target"],
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        source: Source,
        state: HardState,
    ) -> Float[Tensor, "batch target source"]:
        """The most probable alignment of known targets, max p(a, y | x) over a: one where a(t) = j, else 0. The rest
        is as in `posterior`."""
        path = most_probable_path(self._known(inputs, targets, mask, source, state))
        chosen = source.values.new_zeros(*path.shape, source.mask.size(1)).scatter(2, path.unsqueeze(2), 1.0)
        return chosen.masked_fill(~source.mask.unsqueeze(1), 0.0)

    def _known(self, inputs: Tensor, targets: Tensor, mask: Tensor, source: Source, state: HardState) -> Chain:
        """The alignments of known targets."""
        hidden = self.recurrence.unroll(self.tokens.embed(inputs), state.cells)
        own = torch.split(self.project_state(hidden), 1, 1)
        chosen = torch.split(targets[:, :, None, None].expand(-1, -1, source.mask.size(1), 1), 1, 1)
        answered = [
            self._answers(step, source).gather(3, token).squeeze(3) for step, token in zip(own, chosen, strict=True)
        ]
        first = self._after(state, inputs[:, 0], source) if self.chained else source.values.new_zeros(len(inputs), 1)

        def ways(step: int) -> Tensor:
            return self._ways(hidden[:, step : step + 1], own[step], source).squeeze(1)

        return Chain(first, ways, torch.cat(answered, 1), mask)

    def _run(self, hidden: Tensor, following: Tensor, before: Tensor, source: Source) -> tuple[Tensor, Tensor, Tensor]:
        """Some steps: log-probabilities (batch, target, vocab), π (batch, target, source), and φ after the last."""
        answers, moves = self._parts(hidden, source)
        looks = moves.squeeze(2)
        if self.chained:
            chosen = following[:, :, None, None].expand(-1, -1, answers.size(2), 1)
            steps = list(self._chain(moves, answers.gather(3, chosen).squeeze(3), before))
            looks, before = torch.stack([look for look, _ in steps], 1), steps[-1][1]
        return _mixed(looks, answers), looks, before

    def _chain(self, moves: Tensor, answered: Tensor, before: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """π and φ of one step after another, from φ before the first."""
        for move, answer in zip(moves.unbind(1), answered.unbind(1), strict=True):
            look = self._look(before, move)
            before = (look + answer).log_softmax(1)
            yield look, before

    def _look(self, before: Tensor, move: Tensor) -> Tensor:
        """π of a step, from φ before it."""
        return (before.unsqueeze(2) + move).logsumexp(1)

    def _after(self, state: HardState, tokens: Tensor, source: Source) -> Float[Tensor, "rows source"]:
        """φ of the step before, now that its tokens are known."""
        chosen = tokens[:, None, None].expand(-1, state.answers.size(1), 1)
        joint = state.looks + state.answers.gather(2, chosen).squeeze(2)
        return joint.masked_fill(~_seen(source), NEVER).log_softmax(1)

    def _parts(self, hidden: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """What some steps need of the model."""
        own = self.project_state(hidden)
        return self._answers(own, source), self._ways(hidden, own, source)

    def _answers(self, own: Tensor, source: Source) -> Float[Tensor, "batch target source vocab"]:
        """log p(v | j, s(t)), from W s(t)."""
        size = self.linear.feature_size
        return self.linear(torch.tanh(own[..., None, :size] + source.values[:, None, :, :size])).log_softmax(3)

    def _ways(self, hidden: Tensor, own: Tensor, source: Source) -> Float[Tensor, "batch target before source"]:
        """log p(j | i, s(t)), from s(t) and W s(t) with U s(t); where no i is asked for, there is one for all."""
        scores = self.attention.score(hidden, source.prepared, self.attention.begin(source)).unsqueeze(2)
        possible, length = _seen(source)[:, None, None], source.mask.size(1)
        if self.favoured is not None:
            size = self.linear.feature_size
            weights = own[..., None, size:] + source.values[:, None, :, size:] + self.favoured
            moves = self._moves(length, own.device).expand(
                *weights.shape[:3], -1
            )  # (batch, target, source i, source j)
            scores = scores + weights.gather(3, moves)
        if self.monotonic:
            possible = possible & torch.ones_like(source.mask[0]).expand(length, -1).triu()
        return scores.masked_fill(~possible, NEVER).log_softmax(3)

    def _moves(self, length: int, device: torch.device) -> Int[Tensor, "source_i source_j"]:
        """The number of the move from i to j."""
        places = torch.arange(length, device=device)
        return (places - places.unsqueeze(1)).clamp(self.first_move, self.last_move) - self.first_move


def expect_score_alone(attention: Attention) -> None:
    """Raises ValueError for an attention of which more than a score would count, or whose score remembers."""
    wrong = {
        "another select than softmax": type(attention.select) is not Softmax,
        "another window than global": type(attention.window) is not GlobalWindow,
        "several heads": attention.heads is not None,
        "a gate": attention.gate is not None,
        "a score that remembers earlier steps": attention.sequential or attention.timed,
    }
    found = " and ".join(name for name, is_so in wrong.items() if is_so)
    if found:
        raise ValueError(
            f"HardAttentionDecoder: the attention has {found}; expected a score without a memory, and defaults for the "
            "rest, since this decoder sums over positions itself. Choose, for example, model.attention.score general."
        )


def expect_linear(output: Any) -> LinearOutput:
    """The layer. Raises ValueError for one of another kind."""
    if not isinstance(output, LinearOutput):
        raise ValueError(
            f"HardAttentionDecoder: the output layer is a {type(output).__name__}; expected a linear one, which is "
            "asked position by position. Leave model.output at its default."
        )
    return output


def _favoured(first: int, last: int) -> Float[Tensor, " moves"]:
    return -(torch.arange(first, last + 1) - 1.0).abs()


def _mixed(looks: Tensor, answers: Tensor) -> Float[Tensor, "*axes vocab"]:
    """log Σ(j) π(j) p(v | j). One product: a sum of exponentials of the same would pass over the answers five times.
    Nothing is less probable than the smallest normal number."""
    found = (looks.exp().unsqueeze(-2) @ answers.exp()).squeeze(-2)
    return found.clamp(min=torch.finfo(found.dtype).tiny).log()


def _seen(source: Source) -> Tensor:
    """The positions that alignments go through; of a source without one its first, where all is zero."""
    first = torch.zeros_like(source.mask)
    first[:, :1] = True
    return source.mask | (first & ~source.mask.any(1, keepdim=True))
