"""The source that is a recording: log-mel frames of a sound file."""

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from regard.data.media import Recording
from regard.data.media_files import Named, named, state_of
from regard.data.sources import Drawing, Span, UnusableSource, joined, load_facts, padded, save_facts
from regard.data.speech.features import fft_size, log_mel, normalize, triangles
from regard.data.speech.framing import Framing
from regard.data.speech.sound import part_of, read
from regard.errors import RegardError

if TYPE_CHECKING:
    from torch import nn

FORMAT = "regard recording"
KEPT_FRAMES, KEPT_SAMPLES = 64, 8
"""Of so many recordings, so that what is checked first and read then is seldom computed twice."""
SPLIT = "spoken:"
"""What the names of the embedded corpus begin with: spoken:train/17."""


class RecordingSource:
    """Recordings, each named by its file, a part of one by a record, or by its number in the embedded corpus.

    Args:
        rate: samples per second that frames are computed at; a file with another rate is resampled.
        mels: features of a frame.
        window_seconds, shift_seconds: of a frame, and from one to the next.

    Raises ValueError for sizes that make no frames.
    """

    kind = "recording"
    has_end = False
    tokenizer = None
    dtype = np.dtype(np.float32)

    def __init__(self, rate: int, mels: int, window_seconds: float, shift_seconds: float) -> None:
        self.framing = Framing(rate, window_seconds, shift_seconds)
        triangles(rate, fft_size(self.framing.window), mels)  # raises ValueError for more bands than it can tell apart
        self.facts = {"rate": rate, "mels": mels, "window_seconds": window_seconds, "shift_seconds": shift_seconds}
        self.mels = mels
        # The state of the file is part of the key, so that one that is written anew is read anew.
        self._kept_samples = lru_cache(KEPT_SAMPLES)(lambda name, state: samples_of(name, rate))
        self._kept_frames = lru_cache(KEPT_FRAMES)(lambda name, state: self._computed(name))

    @property
    def shape(self) -> tuple[int, ...]:
        """Features of a frame."""
        return (self.mels,)

    @property
    def digest(self) -> str:
        """All that frames depend on."""
        return json.dumps([FORMAT, self.facts])

    def encode(self, source: str) -> Float[np.ndarray, "frames mels"]:
        """Its frames, with mean 0 and variance 1 in each feature. Raises UnusableSource for what is no recording."""
        return self._kept_frames(source, state_of(source))

    def _samples(self, source: str) -> np.ndarray:
        return self._kept_samples(source, state_of(source))

    def _computed(self, source: str) -> np.ndarray:
        samples = self._samples(source)
        if not self.framing.count(len(samples)):
            raise UnusableSource(f"names a recording of {len(samples)} samples, too few for a frame ({source[-200:]})")
        if not np.isfinite(samples).all():
            raise UnusableSource(f"names a recording with samples that are no numbers ({source[-200:]})")
        return normalize(log_mel(samples, self.framing, self.mels))

    def collate(self, values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frames, padded."""
        return padded(values, lengths)

    def embed(self, size: int) -> "nn.Module":
        """Frames are features already, and stay as they are."""
        from regard.data.speech.frames import Frames

        return Frames(self.mels)

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """In seconds of the file; they tile the recording, or the part of it that is meant."""
        cells = self.framing.cells(len(self._samples(source))) + (named(source).offset or 0.0)
        return joined([(float(start), float(end)) for start, end in cells], memory)

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The name of the file, and the seconds of each span."""
        units = tuple([f"{start:.2f}–{end:.2f} s" for start, end in spans])
        found, samples = named(source), self._samples(source)
        medium = Recording(samples, self.framing.rate_hz, found.offset or 0.0)
        return Drawing(shown(found, medium), units, medium)

    def save(self, path: Path) -> None:
        """Write what frames depend on."""
        save_facts(path, FORMAT, self.facts)

    @classmethod
    def load(cls, path: Path) -> "RecordingSource":
        """Read what `save` wrote. Raises CheckpointError for anything else."""
        return load_facts(path, FORMAT, cls, "recordings")


def shown(source: Named, recording: Recording) -> str:
    """How a recording is called in a view."""
    name = source.path if source.path.startswith(SPLIT) else Path(source.path).name
    if source.offset is None:
        return name
    return f"{name}, {recording.start:.2f}–{recording.start + recording.seconds:.2f} s"


def samples_of(source: str, rate: int) -> Float[np.ndarray, " samples"]:
    """One channel of samples from -1 to 1, at this rate. Several channels are mixed down; both are said, each once.

    Raises UnusableSource for what is no recording, RegardError where a package is missing to read it.
    """
    found = named(source)
    samples, own = _embedded(found) if found.path.startswith(SPLIT) else read(found)
    if samples.ndim > 1 and samples.shape[1] > 1:
        warnings.warn(f"recordings of {samples.shape[1]} channels are mixed down to one", stacklevel=1)
    if samples.ndim > 1:
        samples = samples.mean(1)
    if own == rate:
        return samples.astype(np.float32)
    try:
        import soxr
    except ImportError as error:
        raise RegardError(
            f"{found.path} has {own} samples per second, and data.source.rate is {rate}. To resample, install "
            "regard[speech]; or set data.source.rate."
        ) from error
    warnings.warn(f"recordings of {own} samples per second are resampled to {rate}, data.source.rate", stacklevel=1)
    resampled: np.ndarray = soxr.resample(samples, own, rate)
    return resampled.astype(np.float32)


def _embedded(source: Named) -> tuple[np.ndarray, int]:
    from regard.data.embedded.spoken import recording
    from regard.data.embedded.spoken.synthesis import RATE_HZ

    split, _, number = source.path.removeprefix(SPLIT).partition("/")
    try:
        samples = recording(split, int(number)).samples
    except ValueError as error:
        raise UnusableSource(f"names no recording of the embedded corpus ({source.path[:60]})") from error
    first, last = part_of(source, len(samples), RATE_HZ)
    return samples[first:last], RATE_HZ
