"""A trained model made fast for inference: the door of this room for a translator."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from jaxtyping import Bool, Int
from torch import Tensor, nn

from regard.compiled.decoder import CompiledDecoder, runs_compiled
from regard.compiled.encoder import CompiledEncoder
from regard.compiled.linear import with_packed_layers
from regard.compiled.output_step import OutputStep
from regard.compiled.programs import PROGRAMS
from regard.compiled.shortlist_step import CompiledShortlistStep
from regard.compiled.step import steps_serve
from regard.compiled.vocabulary import InferenceTokens
from regard.data.batch import Sources
from regard.decoders.fixed import FixedDecoder
from regard.decoders.memory_network import MemoryNetworkDecoder
from regard.decoders.output import LinearOutput
from regard.decoders.step import Step
from regard.decoders.transformer import TransformerDecoder
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder
from regard.encoders.several import SeveralEncoder
from regard.kernels.library import kernels
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.shortlist import Shortlist, ShortlistState
from regard.search.start import Listed, Reader, first_state
from regard.search.step_function import StepFunction

KNOWN = (*PROGRAMS, FixedDecoder, MemoryNetworkDecoder, TransformerDecoder)
"""The decoders whose output layer is prepared; any other, as of a user's package, runs as it is."""


def prepare(models: Sequence[EncoderDecoder], shortlists: Sequence[Shortlist] = (), ctc_weight: float = 0.0) -> Reader:
    """What reads sources for a search with these models, which are made fast.

    Args:
        models: over the same tokenisers, in evaluation mode; several are an ensemble. Their parameters are read here:
            prepare them again when they change.
        shortlists: outputs are made of what any of these allows; none for the whole vocabulary.
        ctc_weight: what CTC has to say, see `JointStep`.

    With `REGARD_KERNELS=off` the models are taken as they are.
    """
    return Reader(models if kernels().off else [frozen(model) for model in models], shortlists, ctc_weight)


def frozen(model: EncoderDecoder) -> "EncoderDecoder | FrozenModel":
    """The model over the same parameters, made fast; itself if its decoder or its output layer is of no known type."""
    known = type(model.decoder) in KNOWN and isinstance(model.tokens.output, LinearOutput)
    return FrozenModel(model) if known else model


def _fast(encoder: Any) -> Any:
    """An encoder in compiled code, and so each of several; itself where it is of no known type."""
    if type(encoder) is SeveralEncoder:
        return partial(encoder.read, encoders=[_fast(each) for each in encoder.encoders])
    known = type(encoder) is RecurrentEncoder and isinstance(encoder.embedding, nn.Embedding)
    return CompiledEncoder(encoder) if known and steps_serve(*encoder.parameters()) else encoder


class FrozenModel:
    """What an `EncoderDecoder` computes with its parameters as they are now, without a gradient.

    Args:
        model: in evaluation mode, with a decoder of a `KNOWN` type and a linear output layer.
    """

    def __init__(self, model: EncoderDecoder) -> None:
        self.model, self.ctc = model, model.ctc
        encoder, decoder = model.encoder, model.decoder
        self.encoder: Any = _fast(encoder)
        self.tokens = InferenceTokens(decoder.tokens)
        compiled = runs_compiled(decoder)
        self.decoder: Any = CompiledDecoder(decoder, self.tokens) if compiled else with_packed_layers(decoder)

    def encode(self, source: Sources, mask: Bool[Tensor, "batch ..."]) -> Memory:
        """As `EncoderDecoder.encode`."""
        return self.model.attendable(self.encoder(source, mask), source, mask)

    def begin(self, memory: Memory) -> tuple[Any, Any]:
        """As `EncoderDecoder.begin`."""
        source, state = self.decoder.begin(memory)
        return source, state

    def step(self, tokens: Int[Tensor, " rows"], state: Any, source: Any) -> Step:
        """As `EncoderDecoder.step`."""
        moved = self.decoder.advance(tokens, state, source)
        return Step(self.tokens.logits(moved), moved.state, moved.weights, moved.heads)

    def start(self, memory: Memory, listed: Listed | None) -> tuple[StepFunction, Any]:
        """The step function that `Reader` begins with, and its first state."""
        first = first_state(self, memory)
        if listed is None or listed.output is None:
            return OutputStep(self.decoder, self.tokens), first
        return CompiledShortlistStep(self.decoder, listed.output), ShortlistState.start(first, listed.lists)
