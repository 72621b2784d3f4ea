"""Loops in compiled code and by hand give what autograd gives, step by step, forwards and back."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regard.kernels.library import SWITCH
from regard.recurrent import native_backend as native
from regard.recurrent.autograd import compiled, loop, serves
from regard.recurrent.layer import unroll, unrolls
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tanh, Tensors
from regard.recurrent.reference import plain

LUONG = (
    Linear("fed-", "feed", "gates", plus="inputs"),
    Linear("state-", "recurrent", "moved", bias="bias"),
    Gru("gates", "moved", "state-", "state"),
    Linear("state", "query", "asked"),
    Attend("asked", "weights", "context"),
    Linear("context", "left", "joined"),
    Linear("state", "right", "joined", plus="joined"),
    Tanh("joined", "fed"),
)
BAHDANAU = (
    Linear("state-", "query", "asked"),
    Attend("asked", "weights", "context"),
    Linear("context", "left", "source", plus="inputs"),
    Linear("state-", "recurrent", "gates", bias="bias", plus="source"),
    Lstm("gates", "memory", "state"),
)
CONDITIONAL = (
    Linear("state-", "recurrent", "moved", bias="bias"),
    Gru("inputs", "moved", "state-", "middle"),
    Linear("middle", "query", "asked"),
    Attend("asked", "weights", "context"),
    Linear("context", "left", "gates", bias="bias"),
    Linear("middle", "recurrent", "moved2"),
    Gru("gates", "moved2", "middle", "state"),
)
PROGRAMS: dict[str, tuple[Program, list[str]]] = {
    "luong": (LUONG, ["fed", "weights", "state"]),
    "bahdanau": (BAHDANAU, ["state", "context"]),
    "conditional": (CONDITIONAL, ["state", "context", "weights"]),
}
ENGINES = {"fast": "", "plain": "plain", "pytorch": "off"}
HIDDEN = 11


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(SWITCH, ENGINES[request.param])
    native.kernels.cache_clear()
    if request.param != "pytorch" and native.kernels().library is None:
        pytest.skip(native.kernels().reason)
    yield request.param
    native.kernels.cache_clear()


def given(name: str, steps: int = 5, batch: int = 7, dtype: torch.dtype = torch.float32) -> tuple[Tensors, Tensor]:
    """Parameters of a usual size, and a mask with one row that sees nothing."""
    torch.manual_seed(1)  # of rare draws the rounding is larger than the bounds below
    gates, source, width, values, fed = (4 if name == "bahdanau" else 3) * HIDDEN, 6, 19, 13, HIDDEN - 1

    def make(*sizes: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(*sizes, dtype=dtype) * scale).requires_grad_()

    tensors = {
        "inputs": make(steps, batch, gates),
        "state-": make(batch, HIDDEN),
        "recurrent": make(gates, HIDDEN, scale=0.3),
        "bias": make(gates),
        "query": make(width, HIDDEN, scale=0.3),
        "keys": make(batch, source, width),
        "vector": make(width),
        "values": make(batch, source, values),
        "left": make(fed if name == "luong" else gates, values, scale=0.3),
    }
    if name == "luong":
        # Some columns of a wider weight, as a decoder has it.
        wide = torch.randn(gates, fed + 4, dtype=dtype) * 0.3
        tensors |= {"fed-": make(batch, fed), "right": make(fed, HIDDEN, scale=0.3)}
        tensors["feed"] = wide[:, 2 : 2 + fed].requires_grad_()
    if name == "bahdanau":
        tensors["memory-"] = make(batch, HIDDEN)
    mask = torch.rand(batch, source) > 0.3
    mask[0], mask[1:, 0] = False, True
    return tensors, mask


def looped(name: str, tensors: Tensors, mask: Tensor) -> list[Tensor]:
    """The outputs without the starts."""
    program, outputs = PROGRAMS[name]
    steps = tensors["inputs"].size(0)
    found = loop(program, tensors, mask, outputs)
    return [found[output][-steps:] if steps else found[output][:0] for output in outputs]


def by_autograd(name: str, tensors: Tensors, mask: Tensor) -> list[Tensor]:
    program, outputs = PROGRAMS[name]
    found = plain(program, tensors, mask)
    return [found[output] for output in outputs]


def slopes(outputs: list[Tensor], tensors: Tensors, **how: bool) -> tuple[Tensor, ...]:
    """Of a sum in which every number has a weight of its own."""
    total = torch.stack([(each * torch.linspace(-1, 1, each.numel()).view_as(each)).sum() for each in outputs]).sum()
    return torch.autograd.grad(total, list(tensors.values()), **how)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(("steps", "batch"), [(5, 7), (1, 1), (3, 29)])
def test_outputs_and_gradients_are_those_of_autograd(engine: str, name: str, steps: int, batch: int) -> None:
    tensors, mask = given(name, steps, batch)
    found, expected = looped(name, tensors, mask), by_autograd(name, tensors, mask)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=2e-6)
    for one, other in zip(slopes(found, tensors), slopes(expected, tensors), strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max() + 1e-12


@pytest.mark.parametrize("name", PROGRAMS)
def test_avx2_and_avx512_give_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = native.kernels()
    if newest.fast < 2:
        pytest.skip("AVX-512 is not in use")
    tensors, mask = given(name, 4, 9)
    found = []
    for fast in (2, 1):
        monkeypatch.setattr(native, "kernels", lambda fast=fast: replace(newest, fast=fast))
        outputs = looped(name, tensors, mask)
        found.append([*outputs, *slopes(outputs, tensors)])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_right_in_double_precision(name: str) -> None:
    tensors, mask = given(name, 3, 2, torch.float64)
    assert not compiled(tensors["inputs"])
    names = list(tensors)

    def run(*values: Tensor) -> tuple[Tensor, ...]:
        return tuple(looped(name, dict(zip(names, values, strict=True)), mask))

    assert torch.autograd.gradcheck(run, tuple(tensors.values()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives_are_those_of_autograd(name: str) -> None:
    tensors, mask = given(name, 2, 3, torch.float64)
    twice = []
    for way in (looped, by_autograd):
        first = slopes(way(name, tensors, mask), tensors, create_graph=True)
        twice.append(slopes(list(first), tensors))
    for one, other in zip(*twice, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_row_that_sees_nothing_gets_zeros(engine: str, name: str) -> None:
    program, _ = PROGRAMS[name]
    tensors, mask = given(name)
    found = loop(program, tensors, mask, ["weights", "context"])
    assert not found["weights"][:, 0].any()
    assert not found["context"][:, 0].any()
    assert not found["weights"].masked_select(~mask).any()
    assert (slopes([found["context"]], {"values": tensors["values"]})[0][0] == 0).all()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_row_is_the_same_to_the_last_bit_alone_and_among_others(engine: str, name: str) -> None:
    if engine == "pytorch":
        pytest.skip("PyTorch's products choose their order by size")
    tensors, mask = given(name, 4, 23)
    alone = {
        key: value[:, 5:6]
        if key == "inputs"
        else value[5:6]
        if key.endswith("-") or key in ("keys", "values")
        else value
        for key, value in tensors.items()
    }
    for one, other in zip(looped(name, alone, mask[5:6]), looped(name, tensors, mask), strict=True):
        assert torch.equal(one[:, 0], other[:, 5])


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("own", [False, True])
def test_threads_change_no_bit(name: str, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of PyTorch's pool, and its own."""
    if native.kernels().library is None:
        pytest.skip(native.kernels().reason)
    kernels = replace(native.kernels(), team=None) if own else native.kernels()
    monkeypatch.setattr(native, "kernels", lambda: kernels)
    tensors, mask = given(name, 17, 151)
    results, before = [], torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        outputs = looped(name, tensors, mask)
        # The sums over rows behind the loop are PyTorch's, which may split them.
        results.append([*outputs, *slopes(outputs, {key: tensors[key] for key in ("inputs", "state-", "keys")})])
    torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_not_a_number_stays_one(engine: str) -> None:
    tensors, mask = given("luong")
    with torch.no_grad():
        tensors["inputs"][2, 3, 0] = torch.nan
    fed = looped("luong", tensors, mask)[0]
    assert fed[2:, 3].isnan().all()
    assert fed[:, :3].isfinite().all()
    assert fed[:2, 3].isfinite().all()


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
@pytest.mark.parametrize("length", [1, 13])
def test_a_layer_is_that_of_pytorch(engine: str, kind: Any, length: int) -> None:
    layer = kind(5, 11, num_layers=2, batch_first=True)
    inputs, start, memory = torch.randn(7, length, 5), torch.randn(7, 11), torch.randn(7, 11)
    assert unrolls(layer, inputs) == (engine != "pytorch")
    states = inputs
    for number in range(2):
        states = unroll(layer, number, states, start, memory)
    starts = start.expand(2, -1, -1).contiguous(), memory.expand(2, -1, -1).contiguous()
    expected = layer(inputs, starts[0] if kind is nn.GRU else starts)[0]
    torch.testing.assert_close(states, expected, rtol=0, atol=2e-6)
    parameters = list(layer.parameters())
    weights = torch.randn_like(expected)
    found = torch.autograd.grad((states * weights).sum(), parameters)
    for one, other in zip(found, torch.autograd.grad((expected * weights).sum(), parameters), strict=True):
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_large_gates_saturate() -> None:
    layer = nn.GRU(1, 3, batch_first=True)
    inputs = torch.tensor([1e4, -1e4, 3e38]).view(1, 3, 1)
    assert unroll(layer, 0, inputs, torch.ones(1, 3), torch.ones(1, 3)).isfinite().all()


def test_what_is_not_served() -> None:
    plain_tensor, double = torch.ones(2), torch.ones(2, dtype=torch.float64)
    assert serves(plain_tensor, nn.Parameter(plain_tensor))
    assert not serves(plain_tensor, double)
    assert not serves(plain_tensor.half())
    assert not serves(plain_tensor.to("meta"))
    with torch.autocast("cpu"):
        assert not serves(plain_tensor)
