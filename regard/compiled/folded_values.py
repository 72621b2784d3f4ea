"""The output projection of an attention, multiplied into the values beforehand."""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.source import Source
from regard.compiled.linear import PackedLinear
from regard.recurrent.program import Linear, Program, Tensors


class FoldedValues:
    """W [c; s] for weights that no longer change, where the context c is a mix of values.

        W [Σ α(i) m(i); s] = Σ α(i) V(i) + W_s s,    V(i) = W_c m(i)

    The mix is linear, so that W_c multiplies each position of a source once, instead of the context of each hypothesis
    at each step. What is added up in another order differs in the last bits.

    Args:
        layer: W, without a bias; the columns of the context stand first.
        memory_size: how many these are.
    """

    def __init__(self, layer: nn.Linear, memory_size: int) -> None:
        context, self.state = layer.weight.detach().tensor_split([memory_size], 1)
        self._fold = PackedLinear(context)

    def fold(self, source: Source) -> Source:
        """The source with V in the place of its values."""
        return replace(source, values=self._fold(source.values))

    def __call__(
        self, context: Float[Tensor, "*axes features"], state: Float[Tensor, "*axes state"]
    ) -> Float[Tensor, "*axes features"]:
        """W [c; s], from a context that is mixed of V."""
        return context + F.linear(state, self.state)

    def program(self, context: str, state: str, into: str) -> tuple[Program, Tensors]:
        """The same of registers."""
        weight = f"{into}_{state}"
        return (Linear(state, weight, into, plus=context),), {weight: self.state}
