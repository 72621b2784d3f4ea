"""How well soft weights point at the gold place of each target: a stretch of a recording, a box of a picture.

A place is a row (low, high): (start, end) of a stretch in seconds, (left, top, right, bottom) of a box in pixels; both
are scored alike. Beside every score belongs that of a blind rule (`blind_uniform`, `blind_diagonal`, `blind_centre`),
which knows nothing of what is said or shown: where words follow each other without a pause, the diagonal alone points
right most of the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Place = Sequence[int | float] | np.ndarray


@dataclass(frozen=True, slots=True)
class Pointing:
    """Means over all targets that have a gold place; w is a row of weights, cell j one position of the source.

        pointing = [the middle of cell argmax w is inside gold]                    ties count in parts
        mass     = Σ_j w_j · |cell_j ∩ gold| / |cell_j|                            | · | is length or area
        distance = ‖Σ_j w_j · middle_j / Σ_j w_j − middle of gold‖
        overlap  = |region ∩ gold| / |region ∪ gold|                               intersection over union

    The region is made of the cells of the largest weights, as few as hold `region_mass` of the row; those tied with the
    last of them belong to it, too. Source of pointing: Zhang et al., "Top-down Neural Attention by Excitation
    Backprop", arXiv:1608.00507 (the pointing game), here with the middle of a cell for the pixel of the largest weight.

    Args:
        targets: how many targets were scored.
        pointing, mass, overlap: fractions; larger is better. 0 where no target was scored.
        distance: seconds for stretches (the time error), pixels for boxes; smaller is better.
    """

    targets: int
    pointing: float
    mass: float
    distance: float
    overlap: float


def pointing_scores(
    weights: np.ndarray, cells: np.ndarray, gold: Sequence[Place | None], *, region_mass: float = 0.5
) -> Pointing:
    """The scores of one output.

    Args:
        weights: (targets, cells), 0 or more. A row may sum to less than 1: what was looked at elsewhere, on an end
            mark, is outside gold. A row of zeros points nowhere; its distance is from the middle of the source.
        cells: (cells, 2) or (cells, 4), the place of each position; they should tile the source, not overlap. Give true
            positions alone, without padding.
        gold: the place of each target, or None for a target without one (an article); that row is not scored.
        region_mass: the fraction of a row's weight that its region holds, above 0 and at most 1.

    Raises ValueError where shapes do not fit, a place is empty, or a weight is negative or not finite.
    """
    weights, cells = np.asarray(weights, dtype=np.float64), np.asarray(cells, dtype=np.float64)
    _check(weights, cells, gold, region_mass)
    scored = [
        _row(row, cells, np.asarray(place, dtype=np.float64), region_mass)
        for row, place in zip(weights, gold, strict=True)
        if place is not None
    ]
    means = np.mean(scored, axis=0) if scored else np.zeros(4)
    return Pointing(len(scored), *map(float, means))


def mean_pointing(parts: Iterable[Pointing]) -> Pointing:
    """The scores of a corpus: means over all targets of all outputs, each target with the same weight."""
    parts = [part for part in parts if part.targets]
    if not parts:
        return Pointing(0, 0.0, 0.0, 0.0, 0.0)
    counts = np.array([part.targets for part in parts])
    rows = np.array([(part.pointing, part.mass, part.distance, part.overlap) for part in parts])
    return Pointing(int(counts.sum()), *map(float, counts @ rows / counts.sum()))


def inside(cells: np.ndarray, place: Place) -> np.ndarray:
    """(cells,): which share of each cell lies in a place: |cell ∩ place| / |cell|, from 0 to 1."""
    low, high = _bounds(cells)
    start, end = _bounds(np.asarray(place, dtype=np.float64))
    shared = np.maximum(np.minimum(high, end) - np.maximum(low, start), 0.0)
    return np.prod(shared / (high - low), axis=-1)


def blind_uniform(targets: int, cells: np.ndarray) -> np.ndarray:
    """(targets, cells): the same weight on every cell, 1 / cells."""
    return np.full((targets, len(cells)), 1.0 / len(cells))


def blind_diagonal(targets: int, cells: np.ndarray) -> np.ndarray:
    """(targets, cells), for stretches: target t of T looks at (t + ½) / T of the source, and less to both sides.

        w_tj ∝ |cell_j| · max(0, 1 − |middle_j − m_t| · T / D),    m_t = start + (t + ½) · D / T

    D is the length of the source: a triangle that ends in the middle of the targets before and after. Raises ValueError
    for boxes, which have no order.
    """
    cells = np.asarray(cells, dtype=np.float64)
    if cells.ndim != 2 or cells.shape[1] != 2:
        raise ValueError(
            f"blind_diagonal: cells have shape {cells.shape}; expected (cells, 2), stretches. "
            "Compare boxes with blind_centre."
        )
    start, length = cells[:, 0].min(), cells[:, 1].max() - cells[:, 0].min()
    aims = start + (np.arange(targets) + 0.5) * length / targets
    middles = cells.mean(axis=1)
    far = np.abs(middles - aims[:, None]) * targets / length
    # Where there are more targets than cells a triangle may hold no middle: then the nearest cell has it all.
    far = np.where(far.min(axis=1, keepdims=True) < 1, far, far - far.min(axis=1, keepdims=True))
    weights = _sizes(cells) * np.maximum(1.0 - far, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def blind_centre(targets: int, cells: np.ndarray) -> np.ndarray:
    """(targets, cells): all weight on the cell in the middle of the source; shared by several that are as near."""
    cells = np.asarray(cells, dtype=np.float64)
    low, high = _bounds(cells)
    far = np.linalg.norm((low + high) / 2 - (low.min(axis=0) + high.max(axis=0)) / 2, axis=1)
    nearest = np.isclose(far, far.min())
    return np.tile(nearest / nearest.sum(), (targets, 1))


def _row(row: np.ndarray, cells: np.ndarray, place: np.ndarray, region_mass: float) -> tuple[float, ...]:
    """pointing, mass, distance, overlap of one target."""
    low, high = _bounds(cells)
    start, end = _bounds(place)
    middles, shares, weight = (low + high) / 2, inside(cells, place), row.sum()
    within = np.all((start <= middles) & (middles < end), axis=1)
    centroid = row @ middles / weight if weight else (low.min(axis=0) + high.max(axis=0)) / 2
    distance = np.linalg.norm(centroid - (start + end) / 2)
    if not weight:
        return 0.0, 0.0, float(distance), 0.0
    largest = np.isclose(row, row.max())
    sizes, region = _sizes(cells), _region(row, region_mass)
    shared = float(np.sum((shares * sizes)[region]))
    union = float(sizes[region].sum() + _sizes(place[None])[0] - shared)
    return float(within[largest].mean()), float(row @ shares), float(distance), shared / union


def _region(row: np.ndarray, region_mass: float) -> np.ndarray:
    """Bool (cells,): the largest weights, as few as hold that part of the row, and those tied with the last of them."""
    falling = np.sort(row)[::-1]
    enough = np.searchsorted(np.cumsum(falling), region_mass * row.sum() * (1 - 1e-9))
    last = falling[min(enough, len(row) - 1)]
    return (row > last) | np.isclose(row, last)


def _bounds(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corner: the first and the second half of the last axis."""
    half = places.shape[-1] // 2
    return places[..., :half], places[..., half:]


