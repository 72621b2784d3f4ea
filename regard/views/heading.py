"""The texts above and below one panel of a picture: both sentences, the score, a caption. And the width of a text."""

import math
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from regard.alignment.alignment import Alignment
from regard.views.labels import clusters, covered, nothing_to_draw, remarks, source_line, visible, words_of
from regard.views.plotting import FAINT, INK, Figure, new_figure

TEXT_POINTS = 10.0
LINE = 1.45 * TEXT_POINTS / 72  # of text, in inches
CELLS_PER_INCH = 72 / (0.54 * TEXT_POINTS)  # of text: terminal cells, one for a Latin letter, two for a Chinese sign


@dataclass(frozen=True)
class Heading:
    """The texts of one panel.

    Args:
        lines: both sentences, in lines.
        score: the score as text, "" for none.
        caption: lines of text at the foot.
    """

    lines: tuple[str, ...]
    score: str
    caption: tuple[str, ...]

    @property
    def height(self) -> float:
        """Inches of what stands above."""
        return (len(self.lines) + bool(self.score) + 0.6) * LINE


def heading_of(alignment: Alignment, number: str, wide: float) -> Heading:
    """The texts of a panel that is so many inches wide; `number` stands before them."""
    room = wide * CELLS_PER_INCH
    nothing = nothing_to_draw(alignment)
    captions = *([nothing] if nothing else remarks(alignment)), covered(alignment)
    score = f"log-probability {alignment.score:z.2f}".replace(" -", " −") if math.isfinite(alignment.score) else ""
    lines = (
        *wrap(f"{number} {source_line(alignment)}".strip(), room),
        *wrap(visible(alignment.target_text), room),
    )
    return Heading(lines, score, tuple([line for caption in captions if caption for line in wrap(caption, room)]))


def draw_heading(figure: Figure, heading: Heading, x: float, y: float, foot: float, families: list[str]) -> None:
    """Draw them from (x, y) down, the caption on `foot`; all in inches from the lower left of the page."""
    style: dict[str, Any] = {"fontfamily": families, "parse_math": False, "fontsize": TEXT_POINTS}
    width, height = figure.get_size_inches()
    for index, line in enumerate((*heading.lines, heading.score)):
        place = (x / width, (y - (index + 0.8) * LINE) / height)
        figure.text(*place, line, color=INK if index < len(heading.lines) else FAINT, **style)
    for index, line in enumerate(heading.caption, 1):
        place = (x / width, (foot + (len(heading.caption) - index + 0.3) * LINE) / height)
        figure.text(*place, line, color=FAINT, **style)


def text_width(text: str, size: float, families: list[str]) -> float:
    """Inches of a text in so many points."""
    figure = new_figure(1.0, 1.0)
    drawn = figure.text(0, 0, text, fontsize=size, fontfamily=families, parse_math=False)
    return float(drawn.get_window_extent().width) / 72


def wrap(text: str, room: float) -> list[str]:
    """The text in lines of so many terminal cells, broken at blanks, and anywhere in a longer stretch."""
    lines = [""]
    for word in words_of(text):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > room:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
        while cell_len(lines[-1]) > room and len(clusters(lines[-1])) > 1:
            kept, rest = "", clusters(lines.pop())
            while rest and (not kept or cell_len(kept + rest[0]) <= room):
                kept += rest.pop(0)
            lines += [kept, "".join(rest)]
    return [line for line in lines if line.strip()]
