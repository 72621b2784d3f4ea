"""Padded sources, token numbers and their masks: what the encoder and the decoder read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from regard.data.part_batch import PartBatch
from regard.marks import BEGIN, END, PAD

__all__ = ["BEGIN", "END", "PAD", "Batch", "Sources", "teacher_forced"]

Sources = Shaped[Tensor, "batch ..."] | PartBatch
"""Padded sources of one kind in one tensor, or of several parts that are of several kinds."""


@dataclass(frozen=True)
class Batch:
    """A few pairs, padded to the longest of each side. Masks are True where a token is real.

    Args:
        source: the input of the encoder; for texts the tokens, with the end mark.
        source_mask: which of its positions are real; of several kinds of parts it counts those of all.
        inputs: the input of the decoder with teacher forcing: the begin mark, then the target without its end mark.
        targets: the tokens to predict: the target, then the end mark.
        target_mask: which of the targets are real.
        order: the number of each row in the corpus or in the input, to put outputs back into the order of the input.
    """

    source: Sources
    source_mask: Bool[Tensor, "batch ..."]
    inputs: Int[Tensor, "batch target"]
    targets: Int[Tensor, "batch target"]
    target_mask: Bool[Tensor, "batch target"]
    order: Int[Tensor, " batch"]

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same batch with every tensor changed."""
        changed: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            changed[field.name] = value.map(change) if isinstance(value, PartBatch) else change(value)
        return Batch(**changed)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return self.map(lambda tensor: tensor.to(device))


def teacher_forced(source: Sources, source_mask: Bool[Tensor, "batch ..."], tokens: Sequence[Sequence[int]]) -> Batch:
    """Sources with known outputs, one for each; an output has its end mark where it came to its end."""
    width = max(map(len, tokens))
    targets = torch.tensor([[*each, *[PAD] * (width - len(each))] for each in tokens]).to(source.device)
    inputs = torch.cat([torch.full_like(targets[:, :1], BEGIN), targets[:, :-1]], 1)
    order = torch.arange(len(tokens), device=source.device)
    return Batch(source, source_mask, inputs, targets, targets != PAD, order)
