"""Byte-pair encoding with byte fallback, through Hugging Face tokenizers: the default for text."""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from regard.data.pieces import BYTE_NAMES, FIRST_BYTE, FIRST_PIECE, Pieces, most_frequent

# A word carries the space before it, so no character has to stand for the space and U+2581 is text like any other.
# Punctuation is cut off, so that a full stop is a unit of its own in an alignment. "<" is cut off from what follows:
# then no merge can spell the name of a byte, such as "<0x41>", which the model below would take for that byte.
PUNCTUATION = "!-/:;=-@\\[-`{-~¡-¿‐-⁞、-〿！-／：-＠［-｀｛-･"
WORD = f" ?[^ <{PUNCTUATION}]+| ?[{PUNCTUATION}]+| ?<| "

MAX_PIECE_CHARACTERS = 16
"""A longer piece would be a phrase: nothing to align, and never seen often enough to learn."""

ALPHABET_SHARE = 0.75
"""Of the room for pieces, at most this much goes to single characters; rarer ones are written as bytes."""

MAX_CACHED_WORDS = 65_536
MAX_CACHED_CHARACTERS = 32


class BytePairs:
    """Pieces that are frequent in the training text; the rest character by character, then byte by byte. Loses nothing.

    Source: Sennrich, Haddow & Birch, arXiv:1508.07909; byte fallback as in SentencePiece (Kudo & Richardson,
    arXiv:1808.06226). Merges never cross a space or the edge of punctuation.

    Args:
        pieces: the pieces in the order of their numbers: single characters first, then what the merges make.
        merges: which two pieces become one, most urgent first.

    Raises ValueError if a merge makes or takes what is not a piece.
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
        self._words = re.compile(WORD).findall
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(cls, texts: Sequence[str], vocab_size: int) -> "BytePairs":
        """Learn merges until 260 + characters + merges = vocab_size, or until no pair stands twice."""
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

        # Without a word from the user, no threads: a process that forks after them would hang or warn.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        room = vocab_size - FIRST_PIECE
        # The library's own limit breaks ties by the order of a hash table: another vocabulary in every process.
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

    def ids(self, text: str) -> list[int]:
        """The numbers of the pieces. Words that come again come from a table, several times as fast as the library."""
        ids: list[int] = []
        for word in self._words(text):
            found = self._cache.get(word)
            if found is None:
                found = [token.id for token in self._model.tokenize(word)]
                if len(word) <= MAX_CACHED_CHARACTERS and len(self._cache) < MAX_CACHED_WORDS:
                    self._cache[word] = found
            ids += found
        return ids

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """A partition of the text, but for the bytes of one character, which share its span."""
        return self.pieces.spans(text, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the numbers spell."""
        return self.pieces.join(ids)
