"""Labels of a map: the user's text without characters that a terminal or a picture would obey."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from rich.cells import cell_len

from regard.alignment.alignment import Alignment, Unit, Word
from regard.alignment.parts import part_of, parts
from regard.data.media import Picture, Recording

ELLIPSIS = "…"
END = "end"  # the name of the end marks beside a map, where they stand apart from the words
SHOWN_FROM = 0.005  # a smaller weight is written as 0 %
NAMED_FROM = 0.5  # from here on a sentence names the units that looked at the end of the source
MOST_NAMED = 8
LONGEST_NAMED = 16
WITHIN = "Words within their sentences"
"""The title of what shows `Alignment.inside`: weights that do not depend on what was written."""
TIMES = "Weight of the sentence × weight of the word within"
JOINERS = "\u200c\u200d"  # Persian and Indic spelling need them; every other format character is written out
INVISIBLE = JOINERS + "\ufe0e\ufe0f"


def visible(text: str) -> str:
    """The text with all characters that are not visible written as escapes.

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


def source_line(alignment: Alignment) -> str:
    """The whole source, visible; of several texts each with its name: `lemma: Haus | tags: N;DAT;PL`."""
    several = parts(alignment)
    named = [f"{visible(part.name)}: {visible(part.text)}" for part in several]
    return " | ".join(named) if several else visible(alignment.source_text)


def part_starts(alignment: Alignment) -> list[int]:
    """The first unit of each part of several texts; not of the first part that has units."""
    if not alignment.source_parts:
        return []
    numbers = [part_of(alignment, unit.start) for unit in alignment.source]
    return [place for place, (before, number) in enumerate(pairwise(numbers), 1) if number != before]


def part_names(alignment: Alignment) -> list[str]:
    """What stands before each unit of the source where units are listed: `tags:` of several texts, else nothing."""
    if not alignment.source_parts:
        return [""] * len(alignment.source)
    numbers = [part_of(alignment, unit.start) for unit in alignment.source]
    return [f"{visible(alignment.source_parts[number])}:" for number in numbers]


def label(unit: Unit | Word) -> str:
    """The label of a unit. Empty text, blanks and single joiners get a visible sign."""
    text = visible(unit.text)
    if not text:
        return "∅"
    if not text.strip():
        return "␣" * len(text)
    return text if text.strip(INVISIBLE) else escaped(text)


def clusters(text: str) -> list[str]:
    """The text in pieces that each start with a character of some width; combining marks stay with their character."""
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


def words_of(text: str) -> list[str]:
    """Where a sentence may be broken: at blanks, but not within `汤姆 62 %`."""
    return re.split(r" (?!%|\d+ %)", text)


def cells(alignment: Alignment) -> np.ndarray:
    """All cells of a map, between 0 and 1: `weights`, then `source_end` as a column and `target_end` as a row.

    Each of the two is there only if the alignment has it. Raises ValueError for NaN and infinity.
    """
    weights = alignment.weights
    if alignment.source_end is not None:
        weights = np.concatenate([weights, alignment.source_end[:, None]], axis=1)
    if alignment.target_end is not None:
        weights = np.concatenate([weights, alignment.target_end[None]])
    if not np.isfinite(weights).all():
        raise ValueError("Alignment.weights: some are NaN or infinite; expected numbers from 0 to 1.")
    return np.clip(weights, 0.0, 1.0)


def checked_weights(alignment: Alignment) -> np.ndarray:
    """The weights between 0 and 1, (target, source), without the ends. Raises what `cells` raises."""
    return cells(alignment)[: len(alignment.target), : len(alignment.source)]


def nothing_to_draw(alignment: Alignment) -> str | None:
    """A sentence if one side has no units, or if no row looked at the source; else None."""
    text = alignment.source_kind == "text"
    empty = [side for side, units in (("source", alignment.source), ("target", alignment.target)) if not units]
    if empty:
        nothing = "words" if text or "target" in empty else "places that could be looked at"
        return f"Nothing to draw: the {' and the '.join(empty)} {'has' if len(empty) == 1 else 'have'} no {nothing}."
    if (
        not alignment.weights.sum(axis=1).max() < SHOWN_FROM
    ):  # a row, since of many places each has less; NaN is for `cells`
        return None
    looked = f"no {'word' if text else 'place'} of the source was looked at"
    if alignment.source_end is not None and alignment.source_end.max() >= SHOWN_FROM:
        return f"Nothing to draw: {looked}, only the end of the sentence."
    return f"Nothing to draw: {looked}."


