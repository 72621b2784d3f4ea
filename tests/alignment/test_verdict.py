"""Weights that explain nothing, told from those that follow the words."""

from dataclasses import replace

import numpy as np
import pytest

from regard.alignment import Alignment, Unit
from regard.alignment.table import MEASURES
from regard.alignment.verdict import (
    APART,
    EVEN,
    LEAST_ROWS,
    SAME,
    STILL,
    Agreement,
    MeasureCount,
    Measures,
    measured,
    stored_verdict,
    verdict,
)

GOOD = Measures(50, 0.3, 0.1, 0.05, 0.4, 0.5, 0.2)


def on(places: list[int], width: int) -> np.ndarray:
    """Rows that look at these places, and a little at the others."""
    weights = np.full((len(places), width), 0.1 / width, np.float32)
    weights[np.arange(len(places)), places] += 0.9
    return weights


def measures(matrices: list[np.ndarray], end: bool = False) -> Measures:
    count = MeasureCount()
    for weights in matrices:
        count.add(weights, end)
    found = count.result()
    assert found is not None
    return found


def alignment(weights: np.ndarray, source_end: np.ndarray | None = None) -> Alignment:
    rows, columns = weights.shape
    source, target = (tuple(Unit("x", 2 * i, 2 * i + 1) for i in range(size)) for size in (columns, rows))
    texts = (" ".join("x" * size) for size in (columns, rows))
    return Alignment(*texts, source, target, weights, 0.0, source_end)


def test_the_last_position_is_found_and_named() -> None:
    found = measures([on([width - 1] * 7, width) for width in range(5, 12)])
    assert (found.pairs, found.same_position) == (7, 1)
    assert found.last_position == pytest.approx(0.9 + 0.1 / 8, abs=0.01)
    said = verdict(found, "of validation")
    assert said is not None
    assert said.startswith("100% of the output looks at the last position of its source: the weights explain nothing")
    assert said.endswith("(measured on 7 pairs of validation)")


def test_the_end_mark_is_none_of_the_positions() -> None:
    matrices = [on([width - 1] * 7, width) for width in range(5, 12)]
    found = measures(matrices, end=True)
    assert found.end_mark > 0.9
    assert found.last_position < 0.1
    assert "looks at the end mark of its source" in (verdict(found, "") or "")


def test_one_position_is_found_wherever_it_is() -> None:
    found = measures([on([place] * 7, 11) for place in range(7)])
    assert "100% of the output looks at one and the same position of its source" in (verdict(found, "") or "")


def test_equal_weights_have_all_entropy_and_prefer_no_position() -> None:
    found = measures([np.full((9, 5), 0.2, np.float32)] * LEAST_ROWS)
    assert found.entropy == pytest.approx(1)
    assert (found.same_position, found.diagonal) == (0, 0)
    assert "the weights are nearly the same at every position" in (verdict(found, "") or "")


@pytest.mark.parametrize("places", [lambda t, s: t, lambda t, s: (2 * t + 1) * s // 14], ids=["step", "share"])
def test_the_diagonal_alone_is_no_fault_but_counting_positions_is(places) -> None:
    found = measures([on([places(t, 13) for t in range(7)], 13)] * 5)
    assert (found.diagonal, found.same_position) == (1, 1 / 7)
    assert verdict(found, "") is None  # right in a copy, and in many a transcription
    assert verdict(replace(found, still=0.1), "") is None
    assert "the weights count positions" in (verdict(replace(found, still=0.97), "") or "")


def test_what_follows_the_words_has_no_verdict() -> None:
    generator = np.random.default_rng(1)
    found = measures([on(generator.permutation(11).tolist(), 11) for _ in range(50)])
    assert found.same_position == pytest.approx(1 / 11)
    assert found.diagonal == pytest.approx(1 / 11, abs=0.03)
    assert verdict(found, "") is None


def test_half_on_one_position_by_hand() -> None:
    found = measures([on([0, 3, 0, 2, 0, 4], 5)] * LEAST_ROWS)
    # ⌊(t + ½) 5 / 6⌋ = 0, 1, 2, 2, 3, 4: rows 0, 3 and 5; one row of six on the last position
    assert (found.same_position, found.diagonal) == (3 / 6, 3 / 6)
    assert found.last_position == pytest.approx(0.9 / 6 + 0.1 / 5)


def test_entropy_by_hand() -> None:
    weights = np.zeros((4, 4), np.float32)
    weights[:, :2] = 0.5  # two of four: log 2 / log 4
    assert measures([weights] * LEAST_ROWS).entropy == pytest.approx(0.5)
    assert measures([2 * weights] * LEAST_ROWS).entropy == pytest.approx(0.5)  # a row need not sum to one
    assert measures([np.eye(4, dtype=np.float32)] * LEAST_ROWS).entropy == 0


def test_rows_without_weights_and_short_sentences_are_left_out() -> None:
    assert measured([alignment(np.zeros((9, 5), np.float32))] * LEAST_ROWS) is None
    assert measured([alignment(on([0, 0, 0], 5))] * LEAST_ROWS + [alignment(on([0] * 9, 3))] * LEAST_ROWS) is None
    assert measured([alignment(np.zeros((0, 0), np.float32))]) is None
    assert verdict(None, "") is None


def test_few_rows_say_nothing() -> None:
    assert measured([alignment(on([0] * (LEAST_ROWS - 1), 5))]) is None
    assert measured([alignment(on([0] * LEAST_ROWS, 5))]) is not None


def test_an_alignment_is_measured_with_its_end_mark() -> None:
    whole = on([5, 5, 5, 5, 1, 2], 6)
    alone = measured([alignment(whole[:, :5], whole[:, 5])] * LEAST_ROWS)
    assert alone == measures([whole] * LEAST_ROWS, end=True)


@pytest.mark.parametrize(
    ("worse", "limit", "step"), [("entropy", EVEN, 1), ("same_position", SAME, 1), ("still", STILL, 1)]
)
def test_each_measure_has_a_threshold(worse: str, limit: float, step: int) -> None:
    assert verdict(GOOD, "") is None
    assert verdict(replace(GOOD, **{worse: limit - 0.001}), "") is None
    assert verdict(replace(GOOD, **{worse: limit}), "") is not None


def test_agreement_is_twice_the_common_links_over_all() -> None:
    count = Agreement()
    assert count.result() is None
    one, other = frozenset((i, i) for i in range(30)), frozenset((i, 29 - i) for i in range(30)) | {(0, 0)}
    count.add(one, other)
    count.add(one, frozenset())
    assert count.result() == 2 * 1 / (30 + 31 + 30)
    assert count.result() < APART
    assert "the two directions have 2% of their links in common" in (count.verdict("that were aligned") or "")
    for _ in range(9):
        count.add(one, one)
    assert count.verdict("") is None


def test_scores_bring_the_measures_back() -> None:
    scores = {"loss": 1.0} | GOOD.to_scores()
    assert set(scores) == {"loss", *MEASURES}
    again = Measures.from_scores(scores)
    assert again is not None
    assert again.to_scores() == pytest.approx(GOOD.to_scores())
    assert Measures.from_scores(replace(GOOD, still=None).to_scores()) == replace(again, still=None)


def test_a_run_of_an_older_version_says_nothing() -> None:
    assert stored_verdict({"loss": 1.0, "same_position": 99.0, "diagonal": 5.0}) is None
    assert stored_verdict({"loss": 1.0} | replace(GOOD, same_position=0.99).to_scores()) is not None
