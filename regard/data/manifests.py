"""From one line of a manifest to a source that is a file, and its texts: JSONL, and tables with named columns.

    {"audio_filepath": "a.flac", "offset": 1.5, "duration": 2.0, "text": "one two"}
    {"image": "b.jpg", "captions": ["a dog", "a dog runs"]}

The source of a pair is then a path or a record, see `media_files`. The section of the kind of source finds the file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from regard.data.media_files import PART_KEYS, PATH_KEYS, Named, of_record, part_of
from regard.data.rows import (
    BETWEEN,
    Row,
    UnusableRow,
    check_text,
    json_object,
    place_of,
    text_under,
    tsv_row,
    value_under,
)

TEXT_KEYS = ("text", "captions", "caption", "transcription", "tgt", "target")
"""The keys of the text, if the recipe names no other."""
SOURCE_KEYS = ("src", "source")
"""The keys of the source in pairs of any kind: its value is a path or a record as text."""

Fields = Callable[[str], list[str]]


def manifest_row(source: str | None, target: str | None) -> Row:
    """Read one JSON object. The text can be a list of texts.

    Args:
        source: the key of the path, or the keys of several parts with a tab between two; None: one of `PATH_KEYS` or
            `SOURCE_KEYS`.
        target: the key of the text; None: one of `TEXT_KEYS`.
    """
    return lambda line: _pair(json_object(line), source, target)


def table_row(columns: Sequence[str], source: str | None, target: str | None, fields: Fields) -> Row:
    """Read a line of a table, see `manifest_row`. Raises UsageError for a column that does not exist.

    Args:
        columns: the names of the columns. Two columns without a usual name are path and text.
        source, target: names of columns, as the keys of `manifest_row`.
        fields: splits a line into columns.
    """
    if source is None and not set(PATH_KEYS) & set(columns):
        tsv_row(columns, source, target)  # says what is missing
        source, target = columns
    for side in (source, target):
        for name in (side or "").replace(BETWEEN, "+").split("+") if side else ():
            place_of(name, columns)

    def row(line: str) -> tuple[str, str | list[str]]:
        found = fields(line)
        if len(found) != len(columns):
            raise UnusableRow(f"has {len(found)} columns, not {len(columns)}")
        return _pair(dict(zip(columns, found, strict=True)), source, target)

    return row


def tabbed(line: str) -> list[str]:
    """The columns of a TSV line."""
    return line.split("\t")


def _pair(record: Mapping[str, Any], source: str | None, target: str | None) -> tuple[str, str | list[str]]:
    return _source(record, source), _texts(record, target)


def _several(record: Mapping[str, Any], keys: Sequence[str]) -> str:
    """The parts of one source under the keys of each, with a tab between two. An object is a record. Times that stand
    beside the parts belong to the one whose key is a usual name of a file."""
    if set(PART_KEYS) & set(record) and not set(PATH_KEYS) & set(keys):
        raise UnusableRow(
            f"has {' and '.join(sorted(set(PART_KEYS) & set(record)))} beside the parts {', '.join(keys)}; expected an "
            "object with them under the key of the part that they belong to"
        )
    return BETWEEN.join([_part(record, key) for key in keys])


def _part(record: Mapping[str, Any], key: str) -> str:
    value = value_under(record, key) if "+" not in key else None
    if isinstance(value, Mapping):
        return json.dumps(value)
    said = text_under(record, key.split("+")).replace(BETWEEN, " ")
    return str(Named(said, *part_of(record))) if key in PATH_KEYS else said


def _source(record: Mapping[str, Any], key: str | None) -> str:
    if key is not None and BETWEEN in key:
        return _several(record, key.split(BETWEEN))
    if key is None:
        usual = next((name for name in SOURCE_KEYS if name in record), None)
        if usual is None or set(PATH_KEYS) & set(record):
            return str(of_record(record))
        key = usual
    said = text_under(record, key.split("+"))
    return str(Named(said, *part_of(record))) if set(PART_KEYS) & set(record) else said


def _texts(record: Mapping[str, Any], key: str | None) -> str | list[str]:
    if key is None:
        usual = [name for name in TEXT_KEYS if record.get(name) is not None]
        if len(usual) > 1:
            raise UnusableRow(f"has {len(usual)} texts ({', '.join(usual)}); data.target_column of a recipe names one")
        if not usual:
            raise UnusableRow(f"has no text; expected one of the keys {', '.join(TEXT_KEYS)}")
        key = usual[0]
    value = value_under(record, key) if "+" not in key else None
    if not isinstance(value, list):
        return text_under(record, key.split("+"))
    for text in value:
        if not isinstance(text, str):
            raise UnusableRow(f"has something else than texts under the key {key!r}")
        check_text(text)
    return value or ""
