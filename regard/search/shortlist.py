"""A search over part of the vocabulary: what the words of a source may become, and nothing else.

    Shortlist    what each source token may become; made once, from a model's own attention (analysis/shortlist.py)
    Part         the tokens that the sentences of one batch may use, as a vocabulary of its own
    PartialStep  a step function over a Part

A Part numbers its tokens from 0 on in the order of their own numbers, all marks first. So the marks keep theirs, ties
fall as they would, and no search notices; `Part.spell` gives the numbers back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.data.batch import BEGIN, END, PAD
from regard.decoders.step import Advance, Step
from regard.output import best as output
from regard.search.choices import Choices
from regard.search.hypothesis import Hypothesis
from regard.unroll.panels import pack

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
    """

    common: Int[Tensor, " common"]
    starts: Int[Tensor, " sources_and_one"]
    targets: Int[Tensor, " links"]
    target_size: int

    def allowed(
        self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]
    ) -> Bool[Tensor, "batch vocab"]:
        """What each sentence may use: a function of its own tokens alone."""
        starts, targets, common = (part.to(source.device) for part in (self.starts, self.targets, self.common))
        sentences, tokens = mask.nonzero()[:, 0], source[mask]
        counts = starts[tokens + 1] - starts[tokens]
        before = counts.cumsum(0) - counts
        places = torch.arange(int(counts.sum()), device=source.device)
        places = places + (starts[tokens] - before).repeat_interleave(counts)
        allowed = torch.zeros(len(source), self.target_size, dtype=torch.bool, device=source.device)
        allowed[sentences.repeat_interleave(counts), targets[places]] = True
        allowed[:, common] = True
        allowed[:, list(MARKS)] = True
        return allowed


@dataclass(frozen=True)
class Part:
    """The tokens that some sentence of a batch may use, numbered anew.

    Args:
        tokens: their numbers in the whole vocabulary, ascending.
        allowed: which of them each sentence may use.
    """

    tokens: Int[Tensor, " part"]
    allowed: Bool[Tensor, "batch part"]

    @classmethod
    def of(cls, allowed: Sequence[Bool[Tensor, "batch vocab"]]) -> "Part":
        """What any of several shortlists allows, for models that decode together."""
        either = torch.stack(tuple(allowed)).any(0)
        tokens = either.any(0).nonzero().squeeze(1)
        return cls(tokens, either[:, tokens])

    def spell(self, found: Hypothesis) -> Hypothesis:
        """The same output in numbers of the whole vocabulary."""
        return replace(found, tokens=tuple(self.tokens[list(found.tokens)].tolist()))


@dataclass(frozen=True, slots=True)
class PartialState:
    """The state of a decoder.

    Args:
        state: what the decoder made.
        sentences: the sentence of each row.
        bias: the bias of its logits, -inf for what it may not use.
    """

    state: Any
    sentences: Int[Tensor, " rows"]
    bias: Float[Tensor, "rows part"]

    def select(self, rows: Int[Tensor, " selected"]) -> "PartialState":
        """The given rows. A beam that reorders its rows within each sentence leaves the biases where they are."""
        sentences = self.sentences[rows]
        same = torch.equal(sentences, self.sentences)
        return PartialState(self.state.select(rows), sentences, self.bias if same else self.bias[rows])


class PartialStep:
    """A step function over a Part; its state is a `PartialState`. What a sentence may not use has a logit of -inf.

    The probabilities are those of the model given that only allowed tokens come.

    Args:
        advance: `advance(tokens, state)`, over the whole vocabulary, up to the output layer.
        weight, bias: of the whole output layer; the rows that the part needs are copied.
        part: what may be used.
    """

    def __init__(
        self,
        advance: Callable[[Tensor, Any], Advance],
        weight: Float[Tensor, "vocab features"],
        bias: Float[Tensor, " vocab"],
        part: Part,
    ) -> None:
        self.advance = advance
        self.tokens = part.tokens
        self.rows = weight[part.tokens].detach()
        # In the bias, so that the product itself leaves out what is not allowed.
        self.bias = bias[part.tokens].detach().expand(part.allowed.shape).masked_fill(~part.allowed, -torch.inf)
        known = output.serves() and self.rows.device.type == "cpu" and self.rows.dtype == torch.float32
        self.panels = pack(self.rows) if known else None

    def begin(self, state: Any) -> PartialState:
        """Row r of the state belongs to sentence r."""
        return PartialState(state, torch.arange(len(self.bias), device=self.bias.device), self.bias)

    def __call__(self, tokens: Int[Tensor, " rows"], state: PartialState) -> Step:
        """One step; tokens and logits are numbered as in the part."""
        moved = self.advance(self.tokens[tokens], state.state)
        after = replace(state, state=moved.state)
        return Step(self._logits(moved.features, state), after, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: PartialState, width: int) -> Choices:
        """One step with its best tokens, numbered as in the part."""
        moved = self.advance(self.tokens[tokens], state.state)
        if self.panels is None:
            log_probs, chosen = output.best_of(self._logits(moved.features, state), width)
        else:
            log_probs, chosen = output.best(moved.features, self.panels, None, state.bias, width)
        return Choices(chosen, log_probs, replace(state, state=moved.state), moved.weights)

    def _logits(self, features: Tensor, state: PartialState) -> Tensor:
        return torch.addmm(state.bias, features, self.rows.t())
