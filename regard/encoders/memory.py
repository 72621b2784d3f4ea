"""What the encoder says about the source."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """An information store that decoders address softly, by content.

    Args:
        values: what is mixed into the context.
        keys: what queries are compared with; the same tensor as `values` or another.
        mask: True where a position is real and may be looked at. The encoder emits it, since it may shorten the source;
            real positions come first.
        summary: the source in one vector, for decoders that start from it.
        spans: first input position that each memory position covers, and the one after its last. Those of real
            positions ascend, and leave nothing between them. Of a picture, whose positions have two axes, the box that
            each covers: left, top, right, bottom.
        source: what the encoder read, as the batch has it; of a text the token numbers (batch, source).
        real: where a position is real, whether it may be looked at or not; None where all of them may.
        inside: of an encoder that makes a position of several input positions by attention pooling, such as a sentence
            of its words: the share of each input position in the position that covers it. Those of one position sum to
            one; what is no part of any, an end mark or padding, has zero. None where nothing is pooled.
    """

    values: Float[Tensor, "batch source value"]
    keys: Float[Tensor, "batch source key"]
    mask: Bool[Tensor, "batch source"]
    summary: Float[Tensor, "batch summary"]
    spans: Int[Tensor, "batch source ends"]
    source: Any = None
    real: Bool[Tensor, "batch source"] | None = None
    inside: Float[Tensor, "batch input"] | None = None

    @property
    def lengths(self) -> Int[Tensor, " batch"]:
        """Real positions of each row, an end mark among them, which attention may not be allowed to look at."""
        return (self.mask if self.real is None else self.real).sum(1)
