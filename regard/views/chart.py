"""Numbers over steps or time → lines in the terminal, one panel below the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
from rich.console import Console
from rich.text import Text

from regard.errors import UsageError
from regard.views.labels import escaped, visible

Points = Sequence[tuple[float, float]]
COLORS = ("magenta", "cyan", "yellow", "green", "blue", "red", "white")
BRAILLE, DOTS = 0x2800, np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Unicode 9.0, Braille Patterns: the bit of the dot in each row and column of a cell."""
NARROWEST, HEIGHT = 24, 10


@dataclass(frozen=True)
class Panel:
    """Lines that share their axes.

    Args:
        title: what the numbers are.
        series: name → (x, y) of each point, in the order of x; all finite.
    """

    title: str
    series: Mapping[str, Points]

    @property
    def ranges(self) -> tuple[float, float, float, float]:
        """Left, right, low and high; both ranges are not empty."""
        points = [point for series in self.series.values() for point in series]
        if not points:
            raise UsageError(f"There is nothing to draw: no line of {self.title!r} has a point.")
        x, y = ([point[axis] for point in points] for axis in (0, 1))
        right, low, high = max(x), min(y), max(y)
        left = min(0.0, *x)
        aside = 0.0 if high > low else abs(high) / 10 or 1.0
        return left, right if right > left else left + 1, low - aside, high + aside


def show_panels(panels: Sequence[Panel], xlabel: str, console: Console) -> None:
    """Draw the panels as wide and as colourful as the console allows (NO_COLOR, pipes and encodings included)."""
    color = console.color_system is not None and not console.no_color
    ascii = not console.encoding.lower().startswith("utf")
    for panel in panels:
        drawn = chart(panel, xlabel, width=console.width, color=color, ascii=ascii)
        console.print(drawn, no_wrap=True, overflow="ignore", crop=False, highlight=False)
        console.print()


def chart(panel: Panel, xlabel: str, *, width: int, color: bool, ascii: bool) -> Text:
    """The lines in dots of braille with a colour each; without colour or in ASCII, with a letter each.

    Args:
        panel: what to draw; with no point at all, UsageError.
        xlabel: the label of the x axis.
        width: columns of the terminal; at least 24 are used.
        color: whether lines may be coloured.
        ascii: whether anything but ASCII must be avoided.
    """
    left, right, low, high = panel.ranges
    ticks = [f"{value:.4g}" for value in (high, (high + low) / 2, low)]
    gutter = max(map(len, ticks))
    columns = max(width, NARROWEST) - gutter - 2
    letters = ascii or (len(panel.series) > 1 and not color)
    cells = _cells(panel, columns, letters)
    side, corner, floor = ("|", "+", "-") if ascii else ("│", "└", "─")
    lines = [Text(_named(panel.title, ascii))]
    for row in range(HEIGHT):
        tick = {0: ticks[0], HEIGHT // 2: ticks[1], HEIGHT - 1: ticks[2]}.get(row, "")
        line = Text(f"{tick:>{gutter}} {side}")
        for column in range(columns):
            sign, series = cells.get((row, column), (" ", 0))
            line.append(sign, COLORS[series % len(COLORS)] if color and sign != " " else None)
        lines.append(line)
    lines.append(Text(" " * (gutter + 1) + corner + floor * columns))
    ends = f"{left:,.4g}", f"{right:,.0f} {xlabel}" if right >= 100 else f"{right:.3g} {xlabel}"
    lines.append(Text(" " * (gutter + 2) + ends[0] + " " * max(1, columns - len(ends[0]) - len(ends[1])) + ends[1]))
    lines += _legend(panel, columns, gutter, letters, color, ascii)
    return Text("\n", no_wrap=True).join(lines)


def _cells(panel: Panel, columns: int, letters: bool) -> dict[tuple[int, int], tuple[str, int]]:
    """The sign and the line number of each cell that a line passes; later lines cover earlier ones."""
    left, right, low, high = panel.ranges
    high_dots, wide_dots = (1, 1) if letters else DOTS.shape
    cells: dict[tuple[int, int], tuple[str, int]] = {}
    for number, points in enumerate(panel.series.values()):
        values = np.array(points, dtype=np.float64).reshape(-1, 2)
        x = (values[:, 0] - left) / (right - left) * (columns * wide_dots - 1)
        y = (high - values[:, 1]) / (high - low) * (HEIGHT * high_dots - 1)
        bits: dict[tuple[int, int], int] = {}
        for across, down in _line(x, y):
            place = down // high_dots, across // wide_dots
            bits[place] = bits.get(place, 0) | int(DOTS[down % high_dots, across % wide_dots])
        for place, dots in bits.items():
            cells[place] = (_letter(number) if letters else chr(BRAILLE + dots), number)
    return cells


def _line(x: np.ndarray, y: np.ndarray) -> set[tuple[int, int]]:
    """The dots of the line from point to point."""
    dots = set(zip(np.rint(x).astype(int).tolist(), np.rint(y).astype(int).tolist(), strict=True))
    for place in range(len(x) - 1):
        steps = int(max(abs(x[place + 1] - x[place]), abs(y[place + 1] - y[place]))) + 2
        across = np.rint(np.linspace(x[place], x[place + 1], steps)).astype(int)
        down = np.rint(np.linspace(y[place], y[place + 1], steps)).astype(int)
        dots |= set(zip(across.tolist(), down.tolist(), strict=True))
    return dots


def _letter(number: int) -> str:
    return ascii_lowercase[number % len(ascii_lowercase)]


def _legend(panel: Panel, columns: int, gutter: int, letters: bool, color: bool, ascii: bool) -> list[Text]:
    """The names of the lines, as many in a row as fit."""
    sign = "-" if ascii else "━"
    rows = [Text(" " * (gutter + 2))]
    for number, name in enumerate(panel.series):
        entry = Text(_letter(number) if letters else sign * 2, COLORS[number % len(COLORS)] if color else "")
        entry.append(f" {_named(name, ascii)}   ", "default" if color else "")
        if rows[-1].cell_len > gutter + 2 and rows[-1].cell_len + entry.cell_len > gutter + 2 + columns:
            rows.append(Text(" " * (gutter + 2)))
        rows[-1].append_text(entry)
    for row in rows:
        row.rstrip()
    return rows


def _named(name: str, ascii: bool) -> str:
    return escaped(visible(name)) if ascii else visible(name)
