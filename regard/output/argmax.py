"""The best token of a few rows of an output layer, of which a quarter is read."""

import ctypes
import math
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.attention.kernels.library import Kernels, find
from regard.data.batch import END
from regard.unroll.following import Chooser
from regard.unroll.panels import PANEL

SOURCE = Path(__file__).with_name("argmax.c")
LIBRARY = Path(__file__).with_name("libargmax.so")
MOST_ROWS = 4  # as in argmax.c


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


class _Layer(ctypes.Structure):
    """As in argmax.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "rounded", "scales", "reach", "slack")),
        *((name, ctypes.c_int64) for name in ("columns", "depth", "first")),
    )


class Argmax:
    """The best token of an output layer by its weights rounded to eight bits, and by the layer itself where those leave
    a doubt.

        |h · w − h · ŵ| ≤ ‖h‖ ‖w − ŵ‖

    so that what is further below the best estimate than both can err is not the best. The token is that of
    `best(features, panels, bias, 1)`, whatever was rounded. Single precision, CPU, no gradient; where `serves()`.

    Args:
        weight, bias: of the layer; read at every call, and expected not to change.
        barred: a token that is never the best.

    `known` says whether all their numbers are finite; without that it must not be asked.
    """

    def __init__(
        self, weight: Float[Tensor, "vocab features"], bias: Float[Tensor, " vocab"], barred: int | None = None
    ) -> None:
        columns, depth = weight.shape
        panels, pairs = -(-columns // PANEL), -(-depth // 2)
        weight, bias, missing = weight.detach().contiguous(), bias.detach(), panels * PANEL - columns
        finite = bool(bias.isfinite().all())
        slack = F.pad(8 * bias.abs() / 2**24 + 1e-36, (0, missing))  # what sums with the bias lose, and tiny numbers
        bias = F.pad(bias, (0, missing), value=-math.inf)  # what is missing is never near the best
        if barred is not None:
            bias = bias.index_fill(0, torch.tensor(barred), -math.inf)
        rounded = torch.zeros(panels, pairs, PANEL, 2, dtype=torch.int8)
        scales, reach = torch.zeros_like(bias), torch.zeros_like(bias)
        self._parts = (weight, bias, rounded, scales, reach, slack)
        self._layer = _Layer(*(part.data_ptr() for part in self._parts), columns, depth, END)
        found = kernels()
        failed = found.library.regard_round(
            *(weight.data_ptr(), columns, depth, rounded.data_ptr(), scales.data_ptr(), reach.data_ptr()),
            *(found.fast, torch.get_num_threads(), found.team),
        )
        self.known = finite and not failed

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """Of each of at most `MOST_ROWS` rows the best token from `END` on, and the lower among equals.

        None where a feature is not finite.
        """
        features, found = features.contiguous(), kernels()
        tokens = torch.empty(len(features), dtype=torch.long)
        failed = found.library.regard_argmax(
            *(ctypes.byref(self._layer), features.data_ptr(), len(features), tokens.data_ptr()),
            *(found.fast, torch.get_num_threads(), found.team),
        )
        return None if failed else tokens

    @property
    def chooser(self) -> Chooser:
        """The same for compiled code; for as long as this lives."""
        function = ctypes.cast(kernels().library.regard_argmax, ctypes.c_void_p).value
        return Chooser(function or 0, ctypes.addressof(self._layer))


def serves() -> bool:
    """Whether there is compiled code."""
    return kernels().library is not None


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_round.argtypes = [pointer, size, size, pointer, pointer, pointer, number, number, pointer]
    library.regard_round.restype = number
    library.regard_argmax.argtypes = [pointer, pointer, size, pointer, number, number, pointer]
    library.regard_argmax.restype = number
