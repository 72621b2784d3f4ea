"""A layer that reads whole texts gives what torch gives, whatever stands beside a text."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.compiled import encoder as reads
from regard.compiled import step as steps
from regard.compiled.encoder import EncoderLayer
from regard.compiled.step import steps_serve
from regard.kernels.library import SWITCH

CELLS = pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
DIRECTIONS = pytest.mark.parametrize("directions", [1, 2])
SIZES = pytest.mark.parametrize("size", [13, 37])
INPUT = 11


@pytest.fixture(params=["", "plain"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, request.param)
    for part in (reads, steps):
        part.kernels.cache_clear()
        if part.kernels().library is None:
            pytest.skip(part.kernels().reason)
    yield
    for part in (reads, steps):
        part.kernels.cache_clear()


def layer(kind: Callable[..., nn.GRU | nn.LSTM], size: int, directions: int) -> tuple[nn.GRU | nn.LSTM, EncoderLayer]:
    """The same weights in torch and here."""
    torch.manual_seed(0)
    whole = kind(INPUT, size, bidirectional=directions == 2, batch_first=True).requires_grad_(False)
    parts = [kind(INPUT, size) for _ in range(directions)]
    for part, suffix in zip(parts, ("", "_reverse"), strict=False):
        for name, weight in part.named_parameters():
            weight.data.copy_(getattr(whole, f"{name}{suffix}"))
    return whole, EncoderLayer(*parts)


def texts(lengths: list[int], width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Fewer vectors than places, where each of them stands, and the lengths."""
    return torch.randn(17, INPUT), torch.randint(17, (len(lengths), width)), torch.tensor(lengths)


@CELLS
@DIRECTIONS
@SIZES
@pytest.mark.parametrize("batch", [1, 3, 67])
def test_states_are_those_of_packed_sequences(kind: Any, directions: int, size: int, batch: int) -> None:
    theirs, ours = layer(kind, size, directions)
    inputs, places, lengths = texts([1 + 5 * row % 7 for row in range(batch)], 7)
    packed = pack_padded_sequence(inputs[places], lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=7)[0]
    torch.testing.assert_close(ours(inputs, places, lengths), expected, rtol=0, atol=2e-6)


@CELLS
@DIRECTIONS
@SIZES
def test_company_padding_and_threads_change_nothing(kind: Any, directions: int, size: int) -> None:
    _, ours = layer(kind, size, directions)
    inputs, places, lengths = texts([1 + 3 * row % 11 for row in range(61)], 13)
    together, threads = ours(inputs, places, lengths), torch.get_num_threads()
    try:
        for number in (2, 3, 7):
            torch.set_num_threads(number)
            assert torch.equal(ours(inputs, places, lengths), together)
    finally:
        torch.set_num_threads(threads)
    for row, length in enumerate(lengths.tolist()):
        own = places[row : row + 1, :length]
        alone = ours(inputs[own.flatten()], torch.arange(length).unsqueeze(0), lengths[row : row + 1])
        assert torch.equal(alone[0], together[row, :length])
        assert (together[row, length:] == 0).all()


@CELLS
def test_texts_of_nothing_are_zero(kind: Any) -> None:
    _, ours = layer(kind, 13, 2)
    inputs, places, lengths = texts([0, 5, 0], 5)
    found = ours(inputs, places, lengths)
    assert (found[[0, 2]] == 0).all()
    assert torch.equal(found[1:2], ours(inputs, places[1:2], lengths[1:2]))
    assert ours(inputs, places[:0], lengths[:0]).shape == (0, 5, 26)


def test_padding_is_not_looked_at() -> None:
    _, ours = layer(nn.GRU, 13, 2)
    inputs, places, lengths = texts([5, 2], 5)
    expected = ours(inputs, places, lengths)
    places[1, 2:] = 17
    spoiled = torch.cat([inputs, torch.full((1, INPUT), torch.nan)])
    assert torch.equal(ours(spoiled, places, lengths), expected)


def test_nothing_that_wants_a_gradient_is_read() -> None:
    _, ours = layer(nn.GRU, 13, 2)
    weight = torch.randn(3)
    assert not ours.takes(weight)
    with torch.no_grad():
        assert ours.takes(weight)
        assert not ours.takes(weight.double())
        assert steps_serve(weight)
        assert not steps_serve(weight, weight.double())
