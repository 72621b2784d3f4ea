"""What may be written beside a cell: the user's text, with nothing in it that a terminal or a picture would obey."""

import unicodedata

import numpy as np
from rich.cells import cell_len

from regard.alignment.alignment import Alignment, Unit

ELLIPSIS = "…"
JOINERS = "\u200c\u200d"  # Persian and Indic spelling need them; every other format character is written out
INVISIBLE = JOINERS + "\ufe0e\ufe0f"


def visible(text: str) -> str:
    """The text with everything that acts instead of showing made visible.

    Control characters, bidi controls and other format characters, separators of lines, lone surrogates and
    noncharacters are written as their escapes: \\x1b, \\u202e.
    """
    return "".join(escaped(character) if _acts(character) else character for character in text)


def escaped(text: str) -> str:
    """The text in ASCII, everything else and every control as an escape."""
    return (
        "".join(
            f"\\x{ord(character):02x}" if ord(character) < 0x20 or ord(character) == 0x7F else character
            for character in text
        )
        .encode("ascii", "backslashreplace")
        .decode("ascii")
    )


def _acts(character: str) -> bool:
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character not in JOINERS
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noncharacters


def label(unit: Unit) -> str:
    """What to write beside the unit; nothing, blanks and lone joiners as well get something to see."""
    text = visible(unit.text)
    if not text:
        return "∅"
    if not text.strip():
        return "␣" * len(text)
    return text if text.strip(INVISIBLE) else escaped(text)


def clusters(text: str) -> list[str]:
    """The text in pieces that each start with a character of some width; marks stay with what they mark."""
    pieces: list[str] = []
    for character in text:
        if pieces and cell_len(character) == 0:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def shorten(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """The text if it fits in so many terminal cells, else its beginning and an ellipsis."""
    if cell_len(text) <= cells:
        return text
    kept = ""
    for piece in clusters(text):
        if cell_len(kept + piece) > cells - cell_len(ellipsis):
            break
        kept += piece
    return kept + ellipsis


def checked_weights(alignment: Alignment) -> np.ndarray:
    """The weights between 0 and 1, (target, source).

    Raises ValueError if they do not have a row for each target unit and a column for each source unit, or are
    not finite: a picture of such numbers would be a picture of something else.
    """
    shape, expected = alignment.weights.shape, (len(alignment.target), len(alignment.source))
    if shape != expected:
        raise ValueError(
            f"Alignment.weights: shape is {shape}; expected {expected}, a row for each target unit and a column "
            "for each source unit. Drop the end marks from units and weights alike."
        )
    if not np.isfinite(alignment.weights).all():
        raise ValueError("Alignment.weights: some are NaN or infinite; expected numbers from 0 to 1.")
    return np.clip(alignment.weights, 0.0, 1.0)


def nothing_to_draw(alignment: Alignment) -> str | None:
    """A sentence if one side has no units, else None."""
    empty = [side for side, units in (("source", alignment.source), ("target", alignment.target)) if not units]
    if not empty:
        return None
    return f"Nothing to draw: the {' and the '.join(empty)} {'has' if len(empty) == 1 else 'have'} no words."
