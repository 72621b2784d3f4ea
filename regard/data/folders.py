"""Other ways to name a file of pairs: the folder that it is in, or the file with one of its splits."""

import os
from pathlib import Path

from regard.data.kaldi import SCPS
from regard.errors import UsageError

METADATA = ("metadata.jsonl", "metadata.csv")
INSIDE = (*METADATA, *SCPS)


def holds_pairs(path: str | Path) -> bool:
    """Whether it is a folder with one of the files in `INSIDE`."""
    return any(Path(path, name).is_file() for name in INSIDE)


def pairs_in(path: str) -> tuple[str, str | None]:
    """The file of pairs, and its split if the path ends with one: dataset.json:val.

    Raises UsageError for a folder with no file of pairs, or with several.
    """
    before, _, split = path.rpartition(":")
    if before.removesuffix(".gz").endswith(".json") and split and not os.path.exists(path):
        return before, split
    if not os.path.isdir(path):
        return path, None
    found = [name for name in INSIDE if Path(path, name).is_file()]
    if len(found) == 1:
        return str(Path(path, found[0])), None
    said = f"the folder holds {' and '.join(found)}" if found else f"the folder holds none of {', '.join(INSIDE)}"
    raise UsageError(f"{path}: {said}. Name the file of pairs itself.")
