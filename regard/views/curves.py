"""A score by length, one line for each model, as in Bahdanau et al. 2015, figure 2."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.errors import UsageError
from regard.views.fonts import fonts_for, warn_missing
from regard.views.labels import shorten, visible
from regard.views.plotting import FAINT, HAIR, INK, Axes, Figure, checked_path, new_figure, quiet, write

Point = tuple[float | int, float | int, int]

# Distinct without colour vision (steps of lightness) and in print (markers).
LINES = (
    ("#3b1a6b", "o"),
    ("#d6456b", "s"),
    ("#1d8a8a", "^"),
    ("#c9821c", "D"),
    ("#5b7fd1", "v"),
    ("#8c6d4f", "P"),
    ("#777380", "X"),
)
SIZE = (8.0, 4.8)
LABEL_POINTS = 10
LONGEST_NAME = 28


def save_curves(series: Mapping[str, Sequence[Point]], path: str | Path, title: str, xlabel: str, ylabel: str) -> None:
    """Draw one line for each name, and the number of sentences of each point as bars below.

    Args:
        series: name → (x, y, count) of each point; for instance the mean length of a bucket, its BLEU, its sentences.
        path: ends in .png, .svg or .pdf.
        title, xlabel, ylabel: labels; the title may be empty.

    Raises UsageError for another ending or if there is no point at all; RegardError if the file cannot be written.
    """
    path = checked_path(path)
    ordered = {shorten(visible(name), LONGEST_NAME): sorted(points) for name, points in series.items() if points}
    if not ordered:
        raise UsageError("There is nothing to draw: no series has a point. Give each model at least one bucket.")
    families, missing = fonts_for("".join([*ordered, title, xlabel, ylabel]) + "0123456789")
    warn_missing(missing)
    with quiet():
        write(_draw(ordered, families, visible(title), visible(xlabel), visible(ylabel)), path)


def _draw(ordered: Mapping[str, Sequence[Point]], families: list[str], title: str, xlabel: str, ylabel: str) -> Figure:
    figure = new_figure(*SIZE)
    style: dict[str, Any] = {"fontfamily": families, "parse_math": False}
    axes = figure.add_axes((0.085, 0.31, 0.68, 0.55))
    bars = figure.add_axes((0.085, 0.125, 0.68, 0.13), sharex=axes)
    for (name, points), (color, marker) in zip(ordered.items(), _cycle(len(ordered)), strict=True):
        x, y = [point[0] for point in points], [point[1] for point in points]
        edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 1.2}
        axes.plot(x, y, color=color, marker=marker, markersize=7, linewidth=2, clip_on=False, label=name, **edge)
    _name_lines(axes, ordered, style)
    _draw_counts(bars, ordered, families)
    figure.text(0.085, 0.94, title, fontsize=13, color=INK, weight=500, **style)
    axes.set_title(ylabel, loc="left", fontsize=LABEL_POINTS, color=FAINT, pad=8, **style)
    bars.set_title("sentences", loc="left", fontsize=LABEL_POINTS, color=FAINT, pad=4, fontfamily=families)
    bars.set_xlabel(xlabel, fontsize=LABEL_POINTS, color=FAINT, labelpad=6, **style)
    for plot in (axes, bars):
        plot.tick_params(length=0, labelsize=9, labelcolor=INK, labelfontfamily=families[0])
        for side, spine in plot.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(HAIR)
    axes.tick_params(labelbottom=False)
    axes.grid(axis="y", color=HAIR, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines["bottom"].set_visible(False)
    return figure


def _cycle(count: int) -> list[tuple[str, str]]:
    return [LINES[index % len(LINES)] for index in range(count)]


def _name_lines(axes: Axes, ordered: Mapping[str, Sequence[Point]], style: dict[str, Any]) -> None:
    """Write each name at the end of its line, moved apart if lines end at the same height."""
    ends = [points[-1][1] for points in ordered.values()]
    values = [point[1] for points in ordered.values() for point in points]
    low, high = min(0.0, *values), max(values)
    high = high if high > low else low + 1.0
    axes.set_ylim(low, high + 0.04 * (high - low))
    line = 1.5 * LABEL_POINTS / (72 * SIZE[1] * 0.55) * (axes.get_ylim()[1] - low)
    left = min(points[0][0] for points in ordered.values())
    right = max(points[-1][0] for points in ordered.values())
    aside = 0.03 * (right - left) or 1.0
    axes.set_xlim(left - aside, right + aside)
    for name, (color, _), height in zip(ordered, _cycle(len(ordered)), _apart(ends, line), strict=True):
        axes.annotate(
            name,
            (right, height),
            xytext=(18, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=LABEL_POINTS,
            annotation_clip=False,
            **style,
        )


def _apart(heights: Sequence[float | int], line: float) -> np.ndarray:
    """The heights, moved as little as possible so that neighbours do not overlap."""
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, dtype=float)[order]
    groups: list[list[float]] = []  # each: wanted centre, number of labels
    for height in placed:
        groups.append([height, 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < line * (groups[-1][1] + groups[-2][1]) / 2:
            (upper, many), (lower, few) = groups.pop(), groups.pop()
            groups.append([(upper * many + lower * few) / (many + few), many + few])
    spread = [centre + line * (k - (count - 1) / 2) for centre, count in groups for k in range(int(count))]
    result = np.empty(len(heights))
    result[order] = spread
    return result


def _draw_counts(bars: Axes, ordered: Mapping[str, Sequence[Point]], families: list[str]) -> None:
    """Draw the number of sentences of each x; the largest number if models differ."""
    counts: dict[float, int] = {}
    for points in ordered.values():
        for x, _, count in points:
            counts[x] = max(counts.get(x, 0), count)
    places = sorted(counts)
    steps = np.diff(places)
    width = 0.5 * float(steps.min()) if len(steps) else 1.0
    bars.bar(places, [counts[x] for x in places], width=width, color=HAIR, clip_on=False)
    bars.set_yticks([])
    bars.set_ylim(0, 1.35 * max(1, *counts.values()))
    above: dict[str, Any] = {
        "textcoords": "offset points",
        "ha": "center",
        "fontsize": 8,
        "color": FAINT,
        "fontfamily": families,
    }
    for x in places:
        bars.annotate(f"{counts[x]:,}", (x, counts[x]), xytext=(0, 2), **above)
