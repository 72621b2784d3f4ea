"""The target vocabulary of a decoder whose weights no longer change."""

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.compiled.step import Steps, steps_serve
from regard.decoders.output import LinearOutput, Readout
from regard.decoders.vocabulary import TargetTokens
from regard.kernels import argmax_int8 as argmax
from regard.kernels import topk as output
from regard.kernels.argmax_int8 import MAX_ROWS, Argmax
from regard.kernels.logits import best_of
from regard.kernels.topk import Finder
from regard.recurrent.program import Linear

PACKED_ROWS = range(3, 161)
"""Products of so many rows are faster with the weight in oneDNN's own blocks; of fewer, and of more, as columns."""


class InferenceTokens(nn.Module):
    """What `TargetTokens` computes, from what was prepared once.

        project  features Oᵀ + b, with Oᵀ stored as a product of few rows reads it
        best     what is largest of it, without the rest

    It shares the parameters of `tokens` under the same names, and keeps beside them what was
    computed from them when it was made. There is no dropout.

    Args:
        tokens: E, and a `LinearOutput` with O and b.
    """

    columns: Tensor | None

    def __init__(self, tokens: TargetTokens) -> None:
        super().__init__()
        self.embedding = tokens.embedding
        self.output = tokens.output
        self.barred = tokens.barred
        self.embedding_dropout = 0.0
        with torch.no_grad():
            known = steps_serve(tokens.output.weight) and output.serves() and argmax.serves()
            self.compiled = _Compiled(tokens.output, tokens.barred) if known else None
            columns = None if self.compiled else tokens.output.weight.t().contiguous()
            self._packed = None if self.compiled else _packed(tokens.output.weight)
        # They are no part of the model's state: its file holds what they follow from.
        self.register_buffer("columns", columns, persistent=False)

    @property
    def embedding_size(self) -> int:
        """Features of an embedded token."""
        return self.embedding.embedding_dim

    @property
    def feature_size(self) -> int:
        """Features that the output layer reads."""
        size: int = self.output.feature_size
        return size

    def embed(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes embedding"]:
        """The vectors of tokens."""
        return F.embedding(tokens, self.embedding.weight)

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features, all that the layer reads."""
        return self.project(read.features)

    def project(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        rows = features.numel() // features.size(-1)
        if self.compiled is not None and _is_plain(features):
            logits = self.compiled.project(features.reshape(rows, features.size(-1)))
            return logits.view(*features.shape[:-1], logits.size(1))
        if self._packed is not None and rows in PACKED_ROWS and _is_plain(features):
            return torch.ops.mkldnn._linear_pointwise(features, self._packed, self.output.bias, "none", [], "")
        return F.linear(features, self.output.weight if self.columns is None else self.columns.t(), self.output.bias)

    def best(
        self, features: Float[Tensor, "rows features"], width: int
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """Log-probabilities and numbers of the best tokens, see `regard.kernels.topk`."""
        if self.compiled is not None and _is_plain(features):
            return self.compiled.finder(features, width)
        return best_of(self.project(features), width, self.barred)

    def finder(self) -> Finder | None:
        """What finds the best tokens in compiled code, if anything does."""
        return None if self.compiled is None or torch.is_grad_enabled() else self.compiled.finder

    def argmax(self, rows: int) -> Argmax | None:
        """What finds the best token of so many rows faster than by all logits, if anything does."""
        if self.compiled is None or torch.is_grad_enabled() or rows > MAX_ROWS or not self.compiled.argmax.known:
            return None
        return self.compiled.argmax


class _Compiled:
    """The output layer in compiled code, its weight laid out once."""

    def __init__(self, layer: LinearOutput, barred: int | None) -> None:
        self.barred = barred
        self.weight = layer.weight
        self.bias = layer.bias.detach()
        weights = {"weight": layer.weight, "bias": self.bias}
        self.product = Steps((Linear("features", "weight", "logits", bias="bias"),), weights, ["logits"])
        self.finder = output.finder(self.product.panels["weight"], self.bias, barred)

    @cached_property
    def argmax(self) -> Argmax:
        """Made when few rows are first asked for."""
        return Argmax(self.weight, self.bias, self.barred)

    def project(self, features: Tensor) -> Tensor:
        return self.product({"features": features})["logits"]


def _is_plain(features: Tensor) -> bool:
    """As the blocks and panels are, which know no gradient."""
    return features.device.type == "cpu" and features.dtype == torch.float32 and not torch.is_grad_enabled()


def _packed(weight: Tensor) -> Tensor | None:
    """The weight in oneDNN's blocks. The operators are those that PyTorch's compiler puts in the place of a linear
    layer; a PyTorch without them, or that asks for something else, gets None."""
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return None
    try:
        blocks: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), PACKED_ROWS[-1])
        torch.ops.mkldnn._linear_pointwise(weight.new_zeros(2, weight.size(1)), blocks, None, "none", [], "")
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return None
    return blocks
