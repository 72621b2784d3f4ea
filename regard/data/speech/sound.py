"""Sound files, read through soundfile; WAV files of 16 bits without it. Of a part, no more is read than the part."""

import os
import struct
import wave

import numpy as np

from regard.data.media_files import Named, expect_file
from regard.data.sources import UnusableSource
from regard.errors import RegardError

MAX_SECONDS = 3_600.0
"""Longer recordings are refused before they are read."""
TOLERANCE_SECONDS = 0.05
"""By so much a manifest may be wrong about the duration of a recording."""
UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that write a WAV file to a pipe say that it holds so many bytes or more, since they do not know."""


def read(source: Named) -> tuple[np.ndarray, int]:
    """The samples of a file or of a part of it, from -1 to 1, (samples,) or (samples, channels); and their rate.

    Raises UnusableSource for what is no recording, or a damaged one, or has no such part; RegardError where a package
    is missing to read it.
    """
    expect_file(source.path)
    try:
        import soundfile
    except ImportError:
        return _read_wave(source)
    try:
        _expect_whole(source.path)
        with soundfile.SoundFile(source.path) as file:
            first, last = part_of(source, len(file), file.samplerate)
            file.seek(first)
            samples, rate = file.read(last - first, dtype="float32"), int(file.samplerate)
    except (RuntimeError, OSError) as error:
        raise _damaged(source) from error
    if len(samples) != last - first:
        raise _short(source.path)
    return samples, rate


def part_of(source: Named, samples: int, rate: int) -> tuple[int, int]:
    """The first sample that is meant of a recording of so many, and the one after the last.

    Raises UnusableSource for a part that the recording does not have, a duration that is not its own, and more than an
    hour.
    """
    seconds, name = samples / max(rate, 1), source.path[-200:]
    first, last = 0, samples
    if source.offset is not None:
        end = seconds if source.duration is None else source.offset + source.duration
        if source.offset >= seconds or end > seconds + TOLERANCE_SECONDS:
            past = f"begins at {source.offset:g} s" if source.offset >= seconds else f"ends at {end:g} s"
            raise UnusableSource(f"names a part that {past} of a recording of {seconds:.3f} s ({name})")
        first, last = round(source.offset * rate), min(round(end * rate), samples)
    else:
        expect_duration(source, seconds)
    if last - first > MAX_SECONDS * rate:
        raise UnusableSource(
            f"names a recording of {(last - first) / rate / 60:,.0f} minutes; at most {MAX_SECONDS / 60:.0f} are read. "
            "Parts may be named with offset and duration"
        )
    return first, last


def expect_duration(source: Named, seconds: float) -> None:
    """Raises UnusableSource if a manifest gives another duration for a whole file of so many seconds."""
    if source.duration is not None and abs(source.duration - seconds) > TOLERANCE_SECONDS:
        raise UnusableSource(
            f"gives the duration {source.duration:g} s, and the recording has {seconds:.3f} s ({source.path[-200:]}); "
            "a part needs an offset, too"
        )


def _read_wave(source: Named) -> tuple[np.ndarray, int]:
    """A WAV file of 16-bit samples, which needs no other package."""
    path = source.path
    if not path.lower().endswith(".wav"):
        raise RegardError(f"{path}: to read other files than WAV, install regard[speech].")
    try:
        there = _expect_whole(path)
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            if width != 2:
                raise RegardError(f"{path}: has {8 * width} bits a sample. For others than 16 install regard[speech].")
            samples = min(file.getnframes(), there // (width * channels))
            first, last = part_of(source, samples, rate)
            file.setpos(first)
            content = file.readframes(last - first)
    except (wave.Error, EOFError, OSError) as error:
        if "unknown format" in str(error):
            raise RegardError(
                f"{path}: has samples that are no integers. To read it install regard[speech]."
            ) from error
        raise _damaged(source) from error
    if len(content) != (last - first) * width * channels:
        raise _short(path)
    return np.frombuffer(content, "<i2").reshape(-1, channels).astype(np.float32) / 32768, rate


def _expect_whole(path: str) -> int:
    """Bytes of sound in a WAV file; 0 for other files. Raises UnusableSource where it says that there are more.

    libsndfile would read what is there, without a word.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if (head[:4], head[8:]) != (b"RIFF", b"WAVE"):
            return 0
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"data":
                there = os.fstat(file.fileno()).st_size - file.tell()
                if there < size < UNKNOWN_BYTES:
                    raise _short(path)
                return there
            file.seek(size + size % 2, os.SEEK_CUR)
    return 0


def _damaged(source: Named) -> UnusableSource:
    return UnusableSource(f"names a file that is no recording, or a damaged one ({source.path[-200:]})")


def _short(path: str) -> UnusableSource:
    return UnusableSource(f"names a recording that is cut short ({path[-200:]})")
