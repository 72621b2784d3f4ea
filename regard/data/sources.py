"""What a source may be: a text, a recording, a picture … One interface for all of them, and the table of the kinds.

The table names the section of each kind, which says what keys a recipe has for it (`data.source`), and makes it:
`config/stage.py` shows how to add one. What it makes is a `Source`. Nothing else of Regard knows what a source is:

    the reader of pairs   section.read      what a file says of a source → its name, wherever one stands
    the corpus            encode, dtype     the source → numbers, position by position
    the batch             collate           several of them → one tensor and its mask
    the model             embed             what turns that tensor into vectors, which an encoder reads
    the alignment         spans             positions of the memory → places in what the user gave
    the view              draw              what is written for the source as a whole, and for each of its units

In a corpus, on the command line and in Python a source is a string: a text itself, or the name of a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regard.registry import Table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from regard.data.media import Medium
    from regard.data.tokenizer import Tokenizer

SOURCES = Table(
    "source kind",
    "regard.config",
    {
        "text": "sources:TextConfig",
        "recording": "sources:RecordingConfig",
        "features": "sources:FeaturesConfig",
    },
    group="regard.sources",
)

Span = tuple[int | float, ...]
"""Where a stretch of the source begins and ends: characters of a text, seconds of a recording. Of a picture it is a
box: left, top, right, bottom in its own pixels."""


class UnusableSource(ValueError):
    """Why a source cannot be read: a clause that follows "the line": "names no file that is there"."""


@dataclass(frozen=True)
class Drawing:
    """What a view writes of a source.

    Args:
        text: the source as a whole.
        units: one name for each span, in order.
        medium: what is drawn and played, of a recording or a picture.
    """

    text: str
    units: tuple[str, ...]
    medium: "Medium | None" = None


@runtime_checkable
class Embeds(Protocol):
    """What a model has to know of its sources."""

    @property
    def has_end(self) -> bool:
        """Whether the last real position of every source is an end mark, which stands for nothing in it."""

    def embed(self, size: int) -> "nn.Module":
        """A new module: the tensor of a batch → (batch, …, features). Its attribute `embedding_dim` says how many.

        Args:
            size: `model.embedding_size` of the recipe; a kind whose numbers are features already may leave it.
        """


@runtime_checkable
class Source(Embeds, Protocol):
    """One kind of source, with what it learned from the pairs of a run.

    Attributes:
        kind: its name in `SOURCES`.
        digest: equal digests encode equally.
        dtype, shape: of the numbers of one position: a token number is an integer of shape (), a frame of 40 features
            is float32 of shape (40,).
        tokenizer: of a text; None for all else.
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
        """Its numbers, position by position, without marks: (positions, *shape).

        How long it is, is the number of positions. Raises UnusableSource for one that cannot be read.
        """

    def collate(self, values: "np.ndarray", lengths: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
        """Sources, given one behind the other, as one array for the encoder and the mask of what is real.

        Args:
            values: (sum of the lengths, *shape).
            lengths: (batch,), int64.

        Returns (batch, positions, …), and bool (batch, positions); real positions come first. What comes of a source
        depends on neither the others nor the padding.
        """

    def spans(self, source: str, values: "Sequence[int] | np.ndarray", memory: "np.ndarray") -> Sequence[Span]:
        """Where in the source the positions of the memory are.

        Args:
            source, values: as for and from `encode`.
            memory: int (positions, 2), the spans of `Memory`: first input position that each covers, and the one after
                its last; of pictures (positions, 4), boxes. Those that cover nothing but an end mark are not among what
                comes back, and stand behind all others.
        """

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """What a view writes of it."""

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all; the section of the kind reads it."""


def joined(places: Sequence[Span], memory: "np.ndarray") -> list[Span]:
    """The spans of memory positions, given that of each input position: from the start of the first that it covers to
    the end of the last. Positions behind the last place, such as an end mark, cover nothing."""
    count = len(places)
    pairs: list[list[int]] = memory.tolist()
    return [(places[first][0], places[min(end, count) - 1][1]) for first, end in pairs if first < count]


def padded(values: "np.ndarray", lengths: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """What `Source.collate` gives of numbers without an end mark: zeros behind the shorter ones."""
    import numpy as np

    places = np.arange(int(lengths.max(initial=1)))
    mask = places < lengths[:, None]
    found = np.zeros((*mask.shape, *values.shape[1:]), values.dtype)
    found[mask] = values
    return found, mask


def batch_of(source: Source, values: "Sequence[Sequence[int] | np.ndarray]") -> "tuple[Tensor, Tensor]":
    """Some encoded sources as one tensor, and its mask. Raises ValueError if there is none."""
    import numpy as np
    import torch

    if not values:
        raise ValueError("batch_of: values is empty; expected at least one source.")
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    flat = np.concatenate([np.asarray(each, source.dtype).reshape(-1, *source.shape) for each in values])
    found, mask = source.collate(flat, lengths)
    return torch.from_numpy(found), torch.from_numpy(mask)
