"""The best tokens of an output layer in compiled code, without its logits."""

import ctypes
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.kernels.layout import PANEL
from regard.kernels.library import OUT_OF_MEMORY, Kernels, kernels
from regard.kernels.operands import expect_barred, expect_count, expect_operand, expect_rows
from regard.kernels.structs import ShortlistLayer, TopkLayer
from regard.marks import END


class Finder:
    """The best tokens of an output layer in compiled code. Single precision, CPU, no gradient.

    Args:
        compiled: the library.
        name: of its function in c/topk.c or c/topk_shortlist.c.
        layer: the first argument of the function.
        columns: size of the vocabulary; tokens from `END` on can be among the best.
        depth: features of a row.
        alive: objects whose memory the layer points to.
        max_rows: most rows of a call; None for any number.

    Attributes:
        function, given: the addresses of the function and of the layer, valid while this object exists.
        count: tokens that can be among the best.

    Raises ValueError for features that do not fit.
    """

    def __init__(
        self,
        compiled: Kernels,
        name: str,
        layer: TopkLayer | ShortlistLayer,
        columns: int,
        depth: int,
        alive: Any,
        max_rows: int | None = None,
    ) -> None:
        self.columns, self.depth, self.max_rows = columns, depth, max_rows
        self.count = columns - END - (layer.barred >= 0)
        self.function = compiled.address(name)
        self.given = ctypes.addressof(layer)
        self._compiled, self._name, self._alive = compiled, name, (layer, alive)

    def __call__(
        self, features: Float[Tensor, "rows features"], width: int
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """`logits.best_of` the logits of the features."""
        expect_rows(self._name, features, self.depth, self.max_rows)
        expect_count(self._name, "width", width)
        features, rows, width = features.contiguous(), len(features), min(width, self.count)
        log_probs, tokens = features.new_empty(rows, width), torch.empty(rows, width, dtype=torch.long)
        failed = self._compiled.call(
            self._name, self.given, features.data_ptr(), rows, width, log_probs.data_ptr(), tokens.data_ptr()
        )
        if failed == OUT_OF_MEMORY:
            raise MemoryError(f"{self._name}: no memory for {rows} rows")
        if failed:
            raise ValueError(f"{self._name}: a row names a list that does not exist; expected one of those given.")
        return log_probs, tokens


def finder(
    panels: Float[Tensor, "panels features panel"], bias: Float[Tensor, " columns"], barred: int | None = None
) -> Finder:
    """A finder for the logits features · panels + bias, of which only a tile is stored; if `serves()`.

    Raises ValueError for shapes, types or devices that do not fit.
    """
    expect_operand("finder", "bias", bias, ("columns",))
    columns = bias.numel()
    expect_operand("finder", "panels", panels, (-(-columns // PANEL), "features", PANEL))
    expect_count("finder", "columns", columns, END + 1)
    expect_barred("finder", barred, columns)
    panels, bias = panels.detach().contiguous(), bias.detach().contiguous()
    layer = TopkLayer(panels.data_ptr(), bias.data_ptr(), panels.size(1), columns, END, as_number(barred))
    return Finder(kernels(), "topk", layer, columns, panels.size(1), (panels, bias))


def as_number(barred: int | None) -> int:
    """The barred token as C takes it: -1 for none."""
    return -1 if barred is None else barred


def serves() -> bool:
    """Whether there is compiled code."""
    return kernels().library is not None
