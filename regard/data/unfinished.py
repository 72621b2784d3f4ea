"""Directories that are being written: each is locked by its writer, so one that is not is left over from a crash."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENDING = ".tmp"


@contextmanager
def unfinished(directory: Path) -> Iterator[Path]:
    """A new directory beside the one that is wanted, to fill and to rename; removed at the end if it is still there.

    What writers that were killed have left beside it is removed first: the operating system frees a lock with its
    process. Where a file system has no locks, nothing of others is removed.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    for path in directory.parent.glob(f".*{ENDING}"):
        _remove_if_left(path)
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}{ENDING}")
    handle = _created(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


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
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass  # its writer lives
    finally:
        os.close(handle)
