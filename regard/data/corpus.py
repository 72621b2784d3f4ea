"""A corpus as token numbers: in memory when it is small, mapped from files when it is not."""

import json
import mmap
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer

from regard.data.report import Report
from regard.errors import DataError

FORMAT, VERSION = "regard corpus", 1
INDEX = "index.json"


@dataclass(frozen=True)
class Side:
    """The sources of a corpus, or its targets, one after the other.

    Args:
        tokens: the token numbers of all texts, without marks.
        offsets: where each text begins in `tokens`, and where the last ends.
        lengths: how many tokens each has.
    """

    tokens: Integer[np.ndarray, " tokens"]
    offsets: Integer[np.ndarray, " pairs_and_one"]
    lengths: Integer[np.ndarray, " pairs"]

    def __getitem__(self, number: int | np.integer) -> Integer[np.ndarray, " length"]:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]


@dataclass(frozen=True)
class Corpus:
    """Pairs of token numbers, and where each came from. The same whether its arrays are in memory or in files.

    Args:
        source: the token numbers of the sources.
        target: those of the targets.
        lines: for each pair, its line in the file it came from.
        files: each file with the number of the first pair that came from it, in order.
        report: what became of the lines that were read to make it.
        digest: SHA-256 of the token numbers; equal digests are equal corpora.
        maps: the mapped files that the arrays look into; none in memory.
    """

    source: Side
    target: Side
    lines: Integer[np.ndarray, " pairs"]
    files: Sequence[tuple[int, str]]
    report: Report
    digest: str
    maps: Sequence[mmap.mmap] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def source_lengths(self) -> Integer[np.ndarray, " pairs"]:
        """Tokens of each source, without the end mark."""
        return self.source.lengths

    @property
    def target_lengths(self) -> Integer[np.ndarray, " pairs"]:
        """Tokens of each target, without marks."""
        return self.target.lengths

    def origin(self, number: int | np.integer) -> tuple[str, int]:
        """The file and the line that a pair came from."""
        place = bisect_right(self.files, number, key=lambda entry: entry[0]) - 1
        return self.files[place][1], int(self.lines[number])

    def release(self) -> None:
        """Let go of the pages that were read, so that a pass over the files does not fill the memory with them.

        They stay in the cache of the system as long as it has room, so reading them again costs next to nothing.
        """
        for mapped in self.maps:
            if hasattr(mapped, "madvise"):
                mapped.madvise(mmap.MADV_DONTNEED)

    @classmethod
    def open(cls, directory: Path) -> "Corpus":
        """Map the corpus that `encode` wrote. Raises DataError if it is not whole; then encode it again."""
        try:
            index = json.loads((directory / INDEX).read_bytes())
            if (index["format"], index["version"]) != (FORMAT, VERSION):
                raise ValueError(f"version {index['version']}")
            maps = {name: _mapped(directory / name, size) for name, size in index["sizes"].items()}
            arrays = {name: np.frombuffer(maps[name], dtype) for name, dtype in index["dtypes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{directory} holds no whole corpus. Delete it and encode the corpus again.") from error
        return assemble(arrays, index, tuple(maps.values()))


def assemble(arrays: dict[str, np.ndarray], index: dict[str, Any], maps: Sequence[mmap.mmap] = ()) -> Corpus:
    """A corpus from its arrays by name and the index that describes them."""
    source, target = (
        Side(*(arrays[f"{side}.{part}"] for part in ("tokens", "offsets", "lengths"))) for side in ("source", "target")
    )
    files = [(first, name) for first, name in index["files"]]
    return Corpus(source, target, arrays["lines"], files, Report(**index["report"]), index["digest"], maps)


def _mapped(path: Path, size: int) -> mmap.mmap:
    with open(path, "rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if len(mapped) != size:
        raise ValueError(f"{path.name} has {len(mapped)} bytes instead of {size}")
    return mapped
