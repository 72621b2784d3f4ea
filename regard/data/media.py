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
        pixels: uint8 (height, width, 3): row from the top, column from the left; red, green, blue.
    """

    pixels: np.ndarray


Medium = Recording | Picture
