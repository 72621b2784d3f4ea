"""What is made of the features of one recording: differences over time, and variety for training. numpy alone.

Each function reads the true frames of one recording, (frames, features), and gives new ones; nothing here knows of
padding, which comes later, when a batch is put together. What is random is drawn from the generator that is handed in.
"""

import numpy as np
from jaxtyping import Float

from regard.errors import UsageError


def with_deltas(
    features: Float[np.ndarray, "frames features"], order: int = 2, window: int = 2
) -> Float[np.ndarray, "frames more_features"]:
    """The features, and behind them how they change, and how that changes, up to the order.

        Δ_t = Σ_(k = 1 … K) k (x_(t+k) - x_(t-k)) / (2 Σ k²)

    Source: Furui 1986, "Speaker-independent isolated word recognition using dynamic features of speech spectrum". As in
    Kaldi's `add-deltas`, each order is one filter over the features, whose first and last frame go on beyond the ends.

    Args:
        features: of one recording, without padding.
        order: 2 for Δ and ΔΔ, which make three times as many features; 0 for none.
        window: K, frames on either side.

    Raises ValueError for arguments out of range.
    """
    _expect_frames("with_deltas", features)
    if order < 0 or window < 1:
        raise ValueError(
            f"with_deltas: order is {order} and window is {window}; expected order ≥ 0 and window ≥ 1. Try 2 and 2."
        )
    slope = np.arange(-window, window + 1) / (2 * sum(k * k for k in range(1, window + 1)))
    parts, kernel, frames = [features], np.ones(1), np.arange(len(features))
    for _ in range(order):
        kernel = np.convolve(kernel, slope)
        changes = np.zeros_like(features)
        for away, weight in enumerate(kernel.tolist(), -(len(kernel) // 2)):
            changes += weight * features[(frames + away).clip(0, len(features) - 1)]
        parts.append(changes)
    return np.concatenate(parts, 1)


def spec_augment(
    features: Float[np.ndarray, "frames features"],
    generator: np.random.Generator,
    *,
    time_masks: int = 2,
    time_width: int = 40,
    most_of_time: float = 0.2,
    frequency_masks: int = 0,
    frequency_width: int = 0,
) -> Float[np.ndarray, "frames features"]:
    """Some stretches of time and some bands of frequency, hidden: they have the mean of their feature.

        width ~ U{0, …, W},  start ~ U{0, …, size - width}

    Source: Park et al. 2019, "SpecAugment", arXiv:1904.08779, section 2, without time warping, which it found to matter
    least. The mean of the recording is its zero, since it normalises its features before.

    Args:
        features: of one recording, without padding: masks lie within it.
        generator: what widths and starts are drawn from.
        time_masks, time_width: how many, and W in frames.
        most_of_time: p; a time mask is never wider than this share of the recording.
        frequency_masks, frequency_width: how many, and W in features. None for cepstra, whose neighbours are not
            neighbours in frequency.

    Raises ValueError for arguments out of range.
    """
    _expect_frames("spec_augment", features)
    given = {"time_masks": time_masks, "time_width": time_width}
    given |= {"frequency_masks": frequency_masks, "frequency_width": frequency_width}
    for name, number in given.items():
        if number < 0:
            raise ValueError(f"spec_augment: {name} is {number}; expected 0 or more. Give 0 for none.")
    if not 0 <= most_of_time <= 1:
        raise ValueError(f"spec_augment: most_of_time is {most_of_time}; expected a share from 0 to 1. Try 0.2.")
    frames, bands = features.shape
    masked = np.zeros(features.shape, dtype=bool)
    for _ in range(time_masks):
        masked[_stretch(generator, min(time_width, int(most_of_time * frames)), frames)] = True
    for _ in range(frequency_masks):
        masked[:, _stretch(generator, min(frequency_width, bands), bands)] = True
    return np.where(masked, features.mean(0), features)


def change_speed(
    features: Float[np.ndarray, "frames features"], speed: float
) -> Float[np.ndarray, "frames_at_speed features"]:
    """The features of a recording that is said faster or slower: its frames, read at other times.

    The middle of row i is what stood at time (i + ½) · speed, in frames, between the middles of two frames in
    proportion: a time t of the recording becomes t / speed. Where there is the recording, `change_speed_of_samples`
    changes its pitch too.

    Args:
        features: of one recording, without padding.
        speed: 0.9 for slower and longer, 1.1 for faster and shorter.

    Returns round(frames / speed) rows, at least one. Raises ValueError for a speed that is not above zero.
    """
    _expect_frames("change_speed", features)
    _expect_speed("change_speed", speed)
    frames = max(1, round(len(features) / speed))
    middles = ((np.arange(frames) + 0.5) * speed - 0.5).clip(0, len(features) - 1)
    first = middles.astype(int)
    share = (middles - first)[:, None].astype(features.dtype)
    return features[first] * (1 - share) + features[(first + 1).clip(max=len(features) - 1)] * share


def change_speed_of_samples(samples: Float[np.ndarray, " samples"], speed: float) -> Float[np.ndarray, " at_speed"]:
    """A recording that is played faster or slower, which also raises or lowers its pitch.

    Source: Ko, Peddinti, Povey & Khudanpur 2015, "Audio augmentation for speech recognition", with the speeds 0.9, 1.0
    and 1.1. A time t of the recording becomes t / speed. Resampled by soxr.

    Args:
        samples: of one channel.
        speed: as in `change_speed`.

    Raises ValueError for a speed that is not above zero, UsageError where soxr is not installed.
    """
    _expect_speed("change_speed_of_samples", speed)
    try:
        import soxr
    except ImportError as error:
        raise UsageError("Speeds of recordings need soxr. Run: pip install 'regard[speech]'.") from error
    resampled: np.ndarray = soxr.resample(samples, speed, 1.0)
    return resampled


def _stretch(generator: np.random.Generator, most: int, size: int) -> slice:
    """So many places at most, anywhere among all."""
    width = int(generator.integers(most + 1))
    start = int(generator.integers(size - width + 1))
    return slice(start, start + width)


def _expect_frames(place: str, features: np.ndarray) -> None:
    if features.ndim != 2 or not len(features):
        raise ValueError(
            f"{place}: features have shape {features.shape}; expected (frames, features), at least one frame. "
            "Give the true frames of one recording."
        )


def _expect_speed(place: str, speed: float) -> None:
    if not 0 < speed < float("inf"):
        raise ValueError(f"{place}: speed is {speed}; expected more than 0. Try 0.9 or 1.1.")
