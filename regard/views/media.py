"""Recordings and pictures in the forms that views need: smaller, and as files in memory. numpy alone."""

import struct
import wave
import zlib
from io import BytesIO

import numpy as np

from regard.alignment.alignment import Alignment
from regard.data.media import Picture, Recording
from regard.views.labels import cells

MOST_16_BIT = 32767


def largest_weight(alignment: Alignment) -> float:
    """The largest weight on any unit of the source: colours of a recording and a picture are relative to it.

    It is that of the whole output, so that a look at everything is pale beside a look at one place. Raises what
    `cells` raises.
    """
    return float(cells(alignment)[:, : len(alignment.source)].max(initial=0.0)) or 1.0


def wav(recording: Recording, most_seconds: float = float("inf")) -> bytes:
    """The recording as a WAV file of 16 bits, one channel; no more than its first seconds."""
    count = int(min(len(recording.samples), most_seconds * recording.rate))
    whole = np.rint(np.nan_to_num(recording.samples[:count].astype(np.float64)) * (MOST_16_BIT + 1))
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(recording.rate)
        out.writeframes(np.clip(whole, -MOST_16_BIT - 1, MOST_16_BIT).astype("<i2").tobytes())
    return file.getvalue()


def envelope(samples: np.ndarray, columns: int) -> np.ndarray:
    """Lowest and highest sample of each of `columns` equal parts, float64 (columns, 2), over the loudest sample.

    Source: what every sound editor draws. A recording without a sample, or of silence, gives zeros.
    """
    if not len(samples):
        return np.zeros((columns, 2))
    edges = np.linspace(0, len(samples), columns + 1)
    first = np.minimum(edges[:-1].astype(int), len(samples) - 1)  # parts shorter than a sample show the one they lie in
    finite = np.nan_to_num(samples.astype(np.float64))
    ends = np.stack([np.minimum.reduceat(finite, first), np.maximum.reduceat(finite, first)], axis=1)
    return ends / (np.abs(finite).max() or 1.0)


def reduced(picture: Picture, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Its pixels with no side longer than `side`: means of squares; and the width and height that they cover.

    Squares at the right and the lower edge may reach over it; they are the mean of what lies inside.
    """
    pixels = picture.pixels
    down, across = picture.height / pixels.shape[0], picture.width / pixels.shape[1]
    step = max(1, -(-max(pixels.shape[:2]) // side))
    if step > 1:
        missing = [-length % step for length in pixels.shape[:2]]
        filled = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        squares = filled.reshape(filled.shape[0] // step, step, filled.shape[1] // step, step, -1)
        pixels = np.rint(squares.mean(axis=(1, 3))).astype(np.uint8)
    return pixels, (pixels.shape[1] * step * across, pixels.shape[0] * step * down)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Uint8 (height, width, 3): the picture without colour and paler, so that a hue over it is seen.

    Lightness is that of Rec. 601, 0.299 · red + 0.587 · green + 0.114 · blue, moved from [0, 255] to [90, 255].
    """
    light = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return np.repeat(np.rint(90 + light * (165 / 255)).astype(np.uint8)[:, :, None], 3, axis=2)


def png(pixels: np.ndarray) -> bytes:
    """Uint8 (height, width, 3) as a PNG file. Source: PNG specification, third edition, W3C 2025."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each line begins with its filter, 0 for none
    lines[:, 1:] = pixels.reshape(height, 3 * width)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
