"""Byte-pair encoding with byte fallback, through Hugging Face tokenizers: the default for text."""

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from regard.data.pieces import BYTE_NAMES, FIRST_BYTE, FIRST_PIECE, Pieces, most_frequent

# A word carries the space before it, so no character has to stand for the space and U+2581 is text like any other.
# Punctuation is cut off, so that a full stop is a unit of its own in an alignment. "<" is cut off from what follows:
# then no merge can spell the name of a byte, such as "<0x41>", which the model below would take for that byte.
PUNCTUATION = "!-/:;=-@\\[-`{-~¡-¿‐-⁞、-〿！-／：-＠［-｀｛-･"
WORD = f" ?[^ <{PUNCTUATION}]+| ?[{PUNCTUATION}]+| ?<| "
WORDS = re.compile(WORD)

MAX_PIECE_CHARACTERS = 16
"""A longer piece would be a phrase: nothing to align, and never seen often enough to learn."""

ALPHABET_SHARE = 0.75
"""Of the room for pieces, at most this much goes to single characters; rarer ones are written as bytes."""

MAX_CACHED_STRETCHES = 65_536
MAX_CACHED_CHARACTERS = 32


class _Stretches(dict[str, list[int]]):
    """The numbers of each stretch between spaces that came before; of another one, those that the model finds.

    No word goes on behind a space, so a stretch is cut into words alike wherever it stands.

    Args:
        model: of the library.
        space: what stands before the stretch, and belongs to its first word.
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
        self._first, self._others = _Stretches(self._model, ""), _Stretches(self._model, " ")

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
        """The numbers of the pieces. What came before comes from a table, several times as fast as the library."""
        first, *others = text.split(" ")
        return [*self._first[first], *chain.from_iterable(map(self._others.__getitem__, others))]

    def spans(self, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
        """A partition of the text, but for the bytes of one character, which share its span."""
        return self.pieces.spans(text, ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the numbers spell."""
        return self.pieces.join(ids)
