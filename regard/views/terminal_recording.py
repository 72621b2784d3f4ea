"""A recording in the terminal: its waveform, seconds below, and a row of weights for each output unit.

The row has a column for each stretch of time that the terminal can tell apart; a column shows the sum of the weights on
it, so that all that was looked at is in the row.
"""

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from regard.alignment.alignment import Alignment
from regard.data.media import Recording
from regard.views.binning import over_seconds
from regard.views.brush import Brush, anchored, said
from regard.views.labels import END, cells
from regard.views.media import envelope
from regard.views.seconds import marks

EIGHTHS = " ▁▂▃▄▅▆▇█"
ROUGH = "  ..::###"  # the same in ASCII
HEIGHT = 3  # lines of the waveform
NUMBER = 3  # columns of a weight in ASCII: two digits and a blank
MARK_ROOM = 8  # columns


def recording_map(alignment: Alignment, recording: Recording, width: int, brush: Brush) -> list[Text]:
    """The lines, no wider than `width`. Weights are over the largest sum of a column, which the last line gives."""
    weights, sources = cells(alignment), len(alignment.source)
    ends = alignment.source_end is not None
    rows = [brush.label(unit) for unit in alignment.target] + [END] * (alignment.target_end is not None)
    gutter = min(max(map(cell_len, rows)), max(6, width // 4))
    rows = [brush.shortened(row, gutter) for row in rows]
    room = width - gutter - 1 - (len(END) + 2) * ends
    cell = NUMBER if brush.ascii else 1
    columns = max(room // cell, 1)
    looks = over_seconds(weights[:, :sources], alignment.source, columns, recording.seconds, recording.start)
    before = " " * (gutter + 1)
    lines = [Text(before + line) for line in waveform(recording, columns * cell, brush)]
    lines.append(Text(before + axis(recording, columns * cell, brush)))
    if ends:
        lines[-1].append(f"{brush.vertical_line} {END}")
    largest = float(looks.max()) or 1.0
    for number, (name, look) in enumerate(zip(rows, looks, strict=True)):
        line = Text(" " * (gutter - cell_len(name)) + anchored(name) + " ")
        for weight in look.tolist():
            line.append_text(_cell(weight, largest, brush))
        if ends:
            line.append(f"{brush.vertical_line} ").append_text(brush.cell(float(weights[number, sources]), len(END)))
        lines.append(line)
    return [*lines, Text(), *_legend(largest, recording.seconds / columns, width, brush)]


def waveform(recording: Recording, columns: int, brush: Brush) -> list[str]:
    """How loud the recording is in each column: `HEIGHT` lines, standing on the axis."""
    loud = np.abs(envelope(recording.samples, columns)).max(axis=1)
    levels = np.ceil(loud * 8 * HEIGHT).astype(int)
    signs = ROUGH if brush.ascii else EIGHTHS
    heights = [np.clip(levels - 8 * (HEIGHT - 1 - line), 0, 8) for line in range(HEIGHT)]
    return ["".join(signs[height] for height in line.tolist()) for line in heights]


def axis(recording: Recording, columns: int, brush: Brush) -> str:
    """Marks and their seconds, each in the column where it is."""
    line, seconds = "", recording.seconds
    for place, written in marks(seconds, max(columns / MARK_ROOM, 1.0), recording.start):
        column = int(columns * place / seconds) if seconds else 0
        mark = f"{brush.vertical_line}{written}"
        if column + len(mark) <= columns:
            line = line.ljust(column) + mark
    return line.ljust(columns)


def _cell(weight: float, largest: float, brush: Brush) -> Text:
    return brush.cell(weight, 2).append(" ") if brush.ascii else brush.cell(weight / largest, 1)


def _legend(largest: float, seconds: float, width: int, brush: Brush) -> list[Text]:
    if brush.ascii:
        return said(Text(), f"weight in %; a column is {seconds:.2f} s", width)
    scale = Text("0 ")
    for level in np.linspace(0, 1, 10) if brush.color else (0.0, 0.05, 0.25, 0.5, 0.75):
        scale.append_text(brush.cell(float(level), 1))
    return said(scale, f"{largest:.2g} of the weight in a column of {seconds:.2f} s", width)
