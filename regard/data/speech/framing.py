"""Framing: how a recording is cut into overlapping windows, and which seconds each of them stands for."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Framing:
    """Windows of one length at one distance, as Kaldi cuts them.

        snip_edges=False   frame i is centred on (i + ½) · shift;  count = ⌊(samples + shift / 2) / shift⌋
        snip_edges=True    frame i begins at i · shift;            count = 1 + ⌊(samples − window) / shift⌋, or 0

    Without `snip_edges` the recording is mirrored at both ends, no sample is lost, and the cells [i · shift,
    (i + 1) · shift) tile it. Source: Kaldi, feat/feature-window.cc.

    Args:
        rate_hz: samples per second.
        window_seconds: length of a window; rounded down to whole samples.
        shift_seconds: distance from window to window; rounded down to whole samples.
        snip_edges: whether only windows that lie inside the recording count.

    Raises ValueError where a window or a shift holds no sample.
    """

    rate_hz: int
    window_seconds: float = 0.025
    shift_seconds: float = 0.010
    snip_edges: bool = False

    def __post_init__(self) -> None:
        for name, samples in (("window_seconds", self.window), ("shift_seconds", self.shift)):
            if samples < 1:
                raise ValueError(
                    f"Framing: {name} is {getattr(self, name)} at {self.rate_hz} Hz; expected one sample or more. "
                    "Give a longer time or a higher rate."
                )

    @property
    def window(self) -> int:
        """Samples of a window."""
        return int(self.rate_hz * self.window_seconds + 1e-6)  # 0.01 · 8000 must not become 79

    @property
    def shift(self) -> int:
        """Samples from window to window."""
        return int(self.rate_hz * self.shift_seconds + 1e-6)

    def count(self, samples: int) -> int:
        """Number of frames of a recording of so many samples."""
        if self.snip_edges:
            return 1 + (samples - self.window) // self.shift if samples >= self.window else 0
        return (samples + self.shift // 2) // self.shift

    def first_sample(self, frame: int) -> int:
        """Where the window of a frame begins; negative where it reaches over the start."""
        if self.snip_edges:
            return frame * self.shift
        return frame * self.shift + self.shift // 2 - self.window // 2

    def cells(self, samples: int) -> np.ndarray:
        """Float64 (frames, 2): start and end in seconds of what each frame stands for. They tile the recording.

        A cell is one shift long, around the middle of its window; the first and the last reach to the ends.
        """
        frames = self.count(samples)
        if not frames:
            return np.zeros((0, 2))
        offset = (self.window - self.shift) / 2 if self.snip_edges else 0.0
        edges = offset + self.shift * np.arange(frames + 1, dtype=np.float64)
        edges[0], edges[-1] = 0.0, samples
        return np.stack([edges[:-1], edges[1:]], axis=1) / self.rate_hz

    def windows(self, samples: int) -> np.ndarray:
        """Float64 (frames, 2): start and end in seconds of what each frame was computed from, within the recording."""
        first = self.first_sample(0) + self.shift * np.arange(self.count(samples), dtype=np.float64)
        return np.clip(np.stack([first, first + self.window], axis=1), 0, samples) / self.rate_hz
