"""Phrases that an output must have: how their tokens stand in it, and where a word begins and ends."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool
from torch import Tensor

from regard.data.pieces import FIRST_BYTE, FIRST_PIECE
from regard.data.scripts import UNSPACED
from regard.data.tokenizer import Tokenizer
from regard.marks import UNKNOWN

if TYPE_CHECKING:
    from regard.data.copying import SentenceTokens

SPACED = "spaced_bpe"
SPELLED = ("bpe", SPACED, "characters")
"""Tokenisers whose tokens are parts of the text, spaces too. Of the others a token stands between spaces."""
OTHER = "é"
"""Stands for what may be a letter: a byte of a character that has several, and a copied word."""


@dataclass(frozen=True)
class Phrase:
    """Words that stand together in an output.

    Args:
        bare: the tokens of the text alone.
        spaced: those of the text with a space before it; empty where no space is needed.
        starts: whether the text starts a word of a script with spaces: then no such word may end right before it.
        ends: whether it ends one: then no such word may go on right behind it.
    """

    bare: Sequence[int]
    spaced: Sequence[int] = ()
    starts: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Borders:
    """Which tokens begin, and which end, with a letter or digit of a script that puts spaces between words.

    The last entry is for tokens behind the vocabulary: words of the source that are copied. With `spaced` the tokens of
    a text begin with a space.
    """

    begins: Bool[Tensor, " vocabulary_and_one"]
    ends: Bool[Tensor, " vocabulary_and_one"]
    spaced: bool = False


def borders(tokenizer: Tokenizer, device: torch.device) -> Borders:
    """Of the tokens of a vocabulary. A byte that is no ASCII character counts as a letter."""
    if tokenizer.kind not in SPELLED:
        nowhere = torch.zeros(tokenizer.size + 1, dtype=torch.bool, device=device)
        return Borders(nowhere, nowhere)
    texts = [text or " " for text in tokenizer.texts]
    texts[FIRST_BYTE:FIRST_PIECE] = [chr(byte) if byte < 0x80 else OTHER for byte in range(256)]
    texts.append(OTHER)
    begins, ends = (torch.tensor([_in_word(text[place]) for text in texts], device=device) for place in (0, -1))
    return Borders(begins, ends, tokenizer.kind == SPACED)


def phrases(texts: Sequence[str], tokens: "Tokenizer | SentenceTokens") -> list[Phrase]:
    """The phrases of texts, each once; none of empty ones.

    Args:
        texts: as a user writes them.
        tokens: the vocabulary of the target; of one sentence, where words of its source can be copied.

    Raises ValueError for a text that this vocabulary cannot write.
    """
    return [_phrase(text, tokens) for text in dict.fromkeys(text.strip() for text in texts) if text]


def _phrase(text: str, tokens: "Tokenizer | SentenceTokens") -> Phrase:
    bare = tokens.ids(text)
    if UNKNOWN in bare:
        copies = "" if isinstance(tokens, Tokenizer) else " or the source"
        raise ValueError(
            f"the phrase {text!r} has a word that the vocabulary of the target{copies} lacks, so that no output has "
            "it. Leave it out, or choose other words."
        )
    tokenizer = tokens if isinstance(tokens, Tokenizer) else tokens.tokenizer
    if tokenizer.kind not in SPELLED:
        return Phrase(bare)
    first, last = _in_word(text[0]), _in_word(text[-1])
    if tokenizer.kind == SPACED:  # its tokens of a text begin with the space
        return Phrase(tokenizer.inner_ids(text), bare, first, last)
    return Phrase(bare, tokens.ids(f" {text}") if first else (), first, last)


def _in_word(character: str) -> bool:
    """Whether it is a letter, mark, digit or "_", of a script that puts spaces between words."""
    written = character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    return written and not re.match(UNSPACED, character)