def _sizes(places: np.ndarray) -> np.ndarray:
    """(places,): length of a stretch, area of a box."""
    low, high = _bounds(places)
    return np.prod(high - low, axis=-1)


def _check(weights: np.ndarray, cells: np.ndarray, gold: Sequence[Place | None], region_mass: float) -> None:
    if cells.ndim != 2 or cells.shape[1] not in (2, 4) or not len(cells):
        raise ValueError(
            f"pointing_scores: cells have shape {cells.shape}; expected (cells, 2) for stretches or (cells, 4) for "
            "boxes, one cell or more. Give the place of each position of the source."
        )
    expected = (len(gold), len(cells))
    if weights.shape != expected:
        raise ValueError(
            f"pointing_scores: weights have shape {weights.shape}; expected {expected}, a row for each gold place and "
            "a column for each cell. Leave out end marks and padding."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            "pointing_scores: a weight is negative or not finite; expected 0 or more. Give weights, not scores."
        )
    for name, places in (("cell", cells), *(("gold place", np.array([place])) for place in gold if place is not None)):
        low, high = _bounds(places)
        empty = ~(low < high).all(axis=1)
        if places.shape[1] != cells.shape[1] or empty.any():
            raise ValueError(
                f"pointing_scores: a {name} is {places[empty.argmax()].tolist()}; expected {cells.shape[1]} numbers, "
                "each end above its start. Give None for a target without a place."
            )
    if not 0 < region_mass <= 1:
        raise ValueError(
            f"pointing_scores: region_mass is {region_mass}; expected above 0 and at most 1. Give a fraction."
        )
