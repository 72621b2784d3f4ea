"""The step function of a model in compiled code, over the whole vocabulary."""

from functools import partial
from typing import Any

from jaxtyping import Int
from torch import Tensor

from regard.compiled.beam_steps import BeamInput, beam_steps, buffers, state_after
from regard.compiled.decoder import CompiledDecoder
from regard.compiled.greedy_steps import MAX_STEPS, BestToken, Several, in_one_call, one_by_one
from regard.compiled.vocabulary import InferenceTokens
from regard.decoders.sourced_state import SourcedState
from regard.decoders.step import Step
from regard.kernels.library import kernels
from regard.search.backpointers import Backpointers
from regard.search.beam import beam
from regard.search.beam_finished import Finished
from regard.search.beam_live import Live
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.refill import Later
from regard.search.step_function import Choices, GreedySteps, advance

FEW_SENTENCES = 16
"""Greedy search of no more is mostly left with so few that `greedy_steps` is fastest; that of more is a beam of 1."""


class DecoderSteps:
    """How the steps of one decoder are taken, one or several in a call.

    Args:
        decoder: any; several steps of a `CompiledDecoder` that `finds_features` are one call.
    """

    def __init__(self, decoder: Any) -> None:
        self.one = partial(advance, decoder)
        known = isinstance(decoder, CompiledDecoder) and decoder.finds_features
        self.compiled: CompiledDecoder | None = decoder if known else None

    def several(self, best: BestToken, tokens: Int[Tensor, " rows"], state: SourcedState, most: int) -> Several | None:
        """At most so many greedy steps; None where there is no best token."""
        most = min(most, MAX_STEPS)
        if self.compiled is None:
            return one_by_one(self.one, best, tokens, state, most)
        return in_one_call(self.compiled, best, tokens, state, most)

    @property
    def takes_beams(self) -> bool:
        """Whether compiled code takes the steps of a beam, as long as it can go on from its state."""
        return self.compiled is not None and kernels().library is not None


class OutputStep:
    """A step function from a decoder and the output layer, with all that `search.step_function` says a step function
    may have. Its state is a `SourcedState`.

    Args:
        decoder: from tokens to features.
        tokens: has the output layer.
    """

    def __init__(self, decoder: Any, tokens: InferenceTokens) -> None:
        self.tokens = tokens
        self.barred = tokens.barred
        self.steps = DecoderSteps(decoder)

    def __call__(self, tokens: Int[Tensor, " rows"], state: SourcedState) -> Step:
        """One step, with all logits."""
        moved = self.steps.one(tokens, state)
        return Step(self.tokens.project(moved.features), moved.state, moved.weights, moved.heads)

    def best(self, tokens: Int[Tensor, " rows"], state: SourcedState, width: int) -> Choices:
        """One step, with its best tokens."""
        moved = self.steps.one(tokens, state)
        log_probs, chosen = self.tokens.best(moved.features, width)
        return Choices(chosen, log_probs, moved.state, moved.weights)

    def greedy_steps(self, tokens: Int[Tensor, " rows"], state: SourcedState, most: int) -> GreedySteps | None:
        """Steps of few rows. Which token is the best is found by reading a part of the layer, and how probable the
        tokens are by reading it once for all steps."""
        argmax = self.tokens.argmax(len(tokens))
        found = None if argmax is None else self.steps.several(argmax, tokens, state, most)
        if found is None:
            return None
        log_probs, _ = self.tokens.best(found.features.flatten(0, 1), 1)
        return GreedySteps(found.tokens, log_probs.view(found.tokens.shape), found.state, found.weights)

    def greedy(
        self, state: SourcedState, source_lengths: Int[Tensor, " batch"], limit: LengthLimit, later: Later
    ) -> list[Hypothesis] | None:
        """The search of many sentences as a beam of 1."""
        if len(source_lengths) <= FEW_SENTENCES or not self.steps.takes_beams:
            return None
        return [found for (found,) in beam(self, state, source_lengths, size=1, limit=limit, later=later)]

    def beam_steps(
        self, state: SourcedState, live: Live, finished: Finished, backpointers: Backpointers, enough: int
    ) -> tuple[Live, Any] | None:
        """In compiled code, where it can go on from the state."""
        if self.steps.compiled is None or not self.steps.takes_beams:
            return None
        room, finder = buffers(self.steps.compiled, state, int(live.free.sum())), self.tokens.finder()
        if room is None or finder is None:
            return None
        model = BeamInput(room, finder, (), partial(state_after, state, room))
        return beam_steps(model, live, finished, backpointers, enough)
