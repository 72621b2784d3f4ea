"""Writes to standard output: lines of text, JSON and tables."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from regard.cli.errors import abandon_output
from regard.errors import RegardError, UsageError

CONTROLS = {code: None for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}


def put(lines: Iterable[str]) -> None:
    """Write lines at once. On a terminal, leave out control characters (C0 and C1), which it would obey."""
    text = "".join(f"{line}\n" for line in lines)
    write(text.translate(CONTROLS) if sys.stdout is not None and sys.stdout.isatty() else text)


def write(text: str) -> None:
    """Write text at once.

    Raises BrokenPipeError when the reader of a pipe has ended, RegardError when the disk is full or standard output is
    closed.
    """
    if sys.stdout is None:
        raise RegardError("<stdout> is closed. Write to a file or to a program, for example: > output.txt")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_output()
        raise RegardError(f"<stdout> cannot be written: {error.strerror}. Make room or write elsewhere.") from error


def json_line(record: dict[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def aligned_columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of a table, with two spaces between columns. `sides`: for each column l (left) or r (right)."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(*cell) for cell in zip(row, widths, sides, strict=True)).rstrip() for row in rows]


def _padded(text: str, width: int, side: str) -> str:
    return text.rjust(width) if side == "r" else text.ljust(width)


def check_directory(option: str, path: Path) -> None:
    """Raises UsageError, before the work, if the file cannot be written after it."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{option} is {path}; expected a file in an existing directory. Make {path.parent} first.")
