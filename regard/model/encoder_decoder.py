"""The whole path on one page: encode, begin, step; or all steps of a known target at once."""

from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.decoders.beginning import begins_compiled
from regard.decoders.inference import InferenceTokens
from regard.decoders.output import Readout
from regard.decoders.output_state import OutputState, advance_both
from regard.decoders.step import Advance, Step, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory


class EncoderDecoder(nn.Module):
    """An encoder that says what it read, and a decoder that looks at it.

    Args:
        encoder: an entry of `ENCODERS`, built: source tokens and mask → Memory.
        decoder: an entry of `DECODERS`, built.
        attends_end: whether the decoder may look at the end mark of the source. The encoder reads it either way. False
            gives it a weight of exactly zero, and an empty source, which is its end mark alone, a context of zeros.

    One token after another:

        memory = model.encode(source, mask)
        source, state = model.begin(memory)
        step = model.step(tokens, state, source)     # step.logits, step.state, step.weights
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, attends_end: bool = True) -> None:
        super().__init__()
        self.encoder: Any = encoder  # an `Encoder` and a `Decoder`; Protocol and Module cannot be named at once
        self.decoder: Any = decoder
        self.attends_end = attends_end

    def for_inference(self) -> "EncoderDecoder":
        """The same model over the same parameters, prepared for searching; it is to be made anew when they change."""
        encoder, decoder = self.encoder.for_inference(), begins_compiled(self.decoder.for_inference())
        return EncoderDecoder(encoder, decoder, attends_end=self.attends_end).eval()

    @property
    def tokens(self) -> TargetTokens | InferenceTokens:
        """The target vocabulary: how a token is read, and the output layer."""
        return self.decoder.tokens

    def encode(self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source. Real positions come first, the end mark last of them."""
        memory: Memory = replace(self.encoder(source, mask), source=source)
        return memory if self.attends_end else memory.without_end()

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Any, Any]:
        """The decoder's view of the source, and the first state; the temperature is that of an annealed selection."""
        source, state = self.decoder.begin(memory, temperature)
        kept = self.tokens.output.begin(memory)
        return source, state if kept is None else OutputState(state, kept)

    def advance(self, tokens: Int[Tensor, " rows"], state: Any, source: Any) -> Advance:
        """One token for every row of the state, up to the output layer."""
        if isinstance(state, OutputState):
            return advance_both(partial(self.decoder.advance, source=source), tokens, state)
        moved: Advance = self.decoder.advance(tokens, state, source)
        return moved

    def step(self, tokens: Int[Tensor, " rows"], state: Any, source: Any) -> Step:
        """One token for every row of the state."""
        moved = self.advance(tokens, state, source)
        return Step(self.logits(moved), moved.state, moved.weights, moved.heads)

    def forward(self, batch: Batch, temperature: float = 1.0) -> Unrolled:
        """Features and weights under teacher forcing, which `logits` reads."""
        memory = self.encode(batch.source, batch.source_mask)
        source, state = self.decoder.begin(memory, temperature)
        unrolled: Unrolled = self.decoder(batch.inputs, source, state)
        kept = self.tokens.output.begin(memory)
        return unrolled if kept is None else replace(unrolled, source=kept)

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Logits of a step, or of all steps."""
        return self.tokens.logits(read)
