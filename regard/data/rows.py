"""One line of a file → the two texts of a pair: TSV, CSV, JSONL, and bars.

A text may come from several columns or keys, joined by one space: "tags+lemma". A source of several texts has a tab
between two of them, here as well as in what is read: "lemma\\ttags".
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain
from typing import Any

from regard.errors import UsageError

BETWEEN = "\t"
"""Stands between two texts of one source."""
PATHS = ("audio_filepath", "image", "file_name")
"""The keys of the name of a file in a manifest."""
WIDER = (
    "; name the columns of a wider table with data.columns, as the recipe inflection-copy does for lemma, form and tags"
)
"""What is said of a table with more columns than two, of which the recipe chooses none."""
Row = Callable[[str], tuple[str, str | list[str]]]
"""`row(line)` gives (source, target); a line of a manifest may have several targets. Raises UnusableRow."""


class UnusableRow(ValueError):
    """A line that holds no pair. The message is a clause that follows "the line": "has no tab"."""


def tsv_row(columns: Sequence[str], source: str | None, target: str | None) -> Row:
    """Read tab-separated columns.

    Args:
        columns: a name for each column; empty without names. Then every line must have two columns, unless `source`
            and `target` choose some.
        source: the column of the source text, by name, or by number from 1 if there are no names; several joined by
            "+", and those of several texts by a tab.
        target: the same for the target text.

    Raises UsageError for a column that does not exist.
    """
    both_or_none(source, target)
    if source is None or target is None:
        if columns and len(columns) != 2:
            raise UsageError(
                f"{len(columns)} columns are named ({', '.join(columns)}), but not which of them to learn from. "
                f"Give source and target, such as source {columns[0]!r} and target {columns[1]!r}; a recipe names "
                "them data.source_column and data.target_column."
            )
        left, right, width = [[0]], [[1]], 2
    else:
        left, right = (
            [[place_of(name, columns) for name in part] for part in _named(side)] for side in (source, target)
        )
        width = len(columns)
    least = width or 1 + max(chain(*left, *right))

    def row(line: str) -> tuple[str, str]:
        fields = line.split("\t")
        if len(fields) == 1 < least:
            raise UnusableRow("has no tab")
        if len(fields) < least or (width and len(fields) != width):
            raise UnusableRow(f"has {len(fields)} columns, not {least}")
        return text_of(left, fields), text_of(right, fields)

    def text_of(parts: list[list[int]], fields: list[str]) -> str:
        return BETWEEN.join([" ".join([fields[place] for place in part]) for part in parts])

    return row


def csv_row(columns: Sequence[str], source: str | None, target: str | None) -> Row:
    """Read a line of comma-separated columns with quotes as in RFC 4180; no line breaks in quotes. See `tsv_row`."""
    row = tsv_row(columns, source, target)

    def unquoted(line: str) -> tuple[str, str | list[str]]:
        fields = csv_fields(line)
        if len(fields) < 2:
            raise UnusableRow("has no comma")
        return row("\t".join(field.replace("\t", " ") for field in fields))

    return unquoted


def _named(side: str) -> list[list[str]]:
    """The columns or keys of each text of a side."""
    return [part.split("+") for part in side.split(BETWEEN)]


def csv_fields(line: str) -> list[str]:
    """The columns of one line. Raises UnusableRow for a quote that does not end on this line."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise UnusableRow(f"is not valid CSV ({error})") from error


def is_heading(line: str, columns: Sequence[str], split: Callable[[str], Sequence[str]]) -> bool:
    """Whether a line has the names that the recipe gives to the columns: as the first one it is no pair."""
    try:
        return bool(columns) and [field.strip() for field in split(line)] == list(columns)
    except UnusableRow:
        return False


def place_of(name: str, columns: Sequence[str]) -> int:
    """The number of a column, from 0. Raises UsageError where there is none of that name."""
    if columns:
        if name in columns:
            return columns.index(name)
        near = get_close_matches(name, columns, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"There is no column {name!r}; the columns are {', '.join(columns)}.{hint}")
    if not (name.isascii() and name.isdigit() and int(name)):
        raise UsageError(
            f"Column {name!r} is no number from 1 on, and no column is named. Name all of them in columns."
        )
    return int(name) - 1


