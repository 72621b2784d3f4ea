"""Steps of a beam in compiled code: the model and the choice of hypotheses, in one call for several steps."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.compiled.beam_buffers import BeamBuffers, PreparedBeam
from regard.compiled.decoder import CompiledDecoder
from regard.compiled.state import CompiledState, step_source
from regard.data.batch import END
from regard.decoders.sourced_state import SourcedState
from regard.decoders.state import Rows
from regard.kernels.library import kernels
from regard.kernels.structs import (
    BeamModel,
    BeamRecord,
    BeamRules,
    BeamScratch,
    BeamSearch,
    BeamSlots,
    CarriedNumber,
    StatePart,
)
from regard.kernels.topk import Finder
from regard.search.backpointers import Backpointers
from regard.search.beam_finished import Finished
from regard.search.beam_live import Live
from regard.search.step_function import refuse

MAX_STEPS = 16
"""Of one call: memory for their record is allocated before."""
MAX_WEIGHTS = 1 << 22
"""Attention weights of one call, unless a single step has more."""
CHOSEN = ("parents", "tokens", "owners")
ENDED = ("ended", "cut", "scores", "lengths", "ends", "log_probs")
OVER, MISSING, NO_DISTRIBUTION, NO_MEMORY, NO_STEP = range(5)  # as in kernels/c/beam_search.c


@dataclass(frozen=True)
class BeamInput:
    """What a beam in compiled code is taken with.

    Args:
        buffers: the state.
        finder: what finds the best tokens of each row.
        numbers: further numbers that hypotheses pass on to those that continue them, of the same capacity.
        after: `after(rows, continued)`, the state after the steps; see `state_after`.
    """

    buffers: BeamBuffers
    finder: Finder
    numbers: tuple[Int[Tensor, " capacity"], ...]
    after: Callable[[int, int], Any]


def buffers(decoder: CompiledDecoder, state: SourcedState, capacity: int) -> BeamBuffers | None:
    """Of so many rows; None where compiled code cannot go on from this state."""
    before, steps = state.state, decoder.steps
    if not isinstance(before, CompiledState) or not steps.takes(before.hidden) or steps.shares_outputs:
        return None  # a beam reads a row of each output for every hypothesis
    source = step_source(state.source, before.rows)
    return BeamBuffers(steps, decoder.cache, before.starts, source, before.parents, capacity)


def state_after(state: SourcedState, buffers: BeamBuffers, rows: int, continued: int) -> SourcedState:
    """The state after the steps.

    Args:
        state: the state before them.
        buffers: after them.
        rows: how many hypotheses go on.
        continued: how many rows of the tensors they continue.
    """
    hidden = buffers.given["state"][:continued]
    memory, fed = (buffers.given.get(name, hidden[:, :0])[:continued] for name in ("memory", "fed"))
    sources = Rows(buffers.sources[:rows], state.state.rows.count)
    parents = None if buffers.parents is None else buffers.parents[:rows]
    return replace(state, state=CompiledState(hidden, memory, fed, sources, parents))


def beam_steps(
    model: BeamInput, live: Live, finished: Finished, backpointers: Backpointers, enough: int
) -> tuple[Live, Any]:
    """Some steps, until no more sentences than `enough` are searched, or as many as one call may take.

    Returns the live hypotheses after them, and the state of their rows. What ended and what was chosen is added to
    `finished` and `backpointers`. Raises RegardError where the logits are NaN or infinite.
    """
    slots, record, scratch = _slots(model, live, backpointers), _record(model, live), _scratch(model, live)
    rules, why, moving = _rules(finished), MISSING, None
    while why == MISSING:
        prepared = model.buffers.prepare(_tokens(slots))
        moving = moving if prepared is None else _model(model, prepared)
        search = BeamSearch(
            model=moving, rules=rules, slots=slots, record=record, scratch=scratch, end=END, enough=enough
        )
        why = kernels().call("beam_search", ctypes.byref(search))
    if why == NO_MEMORY:
        raise MemoryError(f"beam: no memory for {slots.rows} rows")
    if why == NO_STEP:
        raise ValueError("beam: a row continues or attends to one that there is not; expected rows of its own state.")
    after = _live(slots)
    if why == NO_DISTRIBUTION:
        refuse(scratch.part("log_probs", slots.rows, scratch.width), after.sentences.take(after.filled // slots.size))
    _write(backpointers, record, slots.size, model.buffers.positions)
    finished.add(*(record.part(name, record.ended_count) for name in ENDED))
    return after, model.after(slots.rows, slots.continued)


def _tokens(slots: BeamSlots) -> Int[np.ndarray, " rows"]:
    """Those of the next step."""
    count = slots.live * slots.size
    return slots.part("tokens", count)[slots.part("log_probs", count) > -np.inf]


def _slots(model: BeamInput, live: Live, backpointers: Backpointers) -> BeamSlots:
    sentences, size = live.tokens.shape
    return BeamSlots(
        sentences=live.sentences.copy(),
        lengths=backpointers.lengths(live.sentences),
        free=live.free.copy(),
        tokens=live.tokens.copy(),
        log_probs=live.log_probs.copy(),
        live=sentences,
        size=size,
        rows=len(live.filled),
        continued=model.buffers.rows_given,
    )


def _rules(finished: Finished) -> BeamRules:
    """What ends sentences; compiled code writes the best scores."""
    limits, penalties = finished.limits, finished.penalties
    return BeamRules(
        limits=limits, last=penalties[limits], penalties=penalties, best=finished.best_scores, nbest=finished.nbest
    )


def _record(model: BeamInput, live: Live) -> BeamRecord:
    """With memory for all steps; every row ends but once."""
    (sentences, size), rows, positions = live.tokens.shape, model.buffers.capacity, model.buffers.positions
    most = max(1, min(MAX_STEPS, MAX_WEIGHTS // (rows * positions)))
    chosen, ended = np.empty((3, most * sentences, size), np.int64), np.empty((4, rows), np.int64)
    steps, scores = np.empty((2, most), np.int64), np.empty((2, rows))
    return BeamRecord(
        live=steps[0],
        rows=steps[1],
        sentences=np.empty(most * sentences, np.int64),
        **dict(zip(CHOSEN, chosen, strict=True)),
        weights=np.empty((most * rows, positions), np.float32),
        **dict(zip(("ended", "lengths", "ends", "cut"), ended, strict=True)),
        **dict(zip(("log_probs", "scores"), scores, strict=True)),
        most=most,
    )


def _scratch(model: BeamInput, live: Live) -> BeamScratch:
    rows, width = model.buffers.capacity, min(live.tokens.shape[1], model.finder.count)
    return BeamScratch(
        log_probs=np.empty((rows, width), np.float32),
        best=np.empty((rows, width), np.int64),
        chosen=np.empty((2, rows), np.int64),
        places=np.empty(rows, np.int64),
        width=width,
    )


def _model(model: BeamInput, prepared: PreparedBeam) -> BeamModel:
    """The model where its registers are now."""
    buffers, finder = model.buffers, model.finder
    prepared.expect(finder.columns, finder.depth)
    parts = [
        StatePart(made=prepared.made[name], given=part, size=part.stride(0) * part.element_size())
        for name, part in buffers.given.items()
    ]
    numbers = [
        CarriedNumber(rows=buffers.sources, continued=buffers.continued),
        *(CarriedNumber(rows=each) for each in model.numbers),
    ]
    return BeamModel(
        prepared,
        step=prepared.function,
        program=prepared.given,
        choose=finder.function,
        layer=finder.given,
        slots=prepared.slots,
        picks=buffers.picks,
        parents=buffers.parents,
        parts=(StatePart * len(parts))(*parts),
        numbers=(CarriedNumber * len(numbers))(*numbers),
        features=prepared.features,
        weights=prepared.made["weights"],
        part_count=len(parts),
        number_count=len(numbers),
        positions=buffers.positions,
    )


def _write(backpointers: Backpointers, record: BeamRecord, size: int, positions: int) -> None:
    """Add the steps."""
    count, at, row = record.sentence_count, 0, 0
    sentences, chosen = record.part("sentences", count), [record.part(name, count, size) for name in CHOSEN]
    weights = torch.from_numpy(record.part("weights", record.row_count, positions))
    for live, rows in zip(*(record.part(name, record.steps).tolist() for name in ("live", "rows")), strict=True):
        parents, tokens, owners = (part[at : at + live] for part in chosen)
        backpointers.add(sentences[at : at + live], parents, tokens, owners, weights[row : row + rows])
        at, row = at + live, row + rows


def _live(slots: BeamSlots) -> Live:
    live, size = slots.live, slots.size
    sentences, free = (slots.part(name, live) for name in ("sentences", "free"))
    tokens, log_probs = (slots.part(name, live, size) for name in ("tokens", "log_probs"))
    nothing = np.zeros((live, size), np.int64)
    coverage, penalties = np.zeros((live, size, 1), np.float32), np.zeros((live, 0))
    return Live(sentences, tokens, log_probs, nothing, nothing, coverage, free, penalties)
