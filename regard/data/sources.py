"""The kinds of sources: a text, a recording, a picture … One interface for all of them, and the table of the kinds.

The table names the config section of each kind. The section has the keys of `data.source` in a recipe, and makes a
`Source`; `config/stage.py` shows how to add one. All other parts of Regard use a source only through this interface:

    the reader of pairs   section.locate    what is written in a file → the source
    the corpus            encode, dtype     the source → numbers, position by position
    the batch             collate           several sources → one tensor and its mask
    the model             embed             makes the module that turns this tensor into vectors for the encoder
    the alignment         spans             positions of the memory → places in the source
    the view              draw              text or picture of the whole source, and a name for each of its units

In a corpus, on the command line and in Python a source is a string: a text itself, or the name of a file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from regard.errors import CheckpointError
from regard.files import read_small, write_whole
from regard.registry import Table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from regard.data.media import Medium
    from regard.data.part_batch import PartBatch
    from regard.data.tokenizer import Tokenizer

Made = TypeVar("Made")
SOURCES = Table(
    "source kind",
    "regard.config",
    {
        "text": "sources:TextConfig",
        "recording": "sources:RecordingConfig",
        "features": "sources:FeaturesConfig",
        "picture": "sources:PictureConfig",
        "several": "several:SeveralConfig",
        "grid": "grids:GridConfig",
    },
    group="regard.sources",
)

Span = tuple[int | float, ...]
"""(start, end) of a part of the source: characters of a text, seconds of a recording. For a picture it is a box in
pixels: (left, top, right, bottom); for a grid, too, or in cells where its picture is not known. Of several kinds of
parts, the number of the part stands before it."""


class UnusableSource(ValueError):
    """A source that cannot be read. The message is a clause that follows "the line": "names no file that is there"."""


@dataclass(frozen=True)
class PartDrawing:
    """What a view shows of a part that is no text.

    Args:
        kind: what the part is, a name in `SOURCES`.
        medium: the recording or picture to draw and play; None where there is none.
    """

    kind: str
    medium: "Medium | None" = None


@dataclass(frozen=True)
class Drawing:
    """What a view shows of a source.

    Args:
        text: the whole source as text.
        units: one name for each span, in order.
        medium: the recording or picture to draw and play; None for a text.
        parts: what several parts are called, which have a tab between two in `text`; empty for a source of one.
        media: of several parts that are not all texts, what each shows; None for one that is a text.
        spans: of these the number of the part of each unit and its span, as `Source.spans` has it, except that spans of
            texts are characters of `text`.
    """

    text: str
    units: tuple[str, ...]
    medium: "Medium | None" = None
    parts: tuple[str, ...] = ()
    media: tuple[PartDrawing | None, ...] = ()
    spans: tuple[Span, ...] = ()


@runtime_checkable
class Embeds(Protocol):
    """The part of a source that a model needs."""

    @property
    def has_end(self) -> bool:
        """Whether the last real position of every source is an end mark, which is no part of the source itself."""

    def embed(self, size: int) -> "nn.Module":
        """A new module: the tensor of a batch → (batch, …, features). Its attribute `embedding_dim` is their number.

        Args:
            size: `model.embedding_size` of the recipe; a kind whose numbers are already features may ignore it.
        """


@runtime_checkable
class Source(Embeds, Protocol):
    """One kind of source, with what it learned from the pairs of a run.

    Attributes:
        kind: its name in `SOURCES`.
        digest: two sources with equal digests encode in the same way.
        dtype, shape: of the numbers at one position. A token number is an integer of shape (); a frame of 40 features
            is float32 of shape (40,).
        tokenizer: the tokeniser of a text; None for other kinds.
    """

    kind: str

    @property
    def digest(self) -> str: ...

    @property
    def dtype(self) -> "np.dtype[Any]": ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def tokenizer(self) -> "Tokenizer | None": ...

    def encode(self, source: str) -> "Sequence[int] | np.ndarray":
        """The numbers of a source, position by position, without marks: (positions, *shape).

        Its length is the number of positions. Raises UnusableSource for a source that cannot be read.
        """

    def collate(self, values: "np.ndarray", lengths: "np.ndarray") -> "tuple[np.ndarray | PartBatch, np.ndarray]":
        """Make one padded array of several sources, and its mask.

        Args:
            values: the numbers of all sources, concatenated: (sum of the lengths, *shape).
            lengths: (batch,), int64.

        Returns (batch, positions, …), and the mask, bool (batch, positions), True = real; real positions come first.
        The result for one source must not depend on the other sources or on the padding. Parts of several kinds come
        as a `PartBatch`.
        """

    def spans(self, source: str, values: "Sequence[int] | np.ndarray", memory: "np.ndarray") -> Sequence[Span]:
        """The part of the source that each position of the memory covers.

        Args:
            source, values: the argument and the result of `encode`.
            memory: int (positions, 2), the spans of `Memory`: the first input position that each covers, and the one
                after its last; for pictures (positions, 4), boxes.

        Positions that cover only an end mark come last in the memory. They have no span in the result.
        """

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """What a view shows of the source."""

    def save(self, path: Path) -> None:
        """Write one file, completely or not at all; the config section of the kind reads it."""


def joined(places: Sequence[Span], memory: "np.ndarray") -> list[Span]:
    """The spans of memory positions, from those of input positions: from the start of the first to the end of the last.

    A memory position that covers only input positions after the last place, such as an end mark, has no span.
    """
    count = len(places)
    pairs: list[list[int]] = memory.tolist()
    return [(places[first][0], places[min(end, count) - 1][1]) for first, end in pairs if first < count]


def padded(values: "np.ndarray", lengths: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """`Source.collate` for sources without an end mark: the shorter ones are padded with zeros."""
    import numpy as np

    places = np.arange(int(lengths.max(initial=1)))
    mask = places < lengths[:, None]
    found = np.zeros((*mask.shape, *values.shape[1:]), values.dtype)
    found[mask] = values
    return found, mask


def batch_of(source: Source, values: "Sequence[Sequence[int] | np.ndarray]") -> "tuple[Tensor | PartBatch, Tensor]":
    """Some encoded sources as one tensor, and its mask. Raises ValueError without sources."""
    import numpy as np
    import torch

    from regard.data.part_batch import tensors

    if not values:
        raise ValueError("batch_of: values is empty; expected at least one source.")
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    flat = np.concatenate([np.asarray(each, source.dtype).reshape(-1, *source.shape) for each in values])
    found, mask = source.collate(flat, lengths)
    return tensors(found), torch.from_numpy(mask)


def save_facts(path: Path, format: str, facts: Mapping[str, Any]) -> None:
    """Write what a source is made of, where nothing is learned: its arguments."""
    write_whole(path, json.dumps({"format": format} | dict(facts)).encode())


def load_facts(path: Path, format: str, make: Callable[..., Made], things: str) -> Made:
    """The source of what `save_facts` wrote. Raises CheckpointError for anything else.

    Args:
        path: of the file.
        format: what it was written as.
        make: arguments → the source.
        things: what the sources are called in the message.
    """
    try:
        content: Any = json.loads(read_small(path, 10_000))
        if content.pop("format") != format:
            raise ValueError("another format")
        return make(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} does not say what the {things} of this run are. Restore it.") from error
