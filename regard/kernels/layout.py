"""Matrices and keys laid out as compiled code reads them."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.operands import told

PANEL = 16
GROUP = 64  # as in c/additive_step.h


def pack(weight: Float[Tensor, "columns depth"]) -> Float[Tensor, "panels depth panel"]:
    """Panels of `PANEL` columns of the product with the weight, row after row; what is missing in the last is zero."""
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        raise ValueError(f"pack: weight is {told(weight)}; expected (columns, depth).")
    columns, depth = weight.shape
    missing = -columns % PANEL
    whole = F.pad(weight.detach(), (0, 0, 0, missing)) if missing else weight.detach().contiguous()
    return whole.view((columns + missing) // PANEL, PANEL, depth).transpose(1, 2).contiguous()


def key_buffer(keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source padded"]:
    """For exp(2 keys), with rows that are padded to whole groups; nothing is in it yet."""
    return keys.new_empty(*keys.shape[:-1], -(-keys.size(-1) // GROUP) * GROUP)
