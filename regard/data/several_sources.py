"""A source of several parts that are not all texts, such as a picture and a sentence, or a recording and a draft.

What a file gives, and what a user types, is one line, as for several texts: the parts with a tab between two of them. A
part that is no text stands there by the name of its file, or as a record.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Int, UInt8

from regard.data.rows import BETWEEN
from regard.data.several import parts_of
from regard.data.sources import Drawing, PartDrawing, Source, Span, UnusableSource
from regard.data.tokenizer import MAX_FILE_BYTES
from regard.errors import CheckpointError
from regard.files import read_small, write_whole

if TYPE_CHECKING:
    from torch import nn

    from regard.data.part_batch import PartBatch

FORMAT, VERSION = "regard several sources", 1
ANY_BYTES = "surrogateescape"
"""How bytes that are no UTF-8 are kept in a text."""
NONE = -1
"""Stands in the spans of a memory where a part has fewer numbers than another."""
Rows = UInt8[np.ndarray, "positions bytes"]


class SeveralSources:
    """Sources of several kinds side by side, each encoded, padded, embedded and drawn by its own kind.

    A position is a row of bytes: the number of its part, then the numbers that its kind gives it, filled up to the
    widest. So all kinds stand in one array, part behind part, and its length counts the positions of all.

    Args:
        sources: the kind of each part, by its name, in the order of the parts.
    """

    kind = "several"
    tokenizer = None
    dtype = np.dtype(np.uint8)

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = dict(sources)
        self._widths = [each.dtype.itemsize * prod(each.shape) for each in self.sources.values()]

    @property
    def has_end(self) -> bool:
        """Whether one of the parts has an end mark."""
        return any(each.has_end for each in self.sources.values())

    @property
    def shape(self) -> tuple[int, ...]:
        """Bytes of a position."""
        return (1 + max(self._widths),)

    @property
    def digest(self) -> str:
        """Of the names, the kinds and what they learned."""
        parts = [[name, each.kind, each.digest] for name, each in self.sources.items()]
        return hashlib.sha256(json.dumps([FORMAT, parts]).encode()).hexdigest()

    def encode(self, source: str) -> Rows:
        """The positions of all parts. Raises UnusableSource, which names the part, for one that cannot be read."""
        found = [np.zeros((0, *self.shape), np.uint8)]
        for number, (name, text) in enumerate(self.texts(source).items()):
            try:
                values = self.sources[name].encode(text)
            except UnusableSource as error:
                raise in_part(name, error) from error
            found.append(self._packed(number, values))
        return np.concatenate(found)

    def texts(self, source: str) -> dict[str, str]:
        """What a line says of each part. Raises UnusableSource for another number of parts."""
        return dict(zip(self.sources, parts_of(source, [*self.sources]), strict=True))

    def media(self, source: str) -> str:
        """What a line says of the parts that are no texts: what sources that show the same thing have in common."""
        return BETWEEN.join(text for name, text in self.texts(source).items() if not _is_text(self.sources[name]))

    def counts(self, values: Rows) -> list[int]:
        """Positions of each part."""
        found: list[int] = np.bincount(values[:, 0], minlength=len(self.sources)).tolist()
        return found

    def tokens(self, values: Rows) -> int:
        """Positions of the texts."""
        return sum(
            count
            for each, count in zip(self.sources.values(), self.counts(values), strict=True)
            if each.tokenizer is not None
        )

    def _packed(self, number: int, values: Sequence[int] | np.ndarray) -> Rows:
        width, kind = self._widths[number], [*self.sources.values()][number]
        whole = np.ascontiguousarray(values, kind.dtype).reshape(-1, max(prod(kind.shape), 1))
        rows = np.zeros((len(whole), *self.shape), np.uint8)
        rows[:, 0] = number
        rows[:, 1 : 1 + width] = whole.view(np.uint8)
        return rows

    def _own(self, values: Rows, number: int) -> np.ndarray:
        """The numbers of one part as its kind gave them."""
        kind = [*self.sources.values()][number]
        rows = np.ascontiguousarray(values[values[:, 0] == number, 1 : 1 + self._widths[number]])
        return rows.view(kind.dtype).reshape(-1, *kind.shape)

    def collate(
        self, values: Rows, lengths: Int[np.ndarray, " rows"]
    ) -> tuple["PartBatch", Bool[np.ndarray, "rows positions"]]:
        """The parts, each padded as its kind pads it; the mask has as many real positions as all of them together."""
        from regard.data.part_batch import PartBatch

        owners = np.repeat(np.arange(len(lengths)), lengths)
        found = [
            each.collate(self._own(values, number), np.bincount(owners[values[:, 0] == number], minlength=len(lengths)))
            for number, each in enumerate(self.sources.values())
        ]
        ends = tuple(each.has_end for each in self.sources.values())
        batch = PartBatch(tuple(part for part, _ in found), tuple(mask for _, mask in found), ends)
        totals = sum(mask.sum(tuple(range(1, mask.ndim))) for mask in batch.masks)
        return batch, np.arange(int(np.max(totals, initial=1))) < np.reshape(totals, (-1, 1))

    def embed(self, size: int) -> "nn.Module":
        """What each part is embedded with."""
        from regard.data.part_embeddings import PartEmbeddings

        return PartEmbeddings({name: each.embed(size) for name, each in self.sources.items()}, size)

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """The number of the part, and behind it the span within that part, in the measure of its kind.

        Args:
            memory: int (positions, ends + 1): the spans of the part, -1 where it has fewer numbers than another, and
                behind them its number.
        """
        found: list[Span] = []
        rows = np.asarray(values)
        for number, (name, text) in enumerate(self.texts(source).items()):
            covered = self.covered(memory, number)
            if not len(covered):
                continue
            kind = self.sources[name]
            own: Any = self._own(rows, number)
            own = own.tolist() if kind.tokenizer is not None else own
            found += [(number, *span) for span in kind.spans(text, own, covered)]
        return found

    def covered(self, memory: np.ndarray, number: int) -> np.ndarray:
        """The spans of one part, of all that the memory has, without the numbers that its kind has not."""
        own = memory[memory[:, -1] == number, :-1]
        return own[:, own[0] != NONE] if len(own) else own

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """The parts with a tab between two, and what each shows; spans of texts are characters of that whole."""
        texts, media, units, placed = list[str](), list[PartDrawing | None](), list[str](), list[Span]()
        start = 0
        for number, (name, text) in enumerate(self.texts(source).items()):
            kind, own = self.sources[name], [span[1:] for span in spans if span[0] == number]
            drawn = kind.draw(text, own)
            units += drawn.units
            before = start if _is_text(kind) else 0
            placed += [(number, *(place + before for place in span)) for span in own]
            media.append(None if _is_text(kind) else PartDrawing(kind.kind, drawn.medium))
            texts.append(drawn.text.replace(BETWEEN, " "))
            start += len(texts[-1]) + len(BETWEEN)
        return Drawing(
            BETWEEN.join(texts), tuple(units), parts=tuple(self.sources), media=tuple(media), spans=tuple(placed)
        )

    def save(self, path: Path) -> None:
        """Write what every part writes, in one file."""
        parts = []
        with TemporaryDirectory() as folder:
            for name, each in self.sources.items():
                each.save(own := Path(folder) / "part")
                parts.append({"name": name, "kind": each.kind, "content": own.read_bytes().decode(errors=ANY_BYTES)})
        write_whole(path, json.dumps({"format": FORMAT, "version": VERSION, "parts": parts}).encode())

    @classmethod
    def load(cls, path: Path, loaders: Mapping[str, Callable[[Path], Source]]) -> "SeveralSources":
        """What a run was trained with. Raises CheckpointError for anything else.

        Args:
            loaders: for each part what reads the file that its kind wrote.
        """
        try:
            content: Any = json.loads(read_small(path, MAX_FILE_BYTES))
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise ValueError("another format")
            parts = {str(part["name"]): part["content"].encode(errors=ANY_BYTES) for part in content["parts"]}
            if [*parts] != [*loaders]:
                raise ValueError("other parts")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{path} does not say what the parts of a source of this run are. Restore it."
            ) from error
        with TemporaryDirectory() as folder:
            found = {}
            for name, load in loaders.items():
                own = Path(folder) / path.name
                own.write_bytes(parts[name])
                try:
                    found[name] = load(own)
                except CheckpointError as error:
                    raise CheckpointError(f"{path} is damaged in its part {name}. Restore it.") from error
        return cls(found)


def in_part(name: str, error: UnusableSource) -> UnusableSource:
    """The same error with the part that it is about; both messages follow "the line"."""
    return UnusableSource(f"in its part {name} {error}")


def _is_text(source: Source) -> bool:
    return source.tokenizer is not None
