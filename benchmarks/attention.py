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
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pages import report
from timing.figures import Figure, machine_line, markdown
from timing.machine import Machine
from timing.workers import Answers, System, Worker, interleaved

from regard.kernels.additive_native import kernels

WAYS = {
    "naive": ("naive", ""),
    "compiled": ("regard", ""),
    "pytorch": ("regard", "torch"),
    "keras": ("keras", ""),
}
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


def measure(shape: Shape, ways: Sequence[str], threads: int, rounds: int, machine: Machine) -> Answers:
    """What every way said of every round."""
    systems = [
        System(name, Path(sys.executable), "attention_row", environment=(("REGARD_KERNELS", WAYS[name][1]),))
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
    main()
