"""One recording of a picture: its spectrogram, seconds below and Hz at the side, and a row of weights for each word."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment
from regard.data.media import Recording
from regard.views.heading import LINE, Heading, draw_heading, text_width
from regard.views.labels import END, SHOWN_FROM, cells, label, shorten
from regard.views.media import largest_weight
from regard.views.panel import GAP, LONGEST_LABEL
from regard.views.plotting import FAINT, HAIR, INK, Axes, Figure, LineCollection, PolyCollection, draw_scale, hue
from regard.views.seconds import marks
from regard.views.spectrum import spectrogram

INCHES_PER_SECOND = 1.6
NARROWEST, WIDEST = 4.0, 14.0  # inches of the spectrogram
SPECTROGRAM = 1.3  # inches high
AXIS = 0.34  # inches for the seconds
ROW = 0.24  # inches
SCALE = 0.5  # inches for the scale
LABEL_POINTS = 10.0
SMALL_POINTS = 8.0
HERTZ_ROOM = 0.62  # inches left of the spectrogram
END_ROOM = 0.55  # inches right of the rows
FAINTEST = 1 / 512  # of the largest weight: below this a place has the colour of nothing
INCHES_PER_MARK = 0.55


@dataclass(frozen=True)
class RecordingPanel:
    """A recording with its rows, measured in inches.

    Args:
        alignment: what is drawn.
        recording: its medium.
        heading: what stands above.
        rows: the labels of the output units, the end of the output last.
        left: room for them.
        lines: seconds at which a line is drawn, such as the gold times of the words.
    """

    alignment: Alignment
    recording: Recording
    heading: Heading
    rows: tuple[str, ...]
    left: float
    lines: tuple[float, ...]

    @property
    def across(self) -> float:
        """Width of the spectrogram and of the rows."""
        return min(max(self.recording.seconds * INCHES_PER_SECOND, NARROWEST), WIDEST)

    @property
    def limits(self) -> tuple[float, float]:
        """First and last second, of the file."""
        return self.recording.start, self.recording.start + (self.recording.seconds or 1.0)

    @property
    def width(self) -> float:
        """Of all of it."""
        return self.left + self.across + END_ROOM

    @property
    def header(self) -> float:
        """Height of what stands above the spectrogram."""
        return self.heading.height

    @property
    def below(self) -> float:
        """Height of the spectrogram and of what stands under it."""
        return SPECTROGRAM + AXIS + ROW * len(self.rows) + SCALE + LINE * len(self.heading.caption)

    def draw(self, figure: Figure, x: float, y: float, families: list[str]) -> None:
        """Draw it with its upper left corner at (x, y) inches from the lower left of the page."""
        draw_heading(figure, self.heading, x, y, y - self.header - self.below, families)
        width, height = figure.get_size_inches()
        left, wide = (x + self.left) / width, self.across / width
        top = y - self.header - SPECTROGRAM
        _draw_sound(figure.add_axes((left, top / height, wide, SPECTROGRAM / height)), self, families)
        foot = top - AXIS - ROW * len(self.rows)
        area = left, foot / height, wide, ROW * len(self.rows) / height
        _draw_rows(figure.add_axes(area), self, families)
        draw_scale(figure, x + self.left, foot - 0.3, largest_weight(self.alignment), families)


def measure_recording(
    alignment: Alignment, recording: Recording, heading: Heading, families: list[str], lines: Sequence[float]
) -> RecordingPanel:
    """How much room it takes. The other arguments are those of `RecordingPanel`."""
    rows = tuple([shorten(label(unit), LONGEST_LABEL) for unit in alignment.target])
    rows += (END,) * (alignment.target_end is not None)
    widest = max(text_width(row, LABEL_POINTS, families) for row in rows) + GAP
    inside = [float(line) for line in lines if 0 <= line - recording.start <= recording.seconds]
    return RecordingPanel(alignment, recording, heading, rows, max(widest, HERTZ_ROOM), tuple(inside))


def _draw_sound(axes: Axes, panel: RecordingPanel, families: list[str]) -> None:
    loud, seconds, hertz = spectrogram(panel.recording)
    start = panel.recording.start
    extent = (start, start + loud.shape[1] * seconds, -hertz / 2, (len(loud) - 0.5) * hertz)
    axes.imshow(
        loud, cmap="Greys", vmin=0, vmax=1, extent=extent, origin="lower", aspect="auto", interpolation="nearest"
    )
    axes.set(xlim=panel.limits, ylim=(0, panel.recording.rate / 2))
    axes.vlines(panel.lines, 0, panel.recording.rate / 2, colors=[hue(1.0)], linewidths=0.9, linestyles="dotted")
    places = marks(panel.recording.seconds, panel.across / INCHES_PER_MARK, start)
    style: dict[str, Any] = {"fontfamily": families, "fontsize": SMALL_POINTS, "color": FAINT}
    axes.set_xticks([start + place for place, _ in places], [written for _, written in places], **style)
    top = panel.recording.rate // 2
    step = next((step for step in (500, 1000, 2000, 4000, 10_000) if top / step <= 5), top)
    axes.set_yticks(
        [*range(0, top + 1, step)], [f"{place:,}".replace(",", " ") for place in range(0, top + 1, step)], **style
    )
    axes.set_ylabel("Hz", labelpad=2, **style)
    axes.tick_params(length=3, width=0.6, color=FAINT, pad=2)
    for spine in axes.spines.values():
        spine.set(color=HAIR, linewidth=0.6)


def _draw_rows(axes: Axes, panel: RecordingPanel, families: list[str]) -> None:
    """A row for each output unit: every place from its first to its last second, as opaque as it has weight."""
    alignment, count = panel.alignment, len(panel.rows)
    weights, sources = cells(alignment), len(alignment.source)
    relative = weights[:, :sources] / largest_weight(alignment)
    shown = np.argwhere(relative >= FAINTEST)
    squares = [
        [
            (alignment.source[s].start, t + e),
            (alignment.source[s].end, t + e),
            (alignment.source[s].end, t + 1 - e),
            (alignment.source[s].start, t + 1 - e),
        ]
        for e in (0.04,)
        for t, s in shown
    ]
    colors = [hue(float(relative[t, s])) for t, s in shown]
    axes.add_collection(PolyCollection(squares, facecolors=colors, edgecolors="none", antialiased=False))
    axes.set(xlim=panel.limits, ylim=(count, 0), xticks=[], yticks=[])
    rules = [[(panel.limits[0], t), (panel.limits[1], t)] for t in range(count + 1)]
    axes.add_collection(LineCollection(rules, colors=HAIR, linewidths=0.6))
    axes.vlines(panel.lines, 0, count, colors=[hue(1.0)], linewidths=0.9, linestyles="dotted")
    for spine in axes.spines.values():
        spine.set_visible(False)
    style: dict[str, Any] = {"fontfamily": families, "parse_math": False, "va": "center_baseline", "clip_on": False}
    to_side = axes.get_yaxis_transform()
    for t, row in enumerate(panel.rows):
        color = FAINT if t >= len(alignment.target) else INK
        axes.text(
            -GAP / panel.across,
            t + 0.5,
            row,
            ha="right",
            transform=to_side,
            fontsize=LABEL_POINTS,
            color=color,
            **style,
        )
        end = float(weights[t, sources]) if alignment.source_end is not None else 0.0
        if end >= SHOWN_FROM and math.isfinite(end):
            said = f"{END} {100 * end:.0f} %"
            axes.text(
                1 + GAP / panel.across, t + 0.5, said, transform=to_side, fontsize=SMALL_POINTS, color=FAINT, **style
            )
