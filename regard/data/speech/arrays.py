"""The source that is features: frames that another program computed, in .npy, .npz, and Kaldi's ark files."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from regard.data.archives import array_of, entry
from regard.data.media_files import named, state_of
from regard.data.sources import Drawing, Span, UnusableSource, joined, load_facts, padded, save_facts
from regard.data.speech.augment import with_deltas
from regard.data.speech.features import normalize
from regard.data.speech.sound import expect_duration

if TYPE_CHECKING:
    from torch import nn

FORMAT = "regard features"
KEPT_FRAMES = 64


class FeaturesSource:
    """Frames, each sequence (frames, features) named as `archives` reads it.

    Args:
        size: features of a frame, as the files have them.
        shift_seconds: from one frame to the next, for spans.
        deltas: how many orders of differences over time are put behind them, see `with_deltas`.
        normalized: whether each feature is given mean 0 and variance 1 over the sequence.
    """

    kind = "features"
    has_end = False
    tokenizer = None
    dtype = np.dtype(np.float32)

    def __init__(self, size: int, shift_seconds: float, deltas: int, normalized: bool) -> None:
        self.facts = {"size": size, "shift_seconds": shift_seconds, "deltas": deltas, "normalized": normalized}
        self.size, self.shift_seconds, self.deltas, self.normalized = size, shift_seconds, deltas, normalized
        self._kept = lru_cache(KEPT_FRAMES)(lambda name, state: self._computed(name))

    @property
    def shape(self) -> tuple[int, ...]:
        """Features of a frame, with their differences."""
        return (self.size * (1 + self.deltas),)

    @property
    def digest(self) -> str:
        """All that frames depend on."""
        return json.dumps([FORMAT, self.facts])

    def encode(self, source: str) -> Float[np.ndarray, "frames features"]:
        """Its frames. Raises UnusableSource for what has none, another number of features, NaN or infinity."""
        return self._kept(source, state_of(source))

    def _computed(self, source: str) -> np.ndarray:
        frames = frames_of(source)
        if frames.shape[1] != self.size:
            raise UnusableSource(f"names frames of {frames.shape[1]} features, not {self.size} ({source[-200:]})")
        expect_duration(named(source), len(frames) * self.shift_seconds)
        frames = with_deltas(frames, self.deltas)
        return normalize(frames) if self.normalized else frames

    def collate(self, values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frames, padded."""
        return padded(values, lengths)

    def embed(self, size: int) -> "nn.Module":
        """Frames are features already, and stay as they are."""
        from regard.data.speech.frames import Frames

        return Frames(*self.shape)

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """In seconds: frame i stands for [i · shift, (i + 1) · shift)."""
        edges = [round(place * self.shift_seconds, 9) for place in range(len(values) + 1)]
        return joined(list(pairwise(edges)), memory)

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The name of the sequence, and the seconds of each span."""
        return Drawing(Path(named(source).path).name, tuple([f"{start:.2f}–{end:.2f} s" for start, end in spans]))

    def save(self, path: Path) -> None:
        """Write what frames depend on."""
        save_facts(path, FORMAT, self.facts)

    @classmethod
    def load(cls, path: Path) -> "FeaturesSource":
        """Read what `save` wrote. Raises CheckpointError for anything else."""
        return load_facts(path, FORMAT, cls, "features")


def size_of(sources: Iterable[str]) -> int:
    """Features of a frame of the first sequence that can be read. Raises ValueError where none can."""
    first = None
    for source in sources:
        try:
            return int(frames_of(source).shape[1])
        except UnusableSource as error:
            first = first or error
    raise ValueError(f"no features can be read; of the first pair the line {first}" if first else "there are no pairs")


def frames_of(source: str) -> Float[np.ndarray, "frames features"]:
    """What a file holds, float32 (frames, features), finite. Raises what `array_of` raises."""
    return array_of(source, "frames and their features", [("frame", "feature")])


def find(said: str, folder: Path, archives: Sequence[Path]) -> str:
    """The source that a file of pairs means: a file in the folder, or an id in one of the archives.

    Raises UnusableSource where there is neither.
    """
    whole = str(folder / said)
    if state_of(whole) is not None:
        return whole
    if (found := entry(said, archives)) is not None:
        return found
    tried = ", ".join(str(archive) for archive in archives)
    raise UnusableSource(f"names no features that are there ({said[-200:]}; also no id of {tried})")
