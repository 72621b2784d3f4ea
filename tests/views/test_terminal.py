import io
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from view_samples import aligned, long_one, parts, tom

from regard.views.ramp import ramp
from regard.views.terminal import LEFT_TO_RIGHT_MARK, NARROWEST, SHADES, cell, heatmap, show, split

MODES = [(True, False), (False, False), (False, True)]
COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(("color", "ascii"), MODES)
@settings(max_examples=60, deadline=None)
@given(parts=parts(), width=st.integers(1, 131))
def test_every_line_is_equally_wide_and_harmless(color, ascii, parts, width):
    text = heatmap(aligned(*parts), width=width, color=color, ascii=ascii).plain
    lines = text.split("\n")
    assert len({cell_len(line) for line in lines}) == 1
    assert len(lines) == 1 or cell_len(lines[0]) <= max(width, NARROWEST)
    kept = set("\n\u200c" + LEFT_TO_RIGHT_MARK)
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in kept]
    assert not ascii or text.isascii()


def order(drawn, color, ascii):
    """A number that grows with what the eye sees in a cell."""
    if color:
        red, green, blue = drawn.spans[0].style.bgcolor.triplet if drawn.spans else drawn.style.bgcolor.triplet
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    text = drawn.plain.strip()
    return (0 if text == "." else int(text)) if ascii else SHADES.index(text[0])


@pytest.mark.parametrize(("color", "ascii"), MODES)
def test_a_cell_is_monotone_in_its_weight(color, ascii):
    seen = [order(cell(level / 100, 3, color, ascii), color, ascii) for level in range(101)]
    assert seen == sorted(seen)
    assert seen[0] < seen[50] < seen[100]


@pytest.mark.parametrize(("color", "ascii"), MODES)
def test_a_cell_fills_its_width(color, ascii):
    assert {cell_len(cell(w, 2, color, ascii).plain) for w in (0.0, 0.004, 0.37, 1.0)} == {2}


def test_worked_example():
    lines = [line.rstrip() for line in heatmap(tom(), width=80, color=False, ascii=False).plain.split("\n")]
    assert lines == [
        "     Tom chases Jerry .",
        "汤姆 ███ ······ ····· ··",
        "追逐 ··· ██████ ····· ··",
        "杰瑞 ··· ······ █████ ··",
        "  。 ··· ······ ····· ██",
        "",
        "     0 ·░▒▓█ 1",
    ]


def test_numbers_in_ascii():
    drawn = heatmap(
        aligned(["a", "bc"], ["x"], np.array([[0.126, 0.874]], np.float32)), width=80, color=False, ascii=True
    )
    assert [line.rstrip() for line in drawn.plain.split("\n")] == ["  a  bc", "x 13 87", "", "  weight in %"]


@given(st.lists(st.text("abc汤", min_size=1, max_size=17), min_size=1, max_size=41), st.integers(10, 97), st.booleans())
def test_blocks_cover_every_column_once(columns, room, ascii):
    blocks = split(columns, room, ascii)
    assert [index for block in blocks for index in range(block.first, block.last)] == list(range(len(columns)))
    assert all(sum(block.widths) + block.gap * len(block.widths) <= room for block in blocks)


def test_what_does_not_fit_goes_on_below_with_all_its_rows():
    text = heatmap(long_one(61, 5), width=60, color=False, ascii=False).plain
    ranges = re.findall(r"source (\d+) to (\d+) of 61", text)
    assert [int(first) for first, _ in ranges[1:]] == [int(last) + 1 for _, last in ranges[:-1]]
    assert ranges[0][0] == "1"
    assert ranges[-1][1] == "61"
    assert text.count("\n今") == len(ranges)


def test_words_run_downwards_where_they_do_not_fit_across():
    drawn = heatmap(aligned(["monday", "汤姆"] * 11, ["x"]), width=50, color=False, ascii=False).plain
    header = drawn.split("\n")[:6]
    assert [line[2] for line in header] == list("monday")
    assert [line.strip()[-1] for line in header[-2:]] == ["汤", "姆"]


def test_neighbours_that_read_from_the_right_keep_their_columns():
    header = heatmap(aligned(["שלום", "עולם"], ["x"]), width=50, color=False, ascii=False).plain.split("\n")[0]
    assert header.split() == ["שלום" + LEFT_TO_RIGHT_MARK, "עולם" + LEFT_TO_RIGHT_MARK]


def shown(alignment, **console):
    file = io.StringIO()
    show(alignment, Console(file=file, width=70, **console))
    return file.getvalue()


def test_a_terminal_gets_colours_and_nothing_else():
    hostile = aligned(["\x1b[2J", "b"], ["\x1b]0;x\x07"], np.array([[1.0, 0.25]], np.float32))
    drawn = shown(hostile, force_terminal=True, color_system="truecolor", _environ={})
    assert "48;2;{};{};{}".format(*ramp(1.0, dark=True)) in drawn
    assert "\x1b" not in COLOUR_CODE.sub("", drawn)


@pytest.mark.parametrize(
    "console",
    [
        {"force_terminal": True, "color_system": "truecolor", "no_color": True},
        {"force_terminal": True, "color_system": "truecolor", "_environ": {"NO_COLOR": "1"}},
        {"force_terminal": False},
    ],
)
def test_no_colour_means_shades(console):
    drawn = shown(tom(), **console)
    assert "\x1b" not in drawn
    assert "█" in drawn


def test_a_pipe_that_takes_only_ascii_gets_ascii():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(tom(), Console(file=file, width=70))
    file.flush()
    assert b"\\u6c64\\u59c6" in file.buffer.getvalue()


@pytest.mark.parametrize(("source", "target"), [([], ["b"]), (["a"], []), ([], [])])
def test_an_empty_side_gives_a_sentence(source, target):
    assert heatmap(aligned(source, target), width=70, color=True, ascii=False).plain.startswith("Nothing to draw")
