"""The layers that a decoder runs once per source, in compiled code: the projected keys and the first state."""

from copy import copy
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from regard.compiled.step import Steps, steps_serve
from regard.recurrent.program import Linear

ONCE = ("bridge.project", "attention.score.project_key")
"""Layers that read a memory and nothing else."""

Kind = TypeVar("Kind", bound=nn.Module)


class PackedLinear(nn.Module):
    """A linear layer over given parameters, which are laid out once for compiled code.

    What it makes of a row does not depend on the rows beside it, to the last bit; PyTorch's own product of few rows
    adds in another order than that of many.

    Args:
        weight, bias: they no longer change.
    """

    def __init__(self, weight: Float[Tensor, "outputs inputs"], bias: Float[Tensor, " outputs"] | None = None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight, self.bias = weight, bias
        weights = {"weight": weight.detach()} | ({} if bias is None else {"bias": bias.detach()})
        product = Linear("inputs", "weight", "outputs", bias=None if bias is None else "bias")
        self._product = Steps((product,), weights, ["outputs"]) if steps_serve(*weights.values()) else None

    def forward(self, inputs: Float[Tensor, "*axes inputs"]) -> Float[Tensor, "*axes outputs"]:
        """The product with every row."""
        if self._product is None or not self._product.takes(inputs):
            return F.linear(inputs, self.weight, self.bias)
        outputs = self._product({"inputs": inputs.reshape(-1, self.in_features)})["outputs"]
        return outputs.view(*inputs.shape[:-1], self.out_features)


def with_packed_layers(decoder: Kind) -> Kind:
    """The same decoder over the same parameters, whose layers of `ONCE` are packed, where it has them and there is
    compiled code."""
    for path in ONCE:
        decoder = _packed(decoder, *path.split("."))
    return decoder


def _packed(module: Kind, name: str, *path: str) -> Kind:
    """A copy of the module with the layer at the end of the path packed; the module itself if there is none."""
    part: Any = module._modules.get(name)
    if path and part is not None:
        found: Any = _packed(part, *path)
    else:
        known = type(part) is nn.Linear and steps_serve(*part.parameters())
        found = PackedLinear(part.weight, part.bias) if known else part
    if found is part:
        return module
    twin: Any = copy(module)
    twin._modules = dict(module._modules) | {name: found}  # a copied module would share the table of its parts
    return twin
