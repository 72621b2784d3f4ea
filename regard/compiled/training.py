"""A model whose forward pass runs in compiled code, with its gradients: the door of this room for training."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.source import Source
from regard.compiled.programs import PROGRAMS, RECURRENCES, has_program
from regard.data.batch import Batch, Sources
from regard.decoders.bahdanau import BahdanauDecoder
from regard.decoders.conditional import ConditionalDecoder
from regard.decoders.edit_transducer import EditState, EditTransducerDecoder
from regard.decoders.fixed import FixedDecoder, FixedSource, FixedState
from regard.decoders.hard_attention import HardAttentionDecoder, HardState
from regard.decoders.luong import LuongDecoder
from regard.decoders.state import AttentiveState
from regard.decoders.step import Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.ctc import CtcHead
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder, run_layer
from regard.encoders.several import SeveralEncoder
from regard.kernels.library import kernels
from regard.kernels.linear import projected
from regard.model.encoder_decoder import EncoderDecoder
from regard.recurrent.autograd import loop, serves
from regard.recurrent.cells import Cells, Recurrence
from regard.recurrent.layer import unroll, unrolls
from regard.recurrent.program import Tensors


def accelerated(model: nn.Module) -> "nn.Module | Accelerated":
    """What maps a batch and a temperature to the same as the model, faster; the model itself where nothing is.

    With `REGARD_KERNELS=off` that is everywhere.
    """
    return model if kernels().off or type(model) is not EncoderDecoder else Accelerated(model)


class Accelerated:
    """The forward pass of an `EncoderDecoder`, of its parameters as they are at each call.

    Encoder and decoder run as programs of `regard.recurrent` where they are of a known type, and their tensors are such
    as programs take; else as they are defined.

    Args:
        model: in training or in evaluation mode.
    """

    def __init__(self, model: EncoderDecoder) -> None:
        self.model = model

    @property
    def tokens(self) -> TargetTokens:
        """The target vocabulary."""
        return self.model.tokens

    @property
    def decoder(self) -> Any:
        """The decoder, as it is defined."""
        return self.model.decoder

    @property
    def ctc(self) -> CtcHead | None:
        """What labels the positions of the memory."""
        return self.model.ctc

    def __call__(self, batch: Batch, temperature: float = 1.0) -> Unrolled:
        """As `EncoderDecoder.forward`."""
        return self.unroll(batch.inputs, self.encode(batch.source, batch.source_mask), temperature)

    def encode(self, source: Sources, mask: Bool[Tensor, "batch ..."]) -> Memory:
        """As `EncoderDecoder.encode`."""
        read = fast_encoder(self.model.encoder)(self.model.encodable(source), mask)
        return self.model.attendable(read, source, mask)

    def unroll(self, inputs: Int[Tensor, "batch target"], memory: Memory, temperature: float = 1.0) -> Unrolled:
        """As `EncoderDecoder.unroll`."""
        model = self.model
        attended, state = model.decoder.begin(memory, temperature)
        forward = FORWARDS.get(type(model.decoder))
        found = forward and forward(model.decoder, inputs, attended, state)
        unrolled: Unrolled = model.decoder(inputs, attended, state) if found is None else found
        return replace(unrolled, source=model.tokens.output.begin(memory), memory=memory)


def fast_encoder(encoder: Any) -> Any:
    """An encoder whose recurrent layers are programs, and so each of several; itself where it is of no known type."""
    if type(encoder) is SeveralEncoder:
        return partial(encoder.read, encoders=[fast_encoder(each) for each in encoder.encoders])
    return partial(encoder, run=fast_layer) if type(encoder) is RecurrentEncoder else encoder


def fast_layer(layer: nn.Module, inputs: Float[Tensor, "batch source input"]) -> Float[Tensor, "batch source hidden"]:
    """One layer in one direction, from zeros."""
    assert isinstance(layer, nn.GRU | nn.LSTM)
    if not unrolls(layer, inputs):
        return run_layer(layer, inputs)
    start = inputs.new_zeros(len(inputs), layer.hidden_size)
    return unroll(layer, 0, inputs, start, start)


def luong(decoder: LuongDecoder, inputs: Tensor, source: Source, state: AttentiveState) -> Unrolled | None:
    """`decoder(inputs, source, state)`; None where nothing is faster."""
    if not decoder.fed_size:
        hidden = _stack(decoder.recurrence, decoder.tokens.embed(inputs), state.cells)
        return decoder.attend_all(hidden, source, state)
    if not _runs(decoder, source):
        return None
    found = _loop(decoder, decoder.recurrence, decoder.tokens.embed(inputs.t()), source, state, ["fed", "weights"])
    return _answer(found["fed"][1:].transpose(0, 1), found["weights"])


def bahdanau(decoder: BahdanauDecoder, inputs: Tensor, source: Source, state: AttentiveState) -> Unrolled | None:
    """As `luong`."""
    if not _runs(decoder, source):
        return None
    embedded = decoder.tokens.embed(inputs)
    outputs = ["state", "context", "weights"]
    found = _loop(decoder, decoder.recurrence, embedded.transpose(0, 1), source, state, outputs)
    states, contexts = found["state"].transpose(0, 1), found["context"].transpose(0, 1)
    return _answer(decoder.features(states[:, :-1], embedded, contexts, states[:, 1:]), found["weights"])


def conditional(decoder: ConditionalDecoder, inputs: Tensor, source: Source, state: AttentiveState) -> Unrolled | None:
    """As `luong`."""
    if not _runs(decoder, source):
        return None
    embedded = decoder.tokens.embed(inputs)
    outputs = ["state", "context", "weights"]
    found = _loop(decoder, decoder.before, embedded.transpose(0, 1), source, state, outputs)
    states, contexts = found["state"][1:].transpose(0, 1), found["context"].transpose(0, 1)
    return _answer(decoder.features(states, embedded, contexts), found["weights"])


def hard_attention(decoder: HardAttentionDecoder, inputs: Tensor, source: Source, state: HardState) -> Unrolled:
    """As `luong`."""
    hidden = _stack(decoder.recurrence, decoder.tokens.embed(inputs), state.cells)
    return decoder.attend_all(hidden, inputs, source, state)


def edit_transducer(decoder: EditTransducerDecoder, inputs: Tensor, source: Source, state: EditState) -> Unrolled:
    """As `luong`."""
    return decoder(inputs, source, state, partial(_stack, decoder.recurrence))


def fixed(decoder: FixedDecoder, inputs: Tensor, source: FixedSource, state: FixedState) -> Unrolled:
    """As `luong`."""
    read = decoder.inputs(inputs, source)
    return decoder.answers(_stack(decoder.recurrence, read, state.cells), read, source)


FORWARDS: dict[type, Callable[..., Unrolled | None]] = {
    LuongDecoder: luong,
    BahdanauDecoder: bahdanau,
    ConditionalDecoder: conditional,
    FixedDecoder: fixed,
    EditTransducerDecoder: edit_transducer,
    HardAttentionDecoder: hard_attention,
}


def _runs(decoder: Any, source: Source) -> bool:
    """Whether there is a program for the decoder, and it may run on these tensors."""
    if not has_program(decoder) or not source.mask.numel():
        return False
    first, *_ = RECURRENCES[type(decoder)](decoder)
    return serves(source.prepared, source.values, *decoder.attention.parameters(), *first.parameters())


def _loop(
    decoder: Any,
    recurrence: Recurrence,
    embedded: Float[Tensor, "target batch embedding"],
    source: Source,
    state: AttentiveState,
    outputs: list[str],
) -> Tensors:
    """The program of the decoder over all steps, time first; `recurrence` reads the tokens."""
    program = PROGRAMS[type(decoder)](decoder)
    weight = recurrence.weight("weight_ih")[:, : embedded.size(-1)]
    gates = projected(embedded, weight, recurrence.weight("bias_ih"))
    starts = {"fed-": state.fed, "state-": state.cells.top, "memory-": state.cells.memory.select(1, 0)}
    tensors = program.loop_weights() | {"keys": source.prepared, "values": source.values} | starts | {"inputs": gates}
    return loop(program.loop, tensors, source.mask, outputs)


def _stack(
    recurrence: Recurrence, inputs: Float[Tensor, "batch target input"], cells: Cells
) -> Float[Tensor, "batch target hidden"]:
    """`recurrence.unroll(inputs, cells)`, layer by layer."""
    if not unrolls(recurrence.rnn, inputs):
        return recurrence.unroll(inputs, cells)
    for layer in range(recurrence.num_layers):
        below = F.dropout(inputs, recurrence.dropout, recurrence.training) if layer else inputs
        inputs = unroll(recurrence.rnn, layer, below, cells.hidden[:, layer], cells.memory[:, layer])
    return inputs


def _answer(
    features: Float[Tensor, "batch target features"], weights: Float[Tensor, "target batch source"]
) -> Unrolled:
    """The answer for a whole target; nothing was sampled."""
    shown = weights.transpose(0, 1)
    nothing = shown.new_zeros(()).expand(shown.shape[:2])
    return Unrolled(features, shown, nothing, nothing, (shown.unsqueeze(1),))
