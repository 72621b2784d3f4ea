"""An encoded corpus, in memory or in files. Texts are token numbers; other sources have their own numbers.

In files, the lengths of the texts are memory-mapped, since every plan of an epoch needs all of them. The tokens are
read when they are needed. So a corpus takes a few bytes of memory a pair, whatever the length of its texts.
"""

import hashlib
import json
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Integer, Shaped

from regard.data.report import Report
from regard.data.sources import Source
from regard.errors import DataError
from regard.files import read_small

if TYPE_CHECKING:
    from regard.data.part_batch import PartBatch

FORMAT, VERSION = "regard corpus", 4
INDEX = "index.json"
TOKENS = ("source.tokens", "target.tokens")
ARRAYS = ("source.lengths", "source.landmarks", "target.lengths", "target.landmarks", "lines")
FIRST = "source.first"
"""An array that corpora of files have besides."""
LANDMARK_EVERY = 64
MAX_INDEX_BYTES = 16 * 2**20


Places = Integer[np.ndarray, " rows"]
Read = Callable[[Places, Places], Shaped[np.ndarray, "positions ..."]]
Collate = Callable[[np.ndarray, np.ndarray], "tuple[np.ndarray | PartBatch, np.ndarray]"]


@dataclass(frozen=True)
class Side:
    """The sources of a corpus, or its targets, one after the other.

    The start of a text is not stored for every text. It is the nearest landmark before it plus the lengths between.

    Args:
        lengths: positions of each: for a text, its tokens.
        landmarks: the start of every 64th text among all positions.
        read: `read(starts, counts)`: `counts[i]` positions from `starts[i]` on, for all i, concatenated.
    """

    lengths: Integer[np.ndarray, " pairs"]
    landmarks: Integer[np.ndarray, " landmarks"]
    read: Read

    def take(self, numbers: Integer[np.ndarray, " rows"]) -> Shaped[np.ndarray, "positions ..."]:
        """The positions of the texts with these numbers, concatenated."""
        block, place = np.divmod(numbers, LANDMARK_EVERY)
        before = np.arange(LANDMARK_EVERY) < place[:, None]
        near = np.minimum(block[:, None] * LANDMARK_EVERY + np.arange(LANDMARK_EVERY), len(self.lengths) - 1)
        starts = self.landmarks[block] + np.where(before, self.lengths[near], 0).sum(1, dtype=np.int64)
        return self.read(starts, self.lengths[numbers])

    def __getitem__(self, number: int | np.integer) -> Shaped[np.ndarray, "length ..."]:
        """The positions of one text. Raises IndexError if there is no text with this number."""
        if not 0 <= number < len(self.lengths):
            raise IndexError(f"Side: number is {number}; expected 0 to {len(self.lengths) - 1}.")
        return self.take(np.array([number]))


