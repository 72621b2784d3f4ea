"""A batch of sources whose parts are of several kinds: each part is padded by itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from jaxtyping import Int
    from torch import Tensor


@dataclass(frozen=True)
class PartBatch:
    """Some sources, part by part; it stands where a batch of one kind has its tensor.

    Args:
        values: of each part what `Source.collate` of its kind gives: (batch, …), arrays of numpy or tensors.
        masks: of each part which of its positions are real, (batch, …), True = real.
        has_end: of each part whether its last real position is an end mark.
    """

    values: tuple[Any, ...]
    masks: tuple[Any, ...]
    has_end: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.masks[0])

    @property
    def device(self) -> "torch.device":
        """Where its tensors are."""
        found: torch.device = self.masks[0].device
        return found

    @property
    def lengths(self) -> 'Int[Tensor, "batch parts"]':
        """Real positions of each part, end marks among them; of a picture its pixels or cells."""
        import torch

        return torch.stack([mask.flatten(1).sum(1) for mask in self.masks], 1)

    def map(self, change: Callable[[Any], Any]) -> "PartBatch":
        """The same with every array changed."""
        return replace(self, values=tuple(map(change, self.values)), masks=tuple(map(change, self.masks)))

    def to(self, device: "torch.device | str") -> "PartBatch":
        """The same on another device."""
        return self.map(lambda tensor: tensor.to(device))


def tensors(source: Any) -> Any:
    """What `Source.collate` gives as tensors of torch."""
    import torch

    return source.map(torch.from_numpy) if isinstance(source, PartBatch) else torch.from_numpy(source)
