"""One run at a time in a directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regard.errors import RegardError, UsageError
from regard.files import read_small

NAME = ".lock"
MOST_BYTES = 10_000


@contextmanager
def lock(directory: Path, launch: str = "") -> Iterator[None]:
    """Hold the directory inside the `with`.

    Args:
        directory: made where it does not exist.
        launch: what started the run, for `last_launch`.

    The operating system frees the lock with the process, however that ends, so nothing stale is left behind; the
    file stays, since removing it would let two runs hold two files of one name.

    Raises UsageError that names the holder while another run lives, RegardError when the directory cannot be locked.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / NAME, "a+") as file:
            _take(directory, file.fileno())
            file.truncate(0)
            file.write(f"{os.getpid()}\n{launch}")
            file.flush()
            held = os.dup(file.fileno())
    except OSError as error:
        raise RegardError(f"{directory} cannot be locked ({error.strerror}). Choose another directory.") from error
    try:
        yield
    finally:
        os.close(held)


def last_launch(directory: Path) -> str:
    """What started the run that holds the directory, or held it last; empty where nobody said so."""
    try:
        return read_small(directory / NAME, MOST_BYTES).decode(errors="replace").partition("\n")[2]
    except OSError:
        return ""


def _take(directory: Path, handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(handle, 20, 0).decode(errors="replace").split("\n")[0] or "unknown"
        raise UsageError(
            f"{directory} is in use by another run (process {holder}). Wait for it, or choose another directory."
        ) from error
