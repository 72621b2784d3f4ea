"""What a view draws and plays of a source that is not text: a recording or a picture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recording:
    """Sound.

    Args:
        samples: float32 (samples,), one channel, from -1 to 1.
        rate: samples per second.
        start: the second of the file that it begins with, where it is a part of one: units are in seconds of the file.
    """

    samples: np.ndarray
    rate: int
    start: float = 0.0

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Picture:
    """A picture.

    Args:
        pixels: uint8 (rows, columns, 3): row from the top, column from the left; red, green, blue.
        size: height and width in the pixels that boxes are given in, where `pixels` are a smaller copy of a picture;
            None where they are the picture itself.
    """

    pixels: np.ndarray
    size: tuple[int, int] | None = None

    @property
    def height(self) -> int:
        """In the pixels of boxes."""
        return self.size[0] if self.size else int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """In the pixels of boxes."""
        return self.size[1] if self.size else int(self.pixels.shape[1])


Medium = Recording | Picture
