"""Medians with their spread, the tables that show them, and the page that a table is written into."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

MARKS = ("<!-- measured -->", "<!-- end -->")


@dataclass(frozen=True)
class Figure:
    """Repeats of one measurement.

    Args:
        values: one per repeat.
        digits: shown behind the point.
    """

    values: Sequence[float]
    digits: int = 0

    @property
    def median(self) -> float:
        """The one in the middle."""
        return median(self.values)

    def __str__(self) -> str:
        """Median [least–most]; the median alone where there is one repeat."""
        middle = f"{self.median:,.{self.digits}f}"
        if len(self.values) == 1:
            return middle
        return f"{middle} [{min(self.values):,.{self.digits}f}–{max(self.values):,.{self.digits}f}]"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def machine_line(threads: int) -> str:
    """The machine and what runs on it, in one line."""
    plural = "" if threads == 1 else "s"
    return f"{processor()}, {os.cpu_count()} cores, {threads} thread{plural} used; torch {torch.__version__}, float32"


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def put(lines: Sequence[str], page: Path) -> None:
    """Replace the lines between the marks of a page. Raises ValueError for a page without both marks."""
    text = page.read_text(encoding="utf-8")
    if any(text.count(mark) != 1 for mark in MARKS):
        raise ValueError(f"put: {page} has not both marks, {' and '.join(MARKS)}, once. Add them where the table goes.")
    before, rest = text.split(MARKS[0])
    behind = rest.split(MARKS[1])[1]
    page.write_text("\n".join([before + MARKS[0], *lines, MARKS[1] + behind]), encoding="utf-8")


def report(lines: Sequence[str], page: Path | None) -> None:
    """Print the lines, and write them into the page, if one is given."""
    print(*lines, sep="\n")
    if page:
        put(lines, page)
