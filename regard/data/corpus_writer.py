"""Write the arrays of a corpus while its pairs stream past, holding none of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BufferedIOBase
from itertools import chain
from typing import Any

import numpy as np

from regard.data.corpus import FORMAT, LANDMARK_EVERY, VERSION, index_digest
from regard.data.example import Example
from regard.data.report import Report
from regard.data.tokenizer import Tokenizer

Create = Callable[[str], BufferedIOBase]
"""Opens a stream to write an array to, by the name of the array."""


class CorpusWriter:
    """Takes pairs a few at a time and writes seven arrays: tokens, lengths and landmarks of each side, and the lines.

    Args:
        source_tokenizer: gives the sources their numbers.
        target_tokenizer: gives the targets theirs.
        max_length: pairs with more tokens on either side are left out.
        create: opens a stream for each array; whoever gave it closes them.
    """

    def __init__(
        self, source_tokenizer: Tokenizer, target_tokenizer: Tokenizer, max_length: int, create: Create
    ) -> None:
        self.max_length = max_length
        self.source = _SideWriter("source", source_tokenizer, max_length, create)
        self.target = _SideWriter("target", target_tokenizer, max_length, create)
        self.lines = _Array(create("lines"), np.dtype(np.uint32))
        self.files: list[tuple[int, str]] = []
        self.texts = hashlib.sha256()
        self.pairs = 0
        self.too_long = 0

    def add(self, examples: Sequence[Example]) -> None:
        """Encode some pairs and write them. Raises ValueError for a pair without a target."""
        sources: list[list[int]] = []
        targets: list[list[int]] = []
        lines: list[int] = []
        kept: list[str] = []
        source_ids, target_ids = self.source.tokenizer.ids, self.target.tokenizer.ids
        for example in examples:
            if example.target is None:
                raise ValueError(f"encode: {example.file}, line {example.line} has no target; expected pairs.")
            source, target = source_ids(example.source), target_ids(example.target)
            if len(source) > self.max_length or len(target) > self.max_length:
                self.too_long += 1
                continue
            if not self.files or self.files[-1][1] != example.file:
                self.files.append((self.pairs + len(lines), example.file))
            sources.append(source)
            targets.append(target)
            lines.append(example.line)
            kept += (example.source, "\n", example.target, "\n")  # no text holds a line feed: no two corpora read alike
        self.source.add(sources)
        self.target.add(targets)
        self.lines.add(np.array(lines, np.uint32))
        self.texts.update("".join(kept).encode(errors="surrogatepass"))
        self.pairs += len(lines)

    def index(self, report: Report) -> dict[str, Any]:
        """What describes the arrays: as JSON beside them, or for `Corpus.assembled`."""
        arrays = self.source.arrays | self.target.arrays | {"lines": self.lines}
        digests = "".join(array.digest.hexdigest() for array in arrays.values())
        index = {
            "format": FORMAT,
            "version": VERSION,
            "files": self.files,
            "report": asdict(report),
            "digest": hashlib.sha256(digests.encode()).hexdigest(),
            "texts": self.texts.hexdigest(),
            "arrays": {name: [array.dtype.str, array.size, array.digest.hexdigest()] for name, array in arrays.items()},
        }
        return index | {"sha256": index_digest(index)}


class _SideWriter:
    def __init__(self, side: str, tokenizer: Tokenizer, max_length: int, create: Create) -> None:
        self.tokenizer = tokenizer
        self.tokens = _Array(create(f"{side}.tokens"), _narrowest(tokenizer.size))
        self.lengths = _Array(create(f"{side}.lengths"), _narrowest(max_length + 1))
        self.landmarks = _Array(create(f"{side}.landmarks"), np.dtype(np.int64))
        self.arrays = {f"{side}.{name}": getattr(self, name) for name in ("tokens", "lengths", "landmarks")}
        self.texts = 0
        self.end = 0

    def add(self, ids: Sequence[Sequence[int]]) -> None:
        lengths = np.array([len(text) for text in ids], np.int64)
        starts = self.end + np.cumsum(lengths) - lengths
        self.tokens.add(np.fromiter(chain.from_iterable(ids), self.tokens.dtype))
        self.lengths.add(lengths)
        self.landmarks.add(starts[-self.texts % LANDMARK_EVERY :: LANDMARK_EVERY])
        self.texts += len(ids)
        self.end += int(lengths.sum())


def _narrowest(size: int) -> np.dtype:
    return np.dtype(np.uint16 if size <= 2**16 else np.int32)


class _Array:
    def __init__(self, stream: BufferedIOBase, dtype: np.dtype) -> None:
        self.stream = stream
        self.dtype = dtype
        self.digest = hashlib.sha256()
        self.size = 0

    def add(self, values: np.ndarray) -> None:
        content = values.astype(self.dtype).tobytes()
        self.stream.write(content)
        self.digest.update(content)
        self.size += len(content)
