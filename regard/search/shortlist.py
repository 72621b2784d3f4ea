"""A search over part of the vocabulary: what the words of a source may become, and nothing else.

Shortlist     what each source token may become; made once, from a model's own attention (analysis/shortlist.py)
MaskedStep    a step function whose rows use the tokens of their own sentence alone, from any step function
ShortlistStep the same, over a linear output layer, of which it multiplies no more than it needs
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from regard.data.batch import BEGIN, END, PAD
from regard.decoders.sourced_state import SourcedState, distinct
from regard.decoders.step import Step
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.search.step_function import Choices, StepFunction, advance, barred

UNKNOWN = 3
MARKS = (PAD, BEGIN, END, UNKNOWN)


@dataclass(frozen=True)
class Shortlist:
    """Which target tokens each source token may become.

    Args:
        common: what any sentence may use; the marks are added to it.
        starts: where the targets of each source token begin in `targets`, and where the last of them end.
        targets: target tokens, those of one source token behind those of another.
        target_size: entries of the target vocabulary.

    Raises ValueError for numbers that are no such lists: compiled code goes through them unasked.
    """

    common: Int[Tensor, " common"]
    starts: Int[Tensor, " sources_and_one"]
    targets: Int[Tensor, " links"]
    target_size: int

    def __post_init__(self) -> None:
        for name in ("common", "starts", "targets"):
            part = getattr(self, name)
            if part.dim() != 1 or part.dtype != torch.long:
                raise ValueError(f"Shortlist: {name} has {part.dim()} axes of {part.dtype}; expected one of int64.")
        for name in ("common", "targets"):
            part = getattr(self, name)
            if len(part) and not 0 <= int(part.min()) <= int(part.max()) < self.target_size:
                raise ValueError(f"Shortlist: {name} holds no target token; expected 0 to {self.target_size - 1}.")
        ends = self.starts[:1].tolist() + self.starts[-1:].tolist()
        if ends != [0, len(self.targets)] or bool((self.starts.diff() < 0).any()):
            raise ValueError(f"Shortlist: starts do not ascend from 0 to {len(self.targets)}, where targets end.")

    def links(
        self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]
    ) -> tuple[Int[np.ndarray, " links"], Int[np.ndarray, " links"]]:
        """The targets of the tokens of each sentence, and before them the sentence of each."""
        real = mask.numpy(force=True)
        starts, targets, tokens = (each.numpy(force=True) for each in (self.starts, self.targets, source))
        firsts, counts = starts[tokens[real]], np.diff(starts)[tokens[real]]
        places = np.arange(counts.sum()) + np.repeat(firsts - (counts.cumsum() - counts), counts)
        return real.nonzero()[0].repeat(counts), targets[places]

    def allowed(
        self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]
    ) -> Bool[Tensor, "batch vocab"]:
        """What each sentence may use: a function of its own tokens alone."""
        allowed = np.zeros((len(source), self.target_size), dtype=bool)
        allowed[self.links(source, mask)] = True
        allowed[:, common([self])] = True
        return torch.from_numpy(allowed).to(source.device)


def common(shortlists: Sequence[Shortlist]) -> Int[Tensor, " common"]:
    """What any sentence may use by some of them, the marks with it; ascending."""
    each = [shortlist.common.numpy(force=True) for shortlist in shortlists]
    return torch.from_numpy(np.unique(np.concatenate([MARKS, *each])))


def lists(
    shortlists: Sequence[Shortlist],
    source: Int[Tensor, "batch source ..."],
    mask: Bool[Tensor, "batch source"],
    wanted: Sequence[Sequence[int]] = (),
) -> Lists:
    """What each sentence may use by some of them, beside what is common; of a source that can be copied, see
    `data.copying`, also every token that it has; and what its output is `wanted` to have."""
    copied = source.dim() == 3
    found = [each.links(source[..., 0] if copied else source, mask) for each in shortlists]
    if copied:
        real = mask.numpy(force=True)
        found.append((real.nonzero()[0], source[..., 1].numpy(force=True)[real]))
    owned = np.array([(row, token) for row, tokens in enumerate(wanted) for token in tokens], np.int64).reshape(-1, 2)
    found.append((owned[:, 0], owned[:, 1]))
    owners, tokens = map(np.concatenate, zip(*found, strict=True))
    return Lists.of(owners, tokens, len(source), common(shortlists).to(source.device))


@dataclass(frozen=True, slots=True)
class ShortlistState:
    """The state of a decoder whose rows may use some tokens alone.

    Args:
        state: of the decoder.
        lists: the lists of all sentences.
        rows: which of them each row may use.
    """

    state: Any
    lists: Lists
    rows: Int[Tensor, " rows"]

    @classmethod
    def start(cls, state: SourcedState, lists: Lists) -> "ShortlistState":
        """Row r may use list r."""
        return cls(state, lists, torch.arange(len(lists.starts) - 1, device=lists.starts.device))

    def select(self, rows: Int[Tensor, " selected"]) -> "ShortlistState":
        """The given rows."""
        return ShortlistState(self.state.select(rows), self.lists, self.rows.index_select(0, rows))

    def join(self, other: "ShortlistState") -> "ShortlistState":
        """The rows of another behind these. Lists that no row uses any more are left out."""
        (used, rows), (others, more) = (distinct(each.rows) for each in (self, other))
        lists = Lists.stack([(self.lists, used), (other.lists, others)])
        return ShortlistState(self.state.join(other.state), lists, torch.cat([rows, more + len(used)]))


class MaskedStep:
    """Any step function, of which each row may use some tokens alone; its state is a `ShortlistState`. All else has a
    logit of -inf.

    The probabilities are those of the model given that only allowed tokens come.

    Args:
        step: the step function.
        common: what all rows may use, beside the list of each.
    """

    def __init__(self, step: StepFunction, common: Int[Tensor, " common"]) -> None:
        self.step = step
        self.common = common
        self.barred = barred(step)

    def __call__(self, tokens: Int[Tensor, " rows"], state: ShortlistState) -> Step:
        """One step, with all logits."""
        answer, lists = self.step(tokens, state.state), state.lists
        owners = torch.arange(len(lists.starts) - 1, device=lists.starts.device)
        hidden = torch.ones(len(owners), answer.logits.size(1), dtype=torch.bool, device=owners.device)
        hidden[:, self.common] = False
        hidden[owners.repeat_interleave(lists.starts.diff()), lists.tokens] = False
        logits = answer.logits.masked_fill(hidden[state.rows], -torch.inf)
        return replace(answer, logits=logits, state=replace(state, state=answer.state))


class ShortlistStep:
    """A step function whose rows may use some tokens alone; its state is a `ShortlistState`. All else has a logit of
    -inf.

    The probabilities are those of the model given that only allowed tokens come.

    Args:
        decoder: from tokens to features.
        output: the output layer.
    """

    def __init__(self, decoder: Any, output: ListedOutput) -> None:
        self.decoder = decoder
        self.output = output
        self.barred = output.barred

    def __call__(self, tokens: Int[Tensor, " rows"], state: ShortlistState) -> Step:
        """One step, with all logits."""
        moved = advance(self.decoder, tokens, state.state)
        logits = self.output.project(moved.features, state.lists, state.rows)
        return Step(logits, ShortlistState(moved.state, state.lists, state.rows), moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: ShortlistState, width: int) -> Choices:
        """One step with its best tokens."""
        moved = advance(self.decoder, tokens, state.state)
        log_probs, chosen = self.output.best(moved.features, state.lists, state.rows, width)
        return Choices(chosen, log_probs, ShortlistState(moved.state, state.lists, state.rows), moved.weights)
