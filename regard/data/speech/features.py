"""Log-mel features of a recording, with numpy alone."""

from functools import lru_cache

import numpy as np

from regard.data.speech.framing import Framing

FULL_SCALE = 32768.0  # Kaldi reads the integers of a 16-bit file
FLOOR = float(np.finfo(np.float32).eps)
PREEMPHASIS = 0.97
LOWEST_HZ = 20.0


def log_mel(samples: np.ndarray, framing: Framing, mels: int = 40) -> np.ndarray:
    """Log energies of a recording in triangular mel bands, as Kaldi computes them without dither.

        frame ← frame − mean(frame);   frame[n] ← frame[n] − 0.97 · frame[n − 1];   frame[n] ← frame[n] · povey[n]
        energy(m) = Σ_f triangle(m, f) · |DFT(frame)|²(f);   feature(m) = log max(energy(m), 2⁻²³)

    Source: Kaldi, feat/feature-fbank.cc and feat/mel-computations.cc, with dither = 0, use_energy = false,
    low_freq = 20, high_freq = rate / 2. `kaldi_native_fbank` gives the same to about 1e-3 for samples times 32768.

    Args:
        samples: (samples,) floating point in [−1, 1], one channel.
        framing: the windows. Row i stands for `framing.cells(len(samples))[i]`.
        mels: number of bands, from 20 Hz to half the sample rate, equally wide on the mel scale.

    Returns float32 (frames, mels). Raises ValueError for another shape or no frame, TypeError for integers.
    """
    _check(samples, framing)
    frames = _frames(np.asarray(samples, dtype=np.float64) * FULL_SCALE, framing)
    frames -= frames.mean(axis=1, keepdims=True)
    frames[:, 1:] -= PREEMPHASIS * frames[:, :-1]
    frames[:, 0] *= 1.0 - PREEMPHASIS
    frames *= povey(framing.window)
    size = fft_size(framing.window)
    spectrum = np.fft.rfft(frames, size, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    energies = power @ triangles(framing.rate_hz, size, mels)
    return np.log(np.maximum(energies, FLOOR)).astype(np.float32)


def normalize(features: np.ndarray, floor: float = 1e-3) -> np.ndarray:
    """Features with mean 0 and variance 1 in each column: (x − mean) / max(deviation, floor), over the rows given.

    Give the true frames of one recording, (frames, features), without padding: so its values do not depend on what
    stands beside it in a batch. A column that does not vary becomes 0. No rows give no rows.
    """
    if not len(features):
        return features
    centred = features - features.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt((centred**2).mean(axis=0))
    return (centred / np.maximum(deviation, floor)).astype(np.float32)


def fft_size(window: int) -> int:
    """Points of the DFT of a window: the next power of two."""
    return 1 << (window - 1).bit_length()


def povey(window: int) -> np.ndarray:
    """The window of Kaldi's author: (½ − ½ cos(2πn / (N − 1)))^0.85, which unlike Hamming's ends at 0."""
    return np.hanning(window) ** 0.85


def mel(hertz: np.ndarray) -> np.ndarray:
    """Mel scale: 1127 · ln(1 + hertz / 700)."""
    return 1127.0 * np.log1p(hertz / 700.0)


@lru_cache(maxsize=8)
def triangles(rate_hz: int, size: int, mels: int) -> np.ndarray:
    """Float64 (size / 2 + 1, mels): the weight of each frequency of the DFT in each band.

    A band rises from the centre of the one before it to its own, and falls to the centre of the next, in straight lines
    on the mel scale. Raises ValueError where a band is so narrow that no frequency falls into it.
    """
    lowest, highest = mel(np.array([LOWEST_HZ, rate_hz / 2]))
    edges = np.linspace(lowest, highest, mels + 2)
    place = mel(np.arange(size // 2 + 1) * rate_hz / size)[:, None]
    rising = (place - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - place) / (edges[2:] - edges[1:-1])
    weights = np.maximum(np.minimum(rising, falling), 0.0)
    empty = np.flatnonzero(weights.sum(axis=0) == 0)
    if empty.size:
        raise ValueError(
            f"triangles: mels is {mels}; at {rate_hz} Hz band {empty[0]} holds no frequency of a DFT of {size}. "
            "Give fewer bands or a longer window."
        )
    weights.flags.writeable = False
    return weights


def _frames(samples: np.ndarray, framing: Framing) -> np.ndarray:
    """(frames, window), a copy; the recording is mirrored where a window reaches over its ends."""
    count = framing.count(len(samples))
    first = framing.first_sample(0)
    last = first + (count - 1) * framing.shift + framing.window
    places = np.arange(first, last) % (2 * len(samples))
    places = np.where(places < len(samples), places, 2 * len(samples) - 1 - places)
    windows = np.lib.stride_tricks.sliding_window_view(samples[places], framing.window)
    return windows[:: framing.shift].copy()


def _check(samples: np.ndarray, framing: Framing) -> None:
    if np.ndim(samples) != 1:
        raise ValueError(
            f"log_mel: samples have shape {np.shape(samples)}; expected (samples,), one channel. "
            "Take the mean over the channels."
        )
    if not np.issubdtype(np.asarray(samples).dtype, np.floating):
        raise TypeError(
            f"log_mel: samples have dtype {np.asarray(samples).dtype}; expected a floating point one, in [-1, 1]. "
            "Divide 16-bit integers by 32768."
        )
    if not np.isfinite(samples).all():
        raise ValueError(
            "log_mel: samples are not finite; expected numbers in [-1, 1]. Look at what wrote the recording."
        )
    if not framing.count(len(samples)):
        least = framing.window if framing.snip_edges else framing.shift - framing.shift // 2
        raise ValueError(
            f"log_mel: samples are {len(samples)}; expected {least} or more, one frame. Leave the recording out."
        )
