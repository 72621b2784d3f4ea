"""Sources that models have read: what a search begins with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from regard.decoders.following import Several, comes_to_features
from regard.decoders.inference import InferenceTokens
from regard.decoders.looking import Looking, advance
from regard.decoders.output import LinearOutput
from regard.decoders.output_state import OutputState, advance_both
from regard.decoders.state import AttentiveState
from regard.decoders.step import Advance
from regard.encoders.memory import Memory
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.shortlist import ListedState, ListedStep, MaskedStep, Shortlist, common, lists
from regard.search.step_function import PlainStep, ProjectedStep, StepFunction

Moving = Callable[[Tensor, Any], Advance]


@dataclass(frozen=True)
class Begun:
    """Sentences that may be searched.

    Args:
        step: the step function.
        state: its first state; row r belongs to sentence r.
        lengths: source positions of each sentence that some model may look at: all real ones, the end mark among them,
            unless no model `attends_end`.
        joins: whether the state can be joined with that of others, which the same step function then serves.
    """

    step: StepFunction
    state: Any
    lengths: Int[Tensor, " batch"]
    joins: bool


class Readers:
    """One model, or several as an ensemble.

    Args:
        models: over the same tokenisers.
        shortlists: what any of these allows may be used; none for the whole vocabulary.
    """

    def __init__(self, models: Sequence[EncoderDecoder], shortlists: Sequence[Shortlist]) -> None:
        self.models = tuple(models)
        self.shortlists = tuple(shortlists)
        self.common = common(self.shortlists) if self.shortlists else torch.zeros(0, dtype=torch.long)
        self.listed = tuple(_listed(model, self.common) for model in self.models if self.shortlists)

    @torch.inference_mode()
    def read(
        self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"], count: int
    ) -> Iterator[Begun]:
        """Encode the sources and begin with them, all together; so many of them at a time may be searched."""
        memories = [model.encode(source, mask) for model in self.models]
        allowed = lists(self.shortlists, source, mask) if self.shortlists else None
        lengths = torch.stack([memory.mask.sum(1) for memory in memories]).amax(0)
        begun = self._begin(memories, lengths, allowed)
        del memories  # what is searched has what it needs of them
        if count >= len(source):
            yield begun
            return
        for start in range(0, len(source), count):
            rows = torch.arange(start, min(start + count, len(source)), device=source.device)
            yield replace(begun, state=begun.state.select(rows), lengths=begun.lengths[rows])

    def _begin(self, memories: Sequence[Memory], lengths: Tensor, allowed: Lists | None) -> Begun:
        steps: list[StepFunction] = []
        states: list[Any] = []
        joins = True
        for number, (model, memory) in enumerate(zip(self.models, memories, strict=True)):
            prepared, state = model.decoder.begin(memory)
            moving: Moving = partial(model.decoder.advance, source=prepared)
            if isinstance(state, AttentiveState):
                moving, state = partial(advance, model.decoder), Looking(state, prepared)
            else:
                joins = False
            known = isinstance(state, Looking) and comes_to_features(model.decoder)
            several = Several(model.decoder) if known else None
            kept = model.tokens.output.begin(memory)
            if kept is not None:
                moving, state = partial(advance_both, moving), OutputState(state, kept)
            steps.append(self._step(number, moving, several))
            states.append(state if allowed is None else ListedState.start(state, allowed))
        if len(steps) == 1:
            return Begun(steps[0], states[0], lengths, joins)
        return Begun(Ensemble(steps), EnsembleState(tuple(states)), lengths, joins)

    def _step(self, number: int, moving: Moving, several: Several | None) -> StepFunction:
        """The step function of the model of that number, over what may be used."""
        if not self.shortlists:
            return _whole(self.models[number], moving, several)
        output = self.listed[number]
        if output is None:
            return MaskedStep(_whole(self.models[number], moving, several), self.common)
        return ListedStep(moving, output, several)


def _whole(model: EncoderDecoder, moving: Moving, several: Several | None) -> StepFunction:
    """The step function of one model over the whole vocabulary."""
    if isinstance(model.tokens, InferenceTokens):
        return ProjectedStep(moving, model.tokens, several)
    return PlainStep(moving, model.tokens.output, model.tokens.barred)


def _listed(model: EncoderDecoder, common: Tensor) -> ListedOutput | None:
    """Its output layer over lists and what is common, without the rest; None where it is not linear."""
    output = model.tokens.output
    if not isinstance(output, LinearOutput):
        return None
    return ListedOutput(output.weight, output.bias, common.to(output.weight.device), model.tokens.barred)
