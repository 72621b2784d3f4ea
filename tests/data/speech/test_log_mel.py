"""Log-mel features are Kaldi's, and frames stand for the seconds that they say."""

import numpy as np
import pytest

from regard.data.speech import Framing, log_mel, normalize
from regard.data.speech.features import triangles

FRAMINGS = [Framing(rate, snip_edges=snip) for rate in (8000, 11025, 16000) for snip in (False, True)]
LENGTHS = (53, 199, 200, 281, 419, 5003)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(samples)


def kaldi(samples: np.ndarray, framing: Framing, mels: int) -> np.ndarray:
    native = pytest.importorskip("kaldi_native_fbank", reason="kaldi-native-fbank, the reference, is not installed")
    options = native.FbankOptions()
    options.frame_opts.samp_freq = framing.rate_hz
    options.frame_opts.snip_edges = framing.snip_edges
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = mels
    fbank = native.OnlineFbank(options)
    fbank.accept_waveform(framing.rate_hz, (samples * 32768).tolist())
    fbank.input_finished()
    rows = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    return np.array(rows, dtype=np.float32).reshape(len(rows), mels)


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
@pytest.mark.parametrize("samples", LENGTHS)
def test_equals_kaldi(framing: Framing, samples: int) -> None:
    expected = kaldi(noise(samples), framing, 23)
    assert framing.count(samples) == len(expected)
    if len(expected):
        np.testing.assert_allclose(log_mel(noise(samples), framing, 23), expected, atol=1e-3)


def test_equals_kaldi_in_silence_and_with_a_constant() -> None:
    for samples in (np.zeros(1000), np.full(1000, 0.25), np.pad(noise(400), (300, 500))):
        np.testing.assert_allclose(log_mel(samples, FRAMINGS[0]), kaldi(samples, FRAMINGS[0], 40), atol=1e-3)


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
@pytest.mark.parametrize("samples", LENGTHS)
def test_cells_tile_the_recording(framing: Framing, samples: int) -> None:
    cells, windows = framing.cells(samples), framing.windows(samples)
    assert len(cells) == len(windows) == framing.count(samples)
    if len(cells):
        assert cells[0, 0] == 0
        assert cells[-1, 1] == samples / framing.rate_hz
        np.testing.assert_array_equal(cells[1:, 0], cells[:-1, 1])
        inner = cells[1:-1]
        assert ((windows[1:-1, 0] <= inner[:, 0]) & (inner[:, 1] <= windows[1:-1, 1])).all()


@pytest.mark.parametrize("framing", FRAMINGS, ids=str)
def test_a_click_changes_the_frames_whose_window_holds_it_and_no_others(framing: Framing) -> None:
    quiet = noise(5003)
    for place in (701, 2503, 4004):  # far enough from the ends that no mirror shows it twice
        clicked = quiet.copy()
        clicked[place] += 0.5
        changed = np.abs(log_mel(clicked, framing) - log_mel(quiet, framing)).max(axis=1) > 1e-6
        windows = framing.windows(len(quiet))
        second = place / framing.rate_hz
        strictly = (windows[:, 0] + 1 / framing.rate_hz < second) & (second < windows[:, 1] - 1 / framing.rate_hz)
        loosely = (windows[:, 0] - 1e-9 <= second) & (second < windows[:, 1] + 1e-9)
        assert changed[strictly].all()
        assert not changed[~loosely].any()


def test_louder_is_a_constant_and_normalisation_takes_it_away() -> None:
    features, louder = log_mel(noise(5003), FRAMINGS[0]), log_mel(3 * noise(5003), FRAMINGS[0])
    np.testing.assert_allclose(louder - features, 2 * np.log(3), atol=1e-4)
    np.testing.assert_allclose(normalize(louder), normalize(features), atol=1e-4)


def test_normalised_columns_have_mean_zero_and_variance_one() -> None:
    features = log_mel(noise(5003), FRAMINGS[0])
    features[:, 7] = -15.9  # a band that holds nothing
    normal = normalize(features)
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(normal.std(axis=0), np.arange(40) != 7, atol=1e-5)
    assert normalize(features[:0]).shape == (0, 40)
    assert (normalize(features[:1]) == 0).all()


def test_bands_overlap_so_that_inner_weights_sum_to_one() -> None:
    """Each straight line on the mel scale that falls is met by the one that rises."""
    bands = triangles(8000, 256, 40)
    first, last = bands[:, 0].argmax(), bands[:, -1].argmax()
    np.testing.assert_allclose(bands[first + 1 : last].sum(axis=1), 1)


def test_refuses_what_is_no_recording() -> None:
    with pytest.raises(ValueError, match=r"samples have shape \(2, 100\); expected \(samples,\), one channel"):
        log_mel(np.zeros((2, 100)), FRAMINGS[0])
    with pytest.raises(TypeError, match=r"dtype int16; expected a floating point one.*32768"):
        log_mel(np.zeros(100, dtype=np.int16), FRAMINGS[0])
    with pytest.raises(ValueError, match="samples are not finite"):
        log_mel(np.array([0.0, np.nan] * 100), FRAMINGS[0])
    with pytest.raises(ValueError, match="samples are 39; expected 40 or more"):
        log_mel(np.zeros(39), Framing(8000))
    with pytest.raises(ValueError, match="samples are 199; expected 200 or more"):
        log_mel(np.zeros(199), Framing(8000, snip_edges=True))
    assert log_mel(np.zeros(40), Framing(8000)).shape == (1, 40)
    assert log_mel(np.zeros(200), Framing(8000, snip_edges=True)).shape == (1, 40)


def test_refuses_windows_and_bands_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"shift_seconds is 0\.0001 at 8000 Hz; expected one sample or more"):
        Framing(8000, shift_seconds=0.0001)
    with pytest.raises(ValueError, match=r"mels is 120; at 8000 Hz band .* holds no frequency"):
        log_mel(noise(1000), FRAMINGS[0], mels=120)
