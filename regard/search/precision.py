"""The numbers that sums of many small probabilities need, and the smallest of them."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

LEAST: Mapping[torch.dtype, float] = {torch.float64: 1e-304, torch.float32: 1e-37}
"""A probability that is not zero, and whose logarithm is finite."""
LOWEST: Mapping[torch.dtype, float] = {torch.float64: -1e300, torch.float32: -1e37}
"""What stands for the logarithm of zero in sums and products, where infinity would make NaN."""


def precise(tensor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """In float64; in float32 on devices of Apple (mps), which have no other."""
    return tensor.to(precision(tensor.device))


def precision(device: torch.device) -> torch.dtype:
    """Of `precise` there."""
    return torch.float32 if device.type == "mps" else torch.float64
