"""When words were said: the best stretches in order, and files that their readers read back."""

import re
from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest

from regard.alignment.alignment import Alignment, Unit
from regard.alignment.times import FORMATS, Word, times
from regard.errors import UsageError


def heard(weights: np.ndarray, words: str, step: float = 0.5, first: float = 0.0, kind: str = "recording") -> Alignment:
    edges = first + step * np.arange(weights.shape[1] + 1)
    source = tuple(Unit("", float(a), float(b)) for a, b in pairwise(edges))
    target, place = [], 0
    for word in words.split():
        target.append(Unit(word, place, place + len(word)))
        place += len(word) + 1
    return Alignment("a.wav", words, source, tuple(target), weights.astype(np.float32), -1.0, source_kind=kind)


def test_words_have_the_places_that_they_looked_at_and_silence_belongs_to_none() -> None:
    weights = np.array([[0, 0.5, 0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0.2, 0.7, 0.1]])
    assert times(heard(weights, "one two", first=3.0)) == [Word("one", 3.5, 4.5), Word("two", 5.0, 6.0)]


@pytest.mark.parametrize("seed", range(30))
def test_the_sum_is_the_largest_of_all_stretches_in_order(seed: int) -> None:
    chance = np.random.default_rng(seed)
    words, places = int(chance.integers(1, 4)), int(chance.integers(3, 7))
    weights = chance.dirichlet(np.ones(places), words).astype(np.float32)
    gain = weights.astype(np.float64) - 1 / places

    def total(cuts: list[tuple[int, int]]) -> float:
        return sum(float(gain[t, first:last].sum()) for t, (first, last) in enumerate(cuts))

    possible = []
    for edges in combinations_with_replacement(range(places + 1), 2 * words):
        cuts = list(zip(edges[::2], edges[1::2], strict=True))
        if all(first < last for first, last in cuts):
            possible.append(total(cuts))
    found = [(round(one.start), round(one.end)) for one in times(heard(weights, "a b c"[: 2 * words - 1], step=1.0))]
    assert all(first < last for first, last in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))
    assert total(found) == pytest.approx(max(possible))


def test_more_words_than_places_share_them() -> None:
    found = times(heard(np.ones((3, 1)), "a b c", step=3.0))
    assert [(one.start, one.end) for one in found] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]


def test_a_text_has_no_times() -> None:
    with pytest.raises(UsageError, match="words have times in a recording; the source is of kind 'text'"):
        times(heard(np.ones((1, 2)) / 2, "a", kind="text"))


def test_nothing_said_has_no_times() -> None:
    assert times(heard(np.zeros((0, 4)), "")) == []


WORDS = [Word("one", 0.25, 0.5), Word('"two"', 0.5, 61.0004), Word("汤姆", 3_600.5, 3_661.25)]


def test_ctm_is_read_back() -> None:
    rows = [line.split() for line in FORMATS["ctm"]("sounds/my talk.flac", WORDS, 4_000.0).splitlines()]
    assert {tuple(row[:2]) for row in rows} == {("my_talk", "1")}
    for row, word in zip(rows, WORDS, strict=True):
        assert len(row) == 5
        assert (float(row[2]), float(row[2]) + float(row[3])) == pytest.approx((word.start, word.end), abs=2e-3)
        assert row[4] == word.text


def test_srt_is_read_back() -> None:
    cues = FORMATS["srt"]("a.wav", WORDS, 4_000.0).removesuffix("\n\n").split("\n\n")
    clock = r"(\d\d):([0-5]\d):([0-5]\d),(\d{3})"
    for number, (cue, word) in enumerate(zip(cues, WORDS, strict=True), 1):
        first, second, text = cue.split("\n")
        found = re.fullmatch(rf"{clock} --> {clock}", second)
        assert found
        parts = np.array(found.groups(), float).reshape(2, 4) @ [3_600, 60, 1, 0.001]
        assert (int(first), text) == (number, word.text)
        np.testing.assert_allclose(parts, [word.start, word.end], atol=6e-4)


@pytest.mark.parametrize("words", [WORDS, [], WORDS[:1]])
def test_a_textgrid_is_read_back_and_its_intervals_fill_it(words: list[Word]) -> None:
    """As Praat reads the long form: numbers, quoted texts and flags count, in their order; the rest is comment."""
    written = FORMATS["textgrid"]("a.wav", words, 4_000.0)
    written = "\n".join(line for line in written.split("\n") if not line.rstrip().endswith("]:"))
    values = re.findall(r'"(?:[^"]|"")*"|<exists>|(?<==)\s*[\d.]+', written)
    values = [value.strip() for value in values]
    assert values[:2] == ['"ooTextFile"', '"TextGrid"']
    assert values[2:7] == ["0", "4000.000000", "<exists>", "1", '"IntervalTier"']
    assert values[7:10] == ['"words"', "0", "4000.000000"]
    count, rest = int(values[10]), values[11:]
    assert len(rest) == 3 * count
    places = [
        (float(rest[i]), float(rest[i + 1]), rest[i + 2][1:-1].replace('""', '"')) for i in range(0, len(rest), 3)
    ]
    assert (places[0][0], places[-1][1]) == (0.0, 4_000.0)
    assert all(one[1] == two[0] and one[0] < one[1] for one, two in pairwise(places))
    assert [place for place in places if place[2]] == [(word.start, word.end, word.text) for word in words]
