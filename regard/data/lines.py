"""Lines of text, read and checked one at a time.

Lines end only at "\\n": U+2028 and a vertical tab are text. A carriage return at the end of a line (Windows) and a byte
order mark at the start of a file are removed. A file is gzip if its first two bytes say so, whatever its name; "-" is
standard input.
"""

import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from regard.data.example import Example
from regard.errors import DataError, RegardError
from regard.files import opened_locked

STDIN = "-"
MAX_LINE_BYTES = 100_000
"""Longer lines are refused; the longest sentence of a web corpus is far below."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_LINE_BREAKS = {ord("\n"): " ", ord("\r"): " ", 0: " "}
_BLOCK = 2**20
_BUFFER = 2**16


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used. It takes the place of an Example in the stream.

    Args:
        line: its number, from 1.
        reason: what is wrong, a clause that follows "the line": "is not valid UTF-8 (byte 3)".
        file: the name of the file as the user gave it; "<stdin>" for standard input.
    """

    line: int
    reason: str
    file: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: the line {self.reason}"


Line = Example | BadLine
"""One line of a file."""


def one_line(text: str) -> str:
    """The text with spaces instead of line breaks and NUL. A model can write them, as it can write any byte."""
    return text.translate(_LINE_BREAKS)


def shown(path: str) -> str:
    """The name of a file in messages."""
    return "<stdin>" if path == STDIN else path


@contextmanager
def opened(path: str) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input for "-"; gzip is decompressed. Raises DataError if it cannot be read."""
    raw = _stdin() if path == STDIN else _file(path)
    try:
        with failures_named(shown(path)):
            packed = raw.peek(2).startswith(_GZIP)
        # GzipFile.readline is slow Python; a BufferedReader around it reads lines in C.
        yield io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw)), _BUFFER) if packed else raw
    finally:
        if path != STDIN:
            raw.close()


def _file(path: str) -> io.BufferedReader:
    try:
        file = io.FileIO(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}. Check the name and the permissions.") from error
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not file.isatty()):  # /dev/zero has no end
        file.close()
        raise DataError(f"{path}: cannot be read: it is a device. Give a file, a pipe, or - for standard input.")
    return io.BufferedReader(file, _BUFFER)


def _stdin() -> io.BufferedReader:
    stream: Any = sys.stdin.buffer
    return stream if hasattr(stream, "peek") else io.BufferedReader(stream)


@contextmanager
def failures_named(name: str) -> Iterator[None]:
    """Inside the `with`, errors of reading become a DataError that names the file: damaged gzip, errors of the disk."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: the gzip file is cut short or damaged. Fetch or compress it again.") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}. Check the file and the disk.") from error


def texts(stream: io.BufferedIOBase, name: str, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[str | BadLine]:
    """Every line of a stream in order, without its end: as text, or as a BadLine with the reason why it cannot be used.

    It keeps at most `max_line_bytes` of a line in memory. Raises DataError if the stream itself fails.
    """
    number = 0
    with failures_named(name):
        while raw := stream.readline(max_line_bytes + len(b"\r\n")):
            number += 1
            if number == 1:
                raw = raw.removeprefix(_BYTE_ORDER_MARK)
            content = raw.removesuffix(b"\n").removesuffix(b"\r")
            if len(content) <= max_line_bytes:
                yield _decoded(content, number, name)
                continue
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(_BLOCK)
            yield BadLine(number, f"is longer than {max_line_bytes} bytes", name)


def _decoded(content: bytes, number: int, name: str) -> str | BadLine:
    if b"\0" in content:
        return BadLine(number, "holds a NUL character", name)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        return BadLine(number, f"is not valid UTF-8 (byte {error.start + 1})", name)


def read_lines(
    stream: io.BufferedIOBase, name: str = "<stdin>", max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[Example | BadLine]:
    """Every line to translate, with empty lines, so that the output has as many lines as the input.

    Args:
        stream: bytes, as `opened` gives them, or `sys.stdin.buffer`.
        name: the name of the stream in messages.
        max_line_bytes: a longer line is refused after this many bytes; the rest is skipped.
    """
    for number, text in enumerate(texts(stream, name, max_line_bytes), 1):
        yield Example(text, None, name, number) if isinstance(text, str) else text


def blocks(path: str) -> Iterator[bytes]:
    """The bytes of a file, in blocks; gzip is decompressed. Raises DataError if it cannot be read."""
    with opened(path) as stream, failures_named(shown(path)):
        while block := stream.read(_BLOCK):
            yield block


def count_lines(path: str) -> int:
    """The number of lines of a file; a last line without a line feed counts. It keeps one block in memory."""
    count, last = 0, b"\n"
    for block in blocks(path):
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")


def readable_once(path: str) -> bool:
    """Whether a path is standard input or another pipe, such as <(command) in a shell."""
    return path == STDIN or Path(path).is_fifo()


def copied(path: str, directory: Path) -> str:
    """A copy of what can be read only once, named by the digest of its content: its name."""
    digest = hashlib.sha256()
    temporary = directory / f".pipe.{os.getpid()}.tmp"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with opened_locked(temporary) as copy:
            for block in blocks(path):
                digest.update(block)
                copy.write(block)
            copy.flush()
            kept = directory / f"pipe-{digest.hexdigest()[:16]}"
            if not kept.exists():
                temporary.rename(kept)
    except OSError as error:
        raise RegardError(f"{shown(path)} cannot be kept in {directory}: {error.strerror}. Free the disk.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return str(kept)
