"""The target vocabulary of a decoder whose weights no longer change."""

from copy import copy
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.decoders.recurrence import Recurrence
from regard.decoders.tokens import TargetTokens

TABLE_ENTRIES = 1 << 24
"""A larger table of gates is not made: 64 MiB."""

PACKED_ROWS = range(3, 161)
"""Products of so many rows are faster with the weight in oneDNN's own blocks; of fewer, and of more, as columns."""

Kind = TypeVar("Kind", bound=nn.Module)


class InferenceTokens(nn.Module):
    """What `TargetTokens` computes, from what was prepared once; made by a decoder's `for_inference`.

        enter    a row of the table of gates(E y) over the vocabulary
        project  features Oᵀ + b, with Oᵀ stored as a product of few rows reads it

    It shares the parameters of `tokens` under the same names, and keeps beside them what follows from their values of
    today. There is no dropout.

    Args:
        tokens: E, O and b.
        recurrence: what reads E y; None for a decoder that has none. Where its table would have more than
            `TABLE_ENTRIES`, it reads E y at every step.
    """

    columns: Tensor
    table: Tensor | None

    def __init__(self, tokens: TargetTokens, recurrence: Recurrence | None) -> None:
        super().__init__()
        self.embedding = tokens.embedding
        self.output = tokens.output
        self.embedding_dropout = 0.0
        with torch.no_grad():
            columns = tokens.output.weight.t().contiguous()
            table = None if recurrence is None else _table(tokens.embedding.weight, recurrence)
            self._packed = _packed(tokens.output.weight)
        # They are no part of the model's state: its file holds what they follow from.
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("table", table, persistent=False)

    @property
    def embedding_size(self) -> int:
        """Features of an embedded token."""
        return self.embedding.embedding_dim

    @property
    def feature_size(self) -> int:
        """Features that the output layer reads."""
        return self.output.in_features

    def embed(self, tokens: Int[Tensor, "*axes"]) -> Float[Tensor, "*axes embedding"]:
        """The vectors of tokens."""
        return F.embedding(tokens, self.embedding.weight)

    def enter(self, tokens: Int[Tensor, " rows"], recurrence: Recurrence) -> Float[Tensor, "rows gates"]:
        """What the tokens add to the gates of the recurrence that this was made for."""
        return recurrence.gates(self.embed(tokens)) if self.table is None else self.table[tokens]

    def project(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"]:
        """Logits of the features."""
        single = features.device.type == "cpu" and features.dtype == torch.float32  # as the blocks are
        rows = features.numel() // features.size(-1)
        if self._packed is not None and single and rows in PACKED_ROWS and not torch.is_grad_enabled():
            return torch.ops.mkldnn._linear_pointwise(features, self._packed, self.output.bias, "none", [], "")
        return F.linear(features, self.columns.t(), self.output.bias)

    def drop(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes features"]:
        """What the output layer multiplies: the features themselves."""
        return features


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


def _table(vectors: Tensor, recurrence: Recurrence) -> Tensor | None:
    width = recurrence.gates(vectors[:1]).size(1)
    return recurrence.gates(vectors) if len(vectors) * width <= TABLE_ENTRIES else None


def prepared(decoder: Kind, recurrence: Recurrence | None) -> Kind:
    """The same decoder over the same parameters, but for `InferenceTokens` in the place of its tokens."""
    twin: Any = copy(decoder)
    twin._modules = dict(decoder._modules)  # a copied module would share the table of its parts
    twin.tokens = InferenceTokens(twin.tokens, recurrence)
    return twin.eval()
