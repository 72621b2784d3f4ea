"""Additive attention as an operator: softmax(v · tanh(q + k)) mixed with values, forward and backward.

    python benchmarks/attention.py                       the whole table, about ten minutes on a quiet machine
    python benchmarks/attention.py --only 0 1            the first two shapes
    python benchmarks/attention.py --without keras
    python benchmarks/attention.py --page docs/attention-speed.md    puts what it prints into the page, too

Four ways: the formula in plain PyTorch; Regard's compiled kernel; Regard's kernel in PyTorch alone, as where nothing
was compiled; Keras's AdditiveAttention on PyTorch. Each way and shape has a process of its own; those of one shape live
together and take turns, so that a busy moment of the machine does not fall on one alone. Times are medians over the
rounds, with the lowest and the highest; "×" is naive over ours, round by round. Memory is the peak of the process's
resident set above what it held with the inputs there: gradients of the inputs, the weights, and whatever else. Linux.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import torch
from timing.figures import Figure, machine_line, markdown, report
from timing.link import Link, peak_megabytes
from timing.machine import Machine
from timing.workers import Answers, System, Worker, interleaved
from torch import Tensor

from regard.kernels.additive_native import kernels

WAYS = {
    "naive": ("naive", ""),
    "compiled": ("regard", ""),
    "pytorch": ("regard", "torch"),
    "keras": ("keras", ""),
}
Mix = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
TURN_PAIRS = 2e8  # features of pairs in one turn, so that small shapes are repeated


@dataclass(frozen=True)
class Shape:
    """Sizes, and what is asked of the compiled kernel: how many times faster than naive, and in how much memory."""

    batch: int
    target: int
    source: int
    hidden: int
    bar: float
    memory_bar_mb: float | None = None

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """As they are written."""
        return self.batch, self.target, self.source, self.hidden


SHAPES = (
    Shape(64, 1, 30, 512, 1 / 0.6),
    Shape(64, 30, 30, 512, 7),
    Shape(16, 128, 128, 512, 11),
    Shape(4, 512, 512, 512, 18, 120),
)


def naive(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """The formula as it is usually written."""
    scores = (torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ vector.unsqueeze(1)).squeeze(-1)
    return torch.softmax(scores, -1) @ values


def regard(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """The same with Regard's scores; REGARD_KERNELS says which kernel."""
    from regard.kernels.additive import additive_scores

    return torch.softmax(additive_scores(query, keys, vector), -1) @ values


