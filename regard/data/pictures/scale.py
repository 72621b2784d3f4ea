"""Scale a picture: each new pixel is the mean of the area that it covers."""

import numpy as np
from jaxtyping import Float, UInt8


def fitted(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width in the same aspect ratio, the longer of the two `size`, and none below 1."""
    longer = max(height, width)
    return max(1, round(height * size / longer)), max(1, round(width * size / longer))


def scaled(pixels: UInt8[np.ndarray, "height width colours"], height: int, width: int) -> UInt8[np.ndarray, "..."]:
    """The picture in so many rows and columns, (height, width, colours).

    A new pixel covers a rectangle of old ones, those at its edge in part; it is their mean, weighted by what it covers.
    """
    down, across = _parts(len(pixels), height), _parts(pixels.shape[1], width)
    found = np.einsum("yh,hwc,xw->yxc", down, pixels.astype(np.float32), across, optimize=True)
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def _parts(old: int, new: int) -> Float[np.ndarray, "new old"]:
    """Which part of each new pixel each old one is."""
    edges = np.arange(new + 1) * (old / new)
    places = np.arange(old)
    shared = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    parts: np.ndarray = np.maximum(shared, 0.0) * (new / old)
    return parts.astype(np.float32)