def covered(alignment: Alignment) -> str | None:
    """A sentence about how much of a recording or a picture a position covers, and how much its encoder saw for it;
    None for texts and for grids whose picture is not known."""
    medium, field = alignment.medium, alignment.receptive_field
    if not alignment.source or (not isinstance(medium, Recording) and (medium is None or _in_cells(alignment))):
        return None
    sides = np.median([_sides(unit) for unit in alignment.source], axis=0).tolist()
    size = f"{sides[0]:.3g} s" if len(sides) == 1 else f"{sides[0]:.3g} × {sides[1]:.3g} pixels"
    if field is None:
        return f"A position covers {size}, and its encoder may have seen all of the source."
    names = ("before", "behind") if len(field) == 2 else ("to the left", "above", "to the right", "below")
    unit = " s" if len(field) == 2 else ""
    seen = ", ".join(f"{distance:.3g}{unit} {name}" for distance, name in zip(field, names, strict=True))
    return f"A position covers {size}, and the convolutions of its encoder see around it: {seen}."


def _in_cells(alignment: Alignment) -> bool:
    """Whether its boxes are in cells of a grid, for want of a picture."""
    return alignment.source_kind == "grid" and isinstance(alignment.medium, Picture) and alignment.medium.size is None


def _sides(unit: Unit) -> tuple[float, ...]:
    """Seconds, or width and height."""
    if unit.box is None:
        return (unit.end - unit.start,)
    left, top, right, bottom = unit.box
    return right - left, bottom - top


def looked_at_the_end(alignment: Alignment) -> str | None:
    """A sentence with the units that have a weight of `NAMED_FROM` or more on the end of the source, or None."""
    if alignment.source_end is None:
        return None
    found = [
        f"{shorten(label(unit), LONGEST_NAMED)} {100 * share:.0f} %"
        for unit, share in zip(alignment.target, alignment.source_end.tolist(), strict=True)
        if share >= NAMED_FROM
    ]
    if not found:
        return None
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"On the end of the sentence: {', '.join(found[:MOST_NAMED])}{more}"


def copied_cells(alignment: Alignment) -> list[tuple[int, int, float]]:
    """Of a model that copies: each target unit that was copied rather than generated, the source unit that most of it
    was copied from, and the probability that it was copied at all."""
    if alignment.copied is None or not alignment.copied.size:
        return []
    shares, places = alignment.copied.sum(axis=1).tolist(), alignment.copied.argmax(axis=1).tolist()
    return [
        (unit, place, share)
        for unit, (place, share) in enumerate(zip(places, shares, strict=True))
        if share >= NAMED_FROM
    ]


def copied_words(alignment: Alignment) -> str | None:
    """A sentence with the units of `copied_cells`, or None."""
    found = copied_cells(alignment)
    if not found:
        return None
    named = []
    for unit, place, share in found[:MOST_NAMED]:
        written, read = (
            shorten(label(units[at]), LONGEST_NAMED)
            for units, at in ((alignment.target, unit), (alignment.source, place))
        )
        named.append(f"{'' if written == read else f'{written} from '}{read}#{place + 1} {100 * share:.0f} %")
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"Copied (#2 is word 2 of the source): {', '.join(named)}{more}"


def checked_inside(alignment: Alignment) -> list[float]:
    """The weights of the words within their sentences, between 0 and 1. Raises ValueError for NaN and infinity."""
    weights = np.array([word.weight for word in alignment.inside])
    if not np.isfinite(weights).all():
        raise ValueError("Alignment.inside: some weights are NaN or infinite; expected numbers from 0 to 1.")
    checked: list[float] = np.clip(weights, 0.0, 1.0).tolist()
    return checked


def inside_words(alignment: Alignment) -> str | None:
    """A sentence with the word that each target unit has most of, where the source has sentences made of words; or
    None."""
    if not alignment.inside:
        return None
    found = []
    for unit, shares in zip(alignment.target[:MOST_NAMED], alignment.word_weights, strict=False):
        best = int(shares.argmax())
        if shares[best] >= SHOWN_FROM:
            word = alignment.inside[best]
            named = [shorten(label(each), LONGEST_NAMED) for each in (unit, word)]
            found.append(f"{named[0]}: {named[1]} (sentence {word.unit + 1}) {100 * shares[best]:.0f} %")
    more = " …" if len(alignment.target) > MOST_NAMED else ""
    return f"{TIMES}: {', '.join(found)}{more}" if found else None


def warnings(alignments: Iterable[Alignment]) -> list[str]:
    """What speaks against the weights of the models behind some alignments, each once."""
    return [f"Warning: {visible(text)}." for text in dict.fromkeys(each.warning for each in alignments) if text]


def remarks(alignment: Alignment) -> Sequence[str]:
    """The sentences below a map."""
    said = looked_at_the_end(alignment), copied_words(alignment), inside_words(alignment)
    return [remark for remark in said if remark]
