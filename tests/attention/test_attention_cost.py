"""What the docstrings say of time and memory, measured: how both grow as one axis after another gets sixteen times."""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS
from regard.attention.history import History
from regard.attention.source import Source
from regard.kernels import additive_native as native
from regard.kernels.library import SWITCH

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
docstring = import_module("docstring")

FEATURES = ("query", "key", "value", "hidden")
AXES = {"batch": ("batch",), "target": ("target",), "source": ("source",), "features": FEATURES}
AXES["all of these at once"] = ("target", "source", *FEATURES)
OPTIONS = {"channels": 10, "width": 15, "hops": 4}
BASE = dict.fromkeys(("batch", "target", "source", *FEATURES), 4) | OPTIONS
GROWTH, SLACK, LEAST = 16, 4, 0.5
ENTRIES = [(table, name) for table in (SCORES, SELECTIONS, WINDOWS, POOLINGS) for name in table]
every_entry = pytest.mark.parametrize(("table", "name"), ENTRIES, ids=[name for _, name in ENTRIES])


@dataclass(frozen=True)
class Case:
    """A call, forward and backward, and how many numbers it was given."""

    run: Callable[[], None]
    given: int


def case(table: Any, name: str, sizes: dict[str, int]) -> Case:
    """The entry at these sizes, built by the sizes that it names."""
    entry = table[name]
    module = entry(
        **{f"{size}_size": sizes[size] for size in FEATURES[:3] if f"{size}_size" in signature(entry).parameters}
    )
    axes = {"query": ("target", "query"), "keys": ("source", "key"), "values": ("source", "value")}
    axes |= {"scores": ("target", "source")}
    wanted = {"attention score": ("query", "keys"), "attention selection": ("scores",), "attention window": ("query",)}
    names = wanted.get(table.kind, ("values",))
    leaves = [torch.randn(sizes["batch"], *(sizes[axis] for axis in axes[each])) for each in names]
    for leaf in leaves:
        leaf.requires_grad_()
    mask = torch.ones(sizes["batch"], sizes["source"], dtype=torch.bool)
    start = History.start(torch.zeros(sizes["batch"], sizes["source"] if getattr(module, "sequential", False) else 0))

    def run() -> None:
        results = CALLS[table.kind](module, leaves, mask, start)
        backward = [result.sum() for result in results if result is not None and result.requires_grad]
        if backward:
            torch.stack(backward).sum().backward()

    return Case(run, sum(each.numel() for each in (*leaves, *module.parameters())))


def _steps(module: nn.Module, given: Tensor, look: Callable[[Tensor, History], Tensor], start: History) -> list[Tensor]:
    """All positions at once, or for a sequential part one after another, each with what came of those before."""
    if not module.sequential:
        return [look(given, start)]
    history, results = start, []
    for one in given.split(1, 1):
        results.append(look(one, history))
        last = results[-1][:, -1]
        history = replace(history, step=history.step + 1, previous=last, total=history.total + last.square())
    return results


def _score(module: nn.Module, leaves: list[Tensor], mask: Tensor, start: History) -> list[Tensor]:
    prepared = module.prepare(leaves[1])
    return _steps(module, leaves[0], lambda query, history: module(query, prepared, history), start)


def _select(module: nn.Module, leaves: list[Tensor], mask: Tensor, start: History) -> list[Tensor]:
    def look(scores: Tensor, history: History) -> Tensor:
        selected = module(scores, mask.unsqueeze(1), history)
        return selected.weights + (selected.log_prob + selected.entropy).unsqueeze(-1)

    return _steps(module, leaves[0], look, start)


def _window(module: nn.Module, leaves: list[Tensor], mask: Tensor, start: History) -> tuple[Tensor, Tensor | None]:
    empty = mask.new_zeros(*mask.shape, 0, dtype=torch.float32)
    return module(leaves[0], Source(empty, empty, mask), start)


def _pool(module: nn.Module, leaves: list[Tensor], mask: Tensor, start: History) -> tuple[Tensor, Tensor]:
    pooled = module(leaves[0], mask)
    return pooled.vector, pooled.weights


CALLS: dict[str, Callable[..., Any]] = {
    "attention score": _score,
    "attention selection": _select,
    "attention window": _window,
    "pooling": _pool,
}


def most_numbers_at_once(run: Callable[[], None]) -> float:
    """Of float32, by what torch takes and gives back."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    held = most = 0
    for event in profiled.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / 4


class Operations(TorchDispatchMode):
    """Counts those of products as they are, and one for each number that anything else makes."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.count += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=result)
        elif not func.is_view:
            results = result if isinstance(result, tuple | list) else [result]
            self.count += sum(each.numel() for each in results if isinstance(each, Tensor))
        return result


def operations(run: Callable[[], None]) -> float:
    with Operations() as counted:
        run()
    return counted.count


def order(text: str, sizes: dict[str, int]) -> float:
    """The number in `O(…)`."""
    return float(eval(text[1:].replace("·", "*"), {"log": math.log2}, sizes))


@pytest.fixture
def _countable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operations of compiled code are not seen by torch; its path in torch does the same work."""
    monkeypatch.setenv(SWITCH, "torch")
    native.kernels.cache_clear()
    yield
    native.kernels.cache_clear()


@every_entry
@pytest.mark.usefixtures("_countable")
def test_time_grows_as_is_said(table: Any, name: str) -> None:
    hold(table, name, docstring.read(table[name]).time_and_memory[0], operations)


@every_entry
def test_memory_grows_as_is_said(table: Any, name: str) -> None:
    hold(table, name, docstring.read(table[name]).time_and_memory[1], most_numbers_at_once)


def hold(table: Any, name: str, said: str, measure: Callable[[Callable[[], None]], float]) -> None:
    """Not more than what is said and what was given; and not less than what is said, which would be no news."""

    def ratios(sizes: dict[str, int]) -> tuple[float, float]:
        one = case(table, name, sizes)
        found = measure(one.run)
        return found / (order(said, sizes) + one.given), found / order(said, sizes)

    usual = ratios(BASE)[0]
    for axis, grown in AXES.items():
        above, below = ratios(BASE | {each: GROWTH * BASE[each] for each in grown})
        assert above <= SLACK * usual, f"{said} says too little of {axis}"
        assert said == "O(1)" or below >= LEAST, f"{said} says too much of {axis}"
