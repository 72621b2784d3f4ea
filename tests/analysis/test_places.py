"""Gold places of words, as a user's file gives them."""

from pathlib import Path

import pytest

from regard.alignment.pointing import Pointing
from regard.analysis.places import GoldPlaces, mean_pointed
from regard.data.example import Example
from regard.errors import DataError


def gold(tmp_path: Path, *lines: str) -> GoldPlaces:
    path = tmp_path / "places.tsv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return GoldPlaces(str(path), lambda said, _: said)


def example(source: str, target: str) -> Example:
    return Example(source, target, file="pairs.tsv", line=1)


def test_words_are_found_in_their_order_and_others_have_no_place(tmp_path: Path) -> None:
    found = gold(tmp_path, "a.png\t1\t2\t3\t4\tcircle", "a.png\t5\t6\t7\t8\tsquare")
    places = found.of(example("a.png", "a red circle left of a square"))
    assert places == [None, None, [1, 2, 3, 4], None, None, None, [5, 6, 7, 8]]
    assert found.of(example("b.png", "a circle")) == [None, None]


def test_as_many_gold_words_as_words_belong_to_them_however_written(tmp_path: Path) -> None:
    assert gold(tmp_path, "a.wav\t0\t0.5\tbana", "a.wav\t0.5\t1\tbo").of(example("a.wav", "bána bo")) == [
        [0, 0.5],
        [0.5, 1],
    ]


def test_a_gold_word_that_the_target_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.wav has the gold word 'two', which its target 'two one three' does not"):
        gold(tmp_path, "a.wav\t0\t1\tone", "a.wav\t1\t2\ttwo").of(example("a.wav", "two one three"))


@pytest.mark.parametrize(
    "line",
    [
        "a.wav",
        "a.wav\t0\tone",
        "a.wav\t1\t0\tone",
        "a.wav\tx\t1\tone",
        "a.wav\t0\tinf\tone",
        "a.wav\t0\t1\t",
        "a.png\t0\t0\t1\t0\tone",
        "a.wav\t0\t1\t2\tone",
    ],
)
def test_a_line_that_is_no_place_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"places\.tsv, line 2: the line is .*; expected name, start, end, word"):
        gold(tmp_path, "a.wav\t0\t1\tone", line)


def test_parts_are_joined_word_by_word() -> None:
    one, two = Pointing(1, 1.0, 1.0, 0.0, 1.0), Pointing(3, 0.0, 0.0, 4.0, 0.0)
    joined = mean_pointed([{"attention": one}, {"attention": two}])
    assert joined["attention"] == Pointing(4, 0.25, 0.25, 3.0, 0.25)
