"""What is made of the features of a recording: within its frames, and at the right times."""

import numpy as np
import pytest

from regard.data.speech.augment import change_speed, change_speed_of_samples, spec_augment, with_deltas

FRAMES, BANDS = 31, 7
SPEEDS = [0.5, 0.9, 1.0, 1.1, 2.0, 100.0]


def recording(frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, BANDS)).astype(np.float32)


def slope(features: np.ndarray, repeat: int) -> np.ndarray:
    """Δ by its formula, of features whose ends go on: (x(t+1) - x(t-1) + 2 x(t+2) - 2 x(t-2)) / 10."""
    long = np.concatenate([features[:1].repeat(repeat, 0), features, features[-1:].repeat(repeat, 0)])
    return (long[3:-1] - long[1:-3] + 2 * (long[4:] - long[:-4])) / 10


@pytest.mark.parametrize("frames", [1, 2, 5, FRAMES])
def test_deltas_are_slopes_and_slopes_of_slopes(frames: int) -> None:
    features = recording(frames)
    found = with_deltas(features)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, :BANDS], features)
    np.testing.assert_allclose(found[:, BANDS : 2 * BANDS], slope(features, 2), atol=1e-6)
    long = np.concatenate([features[:1].repeat(2, 0), features, features[-1:].repeat(2, 0)])
    wide = slope(long, 2)  # at the ends the repeated frames have slopes of their own
    np.testing.assert_allclose(
        found[:, 2 * BANDS :], (wide[3:-1] - wide[1:-3] + 2 * (wide[4:] - wide[:-4])) / 10, atol=1e-6
    )


def test_deltas_of_a_line_by_hand() -> None:
    """x = 3t rises by 3 a frame, and that does not change; the ends, which stand still, are flatter."""
    features = 3 * np.arange(11, dtype=np.float64)[:, None]
    found = with_deltas(features)
    np.testing.assert_allclose(found[2:-2, 1], 3)
    np.testing.assert_allclose(found[4:-4, 2], 0, atol=1e-12)
    assert found[0, 1] == pytest.approx((3 + 2 * 6) / 10)
    assert with_deltas(features, order=0).shape == (11, 1)


def test_masks_lie_within_the_recording_and_hide_whole_frames_and_bands() -> None:
    """Each masked value is the mean of its feature; there are never more or wider masks than asked for."""
    generator, widths = np.random.default_rng(0), set()
    for frames in [1, 2, 9, 50] * 25:
        features = recording(frames, seed=frames)
        found = spec_augment(
            features, generator, time_masks=1, time_width=6, most_of_time=0.4, frequency_masks=1, frequency_width=3
        )
        changed = found != features
        rows, columns = changed.all(1) & (frames > 1), changed.all(0) & (frames > 1)
        assert (changed == rows[:, None] | columns).all()
        for line, most in ((rows, min(6, int(0.4 * frames))), (columns, 3)):
            places = line.nonzero()[0]
            assert len(places) <= most
            assert len(places) in (0, np.ptp(places) + 1 if len(places) else 0)  # side by side
        np.testing.assert_allclose(found[changed], np.broadcast_to(features.mean(0), found.shape)[changed])
        widths.add((frames, int(rows.sum())))
    assert {width for frames, width in widths if frames == 50} == set(range(7))


def test_masks_begin_anywhere() -> None:
    """First and last frame are both reached, and neither is reached always."""
    hidden = np.zeros(FRAMES)
    generator, features = np.random.default_rng(1), recording()
    for _ in range(400):
        hidden += (spec_augment(features, generator, time_masks=1, time_width=5) != features).all(1)
    assert hidden.min() > 0
    assert hidden.max() < 200


def test_the_same_generator_hides_the_same_and_the_recording_stays() -> None:
    features = recording()
    before = features.copy()
    one, two, three = (spec_augment(features, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()
    np.testing.assert_array_equal(features, before)
    np.testing.assert_array_equal(spec_augment(features, np.random.default_rng(3), time_masks=0), features)


@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_moves_times_by_its_inverse(speed: float) -> None:
    """A line over time stays a line: the middle of row i is time (i + ½) · speed, but for what is beyond the ends."""
    middles = np.arange(FRAMES) + 0.5
    found = change_speed(middles[:, None], speed)[:, 0]
    assert len(found) == max(1, round(FRAMES / speed))
    expected = (np.arange(len(found)) + 0.5) * speed
    np.testing.assert_allclose(found, expected.clip(0.5, FRAMES - 0.5))


def test_speed_one_changes_nothing() -> None:
    np.testing.assert_array_equal(change_speed(recording(), 1.0), recording())
    assert change_speed(recording(), 0.9).dtype == np.float32


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_of_samples_moves_times_and_pitch(speed: float) -> None:
    """A tone of 20 periods has 20 still, in other time; a click moves from t to t / speed."""
    pytest.importorskip("soxr")
    samples = np.sin(2 * np.pi * 20 * np.arange(8000) / 8000).astype(np.float32)
    found = change_speed_of_samples(samples, speed)
    assert len(found) == pytest.approx(8000 / speed, abs=2)
    assert abs(np.fft.rfft(found)).argmax() == 20
    click = np.zeros(8000, dtype=np.float32)
    click[3000] = 1
    assert abs(change_speed_of_samples(click, speed)).argmax() == pytest.approx(3000 / speed, abs=2)


def test_wrong_arguments_of_augmentation_are_refused() -> None:
    features, generator = recording(), np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"features have shape \(0, 7\); expected \(frames, features\), at least one"):
        with_deltas(features[:0])
    with pytest.raises(ValueError, match="order is -1 and window is 2; expected order ≥ 0 and window ≥ 1"):
        with_deltas(features, order=-1)
    with pytest.raises(ValueError, match="time_width is -1; expected 0 or more"):
        spec_augment(features, generator, time_width=-1)
    with pytest.raises(ValueError, match=r"most_of_time is 1\.5; expected a share from 0 to 1"):
        spec_augment(features, generator, most_of_time=1.5)
    for changed, given in ((change_speed, features), (change_speed_of_samples, features[:, 0])):
        with pytest.raises(ValueError, match=r"speed is 0\.0; expected more than 0"):
            changed(given, 0.0)
