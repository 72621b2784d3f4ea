"""The results of growth.py: a table, a sentence for every line with its largest costs, and a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from growth_model import AXES, Grid, Point
from timing.figures import Figure, markdown
from timing.limit import Cost, Lengths
from timing.machine import Machine
from timing.model import recipe

from regard.views.curves import LABEL_POINTS, LINES
from regard.views.fonts import fonts_for
from regard.views.plotting import FAINT, HAIR, INK, Axes, checked_path, new_figure, write
from regard.views.plotting import Figure as Picture

LEAST_SHARE = 0.05
WEIGHT_FLOATS = 8  # of each weight: clipping reads the gradient; Adam reads four and writes three
NAMES = ("training", "greedy")
SIZE = (12.0, 4.2)
TITLE = "What a target token costs the reference model"
LEFT, BETWEEN, WIDTH, BOTTOM, HEIGHT = 0.05, 0.03, 0.265, 0.14, 0.69

Part = tuple[Point, str, str]
"""A point, a line, and the part of it."""


@dataclass(frozen=True)
class Fit:
    """y = constant + slope · x, by the least squares of relative errors.

    Args:
        constant, slope: both positive where both are costs.
        error: the largest miss, as a share.
    """

    constant: float
    slope: float
    error: float

    @classmethod
    def of(cls, x: Sequence[float], y: Sequence[float]) -> "Fit":
        """The best for these points."""
        columns = np.stack([np.ones(len(x)), np.array(x, float)], 1) / np.array(y, float)[:, None]
        found = np.linalg.lstsq(columns, np.ones(len(y)), rcond=None)[0]
        return cls(float(found[0]), float(found[1]), float(np.abs(columns @ found - 1).max()))


@dataclass(frozen=True)
class Growth:
    """What was measured.

    Args:
        grid: where.
        seconds: of every part, one figure per round.
        parameters: weights of R as it usually is.
        machine: how fast the machine was beside it.
    """

    grid: Grid
    seconds: Mapping[Part, Sequence[float]]
    parameters: int
    machine: Machine

    def figure(self, point: Point, line: str) -> Figure:
        """Microseconds a target token."""
        return Figure([1e6 * each / point.tokens for each in self.seconds[point, line, "whole"]])

    def fit(self, axis: str, line: str) -> Fit:
        """What a token costs anyhow and what the quantity adds: in proportion to it, of a batch to its inverse."""
        sizes, points = self.grid.sizes[axis], self.grid.points(axis)
        x = [1 / size for size in sizes] if axis == "batch" else list(sizes)
        return Fit.of(x, [self.figure(point, line).median for point in points])

    def shares(self, point: Point, line: str) -> dict[str, float]:
        """What each part is of the whole, the largest first."""
        found = {part: values for (at, of, part), values in self.seconds.items() if (at, of) == (point, line)}
        whole, far, near = (found.pop(part) for part in ("whole", "decoder", "near"))
        looks = [one - other for one, other in zip(far, near, strict=True)]
        parts = {"attention": looks, "decoder": near, "output layer": found.pop("output")} | found
        shares = {name: median(values) / median(whole) for name, values in parts.items()}
        return dict(sorted(shares.items(), key=lambda share: -share[1]))


def table(growth: Growth) -> str:
    """Every point, panel by panel."""
    rows = []
    for axis, unit in AXES.items():
        rows.append([f"*{unit}*", "", ""])
        for size, point in zip(growth.grid.sizes[axis], growth.grid.points(axis), strict=True):
            rows.append([f"{size:,}", *(str(growth.figure(point, line)) for line in NAMES)])
    return markdown(["", *(f"{line}, µs a target token" for line in NAMES)], rows)


def sentences(growth: Growth) -> Iterator[str]:
    """What each line is made of, and its formula."""
    for axis, unit in AXES.items():
        for line in NAMES:
            first, last = growth.grid.ends(axis)
            few, *_, many = growth.grid.sizes[axis]
            start, end = (growth.figure(point, line).median for point in (first, last))
            yield (
                f"- **{line.capitalize()}, {few:,} to {many:,} {unit}**: {start:,.0f} → {end:,.0f} µs a target token, "
                f"{end / start:.2g} ×. At {few:,}: {_listed(growth.shares(first, line))}; at {many:,}: "
                f"{_listed(growth.shares(last, line))}. {_law(growth.fit(axis, line), axis)}"
                + (f" {_one(growth, line)}" if axis == "batch" else "")
            )


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items() if share >= LEAST_SHARE)


def _law(fit: Fit, axis: str) -> str:
    """The line as a formula, and where its two terms are equal."""
    unit = {"source": "a source token", "vocabulary": "a thousand entries", "batch": "÷ sentences"}[axis]
    slope = fit.slope * (1_000 if axis == "vocabulary" else 1)
    text = f"{_rounded(fit.constant)} µs + {_rounded(slope)} µs {unit} fits all points within {100 * fit.error:.0f} %"
    if min(fit.constant, fit.slope) <= 0:
        return f"{text}."
    equal = fit.slope / fit.constant if axis == "batch" else fit.constant / fit.slope
    return f"{text}; both parts are equal at {_rounded(equal)}."


def _rounded(value: float) -> str:
    """Whole from ten on."""
    return f"{value:,.{0 if abs(value) >= 10 else 1}f}"


def _one(growth: Growth, line: str) -> str:
    """What bounds either end: the weights that a single sentence moves, the products of many."""
    one, many = growth.grid.ends("batch")
    cost = Cost.of(recipe().model, one.vocabulary)
    if line == "training":
        bound = _moved(growth, median(growth.seconds[one, line, "optimiser"]))
    else:
        seconds = sum(median(growth.seconds[one, line, part]) for part in ("decoder", "output"))
        bound = _read(growth, cost.bytes_per_step() * one.target, seconds)
    few, more = (_operations(cost, point, line) / growth.figure(point, line).median / 1e3 for point in (one, many))
    sgemm = median(growth.machine.sgemm)
    return f"Whatever the batch, {bound}. Products go from {few:.1f} to {more:.1f} GF/s; sgemm reaches {sgemm:.1f}."


def _moved(growth: Growth, seconds: float) -> str:
    millions = growth.parameters / 1e6
    return (
        f"the optimiser moves {WEIGHT_FLOATS} numbers for each of {millions:.1f} million weights, "
        f"{4 * WEIGHT_FLOATS * millions:,.0f} MB: {1_000 * seconds:.1f} ms an update"
    )


def _read(growth: Growth, size: int, seconds: float) -> str:
    step, speed = size / growth.grid.usual.target / 1e6, size / seconds / 1e9
    return (
        f"a step with all logits reads {step:.1f} MB of weights: for a single row at {speed:.1f} GB/s; a matrix that "
        f"no cache holds is read at {median(growth.machine.reading):.1f}"
    )


def _operations(cost: Cost, point: Point, line: str) -> float:
    """Of products, a target token."""
    lengths = Lengths(
        pairs=point.batch,
        source=point.batch * point.source,
        target=point.tokens,
        looks=point.tokens * point.source,
    )
    return cost.training(lengths) if line == "training" else cost.decoding(lengths, 1)


def save(growth: Growth, path: Path) -> None:
    """Draw it into a file that ends in .png, .svg or .pdf."""
    write(draw(growth), checked_path(path))


def draw(growth: Growth) -> Picture:
    """Three panels with one scale of microseconds; the usual size of each quantity is marked."""
    figure = new_figure(*SIZE)
    families, _ = fonts_for(TITLE + "".join(AXES.values()) + "0123456789µ,")
    figure.text(LEFT, 0.93, TITLE, fontsize=13, color=INK, weight=500, fontfamily=families)
    first: Axes | None = None
    for number, axis in enumerate(AXES):
        place = (LEFT + number * (WIDTH + BETWEEN), BOTTOM, WIDTH, HEIGHT)
        axes = figure.add_axes(place, sharey=first, xscale="log", yscale="log")
        _draw_lines(axes, growth, axis)
        _dress(axes, growth, axis, families)
        if first is None:
            first = axes
            axes.set_title("µs", loc="left", fontsize=LABEL_POINTS, color=FAINT, pad=8, fontfamily=families)
        else:
            axes.tick_params(labelleft=False)
    _name_lines(figure.axes[-1], growth, families)
    _number_heights(figure.axes[0])
    return figure


def _draw_lines(axes: Axes, growth: Growth, axis: str) -> None:
    for line, (color, marker) in zip(NAMES, LINES, strict=False):
        heights = [growth.figure(point, line).median for point in growth.grid.points(axis)]
        axes.plot(
            growth.grid.sizes[axis],
            heights,
            color=color,
            marker=marker,
            markersize=7,
            linewidth=2,
            clip_on=False,
            label=line,
            markeredgecolor="white",
            markeredgewidth=1.2,
        )


def _dress(axes: Axes, growth: Growth, axis: str, families: list[str]) -> None:
    """Ticks where it was measured, and the look of the other pictures."""
    sizes = growth.grid.sizes[axis]
    axes.set_xticks(sizes, [_short(size) for size in sizes], minor=False)
    axes.set_xticks([], minor=True)
    axes.axvline(getattr(growth.grid.usual, axis), color=HAIR, linewidth=4, zorder=0)
    axes.set_xlabel(AXES[axis], fontsize=LABEL_POINTS, color=FAINT, labelpad=6, fontfamily=families)
    axes.grid(axis="y", color=HAIR, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which="both", labelsize=9, labelcolor=INK, labelfontfamily=families[0])
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(HAIR)


def _name_lines(axes: Axes, growth: Growth, families: list[str]) -> None:
    """Each name at the end of its line."""
    last = growth.grid.points("batch")[-1]
    for line, (color, _) in zip(NAMES, LINES, strict=False):
        end = (last.batch, growth.figure(last, line).median)
        look: dict[str, Any] = {"color": color, "fontsize": LABEL_POINTS, "fontfamily": families}
        axes.annotate(line, end, (12, 0), textcoords="offset points", va="center", annotation_clip=False, **look)


def _number_heights(axes: Axes) -> None:
    """Plain numbers in steps of about two."""
    low, high = axes.get_ylim()
    steps = [each * 10**power for power in range(7) for each in (1, 2, 5)]
    shown = [step for step in steps if low <= step <= high]
    axes.set_yticks(shown, [f"{step:,}" for step in shown], minor=False)
    axes.set_yticks([], minor=True)


def _short(size: int) -> str:
    return f"{size // 1000}k" if size >= 1_000 and size % 1_000 == 0 else str(size)
