"""Where pairs come from: files, or pairs in Python."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from regard.config import DataConfig
from regard.data.folders import pairs_in
from regard.data.readers import ENDINGS, OF_MEDIA, Format, PairFiles
from regard.errors import RegardError
from regard.files import write_whole

Pairs = str | Path | Sequence[str | Path] | Iterable[tuple[str, str]]
"""The name of one file, the names of two parallel files, or the pairs themselves: (source, target)."""
NAME = "<pairs>"


def pair_files(paths: Sequence[str], data: DataConfig, format: str | None = None) -> PairFiles:
    """One file of pairs or two parallel files, to be read as the recipe says."""
    named: dict[str, Any] = {}
    split = None
    if len(paths) == 1:
        path, split = pairs_in(paths[0])
        paths = [path]
    usual = [DataConfig.model_fields[key].default for key in ("source_column", "target_column")]
    source_column = data.source.column(data.source_column)
    chosen = bool(data.columns) or [source_column, data.target_column] != usual
    if chosen and len(paths) == 1 and format != "bars" and Path(paths[0].removesuffix(".gz")).suffix not in OF_MEDIA:
        # An object of JSONL names its texts by itself, so names of columns are for the other files alone.
        keyed = (format or ENDINGS.get(Path(paths[0].removesuffix(".gz")).suffix)) == "jsonl"
        columns = () if keyed else data.columns or ()
        named = {"columns": columns, "source": source_column, "target": data.target_column}
    locate = None if data.source.is_text else data.source.locate
    if locate is not None and not data.columns:  # a manifest has usual names of its own
        sides = zip(("source", "target"), (source_column, data.target_column), usual, strict=True)
        named = {side: key for side, key, default in sides if key != default} if named else {}
    read: dict[str, Any] = {"on_bad_input": data.on_bad_input, "locate": locate, "split": split}
    return PairFiles(tuple(paths), cast(Format | None, format), **read, **named)


def given_pairs(pairs: Pairs, data: DataConfig, folder: Path, format: str | None = None) -> PairFiles:
    """Files of pairs. Pairs in Python are first written to a file in `folder`, so both are read in the same way.

    Raises TypeError for anything else.
    """
    if isinstance(pairs, str | Path):
        return pair_files([str(pairs)], data, format)
    if not isinstance(pairs, Iterable):
        raise TypeError(_expected(pairs))
    items = list(pairs)
    if items and all(isinstance(item, str | Path) for item in items):
        return pair_files([str(item) for item in items], data, format)
    lines = "".join(_line(item, number) for number, item in enumerate(items)).encode()
    path = folder / f"pairs-{hashlib.sha256(lines).hexdigest()[:16]}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegardError(f"{folder} cannot be written: {error.strerror}. Make room.") from error
    write_whole(path, lines)
    locate = None if data.source.is_text else data.source.locate
    return PairFiles((str(path),), "jsonl", on_bad_input=data.on_bad_input, names=(NAME,), locate=locate)


def _line(pair: object, number: int) -> str:
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
        raise TypeError(_expected(pair, f"[{number}]"))
    return json.dumps({"src": pair[0], "tgt": pair[1]}) + "\n"


def _expected(given: object, place: str = "") -> str:
    return (
        f"pairs{place} is {given!r:.60}; expected the name of a file, two names of parallel files, or a list of "
        '(source, target), both of them text: [("Tom sleeps.", "汤姆睡觉。"), …].'
    )
