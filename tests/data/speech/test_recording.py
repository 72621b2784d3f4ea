"""Recordings as sources: files of any kind become frames, frames become seconds, and faults are named."""

import itertools
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from regard.config import parse
from regard.data.embedded.spoken import recording
from regard.data.media import Recording
from regard.data.sources import UnusableSource, batch_of
from regard.data.speech.recording import RecordingSource
from regard.errors import CheckpointError

RATE = 8_000
pytestmark = pytest.mark.filterwarnings("ignore:recordings of")


@pytest.fixture
def source() -> RecordingSource:
    return RecordingSource(RATE, 23, 0.025, 0.010)


def write_wave(path: Path, samples: np.ndarray, rate: int = RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(samples * 32768).astype("<i2").tobytes())
    return path


def test_a_file_gives_the_frames_of_its_samples(source: RecordingSource, tmp_path: Path) -> None:
    one = recording("train", 3)
    path = write_wave(tmp_path / "a.wav", one.samples)
    np.testing.assert_array_equal(source.encode(str(path)), source.encode("spoken:train/3"))
    frames = source.encode(str(path))
    assert frames.shape == (source.framing.count(len(one.samples)), 23)
    np.testing.assert_allclose(frames.mean(0), 0.0, atol=1e-5)
    both = np.stack([one.samples, one.samples], 1)
    stereo = write_wave(tmp_path / "b.wav", both, channels=2)
    np.testing.assert_allclose(source.encode(str(stereo)), frames, atol=1e-4)


def test_another_rate_is_resampled(source: RecordingSource, tmp_path: Path) -> None:
    pytest.importorskip("soxr", reason="soxr is not installed")
    seconds = np.arange(2 * RATE) / (2 * RATE)
    path = write_wave(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds), rate=2 * RATE)
    assert len(source.encode(str(path))) == 100


def test_a_file_that_is_written_anew_is_read_anew(source: RecordingSource, tmp_path: Path) -> None:
    path = write_wave(tmp_path / "a.wav", recording("train", 1).samples)
    before = source.encode(str(path))
    write_wave(path, recording("train", 2).samples)
    np.testing.assert_array_equal(source.encode(str(path)), source.encode("spoken:train/2"))
    assert len(before) == len(source.encode("spoken:train/1"))


def test_more_bands_than_can_be_told_apart_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ValueError, match="mels is 400; at 8000 Hz band 0 holds no frequency"):
        parse({"data": {"source": {"kind": "recording", "rate": RATE, "mels": 400}}}, "test").data.source.learn(list)


def test_spans_are_seconds_and_tile_the_recording(source: RecordingSource) -> None:
    name = "spoken:ordinary/1"
    frames = source.encode(name)
    starts = np.arange(0, len(frames), 4)
    memory = np.stack([starts, np.minimum(starts + 4, len(frames))], 1)
    spans = source.spans(name, frames, memory)
    assert spans[0][0] == 0.0
    assert spans[-1][1] == pytest.approx(len(recording("ordinary", 1).samples) / RATE)
    assert all(one[1] == pytest.approx(two[0]) for one, two in itertools.pairwise(spans))
    drawn = source.draw(name, spans)
    assert drawn.text == name
    assert drawn.units[1] == f"{spans[1][0]:.2f}–{spans[1][1]:.2f} s"
    assert isinstance(drawn.medium, Recording)
    assert drawn.medium.seconds == pytest.approx(spans[-1][1])


def test_frames_do_not_depend_on_the_batch(source: RecordingSource) -> None:
    names = [f"spoken:train/{number}" for number in range(3)]
    together, mask = batch_of(source, [source.encode(name) for name in names])
    for number, name in enumerate(names):
        alone, _ = batch_of(source, [source.encode(name)])
        assert torch.equal(together[number][mask[number]], alone[0])
        assert not together[number][~mask[number]].any()


@pytest.fixture(params=["soundfile", "the standard library"])
def _reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads files."""
    if request.param == "soundfile":
        pytest.importorskip("soundfile", reason="soundfile is not installed")
    else:
        monkeypatch.setitem(sys.modules, "soundfile", None)


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "names no file that is there"),
        ("long", "names no file that is there"),
        (b"", "no recording, or a damaged one"),
        (b"hello", "no recording, or a damaged one"),
        ("short", "of 3 samples, too few for a frame"),
        ("folder", "names no file that is there"),
    ],
)
def test_what_is_no_recording_is_named(
    source: RecordingSource, tmp_path: Path, content: bytes | str | None, message: str
) -> None:
    path = tmp_path / ("a" * 300 if content == "long" else "a.wav")
    if content == "short":
        write_wave(path, np.zeros(3))
    elif content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(UnusableSource, match=message):
        source.encode(str(path))


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize("least", [0, 1])
def test_both_readers_give_the_same_and_a_file_that_is_cut_is_named(
    source: RecordingSource, tmp_path: Path, least: int
) -> None:
    one = recording("train", 3)
    path = write_wave(tmp_path / "a.wav", one.samples)
    np.testing.assert_allclose(source.encode(str(path)), source.encode("spoken:train/3"), atol=1e-5)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(path.read_bytes()[: 20_000 + least])
    with pytest.raises(UnusableSource, match="names a recording that is cut short"):
        source.encode(str(cut))


@pytest.mark.parametrize("name", ["spoken:nowhere/1", "spoken:train/x", "spoken:train/-1", "spoken:"])
def test_a_name_of_the_embedded_corpus_must_be_one(source: RecordingSource, name: str) -> None:
    with pytest.raises(UnusableSource, match="names no recording of the embedded corpus"):
        source.encode(name)


def test_what_a_run_keeps_of_it_comes_back(source: RecordingSource, tmp_path: Path) -> None:
    source.save(tmp_path / "source.json")
    loaded = RecordingSource.load(tmp_path / "source.json")
    assert loaded.digest == source.digest
    np.testing.assert_array_equal(loaded.encode("spoken:dev/2"), source.encode("spoken:dev/2"))
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not say what the recordings of this run are"):
        RecordingSource.load(tmp_path / "source.json")


def test_a_relative_name_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    config = parse({"data": {"source": {"kind": "recording"}}}, "test").data.source
    write_wave(tmp_path / "a.wav", np.zeros(800))
    assert config.locate("a.wav", str(tmp_path / "pairs.tsv")) == str(tmp_path / "a.wav")
    with pytest.raises(UnusableSource, match=r"names no file that is there \(b.wav\)"):
        config.locate("b.wav", str(tmp_path / "pairs.tsv"))
    assert config.limit(200) == 3_000  # frames in 30 seconds


def test_texts_need_no_package_for_sound_or_pictures() -> None:
    code = (
        "import sys, regard.run.fit, regard.translator, regard.cli.translate\n"
        "media = 'soundfile', 'soxr', 'PIL', 'regard.data.speech.recording', 'regard.data.pictures.picture'\n"
        "sys.exit(any(name in sys.modules for name in media))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
