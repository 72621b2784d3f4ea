"""Every record that crosses to compiled code, as its C source declares it, with the arrays that it points to.

`RECORDS` names them as C does. Before the library is used, sizes and places are compared with its own: `library.py`.
"""

import ctypes
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Chooser:
    """A function of compiled code that chooses a token for each row, see c/decoder_step.c.

    Args:
        function: its address.
        given: of what it takes first.
        columns: tokens that it chooses from, with all below them.
        depth: features of a row.
        max_rows: rows of a call, at most.
    """

    function: int
    given: int
    columns: int
    depth: int
    max_rows: int


class LinkedRecord(ctypes.Structure):
    """A record, and what it points to: arrays, tensors, other records, and what holds their memory."""

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


# ---- c/matmul.c


class Matrix(ctypes.Structure):
    """A matrix however it lies: rows so many numbers apart, and columns."""

    _fields_ = _fields("at", "down across")


# ---- c/rnn_ops.h


class Array(ctypes.Structure):
    """A register; in a single step each row may pick one of `height` rows."""

    _fields_ = (*_fields("data grad", "width"), *_fields("rows", "height"))


class OperationRecord(ctypes.Structure):
    """An operation of a program, over its registers."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        *((name, Array) for name in ("into", "source", "other", "before", "saved", "added")),
        *_fields("weight bias", "stride"),
        *_fields(
            "panels keys values vector exp_keys grad_keys grad_vector mask sources", "positions count source_count"
        ),
    )


# ---- c/rnn_encoder.c


class LayerRecord(ctypes.Structure):
    """A recurrent layer over a batch of texts."""

    _fields_ = (
        *_fields("", "kind directions batch positions size"),
        *_fields("panels bias gates places lengths order states scratch", "inputs"),
    )


# ---- c/decoder_step.c


class BeamProgramRecord(ctypes.Structure):
    """`beam_program`: a program over the hypotheses of a beam."""

    _fields_ = _fields("program shared", "count")


class CopyRecord(ctypes.Structure):
    """`register_copy`: a register that is copied after each step."""

    _fields_ = _fields("source to", "size stride")

    @classmethod
    def of(cls, register: Tensor, to: Tensor, *, advance: bool = False) -> "CopyRecord":
        """After each step, the register goes to this place, or to the next one after it."""
        size = register.numel() * register.element_size()
        return cls(register.data_ptr(), to.data_ptr(), size, size if advance else 0)


class GreedyRecord(ctypes.Structure):
    """`greedy_run`: steps that each take the best token of the one before."""

    _fields_ = (
        *_fields("slots picked features"),
        ("copies", ctypes.POINTER(CopyRecord)),
        *_fields("tokens choose layer", "copy_count rows most end"),
    )


# ---- c/topk.c, c/topk_shortlist.c, c/argmax_int8.c


class TopkLayer(ctypes.Structure):
    """An output layer in panels."""

    _fields_ = _fields("panels bias", "depth columns first barred")


class ShortlistLayer(ctypes.Structure):
    """An output layer, and what rows may use of it."""

    _fields_ = _fields(
        "weight bias panels common_bias common starts tokens lists", "depth commons longest first barred list_count"
    )


class Int8Layer(ctypes.Structure):
    """An output layer, and its weights rounded to eight bits."""

    _fields_ = _fields("weight bias rounded scales reach slack", "columns depth first")


# ---- c/beam_search.c


class StatePart(LinkedRecord):
    """`state_part`: a tensor of the state."""

    _fields_ = _fields("made given", "size")


class CarriedNumber(LinkedRecord):
    """`carried`: a number that hypotheses pass on to those that continue them."""

    _fields_ = _fields("rows continued")


class BeamModel(LinkedRecord):
    """`beam_model`: what takes a step, and what finds the best tokens."""

    _fields_ = _fields(
        "step program choose layer slots picks parents parts numbers features weights",
        "part_count number_count positions",
    )


class BeamRules(LinkedRecord):
    """`beam_rules`: what all sentences have, by their numbers."""

    _fields_ = _fields("limits last penalties best", "nbest")


class BeamSlots(LinkedRecord):
    """`beam_slots`: the sentences that are searched, and the slots of each."""

    _fields_ = _fields("sentences lengths free tokens log_probs", "live size rows continued")


class BeamRecord(LinkedRecord):
    """`beam_record`: what was done, step by step."""

    _fields_ = _fields(
        "live rows sentences parents tokens owners weights ended lengths ends cut log_probs scores",
        "steps most sentence_count row_count ended_count",
    )


class BeamScratch(LinkedRecord):
    """`beam_scratch`: buffers of one step."""

    _fields_ = _fields("log_probs best chosen places", "width")


class BeamSearch(LinkedRecord):
    """`beam_search`: all of it."""

    _fields_ = _fields("model rules slots record scratch", "end enough")


RECORDS: dict[str, type[ctypes.Structure]] = {
    "matrix": Matrix,
    "array": Array,
    "operation": OperationRecord,
    "encoder_layer": LayerRecord,
    "beam_program": BeamProgramRecord,
    "register_copy": CopyRecord,
    "greedy_run": GreedyRecord,
    "topk_layer": TopkLayer,
    "shortlist_layer": ShortlistLayer,
    "int8_layer": Int8Layer,
    "state_part": StatePart,
    "carried": CarriedNumber,
    "beam_model": BeamModel,
    "beam_rules": BeamRules,
    "beam_slots": BeamSlots,
    "beam_record": BeamRecord,
    "beam_scratch": BeamScratch,
    "beam_search": BeamSearch,
}


class LayoutLine(ctypes.Structure):
    """A line of what the library says of its records, see c/exports.h; it is what the others are compared by."""

    _fields_ = (("record", ctypes.c_char_p), ("field", ctypes.c_char_p), *_fields("", "offset size"))


Layout = dict[str, tuple[tuple[str, int, int], ...]]
"""For each record its lines, (field, offset, size); the first has no field, and the size of all."""


def expected_layout() -> Layout:
    """That of `RECORDS`."""
    return {name: (("", 0, ctypes.sizeof(each)), *_lines(each)) for name, each in RECORDS.items()}


def _lines(record: type[ctypes.Structure]) -> tuple[tuple[str, int, int], ...]:
    places = [(name, getattr(record, name)) for name, *_ in record._fields_]
    return tuple((name, place.offset, place.size) for name, place in places)
