"""Lines in the terminal: in their places, as wide as it is, harmless, and told apart without colour."""

import pytest
from rich.cells import cell_len
from rich.text import Text

from regard.errors import UsageError
from regard.views.chart import BRAILLE, HEIGHT, Panel, chart
from regard.views.panels import save_panels

FALLING = Panel("loss", {"training": [(0.0, 9.0), (50.0, 4.5), (100.0, 0.0)]})
TWO = Panel("score", {"one": [(0.0, 0.0), (9.0, 9.0)], "other": [(0.0, 9.0), (9.0, 0.0)]})


def rows(text: Text) -> list[str]:
    return text.plain.split("\n")[1 : HEIGHT + 1]


def test_a_straight_line_goes_from_corner_to_corner() -> None:
    drawn = rows(chart(FALLING, "steps", width=24, color=False, ascii=True))
    inside = [row.split("|")[1] for row in drawn]
    assert inside[0].startswith("a")
    assert inside[-1].rstrip().endswith("a")
    assert len(inside[-1].rstrip()) == 24 - len("4.5") - 2
    places = [row.index("a") for row in inside]
    assert places == sorted(places)
    assert [row.split("|")[0].strip() for row in (drawn[0], drawn[-1])] == ["9", "0"]


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize(("color", "ascii"), [(True, False), (False, False), (False, True)])
@pytest.mark.parametrize("panel", [FALLING, TWO], ids=["one", "two"])
def test_it_fits_the_width(panel: Panel, width: int, color: bool, ascii: bool) -> None:
    text = chart(panel, "steps", width=width, color=color, ascii=ascii)
    assert max(map(cell_len, text.plain.split("\n"))) <= width
    assert not ascii or text.plain.isascii()


def test_lines_are_told_apart_by_letters_where_there_is_no_colour() -> None:
    plain = "".join(rows(chart(TWO, "steps", width=60, color=False, ascii=False)))
    assert "a" in plain
    assert "b" in plain
    coloured = chart(TWO, "steps", width=60, color=True, ascii=False)
    assert {"magenta", "cyan"} <= {str(span.style) for span in coloured.spans}
    assert any(ord(sign) > BRAILLE for sign in coloured.plain)


@pytest.mark.parametrize(
    "points", [[(7.0, 3.0)], [(0.0, 0.0)], [(0.0, -2.0), (5.0, -2.0)], [(1.0, 1e300), (2.0, -1e300)]]
)
def test_one_point_and_equal_values_have_a_place(points: list[tuple[float, float]]) -> None:
    assert any("a" in row for row in rows(chart(Panel("x", {"y": points}), "steps", width=60, color=False, ascii=True)))


def test_no_point_is_refused() -> None:
    with pytest.raises(UsageError, match="There is nothing to draw: no line of 'x' has a point"):
        chart(Panel("x", {"y": []}), "steps", width=60, color=False, ascii=True)


def test_names_cannot_command_the_terminal() -> None:
    text = chart(Panel("a\x1b[2J", {"b\x1b]0;c\x07": [(0.0, 1.0)]}), "steps", width=80, color=True, ascii=False)
    assert "\x1b" not in text.plain
    assert "\\x1b[2J" in text.plain


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures(tmp_path, ending: str) -> None:
    path = tmp_path / f"curves.{ending}"
    save_panels([FALLING, TWO, Panel("$x_1$", {"_hidden $": [(1.0, 1.0)]})], path, "steps")
    content = path.read_bytes()
    assert content.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending])
    if ending == "svg":
        assert all(name in content.decode() for name in ("training", "other", "$x_1$", "hidden $"))
