"""Panels of lines → PNG, SVG or PDF: the same as `chart` draws in the terminal, one panel below the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regard.views.chart import Panel
from regard.views.curves import LINES
from regard.views.fonts import fonts_for, warn_missing
from regard.views.labels import shorten, visible
from regard.views.plotting import FAINT, HAIR, INK, Axes, checked_path, new_figure, quiet, write

WIDTH, PANEL_HEIGHT, MARGIN = 8.0, 2.6, 0.7  # inches
LONGEST_NAME = 40
MOST_MARKED = 60


def save_panels(panels: Sequence[Panel], path: str | Path, xlabel: str) -> None:
    """Draw them into one file, with one axis of x for all.

    Args:
        panels: at least one, each with a point.
        path: ends in .png, .svg or .pdf.
        xlabel: what is written beneath.

    Raises UsageError for another ending or a panel without a point; RegardError if the file cannot be written.
    """
    path = checked_path(path)
    names = dict.fromkeys(visible(name) for panel in panels for name in panel.series)
    families, missing = fonts_for("".join([*names, xlabel, *(visible(panel.title) for panel in panels)]) + "0123456789")
    warn_missing(missing)
    height = PANEL_HEIGHT * len(panels) + MARGIN
    with quiet():
        figure = new_figure(WIDTH, height)
        first: Axes | None = None
        for number, panel in enumerate(panels):
            bottom = (MARGIN + PANEL_HEIGHT * (len(panels) - 1 - number)) / height
            axes = figure.add_axes((0.09, bottom, 0.88, (PANEL_HEIGHT - 0.7) / height), sharex=first)
            first = first or axes
            _draw(axes, panel, families)
            axes.tick_params(labelbottom=number == len(panels) - 1)
        axes.set_xlabel(xlabel, color=FAINT, fontfamily=families, parse_math=False)
        write(figure, path)


def _draw(axes: Axes, panel: Panel, families: list[str]) -> None:
    style: dict[str, Any] = {"fontfamily": families, "parse_math": False}
    left, right, low, high = panel.ranges
    for number, (name, points) in enumerate(panel.series.items()):
        color, marker = LINES[number % len(LINES)]
        marked = marker if len(points) <= MOST_MARKED else None
        x, y = [point[0] for point in points], [point[1] for point in points]
        label = shorten(visible(name), LONGEST_NAME).lstrip("_")  # matplotlib hides what begins with one
        axes.plot(
            x,
            y,
            color=color,
            marker=marked,
            markersize=5,
            linewidth=1.8,
            markeredgecolor="white",
            label=label,
            clip_on=False,
        )
    axes.set_title(visible(panel.title), loc="left", fontsize=11, color=INK, pad=6, **style)
    room = 0.05 * (high - low)
    axes.set_xlim(left, right)
    axes.set_ylim(low - room, high + room)
    axes.grid(axis="y", color=HAIR, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK, labelfontfamily=families[0])
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(HAIR)
    for text in axes.legend(frameon=False, fontsize=9, loc="best", labelcolor=INK).get_texts():
        text.set_parse_math(False)
        text.set_fontfamily(families)
