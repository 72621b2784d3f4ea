"""The books of a search as compiled code keeps them: the structures of beam.c, with the arrays that they point to."""

import ctypes
from math import prod
from typing import Any

import numpy as np
from torch import Tensor


class Book(ctypes.Structure):
    """A structure, and what it points to: arrays, tensors, other structures, and whatever these need to live."""

    def __init__(self, *alive: Any, **given: Any) -> None:
        super().__init__(**{name: _address(value) for name, value in given.items()})
        self._alive, self._given = alive, given

    def part(self, name: str, *shape: int) -> np.ndarray:
        """A copy of the beginning of an array, in this shape."""
        flat: np.ndarray = self._given[name].reshape(-1)
        return flat[: prod(shape)].reshape(shape).copy()


def _address(given: Any) -> Any:
    match given:
        case Tensor():
            return given.data_ptr()
        case np.ndarray():
            return given.ctypes.data
        case ctypes.Structure() | ctypes.Array():
            return ctypes.addressof(given)
        case _:
            return given


def _fields(pointers: str, numbers: str = "") -> tuple[tuple[str, Any], ...]:
    kinds = {ctypes.c_void_p: pointers, ctypes.c_int64: numbers}
    return tuple((name, kind) for kind, names in kinds.items() for name in names.split())


class Part(Book):
    """`part`: of the state."""

    _fields_ = _fields("made given", "size")


class Mark(Book):
    """`mark`: a number that hypotheses pass on."""

    _fields_ = _fields("rows continued")


class Model(Book):
    """`model`: what moves the rows, and what finds their best tokens."""

    _fields_ = _fields(
        "move course choose layer slots picks parents parts marks features weights", "part_count mark_count positions"
    )


class Rules(Book):
    """`rules`: what all sentences have, by their numbers."""

    _fields_ = _fields("limits last penalties best", "nbest")


class Slots(Book):
    """`front`: the sentences that are searched, and the slots of each."""

    _fields_ = _fields("sentences lengths free tokens log_probs", "live size rows continued")


class Record(Book):
    """`record`: what was done, step by step."""

    _fields_ = _fields(
        "live rows sentences parents tokens owners weights ended lengths ends cut log_probs scores",
        "steps most sentence_count row_count ended_count",
    )


class Room(Book):
    """`room`: for one step."""

    _fields_ = _fields("log_probs best chosen places", "width")


class Search(Book):
    """`search`: all of it."""

    _fields_ = _fields("model rules slots record room", "end enough")
