"""An alignment with several looks: every view shows each of them by its name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from view_samples import aligned

from regard.alignment import Alignment, align, regrouped
from regard.alignment.alignment import Layer
from regard.views.figure import save_figure
from regard.views.notebook import html
from regard.views.page import page
from regard.views.terminal import heatmap

STORY = "Mary went to the garden. John took the milk. Where is Mary?"
SENTENCES = [(0, 24), (25, 44)]


def read(*looks: list[float]) -> Alignment:
    """A story of two sentences, read so often for one word and for the end of the output."""
    rows = [np.array([look, [0.5, 0.5]], np.float32) for look in looks]
    layers = {f"hop {number}": row for number, row in enumerate(rows, 1)}
    return align(STORY, "garden", SENTENCES, [(0, 6)], rows[-1], -0.1, layers=layers)


TWICE = read([0.25, 0.75], [1.0, 0.0])


def test_the_terminal_has_a_map_for_each() -> None:
    lines = heatmap(TWICE, width=100, ascii=True).plain.splitlines()
    at = [number for number, line in enumerate(lines) if line.strip() in ("hop 1", "hop 2")]
    assert len(at) == 2
    assert "75" in "".join(lines[at[0] : at[1]])
    assert "99" in "".join(lines[at[1] :])  # two digits: the cell is full
    assert "hop" not in heatmap(aligned(["a"], ["b"], np.ones((1, 1))), width=100).plain


@pytest.mark.parametrize("width", [40, 50])
def test_sentences_that_do_not_fit_across_are_listed(width: int) -> None:
    """They cannot be read downwards."""
    text = heatmap(TWICE, width=width, ascii=True).plain
    assert re.search(r"garden \| John took the milk\. 75", text)


def test_the_page_has_an_entry_for_each() -> None:
    written = page([TWICE, aligned(["a"], ["b"], np.ones((1, 1)))])
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', written, re.DOTALL)[1])
    assert [entry["layer"] for entry in data] == ["hop 1", "hop 2", ""]
    assert [entry["weights"][0] for entry in data] == [[0.25, 0.75], [1, 0], [1]]


def test_the_picture_and_the_notebook_name_each(tmp_path: Path) -> None:
    path = tmp_path / "hops.svg"
    save_figure(TWICE, path)
    for text in (path.read_text(encoding="utf-8"), html(TWICE)):
        assert len(re.findall(r"hop [12]", text)) == 2
    assert html(TWICE).count("<table>") == 2


def test_sentences_stay_whole_and_the_question_is_left_out() -> None:
    units = regrouped(TWICE, "auto").source
    assert [(unit.text, unit.start, unit.end) for unit in units] == [
        (STORY[start:end], start, end) for start, end in SENTENCES
    ]


def test_words_share_every_look() -> None:
    """Of the five words of the first sentence, by their characters."""
    words = regrouped(TWICE, "words")
    assert words.source[0].text == "Mary"
    for layer, first in zip(words.layers, (0.25, 1.0), strict=True):
        assert layer.weights[0, 0] == pytest.approx(first * 4 / 20)
        assert layer.weights.sum() == pytest.approx(1)
        assert layer.target_end.sum() == pytest.approx(1)


def test_layers_have_the_shape_and_the_ends_of_the_alignment() -> None:
    one, ends = np.ones((1, 1), np.float32), np.ones(1, np.float32)
    units = aligned(["a"], ["b"], one)
    with pytest.raises(ValueError, match=r"Alignment.layers\[0\].weights: shape is \(1, 2\); expected \(1, 1\)"):
        Alignment("a", "b", units.source, units.target, one, 0.0, layers=(Layer("hop 1", np.ones((1, 2))),))
    with pytest.raises(ValueError, match="expected the same ends in every layer"):
        Alignment("a", "b", units.source, units.target, one, 0.0, ends, layers=(Layer("hop 1", one),))
