"""Padded sources, token numbers and their masks: what the encoder and the decoder read."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from regard.marks import BEGIN, END, PAD

__all__ = ["BEGIN", "END", "PAD", "Batch"]


@dataclass(frozen=True)
class Batch:
    """A few pairs, padded to the longest of each side. Masks are True where a token is real.

    Args:
        source: what the encoder reads: of texts the tokens, with the end mark.
        source_mask: which of its positions are real.
        inputs: what the decoder reads under teacher forcing: the begin mark, then the target without its end mark.
        targets: what it should answer: the target, then the end mark.
        target_mask: which of the targets are real.
        order: the place of each row in the corpus or the input, so that answers go back in the order of the questions.
    """

    source: Shaped[Tensor, "batch ..."]
    source_mask: Bool[Tensor, "batch ..."]
    inputs: Int[Tensor, "batch target"]
    targets: Int[Tensor, "batch target"]
    target_mask: Bool[Tensor, "batch target"]
    order: Int[Tensor, " batch"]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})
