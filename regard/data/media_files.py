"""Files that are sources: which part of which file, whether it exists, and whether it has changed.

A source is the path of a file, or a JSON record that names a part of it:

    sounds/1.flac
    {"audio_filepath": "sounds/long.flac", "offset": 12.5, "duration": 3.2}
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from regard.data.lines import STDIN
from regard.data.rows import BETWEEN, PATHS
from regard.data.sources import UnusableSource

PATH_KEYS = PATHS
"""What the file is called in a record: as NeMo, image manifests, and folders with metadata call it."""
PART_KEYS = ("offset", "duration")
PICTURE_KEY = "picture"
ARCHIVE = ".npz"
"""all.npz/7 is the entry 7 of an archive of arrays."""


@dataclass(frozen=True)
class Named:
    """A file, or a part of it.

    Args:
        path: of the file.
        offset: the second of the file where the part begins; None for the whole file.
        duration: seconds of the part; None for all up to the end of the file. Without an offset, the duration of the
            whole file as a manifest gives it, to be checked.
        picture: of which the file has features, where that is known.
    """

    path: str
    offset: float | None = None
    duration: float | None = None
    picture: str | None = None

    def __str__(self) -> str:
        """The source: what `named` reads."""
        keys = (*PART_KEYS, PICTURE_KEY)
        part = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        return json.dumps({PATH_KEYS[0]: self.path} | part, ensure_ascii=False) if part else self.path


def named(source: str) -> Named:
    """The file or part that a source names. Raises UnusableSource for a record without a file or with wrong times."""
    if not (source.startswith("{") and source.endswith("}")):
        return Named(source)
    try:
        record = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise UnusableSource(f"is no valid JSON, and begins like a record ({source[:60]})") from error
    return of_record(record)


def of_record(record: Mapping[str, Any]) -> Named:
    """The file or part that a record names, see `named`. Numbers can be texts, as in CSV."""
    keys = [key for key in PATH_KEYS if record.get(key) is not None]
    if len(keys) != 1 or not isinstance(record[keys[0]], str) or not record[keys[0]]:
        found = f"names {len(keys)} files ({', '.join(keys)})" if len(keys) > 1 else "names no file"
        raise UnusableSource(f"{found}; expected one of the keys {', '.join(PATH_KEYS)}")
    picture = record.get(PICTURE_KEY)
    return Named(record[keys[0]], *part_of(record), picture if picture and isinstance(picture, str) else None)


def part_of(record: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Offset and duration in seconds. Raises UnusableSource for what is no time."""
    offset, duration = (_seconds(key, record.get(key)) for key in PART_KEYS)
    if duration == 0.0:
        raise UnusableSource("has the duration 0; expected seconds above 0")
    return offset, duration


def _seconds(key: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UnusableSource(f"has the {key} {str(value)[:60]!r}; expected seconds")
    return seconds


def located(said: str, path: str) -> Named:
    """The file or part that a line of a file of pairs names; relative paths are resolved.

    Args:
        said: the path or the record on the line.
        path: of the file of pairs. A relative name is relative to its folder and must not leave it. "-" for standard
            input: relative to the working directory, and not checked.

    Raises UnusableSource for a relative name that leaves the folder by "..", and for a file that is not there.
    """
    found = named(said)
    if path == STDIN:
        return Named(expect_file(found.path), found.offset, found.duration)
    whole = str(Path(path).parent / inside(found.path))
    return Named(expect_file(whole, found.path), found.offset, found.duration)


def inside(name: str) -> str:
    """The name. Raises UnusableSource for a relative one that leaves its folder."""
    if not os.path.isabs(name) and Path(os.path.normpath(name)).parts[:1] == ("..",):
        raise UnusableSource(
            f"names a file outside the folder of the file that names it ({name[-200:]}), which only a whole path may"
        )
    return name


def expect_file(name: str, said: str | None = None) -> str:
    """The name of a file that is there. Raises UnusableSource for any other, with what a file of pairs said of it."""
    try:
        there = Path(name).is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise UnusableSource(f"names no file that is there ({(said or name)[-200:]})")
    return name


def state_of(source: str) -> tuple[int, int] | None:
    """Time of change and size of the file of a source; None if it names no file.

    For an entry of an archive (features.npz/utterance1, features.ark:25) it is the state of the archive.
    """
    found = _file_of(source)
    return None if found is None else found[1]


def states_of(source: str) -> "list[tuple[int, int] | None]":
    """The same of each of several parts with a tab between two, or of a source that is one."""
    return [state_of(part) for part in _parts(source)]


def _parts(source: str) -> list[str]:
    """The name of a file may have a tab, too."""
    return [source] if BETWEEN not in source or _file_of(source) is not None else source.split(BETWEEN)


def content_of(source: str) -> str:
    """Equal for equal sources, whatever the names of the files: a digest of the file, and the part or entry of it.
    A source that names no file is returned as it is. Of several parts with a tab between two, this is so of each."""
    if len(parts := _parts(source)) > 1:
        return BETWEEN.join(map(content_of, parts))
    found = _file_of(source)
    if found is None:
        return source
    (path, state), whole = found, named(source)
    place = whole.path.removeprefix(path)
    return json.dumps([_digest(path, state), place, whole.offset, whole.duration])


def _file_of(source: str) -> tuple[str, tuple[int, int]] | None:
    """The file of a source, or the archive that it is an entry of, with its time of change and its size."""
    try:
        path = named(source).path
    except UnusableSource:
        return None
    archive = "".join(path.rpartition(f"{ARCHIVE}/")[:2]).removesuffix("/")
    for name in (path, archive, os.path.dirname(path), path.rpartition(":")[0]):
        try:
            found = os.stat(name)
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(found.st_mode):
            return name, (found.st_mtime_ns, found.st_size)
    return None


@lru_cache(8)
def _digest(path: str, state: tuple[int, int]) -> str:
    """Kept, since the parts of a long file usually follow each other."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
