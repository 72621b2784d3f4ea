"""Checks of arguments of compiled code: a wrong address would crash, a wrong stride give wrong numbers.

Each takes only a few comparisons, since every step of a search passes through it.
"""

from typing import Any

import torch
from torch import Tensor

from regard.check import Axes
from regard.marks import END

ADVICE = "Compiled code reads single precision on the CPU."


def expect_operand(
    place: str, name: str, given: Any, axes: Axes, dtype: torch.dtype = torch.float32, advice: str = ADVICE
) -> None:
    """Raise ValueError unless this is a tensor of that type on the CPU, with these axes: a size, or a name for any."""
    if isinstance(given, Tensor) and given.dtype is dtype and given.is_cpu and given.layout is torch.strided:
        sizes = given.shape
        if len(sizes) == len(axes) and all(axis == size or type(axis) is str for axis, size in zip(axes, sizes)):  # noqa: B905
            return
    wanted = ", ".join(map(str, axes))
    raise ValueError(f"{place}: {name} is {told(given)}; expected ({wanted}) of {dtype} on the CPU. {advice}")


def expect_rows(place: str, given: Any, size: int, most: int | None = None) -> None:
    """Raise ValueError unless these are features: (rows, size) in single precision on the CPU, at most `most` rows."""
    if (
        isinstance(given, Tensor)
        and given.dtype is torch.float32
        and given.is_cpu
        and given.dim() == 2
        and given.size(1) == size
        and (most is None or given.size(0) <= most)
    ):
        return
    rows = "rows" if most is None else f"at most {most} rows"
    raise ValueError(
        f"{place}: features is {told(given)}; expected ({rows}, {size}) of torch.float32 on the CPU. {ADVICE}"
    )


def expect_numbers(place: str, name: str, given: Any, count: int | None = None) -> None:
    """Raise ValueError unless this is an int64 vector on the CPU, of length `count` if that is given."""
    known = isinstance(given, Tensor) and given.dtype is torch.int64 and given.is_cpu and given.dim() == 1
    if known and (count is None or given.size(0) == count):
        return
    wanted = "rows" if count is None else count
    raise ValueError(f"{place}: {name} is {told(given)}; expected ({wanted}) of torch.int64 on the CPU.")


def expect_count(place: str, name: str, given: Any, least: int = 1) -> None:
    """Raise ValueError unless this is a whole number of at least `least`."""
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise ValueError(f"{place}: {name} is {given!r}; expected a whole number from {least} on.")


def expect_barred(place: str, barred: Any, columns: int) -> None:
    """Raise ValueError unless this is None, or a token that can be chosen and is not the only one."""
    if barred is None:
        return
    expect_count(place, "barred", barred, END)
    if barred >= columns or columns < END + 2:
        raise ValueError(f"{place}: barred is {barred}; expected one of several tokens from {END} to {columns - 1}.")


def told(given: Any) -> str:
    """An argument in words, for a message."""
    if not isinstance(given, Tensor):
        return repr(given)[:80]
    return f"{tuple(given.shape)} of {given.dtype} on {given.device}"


def span(tensor: Tensor) -> tuple[int, int]:
    """The first and the last address of its numbers, if it has any."""
    start = tensor.data_ptr()
    steps = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return start, start + steps * tensor.element_size()


def overlap(one: Tensor, other: Tensor) -> bool:
    """Whether they may have a number in common."""
    if not one.numel() or not other.numel():
        return False
    (first, last), (start, end) = span(one), span(other)
    return first <= end and start <= last
