"""Matrices and keys in the memory layout that compiled code reads."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.operands import told

PANEL = 16
GROUP = 64  # as in c/additive_step.h


def pack(weight: Float[Tensor, "columns depth"]) -> Float[Tensor, "panels depth panel"]:
    """The weight in panels of `PANEL` columns, row after row; the last panel is padded with zeros."""
    if not isinstance(weight, Tensor) or weight.dim() != 2:
        raise ValueError(f"pack: weight is {told(weight)}; expected (columns, depth).")
    columns, depth = weight.shape
    missing = -columns % PANEL
    whole = F.pad(weight.detach(), (0, 0, 0, missing)) if missing else weight.detach().contiguous()
    return whole.view((columns + missing) // PANEL, PANEL, depth).transpose(1, 2).contiguous()


def key_buffer(keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source padded"]:
    """An empty buffer for exp(2 · keys), with rows padded to whole groups; see c/additive_step.h."""
    return keys.new_empty(*keys.shape[:-1], -(-keys.size(-1) // GROUP) * GROUP)
