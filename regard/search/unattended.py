"""Steps of a beam that compiled code takes by itself: the model and the books of the search, in one call."""

import ctypes
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.compiled.beam_steps import Aim
from regard.data.batch import END
from regard.kernels.library import kernels
from regard.kernels.structs import Mark, Model, Part, Record, Room, Search, Slots
from regard.search.backpointers import Trail
from regard.search.beam_finished import Harvest
from regard.search.beam_live import Front
from regard.search.numpy_bridge import refuse
from regard.search.step_function import StepFunction, Unattended

STEPS = 16
"""Of one call, at most: they are written down in room that is made for it."""
LOOKED = 1 << 22
"""Weights over sources of one call, at most, unless a single step has more."""
SLOTS = ("parents", "tokens", "owners")
ENDED = ("ended", "cut", "scores", "lengths", "ends", "log_probs")
OVER, MISSING, NO_DISTRIBUTION, NO_MEMORY, NO_STEP = range(5)  # as in kernels/c/beam_search.c


def goes(step: StepFunction) -> bool:
    """Whether compiled code can take steps of this, as long as it has what it needs of the state."""
    return getattr(step, "several", None) is not None and kernels().library is not None


def go(model: Unattended, front: Front, harvest: Harvest, trail: Trail, enough: int) -> tuple[Front, Any]:
    """Some steps, until no more sentences than `enough` are searched, or as many as one call may take.

    Returns the front behind them, and the state of its rows. The harvest and the trail have what came of them. Raises
    RegardError where the logits are NaN or infinite.
    """
    slots, record, room = _slots(model, front, trail), _record(model, front), _room(model, front)
    rules, origins = harvest.rules(), torch.arange(model.course.room)
    why, moving = MISSING, None
    while why == MISSING:
        aim = model.course.aim(_given(slots))
        moving = moving if aim is None else _moving(model, aim, origins)
        search = Search(model=moving, rules=rules, slots=slots, record=record, room=room, end=END, enough=enough)
        why = kernels().call("beam_search", ctypes.byref(search))
    if why == NO_MEMORY:
        raise MemoryError(f"beam: no memory for {slots.rows} rows")
    if why == NO_STEP:
        raise ValueError("beam: a row continues or looks at one that there is not; expected rows of its own state.")
    after = _front(slots)
    if why == NO_DISTRIBUTION:
        refuse(room.part("log_probs", slots.rows, room.width), after.sentences.take(after.filled // slots.size))
    _tell(trail, record, slots.size, model.course.positions)
    harvest.add(*(record.part(name, record.ended_count) for name in ENDED))
    return after, model.after(origins[: slots.rows], slots.continued, record.steps)


def _given(slots: Slots) -> Int[np.ndarray, " rows"]:
    """The tokens of the next step."""
    count = slots.live * slots.size
    return slots.part("tokens", count)[slots.part("log_probs", count) > -np.inf]


def _slots(model: Unattended, front: Front, trail: Trail) -> Slots:
    live, size = front.tokens.shape
    return Slots(
        sentences=front.sentences.copy(),
        lengths=trail.lengths(front.sentences),
        free=front.free.copy(),
        tokens=front.tokens.copy(),
        log_probs=front.log_probs.copy(),
        live=live,
        size=size,
        rows=len(front.filled),
        continued=model.course.begun,
    )


def _record(model: Unattended, front: Front) -> Record:
    """With room for all steps; every row ends but once."""
    (live, size), rows, positions = front.tokens.shape, model.course.room, model.course.positions
    most = max(1, min(STEPS, LOOKED // (rows * positions)))
    slots, ended = np.empty((3, most * live, size), np.int64), np.empty((4, rows), np.int64)
    steps, scores = np.empty((2, most), np.int64), np.empty((2, rows))
    return Record(
        live=steps[0],
        rows=steps[1],
        sentences=np.empty(most * live, np.int64),
        **dict(zip(SLOTS, slots, strict=True)),
        weights=np.empty((most * rows, positions), np.float32),
        **dict(zip(("ended", "lengths", "ends", "cut"), ended, strict=True)),
        **dict(zip(("log_probs", "scores"), scores, strict=True)),
        most=most,
    )


def _room(model: Unattended, front: Front) -> Room:
    rows, width = model.course.room, min(front.tokens.shape[1], model.finder.count)
    return Room(
        log_probs=np.empty((rows, width), np.float32),
        best=np.empty((rows, width), np.int64),
        chosen=np.empty((2, rows), np.int64),
        places=np.empty(rows, np.int64),
        width=width,
    )


def _moving(model: Unattended, aim: Aim, origins: Int[Tensor, " room"]) -> Model:
    """The model where its registers are now."""
    course, finder = model.course, model.finder
    aim.expect(finder.columns, finder.depth)
    parts = [
        Part(made=aim.made[name], given=part, size=part.stride(0) * part.element_size())
        for name, part in course.given.items()
    ]
    marks = [
        Mark(rows=course.sources, continued=course.continued),
        *(Mark(rows=each) for each in (origins, *model.marks)),
    ]
    return Model(
        aim,
        move=aim.function,
        course=aim.given,
        choose=finder.function,
        layer=finder.given,
        slots=aim.slots,
        picks=course.picks,
        parents=course.parents,
        parts=(Part * len(parts))(*parts),
        marks=(Mark * len(marks))(*marks),
        features=aim.features,
        weights=aim.made["weights"],
        part_count=len(parts),
        mark_count=len(marks),
        positions=course.positions,
    )


def _tell(trail: Trail, record: Record, size: int, positions: int) -> None:
    """Write the steps down."""
    count, at, row = record.sentence_count, 0, 0
    sentences, slots = record.part("sentences", count), [record.part(name, count, size) for name in SLOTS]
    looked = torch.from_numpy(record.part("weights", record.row_count, positions))
    for live, rows in zip(*(record.part(name, record.steps).tolist() for name in ("live", "rows")), strict=True):
        parents, tokens, owners = (part[at : at + live] for part in slots)
        trail.add(sentences[at : at + live], parents, tokens, owners, looked[row : row + rows])
        at, row = at + live, row + rows


def _front(slots: Slots) -> Front:
    live, size = slots.live, slots.size
    sentences, free = (slots.part(name, live) for name in ("sentences", "free"))
    tokens, log_probs = (slots.part(name, live, size) for name in ("tokens", "log_probs"))
    nothing = np.zeros((live, size), np.int64)
    return Front(sentences, tokens, log_probs, nothing, nothing, np.zeros((live, size, 1), np.float32), free)
