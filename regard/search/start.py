"""From sources to a search: models read them, and a step function begins with what they read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from regard.decoders.output import LinearOutput
from regard.decoders.sourced_state import SourcedState
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.search.ctc import CtcPrefixes
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.joint import CANDIDATES, JointState, JointStep
from regard.search.precision import precise
from regard.search.shortlist import MaskedStep, Shortlist, ShortlistState, ShortlistStep, common, lists
from regard.search.step_function import DecoderStep, StepFunction


@dataclass(frozen=True)
class Started:
    """Sentences that may be searched.

    Args:
        step: the step function.
        state: its first state; row r belongs to sentence r.
        lengths: source positions of each sentence that some model may attend to: all real ones, the end mark among
            them, unless no model `attends_end`.
        joins: whether the state can be joined with that of others, which the same step function then serves.
        spans: what the positions of the memory cover, see `Memory.spans`.
        inside: the share of each input position in the position that covers it, see `Memory.inside`: of an ensemble the
            mean of all its models; None where one of them has none.
    """

    step: StepFunction
    state: Any
    lengths: Int[Tensor, " batch"]
    joins: bool
    spans: Int[Tensor, "batch source ends"]
    inside: Float[Tensor, "batch input"] | None = None


@dataclass(frozen=True)
class Listed:
    """What sentences may use.

    Args:
        output: the output layer of the model over it; None where that is not linear.
        common: what all may use.
        lists: what each may use besides.
    """

    output: ListedOutput | None
    common: Tensor
    lists: Lists


class Reader:
    """One model, or several as an ensemble.

    Args:
        models: over the same tokenisers; each with `encode`, `begin`, `decoder` and `tokens` as `EncoderDecoder` has
            them. One that has a method `start`, as the function `start` of the model, brings step functions of its own.
        shortlists: what any of these allows may be used; none for the whole vocabulary.
        ctc_weight: λ of a `JointStep` of decoder and CTC; then each model has its head, `ctc`. 0 for the decoder alone.
        all_tokens: whether CTC scores all tokens at each step, and not the best of the decoder alone.
    """

    def __init__(
        self,
        models: Sequence[Any],
        shortlists: Sequence[Shortlist] = (),
        ctc_weight: float = 0.0,
        *,
        all_tokens: bool = False,
    ) -> None:
        self.models = tuple(models)
        self.shortlists = tuple(shortlists)
        self.ctc_weight = ctc_weight
        self.all_tokens = all_tokens or ctc_weight == 1  # a decoder without a say chooses no candidates
        device = self.models[0].tokens.embedding.weight.device
        self._common = common(self.shortlists).to(device) if self.shortlists else None
        self._outputs = tuple(_listed(model, self._common) for model in self.models)

    def whole(self) -> "Reader":
        """The same models over the whole vocabulary, whose tokens all have a score."""
        return Reader(self.models, (), self.ctc_weight, all_tokens=True) if self.shortlists else self.scoring_all()

    def scoring_all(self) -> "Reader":
        """The same where all tokens have a score that may be used: for outputs that no search has chosen."""
        if not self.ctc_weight or self.all_tokens:
            return self
        return Reader(self.models, self.shortlists, self.ctc_weight, all_tokens=True)

    @torch.inference_mode()
    def read(
        self,
        source: Shaped[Tensor, "batch ..."],
        mask: Bool[Tensor, "batch ..."],
        count: int,
        wanted: Sequence[Sequence[int]] = (),
    ) -> Iterator[Started]:
        """Encode the sources and begin with them, all together; so many of them at a time may be searched. A shortlist
        leaves out no token that the output of a source is `wanted` to have."""
        memories = [model.encode(source, mask) for model in self.models]
        allowed = lists(self.shortlists, source, mask, wanted) if self.shortlists else None
        lengths = torch.stack([memory.mask.sum(1) for memory in memories]).amax(0)
        started = self._start(memories, lengths, allowed)
        del memories  # what is searched has what it needs of them
        if count >= len(source):
            yield started
            return
        for first in range(0, len(source), count):
            rows = torch.arange(first, min(first + count, len(source)), device=source.device)
            lengths, spans = started.lengths[rows], started.spans[rows]
            inside = None if started.inside is None else started.inside[rows]
            yield replace(started, state=started.state.select(rows), lengths=lengths, spans=spans, inside=inside)

    def _start(self, memories: Sequence[Any], lengths: Tensor, allowed: Lists | None) -> Started:
        steps: list[StepFunction] = []
        states: list[Any] = []
        for number, (model, memory) in enumerate(zip(self.models, memories, strict=True)):
            output = self._outputs[number]
            listed = None if allowed is None or self._common is None else Listed(output, self._common, allowed)
            own = getattr(model, "start", None)
            step, state = own(memory, listed) if own else start(model, memory, listed)
            steps.append(step)
            states.append(state)
        # Members of an ensemble have as many positions, so that one says for all what these cover.
        facts = lengths, all(_joins(state) for state in states), memories[0].spans, _mean_inside(memories)
        alone = len(steps) == 1
        step, state = (steps[0], states[0]) if alone else (Ensemble(steps), EnsembleState(tuple(states)))
        if not self.ctc_weight:
            return Started(step, state, *facts)
        labels = mean_labels([model.ctc(memory) for model, memory in zip(self.models, memories, strict=True)])
        candidates = self.models[0].tokens.embedding.num_embeddings if self.all_tokens else CANDIDATES
        joint = JointStep(step, self.ctc_weight, candidates)
        return Started(joint, JointState(state, CtcPrefixes.start(labels, memories[0].lengths)), *facts)


def start(model: Any, memory: Any, listed: Listed | None) -> tuple[StepFunction, Any]:
    """The step function of a model over what it read, by its definition, and the first state."""
    tokens, first = model.tokens, first_state(model, memory)
    step = DecoderStep(model.decoder, tokens.output, tokens.barred)
    if listed is None:
        return step, first
    begun = ShortlistState.start(first, listed.lists)
    if listed.output is None:
        return MaskedStep(step, listed.common), begun
    return ShortlistStep(model.decoder, listed.output), begun


def first_state(model: Any, memory: Any) -> SourcedState:
    """Of the decoder of a model, over what it read."""
    source, state = model.decoder.begin(memory)
    return SourcedState(state, source, model.tokens.output.begin(memory))


def mean_labels(members: Sequence[Float[Tensor, "batch positions labels"]]) -> Float[Tensor, "batch positions labels"]:
    """The logarithms of the mean probabilities of the labels. Raises ValueError for members of different shapes."""
    shapes = sorted({tuple(log_probs.shape[1:]) for log_probs in members})
    if len(shapes) > 1:
        raise ValueError(
            f"mean_labels: members have (positions, labels) {shapes}; expected the same of each. "
            "Put models together that share their tokenisers and the strides of their encoders."
        )
    return torch.stack([precise(log_probs) for log_probs in members]).logsumexp(0) - log(len(members))


def _mean_inside(memories: Sequence[Any]) -> Tensor | None:
    """The shares of the input positions by all models; None where one has none."""
    each = [memory.inside for memory in memories if memory.inside is not None]
    return torch.stack(each).mean(0) if len(each) == len(memories) else None


def _joins(state: SourcedState | ShortlistState) -> bool:
    """Whether the rows of another can be put behind these."""
    return hasattr(state.state.state if isinstance(state, ShortlistState) else state.state, "join")


def _listed(model: Any, common: Tensor | None) -> ListedOutput | None:
    """Its output layer over lists and what is common, without the rest; None where it is not linear."""
    output = model.tokens.output
    if common is None or not isinstance(output, LinearOutput):
        return None
    return ListedOutput(output.weight, output.bias, common, model.tokens.barred)
