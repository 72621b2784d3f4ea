"""Matrices laid out as the products of the compiled code read them."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

PANEL = 16


def pack(weight: Float[Tensor, "columns depth"]) -> Float[Tensor, "panels depth panel"]:
    """Panels of `PANEL` columns of the product with the weight, row after row; what is missing in the last is zero."""
    columns, depth = weight.shape
    missing = -columns % PANEL
    whole = F.pad(weight.detach(), (0, 0, 0, missing)) if missing else weight.detach().contiguous()
    return whole.view(-1, PANEL, depth).transpose(1, 2).contiguous()
