"""A decoder whose single steps run in compiled code, over weights that no longer change."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.source import Source
from regard.compiled.folded_values import FoldedValues
from regard.compiled.linear import with_packed_layers
from regard.compiled.programs import PROGRAMS, has_program
from regard.compiled.state import CompiledState, step_source
from regard.compiled.step import Steps, steps_serve
from regard.compiled.token_cache import TokenCache
from regard.compiled.vocabulary import InferenceTokens
from regard.decoders.bahdanau import maxout
from regard.decoders.luong import LuongDecoder
from regard.decoders.state import AttentiveState
from regard.decoders.step import Advance
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.recurrent.program import written


def runs_compiled(decoder: Any) -> bool:
    """Whether compiled code takes the steps of this decoder."""
    return has_program(decoder) and steps_serve(*decoder.attention.parameters())


class CompiledDecoder:
    """What a decoder of `programs.PROGRAMS` computes, where `runs_compiled`.

    What depends on the token alone is looked up in a cache. The rest of a step is one call of compiled code. It has no
    gradient. For a memory on another device, or of another precision, `begin` gives the state of the decoder itself,
    and steps from there are its own.

    Args:
        decoder: whose parameters are read once, here.
        tokens: its target vocabulary.
    """

    def __init__(self, decoder: Any, tokens: InferenceTokens | TargetTokens) -> None:
        self.tokens = tokens
        self.decoder = with_packed_layers(decoder)
        self._fold: FoldedValues | None = None
        make = PROGRAMS[type(decoder)]
        if isinstance(decoder, LuongDecoder):
            self._fold = FoldedValues(decoder.combine, decoder.combine.in_features - decoder.recurrence.rnn.hidden_size)
            program = make(decoder, self._fold)
        else:
            program = make(decoder)
        memory = ["memory"] if "memory" in written(program.step) else []
        self.cache = TokenCache(program.token, program.weights, decoder.tokens.embedding.weight)
        outputs = dict.fromkeys([program.output, "state", "weights", *memory])  # the features may be the state
        self.steps = Steps(program.step, program.weights, list(outputs), self.cache.registers)
        self._maxout = self.steps.width(program.output) != tokens.feature_size

    @property
    def finds_features(self) -> bool:
        """Whether a step leaves what the output layer reads, and nothing has to be computed from it in between."""
        return not self._maxout

    def begin(
        self, memory: Memory, temperature: float = 1.0
    ) -> tuple[Source, CompiledState] | tuple[Source, AttentiveState]:
        """The source with its keys projected, and the first state."""
        source, state = self.decoder.begin(memory, temperature)
        hidden = state.cells.hidden
        if hidden.device.type != "cpu" or hidden.dtype != torch.float32:
            return source, state
        return source if self._fold is None else self._fold.fold(source), CompiledState.of(state)

    def advance(self, tokens: Int[Tensor, " rows"], state: CompiledState | AttentiveState, source: Source) -> Advance:
        """Features of the next token."""
        if isinstance(state, AttentiveState):
            advance: Advance = self.decoder.advance(tokens, state, source)
            return advance
        cached, picks = self.cache(tokens.numpy())
        registers = self.steps(
            cached.tables | state.starts, step_source(source, state.rows), state.parents, torch.from_numpy(picks)
        )
        features, weights = registers[self.steps.outputs[0]], registers["weights"]
        if self._maxout:
            features = maxout(features)
        return Advance(features, state.after(registers), weights, (weights.unsqueeze(1),))
