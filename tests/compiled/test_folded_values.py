"""A layer that multiplies values before they are mixed gives what it gives behind the mix."""

import pytest
import torch
from torch import nn

from regard.attention.source import Source
from regard.compiled.folded_values import FoldedValues
from regard.compiled.step import steps_serve


@pytest.fixture(autouse=True)
def _compiled() -> None:
    if not steps_serve():
        pytest.skip("nothing is compiled")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["compiled", "plain"])
@pytest.mark.parametrize("sizes", [(6, 3, 5), (5, 5, 5), (3, 4, 9)], ids=["narrower", "same", "wider"])
def test_it_is_the_layer_behind_the_mix(sizes: tuple[int, int, int], dtype: torch.dtype) -> None:
    memory, hidden, features = sizes
    layer = nn.Linear(memory + hidden, features, bias=False).to(dtype)
    values, state = torch.randn(2, 7, memory, dtype=dtype), torch.randn(2, hidden, dtype=dtype)
    weights = torch.rand(2, 1, 7, dtype=dtype).softmax(-1)
    with torch.inference_mode():
        folded = FoldedValues(layer, memory)
        source = folded.fold(Source(values, values, torch.ones(2, 7, dtype=torch.bool)))
        found = folded((weights @ source.values).squeeze(1), state)
        expected = layer(torch.cat([(weights @ values).squeeze(1), state], -1))
    torch.testing.assert_close(found, expected)
    assert source.prepared is values


def test_padding_stays_zero() -> None:
    layer, values = nn.Linear(5, 4, bias=False), torch.randn(1, 3, 3)
    values[:, 2] = 0.0
    with torch.inference_mode():
        source = FoldedValues(layer, 3).fold(Source(values, values, torch.tensor([[True, True, False]])))
    assert not source.values[:, 2].any()
