"""Rules, and first tokens that are given, on top of any step function."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.decoders.step import Step
from regard.kernels.logits import best_of
from regard.marks import END, PAD
from regard.search.refill import Later
from regard.search.rules import NONE, Rules, among, among_all
from regard.search.step_function import Choices, StepFunction, barred, best

SMALLEST = math.log(torch.finfo(torch.float32).tiny)
"""The log-probability of a token that has to come and has none."""


@dataclass(frozen=True, slots=True)
class RuledState:
    """The state of a `RuledStep`.

    Args:
        state: of the step function.
        said: what each row has said, begin mark first; shorter rows have `NONE` before them.
        prefix: what each row has to begin with; shorter ones have `NONE` behind them.
    """

    state: Any
    said: Int[Tensor, "rows said"]
    prefix: Int[Tensor, "rows prefix"]

    @classmethod
    def start(cls, state: Any, prefixes: Sequence[Sequence[int]], device: torch.device) -> "RuledState":
        """Nothing said; row r has to begin with prefix r."""
        width = max(map(len, prefixes), default=0)
        rows = [[*prefix, *[NONE] * (width - len(prefix))] for prefix in prefixes]
        prefix = torch.tensor(rows, dtype=torch.long, device=device).view(len(prefixes), width)
        return cls(state, prefix.new_zeros(len(prefixes), 0), prefix)

    def select(self, rows: Int[Tensor, " selected"]) -> "RuledState":
        """The given rows."""
        return RuledState(self.state.select(rows), self.said[rows], self.prefix[rows])

    def join(self, other: "RuledState") -> "RuledState":
        """The rows of another behind these."""
        said, prefix = (max(getattr(each, name).size(1) for each in (self, other)) for name in ("said", "prefix"))
        parts = [(_padded(each.said, said, 0), _padded(each.prefix, prefix, 1)) for each in (self, other)]
        return RuledState(self.state.join(other.state), *(torch.cat(each) for each in zip(*parts, strict=True)))

    @property
    def given(self) -> Int[Tensor, " rows"]:
        """The token of the prefix that comes behind what each row has said, counted from 1; 0 behind the prefix."""
        if not self.prefix.size(1):
            return self.said.new_zeros(len(self.said))
        place = (self.said != NONE).sum(1, keepdim=True) - 1
        next_one = self.prefix.gather(1, place.clamp(max=self.prefix.size(1) - 1))
        return torch.where(place < self.prefix.size(1), next_one + 1, 0).squeeze(1)


class RuledStep:
    """A step function under rules; its state is a `RuledState`. Where nothing else is allowed, the end mark is.

    The probability of what may not come is given to padding, which no search puts out. So the others keep theirs. What
    a penalty takes off stands apart, in `Choices.penalties` and in `compared`.

    Args:
        step: the step function.
        rules: for all rows.
    """

    def __init__(self, step: StepFunction, rules: Rules) -> None:
        self.step = step
        self.rules = rules
        self.barred = barred(step)

    def __call__(self, tokens: Int[Tensor, " rows"], state: RuledState) -> Step:
        """One step, with all logits."""
        return self.allowing(tokens, state, state.said.new_zeros(len(tokens), 0), state.said.new_zeros(len(tokens)) > 0)

    def allowing(
        self,
        tokens: Int[Tensor, " rows"],
        state: RuledState,
        wanted: Int[Tensor, "rows wanted"],
        unfinished: Bool[Tensor, " rows"],
    ) -> Step:
        """The same.

        Args:
            wanted: tokens that no rule takes away, `NONE` where there are fewer. They, and one that is given, have at
                least the smallest probability that float32 has.
            unfinished: rows that may not end.
        """
        said = torch.cat([state.said, tokens.unsqueeze(1)], 1)
        answer = self.step(tokens, state.state)
        log_probs = answer.logits.double().log_softmax(1)
        moved = RuledState(answer.state, said, state.prefix)
        wanted = torch.cat([wanted, moved.given.unsqueeze(1) - 1], 1)
        asked = _cells(wanted, log_probs.shape)
        log_probs = log_probs.masked_fill(asked & (log_probs == -torch.inf), SMALLEST)
        hidden = self._hidden(moved, log_probs, asked, unfinished)
        missing = log_probs.masked_fill(~hidden, -torch.inf).logsumexp(1)
        logits = log_probs.masked_fill(hidden, -torch.inf)
        logits[:, PAD] = missing
        return Step(logits, moved, answer.weights, answer.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: RuledState, width: int) -> Choices:
        """One step, with its best tokens: of more than are asked for, those that may come."""
        said = torch.cat([state.said, tokens.unsqueeze(1)], 1)
        forbidden = self.rules.forbidden(said)
        forbidden = forbidden[:, (forbidden != NONE).any(0)]
        repeats = said.size(1) - 1 if self.rules.penalizes else 0  # so many may fall behind others
        if not RuledState(None, said, state.prefix).given.any():
            found = best(self.step, tokens, state.state, width + forbidden.size(1) + repeats)
            hidden = among(forbidden, found.tokens)
            found = replace(found, state=RuledState(found.state, said, state.prefix))
            if not (hidden.any() or repeats):
                return _first(found, width)
            if (hidden.size(1) - hidden.sum(1) >= width).all():
                log_probs = found.log_probs.masked_fill(hidden, -torch.inf)
                return self._sorted(replace(found, log_probs=log_probs), width)
        return self.choose(self(tokens, state), width)

    def choose(self, answer: Step, width: int, more: Int[Tensor, "rows more"] | None = None) -> Choices:
        """The best tokens of a step, and `more` that are not among them, `NONE` where there are fewer."""
        log_probs, chosen = best_of(self.compared(answer), width, self.barred)
        found = Choices(chosen, log_probs, answer.state, answer.weights)
        if more is None and not self.rules.penalizes:
            return found
        if more is not None:
            chosen = torch.cat([chosen, more.masked_fill(among(chosen, more), NONE)], 1)
        own = answer.logits.gather(1, chosen.clamp(min=PAD)).to(log_probs.dtype)
        own = own.masked_fill(chosen == NONE, -torch.inf).masked_fill(log_probs[:, :1].isnan(), torch.nan)
        return self._sorted(replace(found, tokens=chosen.clamp(min=PAD), log_probs=own), chosen.size(1))

    def compared(self, answer: Step) -> Float[Tensor, "rows vocab"]:
        """What the tokens that may come next are compared by: their log-probabilities less the penalties."""
        if not self.rules.penalizes:
            return answer.logits
        state: Any = answer.state
        repeated = among_all(state.said, answer.logits.size(1))
        return answer.logits - self._penalties(state, answer.logits, repeated)

    def _sorted(self, found: Choices, width: int) -> Choices:
        """The best of these, by what they are compared by."""
        compared, penalties = found.log_probs, None
        if self.rules.penalizes:
            penalties = self._penalties(found.state, compared, among(found.state.said, found.tokens))
            compared = compared - penalties
        order = compared.argsort(dim=1, descending=True, stable=True)[:, :width]
        tokens, log_probs = found.tokens.gather(1, order), found.log_probs.gather(1, order)
        penalties = None if penalties is None else penalties.gather(1, order)
        return replace(found, tokens=tokens, log_probs=log_probs, penalties=penalties)

    def _penalties(
        self, state: RuledState, log_probs: Float[Tensor, "rows width"], repeated: Bool[Tensor, "rows width"]
    ) -> Float[Tensor, "rows width"]:
        """What is taken off; nothing where the token is given."""
        return self.rules.penalties(log_probs, repeated & (state.given == 0).unsqueeze(1))

    def _hidden(
        self,
        state: RuledState,
        log_probs: Float[Tensor, "rows vocab"],
        asked: Bool[Tensor, "rows vocab"],
        unfinished: Bool[Tensor, " rows"],
    ) -> Bool[Tensor, "rows vocab"]:
        """Which tokens may not come."""
        given = state.given
        hidden = _cells(self.rules.forbidden(state.said), log_probs.shape) & ~asked
        others = hidden | (log_probs == -torch.inf)
        others[:, :END] = True
        if self.barred is not None:
            others[:, self.barred] = True
        hidden[:, END] &= ~others.all(1)
        hidden[:, END] |= unfinished
        rows = given.nonzero().squeeze(1)
        hidden[rows] = True
        hidden[rows, given[rows] - 1] = False
        hidden[:, PAD] = True
        return hidden


def under_rules(
    rules: Rules, prefixes: Sequence[Sequence[int]], step: StepFunction, groups: Later
) -> tuple[RuledStep, Later]:
    """A step function under rules, and the groups of a search with their prefixes.

    Args:
        rules: for all sentences.
        prefixes: of each sentence, in the order in which they enter; empty for none.
        step: the step function.
        groups: first states and source lengths.
    """
    rest = iter(prefixes)

    def begun(state: Any, lengths: Tensor) -> tuple[RuledState, Tensor]:
        return RuledState.start(state, list(islice(rest, len(lengths))), lengths.device), lengths

    return RuledStep(step, rules), (begun(state, lengths) for state, lengths in groups)


def _cells(tokens: Int[Tensor, "rows some"], shape: torch.Size) -> Bool[Tensor, "rows vocab"]:
    """Where these tokens stand among all; `NONE` stands nowhere."""
    found = torch.zeros(shape, dtype=torch.bool, device=tokens.device)
    known = tokens != NONE
    found[known.nonzero()[:, 0], tokens[known]] = True
    return found


def _first(found: Choices, width: int) -> Choices:
    return replace(found, tokens=found.tokens[:, :width], log_probs=found.log_probs[:, :width])


def _padded(tokens: Int[Tensor, "rows width"], width: int, behind: int) -> Int[Tensor, "rows wider"]:
    """With `NONE` before them, or behind them."""
    missing = width - tokens.size(1)
    return F.pad(tokens, (0, missing) if behind else (missing, 0), value=NONE)
