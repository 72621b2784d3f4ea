import io
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from view_samples import aligned, long_one, parts, tom, with_ends

import regard
from regard.views.brush import LEFT_TO_RIGHT_MARK, SHADES, Brush
from regard.views.ramp import ramp
from regard.views.terminal import NARROWEST, fit, heatmap, show

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
    seen = [order(Brush(color, ascii).cell(level / 100, 3), color, ascii) for level in range(101)]
    assert seen == sorted(seen)
    assert seen[0] < seen[50] < seen[100]


@pytest.mark.parametrize(("color", "ascii"), MODES)
def test_a_cell_fills_its_width(color, ascii):
    assert {cell_len(Brush(color, ascii).cell(w, 2).plain) for w in (0.0, 0.004, 0.37, 1.0)} == {2}


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
def test_a_map_fits_its_room_or_is_none(columns, room, ascii):
    layout = fit(columns, room, Brush(False, ascii))
    narrowest = (3 if ascii else 2) * len(columns)
    assert (layout is None) == (narrowest > room and sum(max(2, cell_len(c)) + 1 for c in columns) > room)
    assert layout is None or (layout.width <= room and len(layout.widths) == len(columns))


def test_the_ends_stand_apart():
    lines = [line.rstrip() for line in heatmap(with_ends(), width=80, color=False, ascii=False).plain.split("\n")]
    assert lines == [
        "    Tom chases Jerry │ end",
        " 汤 ███ ░░░░░░ ····· │ ░░░",
        " 逐 ··· ▒▒▒▒▒▒ ····· │ ▓▓▓",
        " 瑞 ··· ······ █████ │ ···",
        "─────────────────────┼────",
        "end ··· ░░░░░░ ····· │ ███",
        "",
        "    0 ·░▒▓█ 1",
        "",
        "On the end of the sentence: 逐 62 %",
    ]


@pytest.mark.parametrize("source_end", [None, [0.25]])
@pytest.mark.parametrize("target_end", [None, [0.0, 1.0]])
def test_an_end_is_drawn_where_there_is_one(source_end, target_end):
    ends = {"source_end": source_end, "target_end": target_end and target_end[source_end is None :]}
    drawn = aligned(["a"], ["x"], np.array([[0.75]], np.float32), **{k: v for k, v in ends.items() if v is not None})
    text = heatmap(drawn, width=80, color=False, ascii=True).plain
    assert ("| end" in text) == (source_end is not None)
    assert (re.search(r"^ *end ", text, re.MULTILINE) is not None) == (target_end is not None)


@pytest.mark.parametrize("width", [NARROWEST, 60, 100])
@pytest.mark.parametrize("color", [False, True])
def test_what_does_not_fit_is_listed_with_all_that_was_looked_at(width, color):
    rows = np.random.default_rng(5).dirichlet(np.full(62, 0.1), 6).astype(np.float32)
    words = [f"word{index}" for index in range(58)] + ["the", "the", "שלום"]
    many = aligned(words, list("我们今天早"), rows[:5, :61], source_end=rows[:5, 61], target_end=rows[5])
    drawn = heatmap(many, width=width, color=color, ascii=False)
    text = drawn.plain
    assert {text[span.start : span.end] for span in drawn.spans if span.style} == ({" "} if color else set())
    assert max(map(cell_len, text.split("\n"))) <= width
    listed = re.split(r"\n *([我们今天早]|end) │ ", "\n" + text)[1:]
    assert listed[::2] == [*"我们今天早", "end"]
    for row, entries in zip(rows, listed[1::2], strict=True):
        entries = entries.partition("weights in %")[0]
        numbers = [int(number) for number in re.findall(r" (\d+)(?=,|\s|$)", entries)]
        assert sum(numbers) == 100
        assert numbers[0] == round(100 * float(row[:61].max()))
        assert [f"end {100 * row[61]:.0f}" in entries] == [row[61] >= 0.005]


def test_a_word_that_stands_twice_is_listed_with_its_number():
    drawn = heatmap(aligned(["the", "cat"] * 20, ["x"], np.eye(40, dtype=np.float32)[3:4]), width=50).plain
    assert drawn.startswith("x │ cat#4 100")


@pytest.mark.parametrize(
    ("weight", "ends", "sentence"),
    [
        (1e-5, {"source_end": [1.0]}, "Nothing to draw: no word of the source was looked at, only the end of"),
        (1e-5, {"source_end": [0.0]}, "Nothing to draw: no word of the source was looked at."),
        (0.0, {}, "Nothing to draw: no word of the source was looked at."),
        (0.005, {}, "  a"),
    ],
)
def test_nothing_looked_at_gives_a_sentence(weight, ends, sentence):
    drawn = aligned(["a"], ["b"], np.array([[weight]], np.float32), **ends)
    assert heatmap(drawn, width=70, color=True, ascii=False).plain.startswith(sentence)


def test_printing_needs_no_options(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "50")
    print(regard.heatmap(tom()))
    assert "追逐 ··· ██████ ····· ··" in capsys.readouterr().out
    assert max(map(cell_len, regard.heatmap(long_one()).plain.split("\n"))) <= 50


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
