"""How fast the machine is at this moment, by two measures that bound every system alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch

SIZE, PRODUCTS = 1024, 12
ROWS, COLUMNS, PASSES = 8192, 4096, 4  # 134 MB: larger than the caches


@dataclass
class Machine:
    """Collects both measures. Run it in a process whose threads are those of the systems.

    Args:
        sgemm: float32 products of 1024³ by `torch.mm`, in 10⁹ operations a second, one entry per call of `measure`.
        fastest: the same by oneDNN, where that is faster: on some processors it alone uses AVX-512.
        reading: sums of a matrix, which read each number once, in 10⁹ bytes a second.
    """

    sgemm: list[float] = field(default_factory=list)
    fastest: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._square = torch.rand(SIZE, SIZE)
        self._out = torch.empty(SIZE, SIZE)
        self._matrix = torch.rand(ROWS, COLUMNS)

    def measure(self) -> None:
        """Take each once: the median of a few repeats, about a quarter of a second in all."""
        self.sgemm.append(_rate(lambda: torch.mm(self._square, self._square, out=self._out)))
        try:
            other = _rate(lambda: torch.ops.mkldnn._linear_pointwise(self._square, self._square, None, "none", [], ""))
        except (AttributeError, RuntimeError, NotImplementedError, TypeError):  # a PyTorch without it
            other = 0.0
        self.fastest.append(max(self.sgemm[-1], other))
        seconds = median(_seconds(self._matrix.sum) for _ in range(PASSES))
        self.reading.append(4 * ROWS * COLUMNS / seconds / 1e9)


def _rate(product: Callable[[], object]) -> float:
    """10⁹ operations a second of products of SIZE³."""
    return 2 * SIZE**3 / median(_seconds(product) for _ in range(PRODUCTS)) / 1e9


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
