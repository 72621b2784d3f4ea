"""Weights over stretches of seconds, or over boxes of a picture → weights over columns, or pixels. None gets lost."""

import numpy as np

from regard.alignment.alignment import Unit


def shares(starts: np.ndarray, ends: np.ndarray, bins: int, length: float | int) -> np.ndarray:
    """Which part of each stretch lies in each of `bins` equal parts of [0, length]: (stretches, bins), rows sum to 1.

    What a stretch has outside [0, length] is left out, and its part inside counts as the whole; a stretch without
    length, or wholly outside, lies in the bin that is nearest.
    """
    edges = np.linspace(0.0, length, bins + 1)
    low, high = np.clip(starts, 0.0, length), np.clip(ends, 0.0, length)
    inside = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    parts = np.maximum(inside, 0.0) / np.where(high > low, high - low, 1.0)[:, None]
    points = np.flatnonzero(high <= low)
    parts[points] = 0.0
    parts[points, np.clip(np.searchsorted(edges, low[points], side="right") - 1, 0, bins - 1)] = 1.0
    return parts


def over_seconds(
    weights: np.ndarray, units: tuple[Unit, ...], columns: int, seconds: float, first: float = 0.0
) -> np.ndarray:
    """The weights (rows, units) summed over equal parts of the seconds from `first` on: (rows, columns)."""
    starts, ends = (np.array([unit[side] for unit in units], np.float64) for side in (1, 2))
    return weights.astype(np.float64) @ shares(starts - first, ends - first, columns, seconds)


def over_pixels(
    weights: np.ndarray, units: tuple[Unit, ...], grid: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """The weights (rows, units) summed over a grid of coarse pixels.

    Args:
        weights: of each output unit.
        units: of a picture, with their boxes.
        grid: rows and columns of the result.
        size: height and width of the picture, in the pixels of the boxes.

    Returns (rows, *grid).
    """
    left, top, right, bottom = boxes(units).T
    down, across = shares(top, bottom, grid[0], size[0]), shares(left, right, grid[1], size[1])
    return np.einsum("tc,cy,cx->tyx", weights.astype(np.float64), down, across, optimize=True)


def boxes(units: tuple[Unit, ...]) -> np.ndarray:
    """Float64 (units, 4): left, top, right, bottom. Raises ValueError for a unit without a box."""
    for place, unit in enumerate(units):
        if unit.box is None:
            raise ValueError(
                f"Alignment.source: unit {place} of a picture has box None; expected (left, top, right, bottom) in "
                "pixels of the picture. Give each unit its box."
            )
    return np.array([unit.box for unit in units], np.float64).reshape(-1, 4)