def keras(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """Keras's layer, whose only weight stands in for the vector."""
    layer = _keras_layer(query.size(-1))
    return layer([query, values, keys])


def _keras_layer(hidden: int) -> Any:
    if hidden not in _LAYERS:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        library: Any = import_module("keras")
        _LAYERS[hidden] = library.layers.AdditiveAttention()
    return _LAYERS[hidden]


_LAYERS: dict[int, Any] = {}
FORMULAS: dict[str, Mix] = {"naive": naive, "regard": regard, "keras": keras}


class Turns:
    """One way and one shape.

    Args:
        way: an entry of `FORMULAS`.
        sizes: batch, target, source, hidden; values are as wide as keys.
    """

    def __init__(self, way: str, sizes: tuple[int, ...]) -> None:
        batch, target, source, hidden = sizes
        generator = torch.Generator().manual_seed(1)
        shapes = ((batch, target, hidden), (batch, source, hidden), (batch, source, hidden), (hidden,))
        self.mix = FORMULAS[way]
        self.leaves = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
        self.leaves[-1].data.mul_(hidden**-0.5)
        self.grad = torch.randn(batch, target, hidden, generator=generator)
        small = [*(torch.zeros(1, 1, hidden, requires_grad=True) for _ in range(3)), self.leaves[-1]]
        self._differentiate(small, torch.ones(1, 1, hidden))  # what is loaded and allocated once
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = peak_megabytes()

    def turn(self, count: int) -> dict[str, Any]:
        """Milliseconds of one forward and backward, the median of so many, and the megabytes they have taken so far."""
        return {"ms": 1000 * median(self._once() for _ in range(count)), "memory_mb": peak_megabytes() - self.before}

    def _once(self) -> float:
        begun = time.perf_counter()
        self._differentiate(self.leaves, self.grad)
        return time.perf_counter() - begun

    def _differentiate(self, leaves: list[Tensor], grad: Tensor) -> None:
        # Keras's layer has the vector as a weight of its own.
        torch.autograd.grad(self.mix(*leaves), leaves, grad, allow_unused=True)


def serve(what: str, threads: int) -> None:
    """The measured process: one way to compute one shape. `what` is WAY:BATCH,TARGET,SOURCE,HIDDEN."""
    torch.set_num_threads(threads)
    way, sizes = what.split(":")
    Link().serve(turn=Turns(way, tuple(int(size) for size in sizes.split(","))).turn)


def measure(shape: Shape, ways: Sequence[str], threads: int, rounds: int, machine: Machine) -> Answers:
    """What every way said of every round."""
    systems = [
        System(name, Path(sys.executable), "attention", environment=(("REGARD_KERNELS", WAYS[name][1]),))
        for name in ways
    ]
    sizes = ",".join(map(str, shape.sizes))
    count = max(1, min(25, int(TURN_PAIRS / (shape.batch * shape.target * shape.source * shape.hidden))))
    with tempfile.TemporaryDirectory() as folder:

        def start(system: System) -> Worker:
            mode = f"{WAYS[system.name][0]}:{sizes}"
            return Worker(system, Path(folder), mode, threads, Path(folder) / f"{system.name}.log")

        order = {"count": count}
        return interleaved(
            systems, start, "turn", order, warm_up={"count": 1}, rounds=rounds, beside=machine.measure, tell=_tell
        )


def row(shape: Shape, ways: Sequence[str], answers: Answers) -> Iterator[str]:
    """The cells of one shape."""
    yield ", ".join(map(str, shape.sizes))
    for name in ways:
        if name not in answers:
            yield "–"
            continue
        cell = f"{Figure(_times(answers, name), digits=1)} ({answers[name][-1]['memory_mb']:,.0f} MB)"
        yield cell + (f", {_ratio(answers, name)} ×" if name in ("compiled", "pytorch") else "")
    yield f"{shape.bar:.2g} ×" + (f", {shape.memory_bar_mb:g} MB" if shape.memory_bar_mb else "")
    yield _verdict(shape, answers)


def _verdict(shape: Shape, answers: Answers) -> str:
    if not {"naive", "compiled"} <= answers.keys():
        return "–"
    fast = _ratio(answers, "compiled").median >= shape.bar
    small = shape.memory_bar_mb is None or answers["compiled"][-1]["memory_mb"] <= shape.memory_bar_mb
    return "reached" if fast and small else "missed"


def _ratio(answers: Answers, name: str) -> Figure:
    pairs = zip(_times(answers, "naive"), _times(answers, name), strict=True) if "naive" in answers else ()
    return Figure([naive / ours for naive, ours in pairs] or [float("nan")], digits=1)


def _times(answers: Answers, name: str) -> list[float]:
    return [answer["ms"] for answer in answers[name]]


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", type=int, default=range(len(SHAPES)), metavar="NUMBER")
    parser.add_argument("--without", nargs="*", default=(), choices=list(WAYS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="also put the table into this page, between its marks")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine, ways = Machine(), [name for name in WAYS if name not in options.without]
    rows = []
    for number in options.only:
        shape = SHAPES[number]
        rows.append(list(row(shape, ways, measure(shape, ways, options.threads, options.rounds, machine))))
        _tell(" | ".join(rows[-1]))
    head = ["batch, target, source, hidden", *(f"{name}, ms (peak)" for name in ways), "bar for compiled", ""]
    lines = [
        markdown(head, rows),
        "",
        f"{machine_line(options.threads)}; sgemm beside it {Figure(machine.sgemm)} GF/s. Kernels: {kernels().reason}.",
    ]
    report(lines, options.page)


if __name__ == "__main__":
    if len(sys.argv) == 4 and not sys.argv[1].startswith("-"):  # FOLDER WAY:SIZES THREADS, from `Worker`
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main()
