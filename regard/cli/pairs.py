"""Files of pairs as the command line gives them."""

from collections.abc import Sequence
from typing import Any, cast, get_args

from regard.config import DataConfig
from regard.data.readers import Format, PairFiles
from regard.errors import UsageError


def pair_files(paths: Sequence[str], data: DataConfig, format: str | None = None) -> PairFiles:
    """One file of pairs or two parallel ones, read as the recipe says."""
    if format is not None and format not in get_args(Format):
        raise UsageError(f"--format is {format!r}; expected one of {', '.join(get_args(Format))}.")
    named: dict[str, Any] = {}
    if len(paths) == 1 and data.columns:
        named = {"columns": data.columns, "source": data.source_column, "target": data.target_column}
    return PairFiles(tuple(paths), cast(Format | None, format), on_bad_input=data.on_bad_input, **named)
