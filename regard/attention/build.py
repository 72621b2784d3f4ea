"""Builds an Attention from names and sizes. Only this file knows how the entries of the tables are constructed."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter, signature
from types import NoneType
from typing import Any, get_args

from torch import nn

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attention
from regard.attention.gate import ContextGate, Gate
from regard.attention.hierarchical import Hierarchy, MarkedScore
from regard.attention.moves import Moves
from regard.attention.multihead import Heads
from regard.attention.positions import RelativeScore
from regard.attention.rules import refusal
from regard.attention.window import CausalWindow, GlobalWindow
from regard.registry import Table

_CATCH_ALL = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def build_attention(
    query_size: int,
    key_size: int,
    *,
    score: str = "additive",
    select: str = "softmax",
    window: str = "global",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    num_heads: int = 1,
    value_size: int | None = None,
    output_size: int | None = None,
    gate: Gate = "none",
    memories: int = 1,
    moves: int = 0,
) -> Attention:
    """Build an attention by names.

    An entry receives the sizes that its constructor names (`query_size`, `key_size`); every other parameter is an
    option with a default, so that each entry can be built from the two sizes.

    Args:
        query_size: features of a query.
        key_size: features of a key.
        score, select, window: names in `SCORES`, `SELECTIONS`, `WINDOWS`.
        options: options of an entry by its name: `{"additive": {"hidden_size": 32}}`. Options of entries
            that are not chosen are ignored, so that one recipe can hold options for all of them.
        num_heads: with more than one, projections into heads go around everything (see `multihead.py`).
        value_size: features of a value where there are several heads; `key_size` if not given.
        output_size: features of the context where there are several heads; `value_size` if not given.
        gate: "scalar" or "vector" lets in a part of the context (see `ContextGate`); "none" lets in all.
        memories: with more than one, a look at each of so many (see `hierarchical.py`); keys have so many more
            features, which say to which a position belongs, and values have `key_size`.
        moves: the farthest move from where the step before looked that a score tells apart (see `Moves`); 0: it does
            not know where that was.

    Raises ValueError for an unknown name or option (with the nearest known one), and for a combination that makes no
    sense (with the reason; see `rules.REFUSED`). Raises TypeError for an option of another type.
    """
    options = options or {}
    parts = ((SCORES, score), (SELECTIONS, select), (WINDOWS, window))
    known = [name for table, _ in parts for name in table]
    for name in options:
        if name not in known:
            raise ValueError(f"attention has options for {name!r}; expected {_known(name, known)}")
    sizes = {"query_size": query_size, "key_size": key_size}
    heads, value_size = None, key_size if value_size is None else value_size
    if num_heads != 1:
        heads = Heads(query_size, key_size, value_size, num_heads, output_size=output_size)
        sizes = dict.fromkeys(sizes, query_size // num_heads)
    reason = refusal(score, select, window)
    if reason is not None:
        raise ValueError(
            f"attention is {score} with {select} in {window}; expected a combination that works: {reason}."
        )
    built = [_build(table, name, sizes, options.get(name, {})) for table, name in parts]
    context_size = value_size if heads is None or output_size is None else output_size
    gates = None if gate == "none" else ContextGate(query_size, context_size if gate == "vector" else 1)
    followed = Moves(sizes["query_size"], moves) if moves else None
    if memories == 1:
        return Attention(built[0], built[1], built[2], heads, gates, moves=followed)
    _check_hierarchy(built, window, num_heads, moves)
    hierarchy = Hierarchy(query_size, value_size, memories, hidden_size=query_size)
    return Attention(MarkedScore(built[0], memories), built[1], built[2], gate=gates, hierarchy=hierarchy)


def _check_hierarchy(parts: Sequence[Any], window: str, num_heads: int, moves: int) -> None:
    """Raises ValueError for what cannot look at several memories one by one."""
    wrong = {
        "several heads": num_heads > 1,
        f"the window {window}": window != "global",
        "a part that remembers earlier steps": bool(moves) or any(part.sequential for part in parts),
        "a selection that draws": getattr(parts[1], "random", False),
    }
    if found := " and ".join(name for name, is_so in wrong.items() if is_so):
        raise ValueError(
            f"several memories are looked at one by one, and attention has {found}; expected one head, the window "
            "global, a score without a memory, and softmax, sparsemax, entmax15, hard_argmax or uniform; or "
            "model.encoder.combination: flat."
        )


def build_self_attention(
    size: int,
    *,
    num_heads: int,
    score: str = "scaled_dot",
    select: str = "softmax",
    causal: bool = False,
    max_distance: int | None = None,
) -> Attention:
    """Build an attention for `SelfAttention`; with projections around one head, too.

    Args:
        size: features of a position, a multiple of `num_heads`.
        num_heads: number of heads.
        score, select: names in `SCORES`, `SELECTIONS`.
        causal: a position does not attend to later ones.
        max_distance: also score relative positions up to this distance (see `RelativeScore`); None: do not.

    Raises ValueError for an unknown name, and for a size that is no multiple of `num_heads`.
    """
    heads = Heads(size, size, size, num_heads)
    width = size // num_heads
    scoring: nn.Module = SCORES.choose(score)(width, width)
    if max_distance is not None:
        scoring = RelativeScore(scoring, width, max_distance=max_distance)
    window = CausalWindow() if causal else GlobalWindow()
    return Attention(scoring, SELECTIONS.choose(select)(), window, heads)


def _build(table: Table, name: str, sizes: Mapping[str, int], options: Mapping[str, Any]) -> nn.Module:
    entry = table.choose(name)
    parameters = signature(entry, eval_str=True).parameters  # a file may have its annotations as strings
    # nn.Module's own constructor, which an entry without options has, takes *args and **kwargs.
    accepted = [name for name, one in parameters.items() if name not in sizes and one.kind not in _CATCH_ALL]
    for option in options:
        if option not in accepted:
            raise ValueError(f"{table.kind} {name!r} has no option {option!r}; expected {_known(option, accepted)}")
    for option, value in options.items():
        _check_type(f"{table.kind} {name!r}", option, value, parameters[option].annotation)
    module: nn.Module = entry(**{size: sizes[size] for size in sizes if size in parameters}, **options)
    return module


def _check_type(place: str, option: str, value: Any, annotation: Any) -> None:
    """Raise TypeError for an option of another type: 0 is a float too, but True is not a number."""
    accepted = get_args(annotation) or (annotation,)
    if type(value) not in accepted and not (type(value) is int and float in accepted):
        names = " or ".join("nothing" if one is NoneType else one.__name__ for one in accepted)
        raise TypeError(f"{place} has {option} {value!r}; expected {names}. Give a value of that type.")


def _known(given: str, accepted: list[str]) -> str:
    near = get_close_matches(given, accepted, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"one of {', '.join(accepted)}.{hint}" if accepted else "no option at all. Remove it."
