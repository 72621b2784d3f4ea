"""Noise as a function of (seed, target position, source position): without a generator.

A counter is hashed with the finaliser of SplitMix64 (Steele, Lea & Flood 2014), so that the noise of one cell depends
neither on how many steps are computed at once, nor on padding, the rest of the batch, or the device.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # the increment of SplitMix64: 2^64 / golden ratio, as a signed integer
_FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
_SECOND = 0x94D049BB133111EB - (1 << 64)
_BITS = 23  # with the half that is added, all that a float32 holds: neither 0 nor 1 is ever reached


def _mix(bits: Tensor) -> Tensor:
    for shift, factor in ((30, _FIRST), (27, _SECOND), (31, 1)):
        # A right shift of a signed integer brings in copies of the sign; they are masked away.
        bits = (bits ^ ((bits >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return bits


def uniform(
    seed: Int[Tensor, " batch"], positions: Int[Tensor, "batch target"], source: int
) -> Float[Tensor, "batch target source"]:
    """Independent numbers in (0, 1), one for each target and source position of each row."""
    row = _mix(_mix(seed).unsqueeze(1) + (positions + 1) * _GOLDEN)
    cell = _mix(row.unsqueeze(2) + torch.arange(1, source + 1, device=seed.device) * _GOLDEN)
    return (((cell >> (64 - _BITS)) & ((1 << _BITS) - 1)).float() + 0.5) / (1 << _BITS)


def gumbel(
    seed: Int[Tensor, " batch"], positions: Int[Tensor, "batch target"], source: int
) -> Float[Tensor, "batch target source"]:
    """Standard Gumbel noise: the largest of log p + noise is a sample from p (Gumbel 1954; Maddison 2014)."""
    return -torch.log(-torch.log(uniform(seed, positions, source)))


def normal(
    seed: Int[Tensor, " batch"], positions: Int[Tensor, "batch target"], source: int
) -> Float[Tensor, "batch target source"]:
    """Standard normal noise."""
    return math.sqrt(2) * torch.erfinv(2 * uniform(seed, positions, source) - 1)
