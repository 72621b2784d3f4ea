"""Text → token numbers and back, with the place of every token in the raw text."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast

from regard.data.bpe_dropout import DroppedMerges
from regard.data.segmenter import Segmentation
from regard.errors import CheckpointError
from regard.files import read_small, write_whole
from regard.marks import UNKNOWN
from regard.registry import Table

TOKENIZERS = Table(
    "tokeniser",
    "regard.data",
    {
        "bpe": "bpe:BytePairs",
        "spaced_bpe": "spaced:SpacedBytePairs",
        "characters": "characters:Characters",
        "symbols": "symbols:Symbols",
        "inflection": "inflection:Inflection",
        "label": "labels:Labels",
        "tags": "tags:Tags",
    },
)
FORMAT, VERSION = "regard tokenizer", 1
MAX_FILE_BYTES = 64 * 2**20
MAX_ENTRIES = 1_100_000
SAMPLE_TEXTS = 200_000
Item = TypeVar("Item")
LONE = "text holds a lone surrogate; expected valid Unicode. Replace it."


@dataclass(frozen=True)
class Encoded:
    """A text as token numbers.

    Args:
        ids: the token numbers, without begin or end mark.
        spans: for each number, (start, end) in the raw text, in characters. A character that was unseen in training
            becomes one token for each of its bytes; all of them have the span of that character.
    """

    ids: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Spelled:
    """Token numbers as text.

    Args:
        text: the text of these numbers.
        spans: for each number, (start, end) of its part of this text, in characters.
    """

    text: str
    spans: list[tuple[int, int]]


class Tokenizer:
    """A vocabulary of one of the kinds in `TOKENIZERS`. In every kind the numbers 0 to 3 are pad, begin, end, unknown.

    With "bpe", "spaced_bpe" and "characters", decode(encode(text).ids) is always the text, also with "</s>", "▁",
    control characters, emoji or spaces at the ends. "symbols" and "inflection" keep the symbols, but not the white
    space between them. "label" keeps a label that it knows.

    Args:
        kind: a name in `TOKENIZERS`; another for what is made of several tokenisers, see `SeveralTexts`.
        segmenter: a trained segmenter of that kind.
    """

    def __init__(self, kind: str, segmenter: Segmentation) -> None:
        self.kind = kind
        self._segmenter = segmenter

    @classmethod
    def train(cls, kind: str, texts: Iterable[str], vocab_size: int, sample: int = SAMPLE_TEXTS) -> "Tokenizer":
        """Learn a vocabulary. The same texts in the same order give the same vocabulary.

        Args:
            kind: a name in `TOKENIZERS`.
            texts: raw texts; they are read once, so a stream is possible.
            vocab_size: most numbers, with the marks and the 256 bytes ("symbols" and "label" have no bytes).
            sample: most texts to learn from; if there are more, so many are drawn at random and kept in memory.

        Raises ValueError for an unknown kind, a vocabulary that is too small, or a text that is not valid Unicode.
        """
        least = 5 if kind in ("symbols", "label", "tags") else 261
        segmenter = TOKENIZERS.choose(kind)
        if vocab_size < least:
            raise ValueError(
                f"Tokenizer.train: vocab_size is {vocab_size}; expected at least {least} for {kind!r}. "
                "Raise vocab_size; some thousands are usual."
            )
        try:
            return cls(kind, segmenter.train(drawn(map(_valid, texts), sample), vocab_size))
        except UnicodeEncodeError as error:
            raise ValueError(f"Tokenizer.train: {LONE}") from error

    @property
    def size(self) -> int:
        """The size of the vocabulary: every id is below this."""
        return len(self._segmenter.names)

    @property
    def texts(self) -> list[str | None]:
        """What each number writes: None for marks, for single bytes, and for what is no part of a text, as a tag."""
        return self._segmenter.texts

    @cached_property
    def unspelt(self) -> int | None:
        """UNKNOWN if it has no text, since this kind can write any text without it; None if it is written "<unk>"."""
        return None if self.decode([UNKNOWN]) else UNKNOWN

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that was learned: tokenisers with equal digests give equal tokens."""
        return _digest(self.kind, self._segmenter.state())

    def ids(self, text: str) -> list[int]:
        """The token numbers without spans: faster, for corpora. Raises ValueError if the text has a lone surrogate."""
        try:
            return self._segmenter.ids(text)
        except UnicodeEncodeError as error:
            raise ValueError(f"Tokenizer: {LONE}") from error

    def inner_ids(self, text: str) -> list[int]:
        """The token numbers of a text that goes on right behind another: without the space of "spaced_bpe"."""
        inner: Any = getattr(self._segmenter, "inner_ids", self.ids)
        found: list[int] = inner(text)
        return found

    def dropping(self, dropout: float) -> DroppedMerges | None:
        """BPE-dropout of a vocabulary that was learned by merges; None for another kind."""
        drop: Any = getattr(self._segmenter, "dropping", None)
        found: DroppedMerges | None = None if drop is None else drop(dropout)
        return found

    def encode(self, text: str) -> Encoded:
        """The token numbers and the characters that each covers. Raises ValueError if the text has a lone surrogate."""
        ids = self.ids(text)
        return Encoded(ids, self.spans(text, ids))

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """The characters of a text that each of its token numbers covers; `ids` are the numbers of this text."""
        return self._segmenter.spans(text, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token numbers; the marks 0 to 2 are ignored. Raises ValueError for a number out of range."""
        self._check(ids)
        return self._segmenter.decode(ids)

    def spell(self, ids: Sequence[int]) -> Spelled:
        """The text of token numbers, as `decode` gives it, and the characters of it that each number covers.

        Marks cover no characters, and neither does UNKNOWN if it is `unspelt`.
        """
        text = self.decode(ids)
        said = [number for number in ids if number >= UNKNOWN and number != self.unspelt]
        spans = self._segmenter.spans(text, said)
        return Spelled(text, spans if len(said) == len(ids) else self._with_silent(ids, spans))

    def _with_silent(self, ids: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """A span for every number. A number without text gets an empty span after the text before it; between two bytes
        of one character it gets the span of that character."""
        rest, found, said = list(spans), list[tuple[int, int]](), 0
        for number in ids:
            if number >= UNKNOWN and number != self.unspelt:
                found.append(rest[said])
                said += 1
                continue
            before = rest[said - 1] if said else (0, 0)
            within = said < len(rest) and rest[said] == before
            found.append(before if within else (before[1], before[1]))
        return found

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The name to show for each number: the piece of text, "<0x41>" for a byte, "</s>" for the end mark."""
        self._check(ids)
        return [self._segmenter.names[number] for number in ids]

    def _check(self, ids: Sequence[int]) -> None:
        if ids and not 0 <= min(ids) <= max(ids) < self.size:
            raise ValueError(f"Tokenizer: ids range from {min(ids)} to {max(ids)}; expected 0 to {self.size - 1}.")

    def save(self, path: str | Path) -> None:
        """Write one JSON file, completely or not at all."""
        write_whole(Path(path), json.dumps(self.content(), ensure_ascii=False).encode())

    def content(self) -> dict[str, Any]:
        """What `save` writes."""
        state = self._segmenter.state()
        known = {"format": FORMAT, "version": VERSION, "kind": self.kind, "sha256": _digest(self.kind, state)}
        return known | {"state": state}

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Read what `save` wrote. Raises CheckpointError, in one sentence, for anything else."""
        try:
            raw = read_small(Path(path), MAX_FILE_BYTES)
            # Count the entries before parsing: millions of lists would not fit into memory.
            content: Any = (
                json.loads(raw) if raw.count(b"[") + raw.count(b"{") < MAX_ENTRIES > raw.count(b",") / 4 else None
            )
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror}). Restore it from a whole copy.") from error
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is cut short or no tokeniser of Regard.") from error
        return cls.of_content(content, str(path))

    @classmethod
    def of_content(cls, content: Any, path: str) -> "Tokenizer":
        """The tokeniser of what `content` gave, in the file `path`. Raises CheckpointError for anything else."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise CheckpointError(f"{path} is no tokeniser of Regard.")
        if content.get("version") != VERSION:
            raise CheckpointError(f"{path} is from another version of Regard; this one reads version {VERSION}.")
        kind, state = str(content.get("kind"))[:40], content.get("state")
        try:
            if content.get("sha256") != _digest(kind, state) or kind not in TOKENIZERS:
                raise CheckpointError(f"{path} is damaged: its content does not fit its checksum.")
            return cls(kind, TOKENIZERS[kind].from_state(_checked(state)))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"{path} holds no vocabulary of kind {kind!r}.") from error


def _checked(state: Any) -> dict[str, list]:
    """The `state` of a tokeniser: lists of strings, or of pairs of strings. Raises TypeError for anything else."""
    for entries in state.values():
        strings = entries if all(isinstance(entry, str) for entry in entries) else [*chain.from_iterable(entries)]
        if type(entries) is not list or not all(isinstance(entry, str) for entry in strings):
            raise TypeError("expected lists of strings, or of pairs of strings")
        "".join(strings).encode()  # UnicodeEncodeError, which is a ValueError, for a lone surrogate
    return cast(dict[str, list], state)


def _digest(kind: str, state: Any) -> str:
    return hashlib.sha256(json.dumps([kind, state], sort_keys=True).encode()).hexdigest()


def _valid(text: str) -> str:
    """The text. Raises UnicodeEncodeError if it has a lone surrogate."""
    if not text.isascii():
        text.encode()
    return text


def drawn(items: Iterable[Item], limit: int) -> list[Item]:
    """At most `limit` items, drawn with equal probability, the same each time (reservoir sampling)."""
    random = Random(0)
    kept: list[Item] = []
    for number, item in enumerate(items):
        if number < limit:
            kept.append(item)
        elif (place := random.randrange(number + 1)) < limit:
            kept[place] = item
    return kept
