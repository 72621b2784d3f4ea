"""Shapes as masks: which pixels of a picture a shape of some radius covers. Integers alone, so the same everywhere."""

from collections.abc import Callable

import numpy as np

# Each takes right and down, the distances in pixels from the centre, and the radius; it says which pixels are covered.
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "circle": lambda right, down, radius: right**2 + down**2 <= radius * (radius + 1),
    "square": lambda right, down, radius: np.maximum(abs(right), abs(down)) <= radius,
    "triangle": lambda right, down, radius: (2 * abs(right) <= radius + down) & (abs(down) <= radius),
    "cross": lambda right, down, radius: (
        (np.minimum(abs(right), abs(down)) <= radius // 3) & (np.maximum(abs(right), abs(down)) <= radius)
    ),
}


def covered(shape: str, centre: tuple[int, int], radius: int, pixels: int) -> np.ndarray:
    """Bool (pixels, pixels), row by row from the top: what a shape around `centre` (x, y) covers."""
    down, right = np.ogrid[:pixels, :pixels]
    return SHAPES[shape](right - centre[0], down - centre[1], radius)
