"""Files that are whole or absent, whatever stops the writing."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from regard.data.unfinished import opened_locked
from regard.errors import RegardError

PARTIAL = ".partial"


def replace(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write the pieces to `path`: in full, or not at all.

    They go to a file beside it, which is forced to the disk and then takes the name; the name is forced to the disk
    too. A kill leaves at most a `.partial` file, which `unfinished.sweep` removes. The mode follows the umask; a
    symbolic link stays, what it points at is replaced.

    Raises RegardError when the disk is full or read-only; what stood at `path` before is untouched then.
    """
    real = Path(os.path.realpath(path))
    partial = real.with_name(f".{real.name}.{os.getpid()}{PARTIAL}")
    try:
        with opened_locked(partial) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            os.replace(partial, real)
        _sync(real.parent)
    except OSError as error:
        kept = "the earlier file is intact" if real.exists() else "nothing was left behind"
        raise RegardError(
            f"{path} cannot be written ({error.strerror or error}); {kept}. Make room or choose another directory."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
