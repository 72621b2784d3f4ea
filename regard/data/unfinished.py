"""Files and directories that are being written: each is locked by its writer, so one without a lock is left from a
crash."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ENDING = ".tmp"
NAME = re.compile(r"\..+\.[0-9]+\.(tmp|partial)")  # as they are called by `unfinished` and by who uses `opened_locked`


@contextmanager
def unfinished(directory: Path) -> Iterator[Path]:
    """A new directory beside the one that is wanted, to fill and to rename; removed at the end if it is still there.

    What writers that were killed have left beside it is removed first: the operating system frees a lock with its
    process. Where a file system has no locks, nothing of others is removed.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    sweep(directory.parent)
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}{ENDING}")
    handle = _created(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


@contextmanager
def opened_locked(path: Path) -> Iterator[BinaryIO]:
    """A new file to write and to rename within the `with`: until it ends, `sweep` leaves it alone."""
    while True:
        with open(path, "wb") as file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file.fileno()):
                continue  # between its making and its locking, another process took it for a left one
            yield file
            return


def sweep(directory: Path) -> None:
    """Remove what killed writers have left in a directory, files and directories; nothing whose writer lives."""
    for path in directory.glob(".*"):
        if NAME.fullmatch(path.name) and not path.is_symlink():
            _remove_if_left(path)


def _created(path: Path) -> int:
    """Make the directory and lock it; the descriptor that holds the lock."""
    while True:
        path.mkdir(exist_ok=True)
        # Between its making and its locking, another process may take it for a left one and remove it: then once more.
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_still(path, handle):
                return handle
            os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _remove_if_left(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO of that name must not stop it
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        pass  # its writer lives
    finally:
        os.close(handle)
