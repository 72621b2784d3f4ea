"""What an output may not be: rules over the tokens that a search chooses, on top of any step function.

    no_repeat_ngram   no n tokens in a row come twice (Paulus, Xiong & Socher 2018, arXiv:1705.04304, section 2.5)
    min_length        the end mark comes no earlier
    prefix            the first tokens are given

A rule takes choices away. It does not change what is left: the probability of an output is that of the model, as forced
decoding gives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
from regard.search.step_function import Choices, StepFunction, barred, best

NONE = -1
"""Where a row has no token."""


@dataclass(frozen=True)
class Rules:
    """Rules for all outputs of a search.

    Args:
        no_repeat_ngram: n; 0 for no such rule.
        min_length: tokens before the end mark, at least.

    Raises ValueError for a negative number.
    """

    no_repeat_ngram: int = 0
    min_length: int = 0

    def __post_init__(self) -> None:
        for name in ("no_repeat_ngram", "min_length"):
            if getattr(self, name) < 0:
                raise ValueError(f"Rules: {name} is {getattr(self, name)}; expected 0 or more. 0 is no rule.")

    def forbidden(self, said: Int[Tensor, "rows said"]) -> Int[Tensor, "rows forbidden"]:
        """The tokens that may not come next in each row, `NONE` where there are fewer.

        Args:
            said: the begin mark and what followed it; shorter rows have `NONE` before them.
        """
        found = [self._repeats(said)] if 0 < self.no_repeat_ngram <= said.size(1) else []
        if self.min_length:
            early = (said != NONE).sum(1, keepdim=True) <= self.min_length
            found.append(torch.where(early, END, NONE))
        return torch.cat(found, 1) if found else said.new_zeros(len(said), 0)

    def _repeats(self, said: Int[Tensor, "rows said"]) -> Int[Tensor, "rows forbidden"]:
        """The tokens that followed the last n - 1 tokens when these were said before."""
        count = self.no_repeat_ngram
        windows = said.unfold(1, count, 1)  # (rows, windows, n)
        same = (windows[..., :-1] == said[:, said.size(1) - count + 1 :].unsqueeze(1)).all(2)
        return torch.where(same & (windows != NONE).all(2), windows[..., -1], NONE)


NO_RULES = Rules()


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


class RuledStep:
    """A step function under rules; its state is a `RuledState`. Where nothing else is allowed, the end mark is.

    The probability of what may not come is given to padding, which no search puts out. So the others keep theirs.

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
        said = torch.cat([state.said, tokens.unsqueeze(1)], 1)
        answer = self.step(tokens, state.state)
        log_probs = answer.logits.double().log_softmax(1)
        hidden = self._hidden(said, state.prefix, log_probs)
        missing = log_probs.masked_fill(~hidden, -torch.inf).logsumexp(1)
        logits = log_probs.masked_fill(hidden, -torch.inf)
        logits[:, PAD] = missing
        return Step(logits, RuledState(answer.state, said, state.prefix), answer.weights, answer.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: RuledState, width: int) -> Choices:
        """One step, with its best tokens: of more than are asked for, those that may come."""
        said = torch.cat([state.said, tokens.unsqueeze(1)], 1)
        forbidden = self.rules.forbidden(said)
        forbidden = forbidden[:, (forbidden != NONE).any(0)]
        if not self._given(said, state.prefix).any():
            found = best(self.step, tokens, state.state, width + forbidden.size(1))
            hidden = (found.tokens.unsqueeze(2) == forbidden.unsqueeze(1)).any(2)
            if not hidden.any():
                return self._first(found, said, state.prefix, width)
            if (hidden.size(1) - hidden.sum(1) >= width).all():
                order = hidden.to(torch.int8).argsort(dim=1, stable=True)
                chosen, log_probs = found.tokens.gather(1, order), found.log_probs.gather(1, order)
                ordered = Choices(chosen, log_probs, found.state, found.weights)
                return self._first(ordered, said, state.prefix, width)
        answer = self(tokens, state)
        log_probs, chosen = best_of(answer.logits, width, self.barred)
        return Choices(chosen, log_probs, answer.state, answer.weights)

    def _first(self, found: Choices, said: Tensor, prefix: Tensor, width: int) -> Choices:
        state = RuledState(found.state, said, prefix)
        return Choices(found.tokens[:, :width], found.log_probs[:, :width], state, found.weights)

    def _given(self, said: Tensor, prefix: Tensor) -> Int[Tensor, " rows"]:
        """The token of the prefix that is next in each row, counted from 1; 0 behind the prefix."""
        if not prefix.size(1):
            return said.new_zeros(len(said))
        place = (said != NONE).sum(1, keepdim=True) - 1
        next_one = prefix.gather(1, place.clamp(max=prefix.size(1) - 1))
        return torch.where(place < prefix.size(1), next_one + 1, 0).squeeze(1)

    def _hidden(
        self, said: Tensor, prefix: Tensor, log_probs: Float[Tensor, "rows vocab"]
    ) -> Bool[Tensor, "rows vocab"]:
        """Which tokens may not come."""
        forbidden = self.rules.forbidden(said)
        hidden = torch.zeros_like(log_probs, dtype=torch.bool)
        known = forbidden != NONE
        hidden[known.nonzero()[:, 0], forbidden[known]] = True
        others = hidden | (log_probs == -torch.inf)
        others[:, :END] = True
        if self.barred is not None:
            others[:, self.barred] = True
        hidden[:, END] &= ~others.all(1)
        given = self._given(said, prefix)
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


def _padded(tokens: Int[Tensor, "rows width"], width: int, behind: int) -> Int[Tensor, "rows wider"]:
    """With `NONE` before them, or behind them."""
    missing = width - tokens.size(1)
    return F.pad(tokens, (0, missing) if behind else (missing, 0), value=NONE)
