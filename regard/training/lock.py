"""A lock: only one process trains in a directory at a time."""

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
    """Hold the lock of the directory inside the `with`.

    Args:
        directory: made if it does not exist.
        launch: the name of what started the run, for `last_launch`.

    The operating system frees the lock when the process ends, for any reason, so no old lock is left behind. The file
    stays: if it were removed, two runs could hold locks on two files of the same name.

    Raises UsageError, which names the other process, while another run holds the lock. Raises RegardError if the
    directory cannot be locked.
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
    """The `launch` of the run that holds the lock, or held it last; empty if there is none."""
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
