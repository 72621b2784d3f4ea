"""Scores of weights against gold places: by hand, within bounds, and blind rules that look blind."""

import numpy as np
import pytest

from regard.alignment.pointing import (
    Pointing,
    blind_centre,
    blind_diagonal,
    blind_uniform,
    inside,
    mean_pointing,
    pointing_scores,
)

STRETCHES = np.array([(j * 0.04, (j + 1) * 0.04) for j in range(13)])
BOXES = np.array([(x, y, x + 8, y + 8) for y in range(0, 40, 8) for x in range(0, 56, 8)], dtype=float)
CELLS = {"stretches": STRETCHES, "boxes": BOXES}


def gold_of(cells: np.ndarray, rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Places by chance, each within the source and larger than nothing."""
    half = cells.shape[1] // 2
    low, high = cells[:, :half].min(axis=0), cells[:, half:].max(axis=0)
    ends = np.sort(rng.uniform(low, high, (count, 2, half)), axis=1)
    return [np.concatenate([start, end + 1e-3]) for start, end in ends]


def weights_of(cells: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.dirichlet(np.full(len(cells), 0.1), count)


def test_stretches_by_hand() -> None:
    cells = np.array([(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)])
    found = pointing_scores(np.array([[0.2, 0.5, 0.3]]), cells, [(1.25, 3.0)])
    assert found.targets == 1
    assert found.pointing == 1  # the middle of cell 1 is 1.5
    assert found.mass == pytest.approx(0.5 * 0.75 + 0.3 * 0.5)
    assert found.distance == pytest.approx(abs(0.2 * 0.5 + 0.5 * 1.5 + 0.3 * 3.0 - 2.125))
    assert found.overlap == pytest.approx(0.75 / 2.0)  # cell 1 alone holds half of the row: [1, 2) and [1.25, 3)
    wider = pointing_scores(np.array([[0.2, 0.5, 0.3]]), cells, [(1.25, 3.0)], region_mass=0.8)
    assert wider.overlap == pytest.approx(1.75 / 3.0)  # cells 1 and 2: [1, 4)


def test_boxes_by_hand() -> None:
    cells = np.array([(0, 0, 2, 2), (2, 0, 4, 2), (0, 2, 2, 4), (2, 2, 4, 4)])
    found = pointing_scores(np.array([[0.6, 0.2, 0.2, 0.0]]), cells, [(0, 0, 2, 3)])
    assert found.pointing == 1
    assert found.mass == pytest.approx(0.6 + 0.2 * 0.5)
    assert found.distance == pytest.approx(np.hypot(0.8 * 1 + 0.2 * 3 - 1, 0.8 * 1 + 0.2 * 3 - 1.5))
    assert found.overlap == pytest.approx(4 / 6)


def test_ties_count_in_parts() -> None:
    cells = np.array([(0, 1), (1, 2), (2, 3), (3, 4)])
    found = pointing_scores(np.array([[0.4, 0.4, 0.1, 0.1]]), cells, [(0, 1)])
    assert found.pointing == 0.5
    assert found.overlap == 0.5  # one of them would do, but which one?


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("seed", range(20))
def test_mass_equals_a_count_of_points(kind: str, seed: int) -> None:
    """The share of a cell that lies in gold, from points spread over the cell."""
    rng = np.random.default_rng(seed)
    cells = CELLS[kind]
    (place,), row = gold_of(cells, rng, 1), weights_of(cells, rng, 1)
    half = cells.shape[1] // 2
    grid = (np.arange(40) + 0.5) / 40
    mesh = np.stack(np.meshgrid(*[grid] * half), axis=-1).reshape(-1, half)
    points = cells[:, None, :half] + mesh * (cells[:, None, half:] - cells[:, None, :half])
    counted = ((place[:half] <= points) & (points < place[half:])).all(axis=2).mean(axis=1)
    np.testing.assert_allclose(inside(cells, place), counted, atol=0.06)
    assert pointing_scores(row, cells, [place]).mass == pytest.approx(float(row[0] @ counted), abs=0.06)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("seed", range(20))
def test_scores_are_within_bounds_and_do_not_depend_on_the_order_of_cells(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = CELLS[kind]
    gold, weights = gold_of(cells, rng, 3), weights_of(cells, rng, 3)
    found = pointing_scores(weights, cells, gold)
    assert all(0 <= score <= 1 + 1e-9 for score in (found.pointing, found.mass, found.overlap))
    assert 0 <= found.distance <= np.linalg.norm(cells.max(axis=0) - cells.min(axis=0))
    order = rng.permutation(len(cells))
    mixed = pointing_scores(weights[:, order], cells[order], gold)
    assert mixed.mass == pytest.approx(found.mass)
    assert (mixed.pointing, mixed.overlap) == pytest.approx((found.pointing, found.overlap))


@pytest.mark.parametrize("kind", CELLS)
def test_perfect_weights_have_the_best_scores(kind: str) -> None:
    cells = CELLS[kind]
    assert pointing_scores(np.eye(len(cells)), cells, list(cells)) == Pointing(len(cells), 1.0, 1.0, 0.0, 1.0)


@pytest.mark.parametrize("kind", CELLS)
def test_uniform_weights_look_uniform(kind: str) -> None:
    """Where each cell is gold once, uniform weights find one in as many as there are."""
    cells = CELLS[kind]
    found = pointing_scores(blind_uniform(len(cells), cells), cells, list(cells))
    assert (found.pointing, found.mass, found.overlap) == pytest.approx((1 / len(cells),) * 3)


def test_a_scale_of_the_row_leaves_all_but_the_mass() -> None:
    """What was looked at on an end mark is outside gold; where the rest points is not touched by it."""
    rng = np.random.default_rng(1)
    gold, weights = gold_of(STRETCHES, rng, 3), weights_of(STRETCHES, rng, 3)
    whole, half = pointing_scores(weights, STRETCHES, gold), pointing_scores(weights / 2, STRETCHES, gold)
    assert half.mass == pytest.approx(whole.mass / 2)
    assert (half.pointing, half.overlap) == (whole.pointing, whole.overlap)
    assert half.distance == pytest.approx(whole.distance)


def test_a_row_of_zeros_points_nowhere() -> None:
    found = pointing_scores(np.zeros((1, 13)), STRETCHES, [(0.0, 0.26)])
    assert (found.pointing, found.mass, found.overlap) == (0, 0, 0)
    assert found.distance == pytest.approx(0.13)


def test_targets_without_a_place_are_not_scored() -> None:
    rng = np.random.default_rng(2)
    gold, weights = gold_of(BOXES, rng, 3), weights_of(BOXES, rng, 3)
    assert pointing_scores(weights, BOXES, [None, gold[1], None]) == pointing_scores(weights[1:2], BOXES, [gold[1]])
    assert pointing_scores(weights, BOXES, [None, None, None]) == Pointing(0, 0.0, 0.0, 0.0, 0.0)


def test_the_total_weighs_each_target_alike() -> None:
    rng = np.random.default_rng(3)
    gold, weights = gold_of(BOXES, rng, 5), weights_of(BOXES, rng, 5)
    parts = [pointing_scores(weights[:2], BOXES, gold[:2]), pointing_scores(weights[2:], BOXES, gold[2:])]
    whole, joined = pointing_scores(weights, BOXES, gold), mean_pointing([*parts, Pointing(0, 0.0, 0.0, 0.0, 0.0)])
    assert joined.targets == whole.targets
    for name in ("pointing", "mass", "distance", "overlap"):
        assert getattr(joined, name) == pytest.approx(getattr(whole, name))
    assert mean_pointing([]).targets == 0


@pytest.mark.parametrize("targets", [1, 2, 5, 13, 31])
def test_the_diagonal_is_a_distribution_and_goes_from_end_to_end(targets: int) -> None:
    weights = blind_diagonal(targets, STRETCHES)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-12)
    centroids = weights @ STRETCHES.mean(axis=1)
    assert (np.diff(centroids) > -1e-12).all()
    np.testing.assert_allclose(centroids, (np.arange(targets) + 0.5) / targets * 0.52, atol=0.04)


def test_the_diagonal_finds_words_of_one_length_without_pauses() -> None:
    """The reason to print it: no model is needed for such recordings."""
    gold = [(t * 0.52 / 4, (t + 1) * 0.52 / 4) for t in range(4)]
    assert pointing_scores(blind_diagonal(4, STRETCHES), STRETCHES, gold).pointing == 1


def test_the_centre_is_one_cell_or_the_four_around_it() -> None:
    assert blind_centre(2, BOXES)[1].argmax() == 17  # 5 rows of 7
    assert blind_centre(1, BOXES).max() == 1
    even = BOXES[(BOXES[:, 3] <= 32) & (BOXES[:, 2] <= 48)]
    assert sorted(blind_centre(1, even)[0])[-5:] == [0, 0.25, 0.25, 0.25, 0.25]


def test_refuses_what_does_not_fit() -> None:
    weights = np.full((1, 13), 1 / 13)
    with pytest.raises(ValueError, match=r"cells have shape \(13, 3\); expected \(cells, 2\)"):
        pointing_scores(weights, np.zeros((13, 3)), [(0, 1)])
    with pytest.raises(ValueError, match=r"weights have shape \(1, 13\); expected \(2, 13\)"):
        pointing_scores(weights, STRETCHES, [(0, 1), (0, 1)])
    with pytest.raises(ValueError, match="a weight is negative or not finite"):
        pointing_scores(weights * np.nan, STRETCHES, [(0, 1)])
    with pytest.raises(ValueError, match=r"a gold place is \[1.0, 1.0\]; expected 2 numbers, each end above its start"):
        pointing_scores(weights, STRETCHES, [(1.0, 1.0)])
    with pytest.raises(ValueError, match=r"a gold place is .*; expected 2 numbers"):
        pointing_scores(weights, STRETCHES, [(0, 0, 1, 1)])
    with pytest.raises(ValueError, match="a cell is "):
        pointing_scores(weights, STRETCHES[:, ::-1], [(0, 1)])
    with pytest.raises(ValueError, match=r"region_mass is 0\.0; expected above 0"):
        pointing_scores(weights, STRETCHES, [(0, 1)], region_mass=0.0)
    with pytest.raises(ValueError, match=r"cells have shape \(35, 4\); expected \(cells, 2\), stretches"):
        blind_diagonal(3, BOXES)
