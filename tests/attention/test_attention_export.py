"""Every mechanism in evaluation mode is a graph for any batch and any length, also of one step after another."""

import jaxtyping
import pytest
import torch
from mechanisms import ONCE, Combination
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.build import build_attention

SIZE = 6


class TwoSteps(nn.Module):
    """Prepares, begins, looks twice."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The second context and weights."""
        source = self.attention.prepare(keys, keys, mask)
        first = self.attention(query, source, self.attention.begin(source))
        second = self.attention(first.context, source, first.history)
        return second.context, second.weights


def inputs(batch: int, source: int) -> tuple[Tensor, Tensor, Tensor]:
    mask = torch.ones(batch, source, dtype=torch.bool)
    mask[-1, 2:] = False
    return torch.randn(batch, 1, SIZE), torch.randn(batch, source, SIZE), mask


# Heads are rows of a batch for what is inside: one that forgets, one that remembers, and one that samples will do.
CASES = [(names, 1) for names in ONCE]
CASES += [
    (names, 2) for names in ONCE if names[:2] in (("dot", "softmax"), ("coverage", "softmax"), ("dot", "monotonic"))
]


@pytest.mark.slow
@pytest.mark.parametrize(("names", "num_heads"), CASES, ids=[f"{'-'.join(names)}-{heads}" for names, heads in CASES])
def test_export_for_any_batch_and_length(names: Combination, num_heads: int) -> None:
    torch.manual_seed(1)
    score, select, window = names
    attention = build_attention(SIZE, SIZE, score=score, select=select, window=window, num_heads=num_heads)
    module = TwoSteps(attention.eval())
    batch, source = torch.export.Dim("batch"), torch.export.Dim("source")
    jaxtyping.config.update("jaxtyping_disable", True)  # shapes are symbols while tracing
    try:
        axes = ({0: batch}, {0: batch, 1: source}, {0: batch, 1: source})
        exported = torch.export.export(module, inputs(2, 5), dynamic_shapes=axes).module()
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
    for sizes in ((2, 5), (3, 17), (7, 211)):
        given = inputs(*sizes)
        for ours, theirs in zip(module(*given), exported(*given), strict=True):
            torch.testing.assert_close(ours, theirs)
