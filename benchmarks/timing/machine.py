"""How fast the machine is at this moment, by two measures that bound every system alike."""

import time
from dataclasses import dataclass, field
from statistics import median

import torch

SIZE, PRODUCTS = 1024, 12
ROWS, COLUMNS, PASSES = 8192, 4096, 4  # 134 MB: larger than the caches


@dataclass
class Machine:
    """Collects both measures. Run it in a process whose threads are those of the systems.

    Args:
        sgemm: float32 products of 1024³, in 10⁹ operations a second, one entry per call of `measure`.
        reading: sums of a matrix, which read each number once, in 10⁹ bytes a second.
    """

    sgemm: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._square = torch.rand(SIZE, SIZE)
        self._out = torch.empty(SIZE, SIZE)
        self._matrix = torch.rand(ROWS, COLUMNS)

    def measure(self) -> None:
        """Take both once: the median of a few repeats each, about a quarter of a second."""
        seconds = median(_seconds(lambda: torch.mm(self._square, self._square, out=self._out)) for _ in range(PRODUCTS))
        self.sgemm.append(2 * SIZE**3 / seconds / 1e9)
        seconds = median(_seconds(self._matrix.sum) for _ in range(PASSES))
        self.reading.append(4 * ROWS * COLUMNS / seconds / 1e9)


def _seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started
