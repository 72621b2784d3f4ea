"""The best token of a few rows, from weights of eight bits: a quarter of the bytes of the output layer is read."""

import ctypes
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.layout import PANEL
from regard.kernels.library import kernels
from regard.kernels.operands import expect_barred, expect_count, expect_operand, expect_rows
from regard.kernels.structs import Chooser, Int8Layer
from regard.marks import END

MAX_ROWS = 4  # as in c/argmax_int8.c


class Argmax:
    """The best token of an output layer. Weights of eight bits give estimates; the weights themselves decide between
    tokens whose estimates are too close.

        |h · w − h · ŵ| ≤ ‖h‖ ‖w − ŵ‖

    A token is not the best if its estimate is below the best one by more than both errors. The result is the same as
    that of `topk` with one token. Single precision, CPU, no gradient; if `serves()`.

    Args:
        weight, bias: of the layer; read at every call, so they must not change.
        barred: a token that is never the best.

    Call it only if `known` is True: all numbers of the layer are finite.

    Raises ValueError for shapes, types or devices that do not fit.
    """

    def __init__(
        self, weight: Float[Tensor, "vocab features"], bias: Float[Tensor, " vocab"], barred: int | None = None
    ) -> None:
        expect_operand("Argmax", "weight", weight, ("vocab", "features"))
        columns, depth = weight.shape
        expect_operand("Argmax", "bias", bias, (columns,))
        expect_count("Argmax", "columns", columns, END + 1)
        expect_count("Argmax", "depth", depth)
        expect_barred("Argmax", barred, columns)
        panels, pairs = -(-columns // PANEL), -(-depth // 2)
        weight, bias, missing = weight.detach().contiguous(), bias.detach().contiguous(), panels * PANEL - columns
        finite = bool(bias.isfinite().all())
        slack = F.pad(8 * bias.abs() / 2**24 + 1e-36, (0, missing))  # rounding errors of sums with the bias
        bias = F.pad(bias, (0, missing), value=-math.inf)  # padding is never the best
        if barred is not None:
            bias = bias.index_fill(0, torch.tensor(barred), -math.inf)
        rounded = torch.zeros(panels, pairs, PANEL, 2, dtype=torch.int8)
        scales, reach = torch.zeros_like(bias), torch.zeros_like(bias)
        self._parts = (weight, bias, rounded, scales, reach, slack)
        self._layer = Int8Layer(*(part.data_ptr() for part in self._parts), columns, depth, END)
        failed = kernels().call(
            "round_int8", weight.data_ptr(), columns, depth, rounded.data_ptr(), scales.data_ptr(), reach.data_ptr()
        )
        self.known = finite and not failed

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """The best token of each of at most `MAX_ROWS` rows, from `END` on; the lower one among equals.

        None if a feature is not finite.
        """
        expect_rows("Argmax", features, self._layer.depth, MAX_ROWS)
        if not self.known:
            raise ValueError("Argmax: a number of the layer is not finite; ask `known` first.")
        features = features.contiguous()
        tokens = torch.empty(len(features), dtype=torch.long)
        given = (ctypes.byref(self._layer), features.data_ptr(), len(features), tokens.data_ptr())
        return None if len(features) and kernels().call("argmax_int8", *given) else tokens

    @property
    def chooser(self) -> Chooser:
        """The same as an address for compiled code, valid while this object exists."""
        columns, depth = self._layer.columns, self._layer.depth
        return Chooser(kernels().address("argmax_int8"), ctypes.addressof(self._layer), columns, depth, MAX_ROWS)


def serves() -> bool:
    """Whether there is compiled code."""
    return kernels().library is not None