@dataclass(frozen=True)
class Corpus:
    """Encoded pairs, with the file and line of each. It is used in the same way in memory and in files.

    Args:
        source: the numbers of the sources: for texts, token numbers.
        target: the token numbers of the targets.
        collate: makes a batch of sources, see `Source.collate`.
        lines: for each pair, its line in its file.
        files: (number of its first pair, name) of each file, in order.
        report: counts of the lines that were used and left out.
        digest: SHA-256 of the numbers of both sides; equal corpora have equal digests.
        texts: SHA-256 of the raw texts of the pairs; it does not depend on the files and lines. For sources that are
            files it is of the contents of the files.
        first: where sources are files, for each pair the number of the first pair with the same source; None for texts.
    """

    source: Side
    target: Side
    collate: Collate
    lines: Integer[np.ndarray, " pairs"]
    files: Sequence[tuple[int, str]]
    report: Report
    digest: str
    texts: str
    first: Integer[np.ndarray, " pairs"] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def source_lengths(self) -> Integer[np.ndarray, " pairs"]:
        """Positions of each source: for a text its tokens, without the end mark."""
        return self.source.lengths

    @property
    def target_lengths(self) -> Integer[np.ndarray, " pairs"]:
        """Tokens of each target, without marks."""
        return self.target.lengths

    def origin(self, number: int | np.integer) -> tuple[str, int]:
        """The file and the line of a pair."""
        place = bisect_right(self.files, number, key=lambda entry: entry[0]) - 1
        return self.files[place][1], int(self.lines[number])

    @classmethod
    def open(cls, directory: Path, kind: Source) -> "Corpus":
        """Open the corpus that `encode` wrote for sources of this kind.

        Raises DataError if it is incomplete or damaged; then encode it again.
        """
        try:
            index = json.loads(read_small(directory / INDEX, MAX_INDEX_BYTES))
            if (index["format"], index["version"]) != (FORMAT, VERSION):
                raise ValueError(f"version {index['version']}")
            if index.pop("sha256") != index_digest(index):
                raise ValueError(f"{INDEX} is damaged")
            for name, (_, size, digest) in index["arrays"].items():
                _check(directory / name, size, digest)
            arrays = {
                name: _mapped(directory / name, index["arrays"][name][0])
                for name in (*ARRAYS, FIRST)
                if name in (*ARRAYS, *index["arrays"])
            }
            shapes = (kind.shape, ())
            source, target = (
                _stored(directory / name, index["arrays"][name][0], shape)
                for name, shape in zip(TOKENS, shapes, strict=True)
            )
            return cls.assembled(index, arrays, source, target, kind.collate)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{directory} holds no whole corpus. Delete it and encode the corpus again.") from error

    @classmethod
    def assembled(
        cls, index: dict[str, Any], arrays: dict[str, np.ndarray], source: Read, target: Read, collate: Collate
    ) -> "Corpus":
        """A corpus from what `CorpusWriter` wrote: its index, its arrays by name, and the numbers of both sides."""
        left = Side(arrays["source.lengths"], arrays["source.landmarks"], source)
        right = Side(arrays["target.lengths"], arrays["target.landmarks"], target)
        files = [(first, name) for first, name in index["files"]]
        said = Report(**index["report"]), index["digest"], index["texts"]
        return cls(left, right, collate, arrays["lines"], files, *said, arrays.get(FIRST))


def held(tokens: Shaped[np.ndarray, "positions ..."]) -> Read:
    """Read from an array in memory."""

    def read(starts: Places, counts: Places) -> Shaped[np.ndarray, "read ..."]:
        texts = [tokens[s : s + n] for s, n in zip(starts.tolist(), counts.tolist(), strict=True)]
        return np.concatenate([tokens[:0], *texts])

    return read


def index_digest(index: dict[str, Any]) -> str:
    """SHA-256 of the index of a corpus."""
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def _check(path: Path, size: int, digest: str) -> None:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size != size or hashlib.file_digest(file, "sha256").hexdigest() != digest:
            raise ValueError(f"{path.name} is damaged")


def _stored(path: Path, dtype: str, shape: tuple[int, ...]) -> Read:
    """Read positions from a file.

    The file is not memory-mapped: reading it in random order would bring almost all of it into the memory of the
    process, since each page fault loads sixteen pages.
    """
    width = np.dtype(dtype).itemsize * math.prod(shape)
    file = open(path, "rb", buffering=0)  # noqa: SIM115 - open as long as the corpus exists

    def read(starts: Places, counts: Places) -> Shaped[np.ndarray, "read ..."]:
        descriptor, places = file.fileno(), zip(starts.tolist(), counts.tolist(), strict=True)
        content = b"".join([os.pread(descriptor, n * width, s * width) for s, n in places])
        return np.frombuffer(content, dtype).reshape(-1, *shape)

    return read


def _mapped(path: Path, dtype: str) -> np.ndarray:
    return np.asarray(np.memmap(path, dtype, mode="r"))  # indexing a plain array is faster
