"""Softmax of an output layer for a loss: in compiled code if there is any, else by PyTorch."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.kernels.layout import pack
from regard.kernels.library import OUT_OF_MEMORY, kernels
from regard.kernels.operands import expect_count, overlap, told

PLACE = "OutputSoftmax"


class OutputSoftmax:
    """An output layer whose weights do not change while this object is used.

    Args:
        weight, bias: of the layer; for compiled code the weight is copied into panels once.
        rows: most rows of a call.

    Raises ValueError for shapes, types or devices that do not fit, and for a target that is no column of the layer.
    """

    def __init__(
        self, weight: Float[Tensor, "vocab features"], bias: Float[Tensor, " vocab"] | None, rows: int
    ) -> None:
        _check_layer(weight, bias)
        expect_count(PLACE, "rows", rows, 0)
        self.weight = weight
        self.bias = None if bias is None else bias.contiguous()
        self._rows = rows
        known = weight.device.type == "cpu" and weight.dtype == torch.float32 and kernels().library is not None
        self._panels = pack(weight) if known else None
        self._logits = None if known else weight.new_empty(rows, len(weight))

    def __call__(
        self,
        features: Float[Tensor, "rows features"],
        targets: Int[Tensor, " rows"],
        out: Float[Tensor, "rows vocab"],
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Write the softmax of the logits to `out`. Returns their logsumexp, and the logit of each target."""
        self._check(features, targets, out)
        return self._plain(features, targets, out) if self._panels is None else self._compiled(features, targets, out)

    def _check(self, features: Tensor, targets: Tensor, out: Tensor) -> None:
        rows, (columns, depth) = (
            len(features) if isinstance(features, Tensor) and features.dim() else -1,
            self.weight.shape,
        )
        kinds = ((features, (rows, depth), self.weight.dtype), (targets, (rows,), torch.long))
        for given, shape, dtype in (*kinds, (out, (rows, columns), self.weight.dtype)):
            fits = isinstance(given, Tensor) and given.shape == shape and given.dtype == dtype
            if not fits or given.device != self.weight.device or rows > self._rows:
                raise ValueError(
                    f"{PLACE}: given {told(features)}, {told(targets)} and {told(out)}; expected (rows, {depth}) "
                    f"and (rows, {columns}) of {self.weight.dtype} with (rows) of torch.int64 between, "
                    f"at most {self._rows} rows, all on {self.weight.device}."
                )
        if not out.is_contiguous() or any(overlap(out, each) for each in (features, self.weight)):
            raise ValueError(
                f"{PLACE}: out has strides {out.stride()}; expected {(columns, 1)}, and none of the inputs' memory."
            )

    def _plain(self, features: Tensor, targets: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
        assert self._logits is not None
        if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < len(self.weight):
            raise _no_target(self.weight)
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
        failed = kernels().call(
            "softmax",
            *(features.data_ptr(), self._panels.data_ptr(), None if bias is None else bias.data_ptr()),
            *(targets.data_ptr(), *features.shape, len(self.weight)),
            *(out.data_ptr(), whole.data_ptr(), right.data_ptr()),
        )
        if failed == OUT_OF_MEMORY:
            raise MemoryError(f"{PLACE}: no memory for {len(features)} rows of {len(self.weight)} logits")
        if failed:
            raise _no_target(self.weight)
        return whole, right


def _check_layer(weight: Tensor, bias: Tensor | None) -> None:
    if not isinstance(weight, Tensor) or weight.dim() != 2 or not weight.is_floating_point() or not weight.numel():
        raise ValueError(f"{PLACE}: weight is {told(weight)}; expected (vocab, features) of a floating type.")
    if bias is not None and not (
        isinstance(bias, Tensor)
        and bias.shape == weight.shape[:1]
        and (bias.dtype, bias.device) == (weight.dtype, weight.device)
    ):
        raise ValueError(
            f"{PLACE}: bias is {told(bias)}; expected ({len(weight)}) of {weight.dtype} on {weight.device}, or None."
        )


def _no_target(weight: Tensor) -> ValueError:
    return ValueError(f"{PLACE}: a target is no column; expected 0 to {len(weight) - 1}.")
