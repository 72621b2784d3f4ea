"""From names and sizes to one Attention: the only place that knows how the entries of the tables are constructed."""

from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from typing import Any

from torch import nn

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attention
from regard.attention.table import Table

PARTS: dict[str, Table] = {"score": SCORES, "select": SELECTIONS, "window": WINDOWS}


def build_attention(
    query_size: int,
    key_size: int,
    *,
    score: str = "additive",
    select: str = "softmax",
    window: str = "global",
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Attention:
    """Build an attention by names.

    An entry receives the sizes that its constructor names (`query_size`, `key_size`); every other parameter is an
    option with a default, so that each entry can be built from the two sizes.

    Args:
        query_size: features of a query.
        key_size: features of a key.
        score, select, window: names in `SCORES`, `SELECTIONS`, `WINDOWS`.
        options: for each part, its options: `{"score": {"hidden_size": 32}}`.

    Raises ValueError for an unknown name or option (with the nearest known one).
    """
    options = options or {}
    for part in options:
        if part not in PARTS:
            raise ValueError(f"build_attention: options has {part!r}; expected {_known(part, list(PARTS))}")
    sizes = {"query_size": query_size, "key_size": key_size}
    names = {"score": score, "select": select, "window": window}
    built = [_build(PARTS[part], name, sizes, options.get(part, {})) for part, name in names.items()]
    return Attention(*built)


def _build(table: Table, name: str, sizes: Mapping[str, int], options: Mapping[str, Any]) -> nn.Module:
    entry = table.choose(name)
    parameters = signature(entry).parameters
    accepted = [parameter for parameter in parameters if parameter not in sizes]
    for option in options:
        if option not in accepted:
            raise ValueError(f"{table.kind} {name!r} has no option {option!r}; expected {_known(option, accepted)}")
    module: nn.Module = entry(**{size: sizes[size] for size in sizes if size in parameters}, **options)
    return module


def _known(given: str, accepted: list[str]) -> str:
    near = get_close_matches(given, accepted, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"one of {', '.join(accepted)}.{hint}" if accepted else "no option at all. Remove it."
