"""A recurrent encoder prepared for searching answers as the one it was made from."""

from dataclasses import astuple
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regard.compiled.encoder import CompiledEncoder
from regard.compiled.step import steps_serve
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder

OPTIONS: dict[str, dict[str, Any]] = {
    f"{cell}-{layers}-{'both' if both else 'one'}-{summary}": {
        "cell": cell,
        "num_layers": layers,
        "bidirectional": both,
        "summary": summary,
    }
    for cell, layers, both, summary in product(["gru", "lstm"], [1, 3], [True, False], ["last", "mean"])
}
OPTIONS |= {
    "normalised": {"layer_norm": True, "num_layers": 2},
    "bridged": {"source_bridging": True},
    "normalised-bridged": {"layer_norm": True, "source_bridging": True, "cell": "lstm"},
}
EACH = pytest.mark.parametrize("name", OPTIONS)
LENGTHS = [7, 0, 3, 5, 1, 7]


@pytest.fixture(autouse=True)
def _compiled() -> None:
    if not steps_serve():
        pytest.skip("no compiled code")


def encoder(name: str) -> RecurrentEncoder:
    """Dropout is on, so that a test notices when it is not switched off."""
    torch.manual_seed(0)
    dropout = {"embedding_dropout": 0.2, "layer_dropout": 0.2, "output_dropout": 0.2}
    return RecurrentEncoder(nn.Embedding(23, 11), 13, **OPTIONS[name], **dropout).eval()


def texts(lengths: list[int], padding: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    mask = torch.arange(max(lengths) + padding) < torch.tensor(lengths).unsqueeze(1)
    return torch.randint(3, 23, mask.shape).masked_fill(~mask, 0), mask


def read(one: RecurrentEncoder | CompiledEncoder, source: Tensor, mask: Tensor) -> Memory:
    with torch.inference_mode():
        return one(source, mask)


@EACH
def test_prepared_memories_are_the_same(name: str) -> None:
    ours = encoder(name)
    prepared = CompiledEncoder(ours)
    for found, expected in zip(
        astuple(read(prepared, *texts(LENGTHS, 2))), astuple(read(ours, *texts(LENGTHS, 2))), strict=True
    ):
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


@EACH
def test_company_and_padding_change_nothing(name: str) -> None:
    prepared = CompiledEncoder(encoder(name))
    source, mask = texts(LENGTHS, 3)
    together = read(prepared, source, mask)
    for row, length in enumerate(LENGTHS):
        width = max(1, length)
        alone = read(prepared, source[row : row + 1, :width], mask[row : row + 1, :width])
        assert torch.equal(alone.values[0], together.values[row, :width])
        assert torch.equal(alone.summary[0], together.summary[row])
    assert (together.values[~mask] == 0).all()


@EACH
def test_gradients_and_double_precision_go_the_other_way(name: str) -> None:
    ours = encoder(name)
    prepared = CompiledEncoder(ours)
    read_with_gradient = prepared(*texts(LENGTHS))
    assert read_with_gradient.values.requires_grad
    torch.testing.assert_close(read_with_gradient.values, ours(*texts(LENGTHS)).values, atol=0, rtol=0)
    ours.double()
    assert read(prepared, *texts(LENGTHS)).values.dtype == torch.float64


def test_training_drops_again() -> None:
    ours, given = encoder("bridged"), texts(LENGTHS)
    prepared = CompiledEncoder(ours)
    assert torch.equal(read(prepared, *given).values, read(prepared, *given).values)
    ours.train()
    assert not torch.equal(read(prepared, *given).values, read(prepared, *given).values)
