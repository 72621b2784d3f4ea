"""The spectrogram that a picture of a recording shows. numpy alone.

It is for the eye, and not what a model reads: those are few bands on the mel scale, this has Hz at its side.
"""

import numpy as np

from regard.data.media import Recording

WINDOW_SECONDS = 0.025
SHIFT_SECONDS = 0.0025
MOST_COLUMNS = 1600  # as many as a wide picture can show
RANGE_DB = 70.0  # what is weaker than the loudest by more is white


def spectrogram(recording: Recording) -> tuple[np.ndarray, float, float]:
    """How loud each frequency is at each time, from 0 (weaker by 70 dB or more) to 1 (the loudest).

        loudness(f, k) = 10 · log₁₀ |DFT(samples around the middle of column k · Hann window)|²(f)

    Returns float64 (frequencies, columns), the lowest frequency first; seconds from column to column (column k stands
    for [k · seconds, (k + 1) · seconds], the last one for what is left); and Hz from frequency to frequency.
    """
    rate, count = recording.rate, len(recording.samples)
    window = max(round(WINDOW_SECONDS * rate), 2)
    shift = max(round(SHIFT_SECONDS * rate), -(-count // MOST_COLUMNS), 1)
    size = 1 << (window - 1).bit_length()
    middles = np.arange(max(-(-count // shift), 1)) * shift + shift // 2
    padded = np.pad(np.nan_to_num(recording.samples.astype(np.float64)), (window, window + shift))
    frames = padded[middles[:, None] + window - window // 2 + np.arange(window)]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), size, axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power, 1e-12 * (power.max() or 1.0)))
    return np.clip((decibels - decibels.max()) / RANGE_DB + 1, 0, 1).T, shift / rate, rate / size
