"""Files that sources are named by: whether they are there, and whether they have changed."""

import os
from pathlib import Path

from regard.data.sources import UnusableSource


def state_of(source: str) -> tuple[int, int] | None:
    """What changes if a file is written anew; None for what is no file."""
    try:
        found = os.stat(source)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def expect_file(name: str, said: str | None = None) -> str:
    """The name of a file that is there. Raises UnusableSource for any other, with what a file of pairs said of it."""
    try:
        there = Path(name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise UnusableSource(f"names no file that is there ({(said or name)[-200:]})")
    return name
