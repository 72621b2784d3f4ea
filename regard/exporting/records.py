"""The tensors of a record, by name, and a record of such tensors: a graph takes and gives tensors alone."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor

from regard.attention.cache import Buffers, Cache
from regard.decoders.state import Rows


def leaves(record: Any, name: str = "") -> dict[str, Tensor]:
    """All tensors of a record of dataclasses and tuples: "state.cells.hidden" of a state.

    A `Cache` has the positions that it holds. `Rows` has none: in a graph, row r decodes source r.

    Raises TypeError for a part that is none of these: a number would stay that of the example.
    """
    if isinstance(record, Tensor):
        return {name: record}
    found: dict[str, Tensor] = {}
    for key, part in _parts(record, name).items():
        found |= leaves(part, key)
    return found


def filled(record: Any, given: Mapping[str, Tensor], rows: Rows, name: str = "") -> Any:
    """The record with these tensors in the place of its own, and these rows."""
    if isinstance(record, Tensor):
        return given[name]
    if isinstance(record, Rows):
        return rows
    made = [filled(part, given, rows, key) for key, part in _parts(record, name).items()]
    if isinstance(record, Cache):
        prepared, values = made
        return Cache(Buffers(prepared, values, values.size(-2)), values.size(-2))
    if isinstance(record, tuple) or not made:
        return tuple(made) if isinstance(record, tuple) else record
    return replace(record, **dict(zip((field.name for field in fields(record)), made, strict=True)))


def _parts(record: Any, name: str) -> dict[str, Any]:
    if record is None or isinstance(record, Rows):
        return {}
    before = f"{name}." if name else ""
    if isinstance(record, Cache):
        return {f"{before}prepared": record.source.prepared, f"{before}values": record.source.values}
    if isinstance(record, tuple):
        return {f"{before}{place}": part for place, part in enumerate(record)}
    if is_dataclass(record):
        return {f"{before}{field.name}": getattr(record, field.name) for field in fields(record)}
    raise TypeError(f"{name} is of type {type(record).__name__}; expected tensors, and records of them.")
