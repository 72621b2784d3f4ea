import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from view_samples import HOSTILE, aligned, tom

from regard.alignment.alignment import Unit
from regard.views.heading import heading_of
from regard.views.labels import JOINERS, checked_weights, clusters, escaped, label, nothing_to_draw, shorten, visible

ANY_TEXT = st.text(st.characters() | st.sampled_from("".join(HOSTILE)), max_size=29)


@given(ANY_TEXT)
def test_nothing_that_acts_is_left(text):
    acting = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [c for c in visible(text) if unicodedata.category(c) in acting and c not in JOINERS]
    visible(text).encode()  # no lone surrogate


@given(st.text(st.characters(categories=["L", "N", "P", "S", "M"]), max_size=29))
def test_ordinary_text_is_left_as_it_is(text):
    assert visible(text) == text or any(ord(c) & 0xFFFE == 0xFFFE for c in text)


def test_controls_are_written_out():
    assert visible("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\x0a"


@given(ANY_TEXT)
def test_escaped_is_printable_ascii(text):
    assert all(0x20 <= ord(c) < 0x7F for c in escaped(text))


@given(ANY_TEXT)
def test_a_label_can_be_seen(text):
    assert label(Unit(text, 0.0, 1.0)).strip()


def test_labels_of_nothing_and_of_blanks():
    assert [label(Unit(text, 0.0, 0.0)) for text in ("", "  ", "\u200d")] == ["∅", "␣␣", "\\u200d"]


@given(ANY_TEXT, st.integers(2, 31))
def test_shortened_text_fits_and_says_so(text, cells):
    text = visible(text)
    short = shorten(text, cells)
    assert short == text or (cell_len(short) <= cells and short.endswith("…") and text.startswith(short[:-1]))
    assert cell_len(short) <= cells


@given(ANY_TEXT)
def test_clusters_partition_the_text(text):
    assert "".join(clusters(text)) == text


def test_weights_must_fit_the_units_and_be_finite():
    with pytest.raises(ValueError, match=r"shape is \(2, 4\); expected \(4, 4\).*belongs to source_end"):
        checked_weights(aligned(["a"] * 4, ["b"] * 4, np.zeros((2, 4), np.float32)))
    with pytest.raises(ValueError, match="some are NaN or infinite; expected numbers from 0 to 1"):
        checked_weights(aligned(["a"], ["b"], np.array([[np.nan]], np.float32)))


def test_an_empty_side_is_named():
    assert nothing_to_draw(tom()) is None
    assert nothing_to_draw(aligned([], ["b"])) == "Nothing to draw: the source has no words."
    assert nothing_to_draw(aligned([], [])) == "Nothing to draw: the source and the target have no words."


@pytest.mark.parametrize(("score", "written"), [(-0.001, "0.00"), (-0.01, "−0.01"), (-12.345, "−12.35")])
def test_a_score_is_never_written_as_minus_zero(score, written):
    assert heading_of(replace(tom(), score=score), "", 6.0).score == f"log-probability {written}"
