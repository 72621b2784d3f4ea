"""The whole path on one page: encode, begin, step; or all steps of a known target at once."""

from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import Batch, Sources
from regard.decoders.output import Readout
from regard.decoders.output_state import OutputState, advance_both
from regard.decoders.step import Advance, Step, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.ctc import CtcHead
from regard.encoders.memory import Memory


class EncoderDecoder(nn.Module):
    """An encoder that says what it read, and a decoder that attends to it.

    Args:
        encoder: an entry of `ENCODERS`, built: source and mask → Memory.
        decoder: an entry of `DECODERS`, built.
        ctc: labels the positions of the memory for a second loss and joint decoding, a `CtcHead`; None for neither.
        attends_end: whether the decoder may attend to the end mark of the source. The encoder reads it either way.
            False gives it a weight of exactly zero, and an empty source, which is the mark alone, a context of zeros.
            True for sources that have no end mark.

    One token after another:

        memory = model.encode(source, mask)
        source, state = model.begin(memory)
        step = model.step(tokens, state, source)     # step.logits, step.state, step.weights
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, ctc: CtcHead | None = None, *, attends_end: bool = True
    ) -> None:
        super().__init__()
        self.encoder: Any = encoder  # an `Encoder` and a `Decoder`; Protocol and Module cannot be named at once
        self.decoder: Any = decoder
        self.ctc = ctc
        self.attends_end = attends_end

    @property
    def tokens(self) -> TargetTokens:
        """The target vocabulary: how a token is read, and the output layer."""
        return self.decoder.tokens

    def encode(self, source: Sources, mask: Bool[Tensor, "batch ..."]) -> Memory:
        """Read the source. Real positions come first, an end mark last of them."""
        return self.attendable(self.encoder(self.encodable(source), mask), source, mask)

    def encodable(self, source: Sources) -> Sources:
        """What the encoder reads of a source. Where words can be copied, each position has its number as a target token
        too (`data.copying`), which is for the output layer."""
        return source[..., 0] if self.tokens.copies and isinstance(source, Tensor) else source

    def attendable(self, memory: Memory, source: Sources, mask: Bool[Tensor, "batch ..."]) -> Memory:
        """What the decoder may attend to of all that was read: without `attends_end`, nothing that covers the end mark
        alone.

        Nothing else changes: the encoder has read the end mark, the summary knows it, and it stays `real`. A source of
        the mark alone is left without a position to look at, and what is mixed from it is zero.
        """
        memory = replace(memory, source=source)
        if self.attends_end:
            return memory
        seen = memory.mask & (memory.spans[..., 0] < mask.sum(1, keepdim=True) - 1)
        return replace(memory, mask=seen, real=memory.mask if memory.real is None else memory.real)

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
        """Features and weights under teacher forcing, which `logits` reads, and the memory that they came from."""
        return self.unroll(batch.inputs, self.encode(batch.source, batch.source_mask), temperature)

    def unroll(self, inputs: Int[Tensor, "batch target"], memory: Memory, temperature: float = 1.0) -> Unrolled:
        """The same of what was read, with these inputs."""
        source, state = self.decoder.begin(memory, temperature)
        unrolled: Unrolled = self.decoder(inputs, source, state)
        return replace(unrolled, source=self.tokens.output.begin(memory), memory=memory)

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Logits of a step, or of all steps."""
        return self.tokens.logits(read)
