"""The best tokens: of logits, and of an output layer in compiled code, without its logits."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.data.batch import END
from regard.output.logits import choosable, normalizer, top

SOURCE = Path(__file__).with_name("best.c")
LIBRARY = Path(__file__).with_name("libbest.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


def best_of(
    logits: Float[Tensor, "rows vocab"], width: int, barred: int | None = None
) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
    """The `width` best tokens of each row from `END` on (or all, if there are fewer), best first, and the lower among
    equals; and before them their log-probabilities, which are those over the whole vocabulary. What is barred is never
    among them, or has -inf.

    A row that is no distribution has NaN, see `normalizer`.
    """
    logits = logits.detach().float()
    values, places = top(choosable(logits, barred), width)
    log_probs = values - normalizer(logits).unsqueeze(1)
    return log_probs.masked_fill(values[:, :1] == -torch.inf, torch.nan), places + END


class Finder:
    """The best tokens of an output layer in compiled code. Single precision, CPU, no gradient.

    Args:
        compiled: the library.
        name: of its function, which takes what best.c and listed.c say.
        layer: what it takes first.
        count: tokens that can be among the best.
        alive: what the layer points to.

    Attributes:
        function, given: the addresses of the function and of the layer, for as long as this lives.
    """

    def __init__(self, compiled: Kernels, name: str, layer: ctypes.Structure, count: int, alive: Any) -> None:
        self.count = count
        self.function = ctypes.cast(getattr(compiled.library, name), ctypes.c_void_p).value or 0
        self.given = ctypes.addressof(layer)
        self._compiled, self._name, self._alive = compiled, name, (layer, alive)

    def __call__(
        self, features: Float[Tensor, "rows features"], width: int
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """`best_of` the logits of the features."""
        features, rows, width = features.contiguous(), len(features), min(width, self.count)
        log_probs, tokens = features.new_empty(rows, width), torch.empty(rows, width, dtype=torch.long)
        failed = getattr(self._compiled.library, self._name)(
            *(self.given, features.data_ptr(), rows, width, log_probs.data_ptr(), tokens.data_ptr()),
            *(self._compiled.fast, torch.get_num_threads(), self._compiled.team),
        )
        if failed:
            raise MemoryError(f"{self._name}: no memory for {rows} rows")
        return log_probs, tokens


def finder(
    panels: Float[Tensor, "panels features panel"], bias: Float[Tensor, " columns"], barred: int | None = None
) -> Finder:
    """Of a layer with the logits features · panels + bias, which are not held but for a tile; where `serves()`."""
    columns = bias.numel()
    layer = _Layer(panels.data_ptr(), bias.data_ptr(), panels.size(1), columns, END, as_number(barred))
    return Finder(kernels(), "regard_best", layer, columns - END - (barred is not None), (panels, bias))


class _Layer(ctypes.Structure):
    """As in best.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("panels", "bias")),
        *((name, ctypes.c_int64) for name in ("depth", "columns", "first", "barred")),
    )


def as_number(barred: int | None) -> int:
    """As in best.c and listed.c."""
    return -1 if barred is None else barred


def declare_best(library: Any, name: str) -> None:
    """Tell ctypes what the function of a `Finder` takes."""
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    function = getattr(library, name)
    function.argtypes = [pointer, pointer, size, size, pointer, pointer, number, number, pointer]
    function.restype = number


def serves() -> bool:
    """Whether there is compiled code."""
    return kernels().library is not None


def _declare(library: Any) -> None:
    declare_best(library, "regard_best")
