"""Sound files: parts of them, what manifests say of them, what is refused or said once; with soundfile and without."""

import json
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from regard.config import parse
from regard.data.media import Recording
from regard.data.media_files import Named
from regard.data.shards import encode
from regard.data.sources import UnusableSource
from regard.data.speech import sound
from regard.data.speech.recording import RecordingSource, samples_of
from regard.data.speech.sound import read
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError
from regard.run.pairs import pair_files

RATE = 8_000
NOISE = np.rint(np.random.default_rng(5).normal(size=5 * RATE) * 3_000).astype("<i2")  # five seconds


@pytest.fixture(params=["soundfile", "the standard library"])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether soundfile is missing."""
    if request.param == "soundfile":
        pytest.importorskip("soundfile", reason="soundfile is not installed")
        return False
    monkeypatch.setitem(sys.modules, "soundfile", None)
    return True


@pytest.fixture
def path(tmp_path: Path) -> str:
    return written(tmp_path / "a.wav", NOISE)


def written(path: Path, samples: np.ndarray, channels: int = 1, rate: int = RATE) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return str(path)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    ("offset", "duration", "first", "last"),
    [(0.0, 1.0, 0, 8_000), (1.25, 2.5, 10_000, 30_000), (4.0, None, 32_000, 40_000), (4.0, 1.04, 32_000, 40_000)],
)
def test_a_part_is_read_from_its_place(path: str, offset: float, duration: float | None, first: int, last: int) -> None:
    samples, rate = read(Named(path, offset, duration))
    assert rate == RATE
    np.testing.assert_array_equal(samples.reshape(-1), NOISE[first:last].astype(np.float32) / 32768)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"duration": 4.9},
            r"gives the duration 4.9 s, and the recording has 5.000 s \(.*a.wav\); a part needs an offset",
        ),
        ({"duration": 5.06}, "gives the duration 5.06 s"),
        ({"offset": 5.0}, r"names a part that begins at 5 s of a recording of 5.000 s"),
        ({"offset": 4.0, "duration": 1.06}, r"names a part that ends at 5.06 s of a recording of 5.000 s"),
    ],
)
def test_what_disagrees_with_the_file_is_refused(path: str, named: dict[str, float], message: str) -> None:
    with pytest.raises(UnusableSource, match=message):
        read(Named(path, **named))


def test_a_corpus_names_the_file_and_the_line(path: str, tmp_path: Path) -> None:
    manifest = tmp_path / "a.jsonl"
    record = {"audio_filepath": "a.wav", "text": "x"}
    manifest.write_text("".join(f"{json.dumps(record | {'duration': seconds})}\n" for seconds in (5.0, 6.0)))
    files = pair_files([str(manifest)], parse({"data": {"source": {"kind": "recording"}}}, "test").data)
    source, target = RecordingSource(RATE, 23, 0.025, 0.010), Tokenizer.train("symbols", ["x"], 9)
    with pytest.raises(DataError, match=r"a.jsonl, line 2: the line gives the duration 6 s"):
        encode(files.read(), source, target, max_length=9, max_source_length=900)
    corpus = encode(files.read(), source, target, max_length=9, max_source_length=900, skip=True)
    assert (len(corpus), corpus.report.bad) == (1, 1)


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("duration", [4.951, 5.0, 5.049])
def test_fifty_milliseconds_are_no_fault(path: str, duration: float) -> None:
    assert len(read(Named(path, None, duration))[0]) == len(NOISE)


@pytest.mark.usefixtures("without")
def test_of_a_long_recording_parts_are_read(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "MAX_SECONDS", 2.0)
    with pytest.raises(UnusableSource, match=r"at most 0 are read. Parts may be named with offset and duration"):
        read(Named(path))
    assert len(read(Named(path, 3.0))[0]) == 2 * RATE


def test_no_more_than_the_part_is_read(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    asked = []
    whole = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, count, **more: asked.append(count) or whole(self, count, **more)
    )
    read(Named(path, 1.0, 0.5))
    assert asked == [4_000]


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_other_files_give_parts_too_and_cut_ones_are_named(tmp_path: Path, ending: str) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, np.sin(np.arange(5 * RATE) / 7) / 2, RATE)
    samples, _ = read(Named(str(path)))
    part, late = read(Named(str(path), 2.0, 1.0))[0], 800  # samples that an MP3 decoder needs after a jump
    np.testing.assert_allclose(part[late:], samples[2 * RATE + late : 3 * RATE], atol=2e-2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if ending == "flac":  # the others do not say how much they hold
        with pytest.raises(UnusableSource, match=r"cut short|damaged"):
            read(Named(str(path)))


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF - 36])
def test_a_recording_from_a_pipe_does_not_say_its_length(path: str, size: int) -> None:
    content = bytearray(Path(path).read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", size)
    Path(path).write_bytes(content)
    assert len(read(Named(path))[0]) == len(NOISE)


@pytest.mark.usefixtures("without")
def test_no_samples_are_too_few(tmp_path: Path) -> None:
    source = RecordingSource(RATE, 23, 0.025, 0.010)
    with pytest.raises(UnusableSource, match="a recording of 0 samples, too few for a frame"):
        source.encode(written(tmp_path / "a.wav", NOISE[:0]))


def test_channels_and_rates_are_said_once_each(tmp_path: Path) -> None:
    pytest.importorskip("soxr", reason="soxr is not installed")
    paths = [written(tmp_path / f"{number}.wav", NOISE, channels=2, rate=2 * RATE) for number in range(3)]
    with pytest.warns(UserWarning, match="recordings of") as said:
        found = [samples_of(path, RATE) for path in paths]
    assert {len(samples) for samples in found} == {len(NOISE) // 4}
    texts = {str(one.message) for one in said}
    assert texts == {
        "recordings of 2 channels are mixed down to one",
        "recordings of 16000 samples per second are resampled to 8000, data.source.rate",
    }  # as Python filters warnings, each of them is shown once


def test_spans_of_a_part_are_seconds_of_the_file(path: str) -> None:
    source = RecordingSource(RATE, 23, 0.025, 0.010)
    name = str(Named(path, 1.5, 0.5))
    frames = source.encode(name)
    assert len(frames) == 50
    np.testing.assert_array_equal(source.encode(str(Named(path, 0.0))), source.encode(path))
    memory = np.stack([np.arange(0, 50, 5), np.arange(5, 51, 5)], 1)
    spans = source.spans(name, frames, memory)
    np.testing.assert_allclose([start for start, _ in spans], 1.5 + 0.05 * np.arange(10))
    assert spans[-1][1] == pytest.approx(2.0)
    drawn = source.draw(name, spans)
    assert (drawn.text, drawn.units[0]) == ("a.wav, 1.50–2.00 s", "1.50–1.55 s")
    assert isinstance(drawn.medium, Recording)
    assert (drawn.medium.start, drawn.medium.seconds) == (1.5, 0.5)


def test_a_part_of_the_embedded_corpus_is_one_too() -> None:
    locate = parse({"data": {"source": {"kind": "recording"}}}, "test").data.source.locate
    name = locate('{"file_name": "spoken:train/3", "offset": 0.25, "duration": 0.5}', "pairs.tsv")
    np.testing.assert_array_equal(samples_of(name, RATE), samples_of("spoken:train/3", RATE)[2_000:6_000])
