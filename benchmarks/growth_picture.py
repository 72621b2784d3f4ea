"""What growth.py draws: the cost of a target token against three quantities, side by side."""

from pathlib import Path
from typing import Any

from growth_page import NAMES, Growth
from growth_points import AXES

from regard.views.curves import LABEL_POINTS, LINES
from regard.views.fonts import fonts_for
from regard.views.plotting import FAINT, HAIR, INK, Axes, Figure, checked_path, new_figure, write

SIZE = (12.0, 4.2)
TITLE = "What a target token costs the reference model"
LEFT, BETWEEN, WIDTH, BOTTOM, HEIGHT = 0.05, 0.03, 0.265, 0.14, 0.69


def save(growth: Growth, path: Path) -> None:
    """Draw it into a file that ends in .png, .svg or .pdf."""
    write(draw(growth), checked_path(path))


def draw(growth: Growth) -> Figure:
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
