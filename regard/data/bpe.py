"""Byte-pair encoding with byte fallback, with the library Hugging Face tokenizers: the default for text."""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from regard.data.bpe_dropout import DroppedMerges
from regard.data.pieces import BYTE_NAMES, FIRST_BYTE, FIRST_PIECE, Pieces, most_frequent

# A word includes the space before it, so no special character replaces the space, and U+2581 is ordinary text.
# Punctuation is separate, so that a full stop is its own unit in an alignment. "<" is separate from what follows it:
# then no merge can spell the name of a byte, such as "<0x41>", which the library would read as that byte.
PUNCTUATION = "!-/:;=-@\\[-`{-~¡-¿‐-⁞、-〿！-／：-＠［-｀｛-･"
WORD = f" ?[^ <{PUNCTUATION}]+| ?[{PUNCTUATION}]+| ?<| "
WORDS = re.compile(WORD)

MAX_PIECE_CHARACTERS = 16
"""A longer piece would be a phrase. It could not be aligned, and would be too rare to learn."""

ALPHABET_SHARE = 0.75
"""The largest share of the pieces that may be single characters; rarer characters are written as bytes."""

MAX_CACHED_STRETCHES = 65_536
MAX_CACHED_CHARACTERS = 32


class _Stretches(dict[str, list[int]]):
    """A cache: text between two spaces → its token numbers. New text is encoded by the library and kept.

    No word crosses a space, so the text between two spaces always has the same tokens.

    Args:
        model: the BPE model of the library.
        space: the space before the text, which belongs to its first word; empty at the start of a line.
    """

    def __init__(self, model: Any, space: str) -> None:
        super().__init__()
        self._model = model
        self._space = space

    def __missing__(self, stretch: str) -> list[int]:
        words = WORDS.findall(self._space + stretch)
        found = [token.id for word in words for token in self._model.tokenize(word)]
        if len(stretch) <= MAX_CACHED_CHARACTERS and len(self) < MAX_CACHED_STRETCHES:
            self[stretch] = found
        return found


class BytePairs:
    """Pieces that are frequent in the training text; rarer text as characters, then as bytes. Any text can be restored.

    Source: Sennrich, Haddow & Birch, arXiv:1508.07909; byte fallback as in SentencePiece (Kudo & Richardson,
    arXiv:1808.06226). Merges never cross a space or the boundary of punctuation.

    Args:
        pieces: the pieces in the order of their numbers: single characters first, then the results of the merges.
        merges: pairs of pieces that are merged, in order of priority.

    Raises ValueError if a merge uses or gives something that is not a piece.
    """

    def __init__(self, pieces: Sequence[str], merges: Sequence[Sequence[str]]) -> None:
        from tokenizers.models import BPE  # here, so that `regard --help` does not wait for it

        self.pieces = Pieces(pieces)
        self.names = self.pieces.names
        self.merges = [(left, right) for left, right in merges]
        known = set(pieces)
        if not all({left, right, left + right} <= known for left, right in self.merges):
            raise ValueError("BytePairs: merges name a piece that is not in pieces; expected merges of known pieces.")
        numbers = {name: FIRST_BYTE + place for place, name in enumerate(BYTE_NAMES)}
        numbers |= {piece: FIRST_PIECE + place for place, piece in enumerate(pieces)}
        if len(numbers) != len(BYTE_NAMES) + len(pieces):
            raise ValueError('BytePairs: pieces hold the name of a byte, such as "<0x41>"; expected none.')
        self._model = BPE(vocab=numbers, merges=self.merges, byte_fallback=True)
        self._first, self._others = _Stretches(self._model, ""), _Stretches(self._model, " ")

    @property
    def texts(self) -> list[str | None]:
        """The pieces."""
        return [*[None] * FIRST_PIECE, *self.pieces.texts]

    @classmethod
    def train(cls, texts: Sequence[str], vocab_size: int) -> "BytePairs":
        """Learn merges until 260 + characters + merges = vocab_size, or until no pair occurs twice."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

        # No threads, unless the user asks for them: a process that forks after them would hang or warn.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        room = vocab_size - FIRST_PIECE
        # With ties, the library's own limit depends on the order of a hash table, which differs in every process.
        alphabet = sorted(most_frequent(counts, int(room * ALPHABET_SHARE)))
        learner = Tokenizer(models.BPE())
        learner.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "isolated")
        trainer = trainers.BpeTrainer(
            vocab_size=room,
            min_frequency=2,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            max_token_length=MAX_PIECE_CHARACTERS,
            show_progress=False,
        )
        learner.train_from_iterator(texts, trainer)
        learned = json.loads(learner.to_str())["model"]
        return cls(sorted(learned["vocab"], key=learned["vocab"].__getitem__), learned["merges"])

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "BytePairs":
        return cls(state["pieces"], state["merges"])

    def state(self) -> dict[str, list]:
        return {"pieces": self.pieces.texts, "merges": [list(pair) for pair in self.merges]}

    def dropping(self, dropout: float) -> DroppedMerges:
        """BPE-dropout with these merges."""
        return DroppedMerges(self.pieces, self.merges, WORDS, dropout)

    def ids(self, text: str) -> list[int]:
        """The numbers of the pieces. Text that was seen before comes from a cache, several times as fast."""
        first, *others = text.split(" ")
        return [*self._first[first], *chain.from_iterable(map(self._others.__getitem__, others))]

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """A partition of the text, except that the bytes of one character all have its span."""
        return self.pieces.spans(text, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the numbers spell."""
        return self.pieces.join(ids)
