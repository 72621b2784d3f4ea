"""Matrices laid out as the products of the compiled code read them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

PANEL = 16


def pack(weight: Float[Tensor, "columns depth"]) -> Float[Tensor, "panels depth panel"]:
    """Panels of `PANEL` columns of the product with the weight, row after row; what is missing in the last is zero."""
    columns, depth = weight.shape
    whole = F.pad(weight.detach(), (0, 0, 0, -columns % PANEL))
    return whole.view(-1, PANEL, depth).transpose(1, 2).contiguous(memory_format=torch.contiguous_format)
