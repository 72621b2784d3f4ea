"""Words by how often training has them: each word is in one row, and the rows together are the whole."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.analysis.frequency import TrainingWords, whole
from regard.data.example import Example
from regard.metrics.by_frequency import by_frequency, named, rows, words

TEXTS = st.lists(st.sampled_from("abcdefg"), max_size=7).map(" ".join)


def test_worked_example() -> None:
    """a occurs twice in training, b five times, c never: by hand."""
    found = by_frequency({"a": 2, "b": 5}, ["a b b c", "a a"], [["a b c c"], ["a"]], edges=(0, 2, 5))
    assert [(row.low, row.high, row.references, row.outputs, row.right) for row in found] == [
        (0, 1, 2, 1, 1),  # c
        (2, 4, 2, 3, 2),  # a
        (5, None, 1, 2, 1),  # b
    ]
    assert [row.precision for row in found] == [100, pytest.approx(200 / 3), 50]
    assert [row.recall for row in found] == [50, 100, 100]
    assert [row.f1 for row in found] == [pytest.approx(200 / 3), 80, pytest.approx(200 / 3)]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), TEXTS)
def test_every_word_is_in_one_row(pairs: list[tuple[str, str]], training: str) -> None:
    counts = Counter(training.split())
    said, wanted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = by_frequency(counts, said, [[text] for text in wanted])
    assert sum(row.outputs for row in found) == sum(len(text.split()) for text in said)
    for row in found:
        most = float("inf") if row.high is None else row.high
        inside = [word for text in wanted for word in text.split() if row.low <= counts[word] <= most]
        assert row.references == len(inside)
        assert row.right <= min(row.references, row.outputs)
        if said == wanted and inside:
            assert (row.precision, row.recall, row.f1) == (100, 100, 100)
        assert (row.recall is None) == (not inside)


def test_the_reference_that_shares_most_counts() -> None:
    found = by_frequency({}, ["a b"], [["a x y", "a b", "b"]])
    assert (found[0].references, found[0].right) == (2, 2)


@pytest.mark.parametrize("edges", [(), (1, 2), (0, 3, 3)])
def test_edges_ascend_from_zero(edges: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"by_frequency: edges is .* expected ascending counts from 0"):
        by_frequency({}, ["a"], [["a"]], edges=edges)


def test_words_are_those_of_any_script() -> None:
    assert words("Der Hund, 10,000 don't") == ["Der", "Hund", ",", "10,000", "don't"]
    assert words("我爱NASA。再见") == ["我", "爱", "NASA", "。", "再", "见"]
    assert words("हिन्दी में") == ["हिन्दी", "में"]
    assert whole(" Sci/Tech  news ") == ["Sci/Tech news"]


def test_the_rarest_word_of_a_source_names_its_group() -> None:
    pairs = [Example("a b", "x", "f", 1), Example("a b", "y", "f", 2), Example("a", "y", "f", 3)]
    training = TrainingWords.read(pairs)
    groups = [training.rarest(Example(source, "", "f", 1)) for source in ("a", "a b", "b c", "")]
    assert groups == [["2 to 4"], ["2 to 4"], ["0"], []]
    assert training.target == {"x": 1, "y": 2}
    assert TrainingWords.read(pairs, text=False).rarest(pairs[0]) == []


def test_rows_have_names() -> None:
    assert [named(*row) for row in rows()] == [
        *("0", "1", "2 to 4", "5 to 9", "10 to 99", "100 to 999", "1000 and more")
    ]
