"""Files that are whole or absent."""

import os
from contextlib import suppress
from pathlib import Path

from regard.data.unfinished import opened_locked
from regard.errors import RegardError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, after a crash too, finds the old content or the new and nothing between.

    Raises RegardError if it cannot be written; what stood there before is then unharmed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with opened_locked(temporary) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        reason = f"{path} cannot be written: {error.strerror}. What stood there before is unharmed."
        raise RegardError(reason) from error
