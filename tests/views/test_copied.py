"""What was copied, and from where, in every view."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from regard.alignment import Alignment, align
from regard.views.figure import draw
from regard.views.labels import copied_cells
from regard.views.notebook import html
from regard.views.page import page
from regard.views.plotting import PolyCollection
from regard.views.terminal import heatmap


def made(shares: list[list[float]]) -> Alignment:
    """Of `a Zoë sat` → `Zoë was`, of which so much was copied from each word."""
    weights = np.full((2, 3), 1 / 3, np.float32)
    spans = [(0, 1), (2, 5), (6, 9)], [(0, 3), (4, 7)]
    copied = np.array(shares, np.float32)
    return align("a Zoë sat", "Zoë was", *spans, weights, -1.0, p_gen=1 - copied.sum(1), copied=copied)


COPIED = made([[0, 0.97, 0], [0, 0, 0.4]])
SAID = "Copied (#2 is word 2 of the source): Zoë#2 97 %"
TEXTS: dict[str, Callable[[Alignment], str]] = {
    "terminal": lambda one: heatmap(one, width=80, ascii=False).plain,
    "listing": lambda one: heatmap(one, width=24, ascii=False).plain,
    "notebook": html,
    "figure": lambda one: " ".join(text.get_text() for text in draw([one], ["DejaVu Sans"]).texts),
}


@pytest.mark.parametrize("view", TEXTS)
def test_a_copied_word_says_so_and_from_where(view: str) -> None:
    said = re.sub(r"\s+", " ", TEXTS[view](COPIED))
    assert SAID in said
    assert "Copied" not in TEXTS[view](replace(COPIED, p_gen=None, copied=None))
    assert "Copied" not in TEXTS[view](made([[0, 0.3, 0], [0, 0, 0.4]]))


def test_a_word_of_other_text_names_both() -> None:
    assert "was from sat#3 60 %" in TEXTS["terminal"](made([[0, 0, 0], [0, 0, 0.6]]))


def test_the_page_has_what_was_copied() -> None:
    data = json.loads(re.search(r'id="data">(.*?)</script>', page(COPIED), re.DOTALL)[1])
    assert data[0]["copied"] == [[0, 1, 0.97]]
    assert copied_cells(replace(COPIED, copied=None)) == []


def test_the_figure_frames_the_cell_that_was_copied_from() -> None:
    drawn = [each for axes in draw([COPIED], ["DejaVu Sans"]).axes for each in axes.collections]
    (frame,) = [
        each
        for each in drawn
        if isinstance(each, PolyCollection) and not len(each.get_facecolor()) and not each.get_hatch()
    ]
    low, high = (end(frame.get_paths()[0].vertices, 0).tolist() for end in (np.min, np.max))
    assert 1 < low[0] < high[0] < 2
    assert 0 < low[1] < high[1] < 1
