"""Recordings of number words, with the first and the last sample of every word.

A recording is a function of (split, seed, number) alone: any one can be made without the others, in a few milliseconds,
and is the same on every machine. Words, pauses, voice, loudness and noise are drawn for each; a voice never says a word
twice in the same way. So training and test share words, but no recording.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regard.data.embedded.draws import expect_split, stream
from regard.data.embedded.spoken.sounds import WORDS
from regard.data.embedded.spoken.synthesis import HOP, RATE_HZ, speak
from regard.data.embedded.spoken.voices import UNHEARD, VOICES, Voice

SEEDS = {"train": 20, "dev": 20, "ordinary": 20, "hard": 2031}
"""Seeds of the splits of the demo. The noise and the pauses of `hard` were chosen on recordings of another seed, so no
choice was made on these."""
SIZES = {"train": 2_000, "dev": 200, "ordinary": 500, "hard": 500}
LENGTHS = (2, 6)  # words
PAUSE_SECONDS = 1.0  # the longest one
SNR_DB = {"train": (15.0, 40.0), "dev": (15.0, 40.0), "ordinary": (15.0, 40.0), "hard": (5.0, 15.0)}


@dataclass(frozen=True)
class Recording:
    """What was recorded, what is said in it, and where.

    Args:
        samples: float32 (samples,), mono, `RATE_HZ` per second, within (−1, 1), on the grid of a 16-bit file.
        words: what is said, in order.
        spans: first sample of each word, and the one after its last. Outside them is nothing but the noise.
        voice: who says it.
        snr_db: 10 · log₁₀(mean power of the speech inside the spans / power of the noise).
    """

    samples: np.ndarray
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    voice: str
    snr_db: float

    @property
    def text(self) -> str:
        """The words with spaces between."""
        return " ".join(self.words)

    @property
    def seconds(self) -> tuple[tuple[float, float], ...]:
        """The spans in seconds."""
        return tuple((start / RATE_HZ, end / RATE_HZ) for start, end in self.spans)


def recording(split: str, number: int, seed: int | None = None) -> Recording:
    """Recording `number` of a split: 2 to 6 words, pauses of 0 to 1 s between them and at both ends.

    `train`, `dev` and `ordinary` are drawn alike, from six voices and with noise that is 15 to 40 dB below the speech.
    `hard` has noise at 5 to 15 dB, and every second recording is of a seventh voice. A demo uses the first `SIZES`,
    with the seeds of `SEEDS`, which stand where none is given.
    Raises ValueError for an unknown split or a number or seed below 0.
    """
    expect_split("recording", split, tuple(SIZES))
    rng = stream("recording", split, tuple(SIZES), SEEDS[split] if seed is None else seed, number)
    words = [list(WORDS)[i] for i in rng.randint(len(WORDS), size=rng.randint(LENGTHS[0], LENGTHS[1] + 1))]
    voice = UNHEARD if split == "hard" and number % 2 else VOICES[rng.randint(len(VOICES))]
    speech, spans = _join(words, voice, rng)
    snr_db = rng.uniform(*SNR_DB[split])
    power = np.sum(speech**2) / sum(end - start for start, end in spans)
    noisy = speech + rng.standard_normal(len(speech)) * np.sqrt(power / 10 ** (snr_db / 10))
    loudest = rng.uniform(0.3, 0.9)
    integers = np.rint(noisy * (loudest * 32768 / np.abs(noisy).max()))
    return Recording((integers / 32768).astype(np.float32), tuple(words), tuple(spans), voice.name, snr_db)


def recordings(split: str, seed: int | None = None) -> Iterator[Recording]:
    """The recordings of a split that a demo uses, one after the other. Raises ValueError for an unknown split."""
    expect_split("recordings", split, tuple(SIZES))
    return (recording(split, number, seed) for number in range(SIZES[split]))


def _join(words: list[str], voice: Voice, rng: np.random.RandomState) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The words with silence between them and at both ends, and where each stands."""
    pieces: list[np.ndarray] = [_pause(rng)]
    spans = []
    for word in words:
        start = sum(map(len, pieces))
        pieces += [speak(word, voice, rng) * rng.uniform(0.7, 1.0), _pause(rng)]
        spans.append((start, start + len(pieces[-2])))
    return np.concatenate(pieces), spans


def _pause(rng: np.random.RandomState) -> np.ndarray:
    return np.zeros(int(rng.uniform(0, PAUSE_SECONDS) * RATE_HZ / HOP) * HOP)
