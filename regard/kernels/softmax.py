"""Softmax of an output layer for a loss: in compiled code where that serves, else by PyTorch."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.unroll.panels import pack

SOURCE = Path(__file__).with_name("softmax.c")
LIBRARY = Path(__file__).with_name("libsoftmax.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


class OutputSoftmax:
    """An output layer whose weights stay as they are while it is in use.

    Args:
        weight, bias: of the layer; in compiled code the weight is laid out once.
        rows: most rows of a call.
    """

    def __init__(
        self, weight: Float[Tensor, "vocab features"], bias: Float[Tensor, " vocab"] | None, rows: int
    ) -> None:
        self.weight = weight
        self.bias = bias
        known = weight.device.type == "cpu" and weight.dtype == torch.float32 and kernels().library is not None
        self._panels = pack(weight) if known else None
        self._logits = None if known else weight.new_empty(rows, len(weight))

    def __call__(
        self,
        features: Float[Tensor, "rows features"],
        targets: Int[Tensor, " rows"],
        out: Float[Tensor, "rows vocab"],
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Write the softmax of the logits; their logsumexp, and the logit of each target."""
        return self._plain(features, targets, out) if self._panels is None else self._compiled(features, targets, out)

    def _plain(self, features: Tensor, targets: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
        assert self._logits is not None
        logits, weight = self._logits[: len(features)], self.weight.t()
        if self.bias is None:
            torch.mm(features, weight, out=logits)
        else:
            torch.addmm(self.bias, features, weight, out=logits)
        # Of the largest logit both the probability and its logarithm are known.
        whole = logits.amax(1) - torch.softmax(logits, 1, out=out).amax(1).log()
        return whole, logits.gather(1, targets.unsqueeze(1)).squeeze(1)

    def _compiled(self, features: Tensor, targets: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
        assert self._panels is not None
        features, targets, bias = features.contiguous(), targets.contiguous(), self.bias
        whole, right = features.new_empty(2, len(features)).unbind(0)
        found = kernels()
        failed = found.library.regard_softmax(
            *(features.data_ptr(), self._panels.data_ptr(), None if bias is None else bias.data_ptr()),
            *(targets.data_ptr(), *features.shape, len(self.weight)),
            *(out.data_ptr(), whole.data_ptr(), right.data_ptr()),
            *(found.fast, torch.get_num_threads(), found.team),
        )
        if failed:
            raise MemoryError(f"OutputSoftmax: no memory for {len(features)} rows of {len(self.weight)} logits")
        return whole, right


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_softmax.argtypes = [*[pointer] * 4, *[size] * 3, *[pointer] * 3, number, number, pointer]
    library.regard_softmax.restype = number
