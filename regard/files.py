"""Files: written whole or not at all, and read with a bound.

write_whole    write one file, in place of the old one
opened_locked  open a new file that `sweep` does not remove while it is written
sweep          remove the files that killed writers have left in a directory
unfinished     fill a new directory before it gets its name
read_small     read a small file into memory
"""

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from regard.errors import RegardError

PARTIAL, UNFINISHED = ".partial", ".tmp"
NAME = re.compile(r"\..+\.[0-9]+\.(tmp|partial)")  # what is being written, as it is called here and by callers
OPEN_FILE = re.compile(r"/dev/(?:(stdout)|(stderr)|fd/(\d+))|/proc/self/fd/(\d+)")
_LONGEST_STEM = 40  # characters; a name may have 255 bytes, and a partial one says more than the name
_numbers = count()


def write_whole(path: Path, content: bytes | Iterable[bytes | memoryview]) -> None:
    """Write the content to `path`: in full, or not at all.

    The content goes to a temporary file beside `path`, which is synced to the disk and then renamed; the directory is
    synced too. A kill leaves at most a `.partial` file, which `sweep` removes. The mode follows the umask. A symbolic
    link stays, and its target is replaced. Devices, pipes, sockets, and files that this process has open (/dev/stdout)
    are not replaced but written to.

    Raises RegardError when the disk is full or read-only; then the old file is unchanged.
    """
    pieces = [content] if isinstance(content, bytes) else content
    try:
        if (handle := _as_it_is(path)) is None:
            _replace(Path(os.path.realpath(path)), pieces)
        else:
            with open(handle, "wb") as file:
                file.writelines(pieces)
    except OSError as error:
        kept = "the earlier file is intact" if path.is_file() else "nothing was left behind"
        reason = f"{path} cannot be written ({error.strerror or error}); {kept}."
        raise RegardError(f"{reason} Make room or choose another directory.") from error


def _as_it_is(path: Path) -> int | None:
    """A descriptor to write to, if the file at the path cannot be replaced; else None."""
    if named := OPEN_FILE.fullmatch(os.path.abspath(path)):
        out, err, *others = named.groups()
        return os.dup(1 if out else 2 if err else int(next(filter(None, others))))
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else os.open(path, os.O_WRONLY)


def _replace(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    partial = path.with_name(f".{path.name[:_LONGEST_STEM]}.{os.getpid()}.{next(_numbers)}{PARTIAL}")
    try:
        with opened_locked(partial) as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            os.replace(partial, path)
        _sync(path.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened_locked(path: Path) -> Iterator[BinaryIO]:
    """A new file to write and to rename within the `with`: until it ends, `sweep` leaves it alone."""
    while True:
        path.unlink(missing_ok=True)
        with open(path, "xb") as file:  # never through a link that somebody has laid there
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file.fileno()):
                continue  # between its making and its locking, another process took it for a left one
            yield file
            return


def sweep(directory: Path) -> None:
    """Remove files and directories that killed writers have left; those of running writers stay.

    Each is locked by its writer, and the operating system frees a lock with its process. If a file system has no
    locks, nothing is removed.
    """
    for path in directory.glob(".*"):
        if NAME.fullmatch(path.name) and not path.is_symlink():
            _remove_if_left(path)


@contextmanager
def unfinished(directory: Path) -> Iterator[Path]:
    """A new temporary directory beside `path`, to fill and to rename; removed at the end if it was not renamed.

    Directories that killed writers have left are removed first.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    sweep(directory.parent)
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}{UNFINISHED}")
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
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a FIFO of that name must not stop it
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        pass  # its writer is running
    finally:
        os.close(handle)


def read_small(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises OSError, whose `strerror` is a clause that follows the path, for what is no regular file (a device or a pipe
    may never end, or never begin), for a longer one, and for what the system refuses.
    """
    information = os.stat(path)
    check_regular(information.st_mode)
    with open(path, "rb") as file:
        content = b"" if information.st_size > most else file.read(most + 1)
    if max(information.st_size, len(content)) > most:
        raise OSError(errno.EFBIG, f"has more than {most} bytes")
    return content


def check_regular(mode: int) -> None:
    """Raises OSError, which says what kind it is, unless this is a regular file."""
    kinds = {"a directory": stat.S_ISDIR, "a device": stat.S_ISCHR, "a pipe": stat.S_ISFIFO, "a socket": stat.S_ISSOCK}
    if not stat.S_ISREG(mode):
        kind = next((kind for kind, is_kind in kinds.items() if is_kind(mode)), "a device")
        raise OSError(errno.EINVAL, f"is {kind}, no file")
