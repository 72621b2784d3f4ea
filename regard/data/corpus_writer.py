"""Writes the arrays of a corpus from a stream of pairs, without keeping the pairs in memory."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BufferedIOBase
from itertools import chain, pairwise
from operator import gt
from typing import Any

import numpy as np

from regard.data.copying import CopySource
from regard.data.corpus import FIRST, FORMAT, LANDMARK_EVERY, VERSION, index_digest
from regard.data.example import Example
from regard.data.lines import BadLine
from regard.data.media_files import content_of
from regard.data.report import Report
from regard.data.several_sources import SeveralSources
from regard.data.sources import Source, UnusableSource
from regard.data.text import narrowest
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError

Create = Callable[[str], BufferedIOBase]
"""`create(name)` opens a stream for the array of this name."""


class CorpusWriter:
    """Takes a few pairs at a time and writes seven arrays: numbers, lengths and landmarks of each side, and the lines;
    where sources are files, also which pairs have the same.

    Args:
        source: encodes the sources.
        target_tokenizer: encodes the targets.
        limits: most positions of a source, or of each of its parts, and most tokens of a target; longer pairs are left
            out.
        skip: leave out and count pairs that cannot be used; otherwise they are an error.
        create: opens a stream for each array; the caller closes the streams.
        ctc_stride: input positions per position of the memory, where CTC needs to align the targets; None without CTC.
    """

    def __init__(
        self,
        source: Source,
        target_tokenizer: Tokenizer,
        limits: tuple[int | tuple[int, ...], int],
        skip: bool,
        create: Create,
        ctc_stride: int | None = None,
    ) -> None:
        self.limits = limits
        self.longest = limits[0] if isinstance(limits[0], tuple) else (limits[0],)
        self.ctc_stride, self.marks = ctc_stride, int(source.has_end)
        self.encode_source, self.encode_target = source.encode, target_tokenizer.ids
        self.copying = source if isinstance(source, CopySource) else None
        self.several = source if isinstance(source, SeveralSources) else None
        self.shown: Callable[[str], str] = str if self.several is None else self.several.media
        self.is_text = source.tokenizer is not None
        self.identity: Callable[[str], str] = str if self.is_text else content_of
        self.skip = skip
        self.source = _SideWriter("source", source.dtype, source.shape, sum(self.longest), create)
        words = sum(self.longest) if self.copying else 0  # each source position may have one of its own
        entries = target_tokenizer.size + words
        self.target = _SideWriter("target", narrowest(entries), (), limits[1], create)
        self.lines = _Array(create("lines"), np.dtype(np.uint32))
        self.first = None if source.tokenizer else _Array(create(FIRST), np.dtype(np.uint32))
        self.first_of: dict[int, int] = {}
        self.files: list[tuple[int, str]] = []
        self.texts = hashlib.sha256()
        self.pairs = 0
        self.too_long = 0
        self.bad = 0
        self.first_bad: str | None = None

    def add(self, examples: Sequence[Example]) -> None:
        """Encode some pairs and write them.

        Raises ValueError for a pair without a target, DataError for a pair that cannot be used, unless `skip`.
        """
        sources: list[Sequence[int] | np.ndarray] = []
        targets: list[list[int]] = []
        lines: list[int] = []
        first: list[int] = []
        kept: list[str] = []
        encode_source, encode_target = self.encode_source, self.encode_target
        (most_source, most_target), several = (sum(self.longest), self.limits[1]), self.several
        for example in examples:
            if example.target is None:
                raise ValueError(f"encode: {example.file}, line {example.line} has no target; expected pairs.")
            try:
                source = encode_source(example.source)
                if self.copying is not None:
                    encode_target = self.copying.target_of(example.source, source).ids
                target = encode_target(example.target)
            except UnusableSource as error:
                self._refuse(BadLine(example.line, str(error), example.file))
                continue
            if (
                len(source) > most_source
                or len(target) > most_target
                or (several is not None and any(map(gt, several.counts(np.asarray(source)), self.longest)))
            ):
                self.too_long += 1
                continue
            if self.ctc_stride is not None and (reason := self._unlabelled(len(source), target)):
                self._refuse(BadLine(example.line, reason, example.file))
                continue
            if not self.files or self.files[-1][1] != example.file:
                self.files.append((self.pairs + len(lines), example.file))
            if self.first is not None:
                number = self.pairs + len(lines)
                first.append(self.first_of.setdefault(hash(self.shown(example.source)), number))
            sources.append(source)
            targets.append(target)
            lines.append(example.line)
            # texts have no line feed: no ambiguity
            kept += (self.identity(example.source), "\n", example.target, "\n")
        self.source.add(sources)
        self.target.add(targets)
        self.lines.add(np.array(lines, np.uint32))
        if self.first is not None:
            self.first.add(np.array(first, np.uint32))
        self.texts.update("".join(kept).encode(errors="surrogatepass"))
        self.pairs += len(lines)

    def _unlabelled(self, length: int, target: Sequence[int]) -> str:
        """Why CTC has no labelling of so long a source for the target; nothing where it has one."""
        assert self.ctc_stride is not None
        positions, needed = -(-(length + self.marks) // self.ctc_stride), labels_needed(target)
        if needed <= positions:
            return ""
        return (
            f"has a target of {len(target)} tokens, for which CTC needs {needed} positions, and its source comes to "
            f"{positions}"
        )

    def _refuse(self, line: BadLine) -> None:
        if not self.skip:
            raise DataError(f"{line}. Correct it, or leave such lines out with --on-bad-input skip.")
        self.bad += 1
        self.first_bad = self.first_bad or str(line)

    def index(self, report: Report) -> dict[str, Any]:
        """The description of the arrays: for the JSON file beside them, and for `Corpus.assembled`."""
        arrays = self.source.arrays | self.target.arrays | {"lines": self.lines}
        digests = "".join(array.digest.hexdigest() for array in arrays.values())
        arrays |= {FIRST: self.first} if self.first is not None else {}
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
    def __init__(
        self, side: str, dtype: np.dtype[Any], shape: tuple[int, ...], max_length: int, create: Create
    ) -> None:
        self.shape = shape
        self.tokens = _Array(create(f"{side}.tokens"), dtype)
        self.lengths = _Array(create(f"{side}.lengths"), narrowest(max_length + 1))
        self.landmarks = _Array(create(f"{side}.landmarks"), np.dtype(np.int64))
        self.arrays = {f"{side}.{name}": getattr(self, name) for name in ("tokens", "lengths", "landmarks")}
        self.texts = 0
        self.end = 0

    def add(self, texts: Sequence[Sequence[int] | np.ndarray]) -> None:
        lengths = np.array([len(text) for text in texts], np.int64)
        starts = self.end + np.cumsum(lengths) - lengths
        if self.shape:
            self.tokens.add(np.concatenate([*texts, np.zeros((0, *self.shape), self.tokens.dtype)]))
        else:
            self.tokens.add(np.fromiter(chain.from_iterable(texts), self.tokens.dtype))
        self.lengths.add(lengths)
        self.landmarks.add(starts[-self.texts % LANDMARK_EVERY :: LANDMARK_EVERY])
        self.texts += len(texts)
        self.end += int(lengths.sum())


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


def labels_needed(target: Sequence[int]) -> int:
    """Positions that CTC needs for a target: one for each token, and one for the blank between two equal ones."""
    return len(target) + sum(one == other for one, other in pairwise(target))
