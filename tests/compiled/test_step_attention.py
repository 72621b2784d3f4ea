"""Rows that look at the same source share work, and get what each would get alone."""

import math

import pytest
import torch
from torch import Tensor

from regard.compiled.records import StepSource
from regard.compiled.step import Steps, exp_keys
from regard.recurrent.program import Attend, Linear, Program, Tensors

PROGRAM: Program = (
    Linear("token", "query", "asked"),
    Attend("asked", "weights", "context"),
    Linear("context", "left", "left"),
)
VALUES = 37
WIDTHS = pytest.mark.parametrize("width", [1, 19, 300, 530])
SCALES = pytest.mark.parametrize("scale", [0.01, 1.0, 15.0, 60.0])


pytestmark = pytest.mark.usefixtures("step_engine")


def made(width: int, lengths: list[int], scale: float, vector: float = 1.0) -> tuple[Steps, Tensor, Tensor, Tensor]:
    """The steps, and keys, values and mask of sources of these lengths."""
    longest, sources = max(lengths), len(lengths)
    weights = {"query": torch.eye(width), "vector": torch.randn(width) * vector / width**0.5}
    step = Steps(PROGRAM, weights | {"left": torch.eye(VALUES)}, ["weights", "context"])
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    keys, values = torch.randn(sources, longest, width) * scale, torch.randn(sources, longest, VALUES)
    return step, keys.masked_fill(~mask[:, :, None], torch.nan), values.masked_fill(~mask[:, :, None], torch.nan), mask


def looked(step: Steps, token: Tensor, keys: Tensor, values: Tensor, mask: Tensor, sources: Tensor) -> Tensors:
    with torch.no_grad():
        return step({"token": token}, StepSource(keys, values, mask, sources, exp_keys(keys)))


@WIDTHS
@SCALES
def test_the_weights_are_those_of_their_definition(width: int, scale: float) -> None:
    """Also where queries and keys cancel that no exponential of theirs could hold; a masked NaN is never read."""
    step, keys, values, mask = made(width, [1, 7, 70], scale)
    sources = torch.tensor([0] * 3 + [1] * 9 + [2] * 5)
    token = torch.randn(len(sources), width) * scale
    token[::2] = 0.1 * token[::2] - keys[sources[::2], 0]
    found, visible = looked(step, token, keys, values, mask, sources), mask[sources]
    vector = step._records.weights["vector"].double()
    scores = torch.tanh(token.double()[:, None] + keys.double()[sources]) @ vector
    weights = scores.masked_fill(~visible, -torch.inf).softmax(1)
    torch.testing.assert_close(found["weights"].double(), weights, rtol=0, atol=2e-6)
    contexts = (weights[:, None] @ values.double()[sources].nan_to_num()).squeeze(1)
    torch.testing.assert_close(found["context"].double(), contexts, rtol=0, atol=1e-5)


@WIDTHS
@SCALES
def test_company_and_threads_change_no_bit(width: int, scale: float) -> None:
    """Runs of one to twenty rows, each compared with the row alone."""
    step, keys, values, mask = made(width, [33, 1, 0, 12, 70, 5], scale)
    sources = torch.tensor([4] * 9 + [0] * 2 + [1] * 3 + [2] * 2 + [4] + [3] * 20 + [5] * 8)
    token, threads = torch.randn(len(sources), width) * scale, torch.get_num_threads()
    together = looked(step, token, keys, values, mask, sources)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            again = looked(step, token, keys, values, mask, sources)
            assert all(torch.equal(again[name], part) for name, part in together.items())
    finally:
        torch.set_num_threads(threads)
    for row in range(len(sources)):
        own = sources[row : row + 1]
        alone = looked(step, token[row : row + 1], keys[own], values[own], mask[own], torch.tensor([0]))
        assert all(torch.equal(alone[name][0], part[row]) for name, part in together.items())


def test_a_source_without_visible_positions_gives_zeros() -> None:
    step, keys, values, mask = made(19, [0, 3], 1.0)
    found = looked(step, torch.randn(4, 19), keys, values, mask, torch.tensor([0, 0, 1, 1]))
    assert not found["weights"][:2].any()
    assert not found["context"][:2].any()
    torch.testing.assert_close(found["weights"][2:].sum(1), torch.ones(2))


@pytest.mark.parametrize("fault", [torch.nan, 1e30, -1e30])
def test_a_fault_stays_in_its_row(fault: float) -> None:
    """Not a number makes all weights of its row one; what is huge saturates."""
    step, keys, values, mask = made(40, [6], 1.0)
    token = torch.randn(5, 40)
    clean = looked(step, token, keys, values, mask, torch.zeros(5, dtype=torch.long))
    token[2, 33] = fault
    found = looked(step, token, keys, values, mask, torch.zeros(5, dtype=torch.long))
    others = [0, 1, 3, 4]
    assert all(torch.equal(found[name][others], clean[name][others]) for name in found)
    assert bool(found["weights"][2].isnan().all()) == math.isnan(fault)


@pytest.mark.parametrize("size", [1e5, 1e30])
def test_a_large_vector_does_not_overflow(size: float) -> None:
    step, keys, values, mask = made(40, [6], 3.0, vector=size)
    found = looked(step, torch.randn(3, 40) * 3, keys, values, mask, torch.zeros(3, dtype=torch.long))
    torch.testing.assert_close(found["weights"].sum(1), torch.ones(3))
