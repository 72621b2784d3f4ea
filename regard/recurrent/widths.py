"""How wide the registers of a program are: found from its weights, and refused where two operations disagree."""

from collections.abc import Mapping

from torch import Tensor

from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tanh, Tensors

POSITIONS = -1
"""The width of weights over the source, which is the number of its positions."""


class _Widths(dict[str, int]):
    """What is known so far."""

    def tell(self, width: int, *names: str | None) -> None:
        for name in names:
            if name is not None and self.setdefault(name, width) != width:
                raise ValueError(f"a program has {name} both {self[name]} and {width} wide; expected one width.")

    def size(self, name: str, parts: int) -> int:
        if self[name] % parts:
            raise ValueError(f"a program has {name} {self[name]} wide; expected a multiple of {parts}.")
        return self[name] // parts


def widths(program: Program, tensors: Tensors, known: Mapping[str, int]) -> dict[str, int]:
    """Features of every register; those of weights over the source are `POSITIONS`.

    Args:
        program: the operations.
        tensors: its weights and vectors.
        known: features of registers that are given.

    Raises ValueError for weights that are missing, that have other axes, or do not fit each other.
    """
    found = _Widths(known)
    for operation in program:
        if isinstance(operation, Linear):
            width, depth = _axes(tensors, operation.weight, 2)
            found.tell(width, operation.into, operation.plus)
            found.tell(depth, operation.source)
            if operation.bias and _axes(tensors, operation.bias, 1) != (width,):
                raise ValueError(
                    f"a program has {operation.bias} {tuple(tensors[operation.bias].shape)}; expected ({width},)."
                )
    try:
        for operation in program:
            _tell(operation, found, tensors)
    except KeyError as error:
        raise ValueError(
            f"a program does not say how wide {error.args[0]} is; expected a product that reads it."
        ) from None
    for name in [name for name in found if name.endswith("-") and name[:-1] in found]:
        found.tell(found[name], name[:-1])
    return dict(found)


def _tell(operation: object, found: _Widths, tensors: Tensors) -> None:
    match operation:
        case Gru(gates, moved, before, into, plus):
            size = found.size(moved, 3)
            found.tell(3 * size, gates, plus)
            found.tell(size, before, into)
        case Lstm(gates, memory, into, plus):
            size = found.size(gates, 4)
            found.tell(4 * size, gates, plus)
            found.tell(size, memory, f"{memory}-", into)
        case Tanh(source, into):
            found.tell(found[source], into)
        case Attend(query, over, into):
            if _axes(tensors, "vector", 1) != (found[query],):
                raise ValueError(
                    f"a program has {query} {found[query]} wide, and vector {tuple(tensors['vector'].shape)}."
                )
            found.tell(POSITIONS, over)
            if "values" in tensors:
                found.tell(tensors["values"].size(-1), into)
            found.tell(found[into], into)


def _axes(tensors: Tensors, name: str, axes: int) -> tuple[int, ...]:
    given = tensors.get(name)
    if not isinstance(given, Tensor) or given.dim() != axes or not given.numel():
        shape = tuple(given.shape) if isinstance(given, Tensor) else given
        raise ValueError(f"a program has {name} {shape}; expected {axes} axes, none of them empty.")
    return tuple(given.shape)
