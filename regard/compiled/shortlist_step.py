"""The step function of a model in compiled code, over a shortlist."""

from dataclasses import replace
from typing import Any

from jaxtyping import Int
from torch import Tensor

from regard.compiled.beam_buffers import with_capacity
from regard.compiled.beam_steps import BeamInput, beam_steps, buffers, state_after
from regard.compiled.output_step import FEW_SENTENCES, DecoderSteps
from regard.decoders.step import Step
from regard.kernels.topk_shortlist import ListedOutput
from regard.search.backpointers import Backpointers
from regard.search.beam import beam
from regard.search.beam_finished import Finished
from regard.search.beam_live import Live
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.refill import Later
from regard.search.shortlist import ShortlistState, ShortlistStep
from regard.search.step_function import Choices, GreedySteps


class CompiledShortlistStep:
    """What a `ShortlistStep` computes, with all that `search.step_function` says a step function may have.

    Args:
        decoder: from tokens to features.
        output: the output layer.
    """

    def __init__(self, decoder: Any, output: ListedOutput) -> None:
        self.plain = ShortlistStep(decoder, output)
        self.output = output
        self.barred = output.barred
        self.steps = DecoderSteps(decoder)

    def __call__(self, tokens: Int[Tensor, " rows"], state: ShortlistState) -> Step:
        """One step, with all logits."""
        return self.plain(tokens, state)

    def best(self, tokens: Int[Tensor, " rows"], state: ShortlistState, width: int) -> Choices:
        """One step, with its best tokens."""
        return self.plain.best(tokens, state, width)

    def greedy_steps(self, tokens: Int[Tensor, " rows"], state: ShortlistState, most: int) -> GreedySteps | None:
        """Steps of few rows; the probabilities of what they led to are computed afterwards."""
        argmax = self.output.argmax(state.lists, state.rows)
        found = None if argmax is None else self.steps.several(argmax, tokens, state.state, most)
        if found is None:
            return None
        rows = state.rows.repeat_interleave(found.tokens.size(1))
        log_probs, _ = self.output.best(found.features.flatten(0, 1), state.lists, rows, 1)
        after = replace(state, state=found.state)
        return GreedySteps(found.tokens, log_probs.view(found.tokens.shape), after, found.weights)

    def greedy(
        self, state: ShortlistState, source_lengths: Int[Tensor, " batch"], limit: LengthLimit, later: Later
    ) -> list[Hypothesis] | None:
        """The search of many sentences as a beam of 1."""
        if len(source_lengths) <= FEW_SENTENCES or not self.steps.takes_beams:
            return None
        return [found for (found,) in beam(self, state, source_lengths, size=1, limit=limit, later=later)]

    def beam_steps(
        self, state: ShortlistState, live: Live, finished: Finished, backpointers: Backpointers, enough: int
    ) -> tuple[Live, Any] | None:
        """In compiled code, where it can go on from the state."""
        if self.steps.compiled is None or not self.steps.takes_beams:
            return None
        capacity = int(live.free.sum())
        room, rows = buffers(self.steps.compiled, state.state, capacity), with_capacity(state.rows, capacity)
        finder = self.output.finder(state.lists, rows)
        if room is None or finder is None:
            return None

        def after(count: int, continued: int) -> ShortlistState:
            return ShortlistState(state_after(state.state, room, count, continued), state.lists, rows[:count])

        return beam_steps(BeamInput(room, finder, (rows,), after), live, finished, backpointers, enough)
