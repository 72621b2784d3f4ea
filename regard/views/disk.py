"""A file is whole or as it was before."""

import os
import tempfile
from pathlib import Path

from regard.errors import RegardError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one. Raises RegardError if it cannot be written."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise RegardError(f"{path} cannot be written: {error.strerror}. Choose another place or make room.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
