"""Weights that stay on one place or on the diagonal, told from those that follow the words."""

import numpy as np
import pytest

from regard.alignment.positions import LEAST_ROWS, Positions, positions


def on(places: list[int], width: int) -> np.ndarray:
    """Rows that look at these places, and a little at the others."""
    weights = np.full((len(places), width), 0.1 / width, np.float32)
    weights[np.arange(len(places)), places] += 0.9
    return weights


def test_one_place_is_found_whichever_it_is_in_each_sentence() -> None:
    found = positions([on([width - 1] * 7, width) for width in range(5, 12)])
    assert found is not None
    assert found.same == 1
    assert found.warning is not None
    assert "stay on one position: 100%" in found.warning


@pytest.mark.parametrize("places", [lambda t, s: t, lambda t, s: (2 * t + 1) * s // 14], ids=["step", "share"])
def test_the_diagonal_is_found_by_step_and_by_share(places) -> None:
    found = positions([on([places(t, 13) for t in range(7)], 13)] * 5)
    assert found is not None
    assert (found.diagonal, found.same) == (1, 1 / 7)
    assert found.warning is not None
    assert "stay on the diagonal: 100%" in found.warning


def test_what_follows_the_words_is_neither() -> None:
    generator = np.random.default_rng(1)
    found = positions([on(generator.permutation(11).tolist(), 11) for _ in range(50)])
    assert found is not None
    assert found.warning is None
    assert found.same == pytest.approx(1 / 11)
    assert found.diagonal == pytest.approx(1 / 11, abs=0.03)


def test_half_on_one_place_by_hand() -> None:
    found = positions([on([0, 3, 0, 2, 0, 4], 5)] * LEAST_ROWS)
    assert found == Positions(3 / 6, 3 / 6)  # ⌊(t + ½) 5 / 6⌋ = 0, 1, 2, 2, 3, 4: rows 0, 3 and 5


def test_rows_that_look_nowhere_and_sentences_too_short_are_left_out() -> None:
    flat, none = np.full((9, 5), 0.2, np.float32), np.zeros((9, 5), np.float32)
    assert positions([flat, none] * LEAST_ROWS) is None
    assert positions([on([0, 0, 0], 5)] * LEAST_ROWS + [on([0] * 9, 3)] * LEAST_ROWS) is None
    assert positions([np.zeros((0, 0), np.float32)]) is None


def test_an_end_mark_that_is_hidden_is_no_place() -> None:
    def hidden(weights: np.ndarray) -> np.ndarray:
        return np.concatenate([weights, np.zeros((len(weights), 1), np.float32)], 1)

    generator = np.random.default_rng(2)
    shown = [on(generator.integers(0, 6, 7).tolist(), 6) for _ in range(LEAST_ROWS)]
    assert positions([hidden(weights) for weights in shown]) == positions(shown)
    assert positions([hidden(np.full((9, 5), 0.2, np.float32))] * LEAST_ROWS) is None


def test_few_rows_say_nothing() -> None:
    assert positions([on([0] * (LEAST_ROWS - 1), 5)]) is None
    assert positions([on([0] * LEAST_ROWS, 5)]) is not None


def test_scores_bring_them_back() -> None:
    found = Positions(0.25, 0.5)
    assert Positions.from_scores({"loss": 1.0} | found.to_scores()) == found
    assert Positions.from_scores({"loss": 1.0}) is None