BARS = "|||"


def bars_row(line: str) -> tuple[str, str]:
    """Read `source ||| target`; white space around the texts is not part of them. Raises UnusableRow."""
    fields = line.split(BARS)
    if len(fields) == 1:
        raise UnusableRow(f"has no {BARS}")
    if len(fields) > 2:
        raise UnusableRow(f"has {len(fields)} texts between {BARS}, not 2")
    return fields[0].strip(), fields[1].strip()


def json_row(source: str | None, target: str | None) -> Row:
    """Read one JSON object: {"src": …, "tgt": …}, {"source": …, "target": …}, or {"translation": {"en": …, "zh": …}}.

    Args:
        source: the key of the source text. A nested key is "translation.en", or the language alone; several keys are
            joined by "+", those of several texts by a tab. None: "src", or "source". Under "translation" it is the
            first language of the first line that can be read; there must be exactly two.
        target: the same for the target text: "tgt", "target", or the second language.
    """
    both_or_none(source, target)
    keys = [_named(source), _named(target)] if source is not None and target is not None else []
    languages: list[list[list[str]]] = []

    def row(line: str) -> tuple[str, str]:
        record = json_object(line)
        text = keys or any(key in record for key in ("src", "source", "translation"))
        if not text and (path := next((key for key in PATHS if key in record), None)):
            raise UnusableRow(
                f"names a file ({path}), and the sources of the recipe are texts: data.source.kind is text"
            )
        translation = record.get("translation")
        if isinstance(translation, dict):
            if not keys and not languages:
                # The order of the first line is used for all lines. JSON objects have no order, and nobody would notice
                # that the languages are exchanged in one line.
                languages.extend(_two_languages(translation))
            record = record | translation
            left, right = keys or languages
        else:
            known = ("src", "tgt") if "src" in record or "source" not in record else ("source", "target")
            left, right = keys or [[[key]] for key in known]
        return _texts_under(record, left), _texts_under(record, right)

    return row


def _texts_under(record: Mapping[str, Any], parts: Sequence[Sequence[str]]) -> str:
    """The texts under the keys of each part; a tab within one of several becomes a space."""
    if len(parts) == 1:
        return text_under(record, parts[0])
    return BETWEEN.join([text_under(record, keys).replace(BETWEEN, " ") for keys in parts])


def _two_languages(translation: dict[str, Any]) -> list[list[list[str]]]:
    if len(translation) != 2:
        raise UnusableRow(f'has {len(translation)} languages under "translation", so source and target must name two')
    return [[[language]] for language in translation]


def json_object(line: str) -> dict[str, Any]:
    """The object on a line. Raises UnusableRow for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnusableRow("is not valid JSON") from error
    if not isinstance(record, dict):
        raise UnusableRow("is no JSON object")
    return record


def text_under(record: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The texts under some keys, joined by one space. Raises UnusableRow for what is no text, or no line of one."""
    text = " ".join([_under(record, key) for key in keys])
    check_text(text)
    return text


def check_text(text: str) -> None:
    """Raises UnusableRow for a text that no line of a file can hold."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise UnusableRow("holds a lone surrogate")
    if "\0" in text:
        raise UnusableRow("holds a NUL character")
    if "\n" in text:
        raise UnusableRow("holds a line feed inside a text")


def value_under(record: Mapping[str, Any], key: str) -> Any:
    """The value under a key, or under a nested key: "translation.en". Raises UnusableRow if there is none."""
    found: Any = record
    for part in [key] if key in record else key.split("."):
        if not isinstance(found, dict) or part not in found:
            raise UnusableRow(f"has no key {key!r}")
        found = found[part]
    return found


def _under(record: Mapping[str, Any], key: str) -> str:
    found = value_under(record, key)
    if not isinstance(found, str):
        raise UnusableRow(f"has no text under the key {key!r}")
    return found


def both_or_none(source: str | None, target: str | None) -> None:
    """Raises UsageError where one side is named and the other is not."""
    if (source is None) != (target is None):
        given, absent = ("source", "target") if target is None else ("target", "source")
        raise UsageError(f"{given} is given and {absent} is not. Give both, or neither.")
