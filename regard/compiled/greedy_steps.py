"""Several steps of a greedy search, each with the best token of the one before: in compiled code, or one by one."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.compiled.decoder import CompiledDecoder
from regard.compiled.records import StepSource
from regard.compiled.state import step_source
from regard.compiled.step import PreparedStep, Steps
from regard.compiled.token_cache import CachedTokens, TokenCache
from regard.decoders.sourced_state import SourcedState
from regard.decoders.step import Advance
from regard.kernels.library import kernels
from regard.kernels.operands import expect_count, expect_operand
from regard.kernels.structs import Chooser, CopyRecord, GreedyRecord
from regard.marks import END
from regard.recurrent.program import Tensors

MAX_STEPS = 256
"""More are not taken in one call: what they computed is held until it is over."""


@dataclass(frozen=True)
class Several:
    """What some steps computed, each of which was given the best token of the one before.

    Args:
        tokens: the best of each step.
        features, weights: as in `Advance`.
        state: the state after the last.
    """

    tokens: Int[Tensor, "rows steps"]
    features: Float[Tensor, "rows steps features"]
    state: SourcedState
    weights: Float[Tensor, "rows steps source"]


@runtime_checkable
class BestToken(Protocol):
    """What finds the best token of each row."""

    @property
    def chooser(self) -> Chooser:
        """For compiled code."""

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """None where there is none."""


def one_by_one(
    advance: Callable[[Tensor, Any], Advance], best: BestToken, tokens: Int[Tensor, " rows"], state: Any, most: int
) -> Several | None:
    """For any decoder: at most so many steps, fewer where a row comes to `END`; None where there is no best token."""
    steps, chosen = list[Advance](), list[Tensor]()
    while len(steps) < most and not (chosen and (tokens == END).any()):
        steps.append(advance(tokens, state))
        found = best(steps[-1].features)
        if found is None:
            return None
        chosen.append(found)
        tokens, state = found, steps[-1].state
    features, weights = (torch.stack([getattr(step, name) for step in steps], 1) for name in ("features", "weights"))
    return Several(torch.stack(chosen, 1), features, state, weights)


def in_one_call(
    decoder: CompiledDecoder, best: BestToken, tokens: Int[Tensor, " rows"], state: SourcedState, most: int
) -> Several | None:
    """As `one_by_one`, of a decoder that `finds_features`."""
    before, steps = state.state.apart(), decoder.steps
    source = step_source(state.source, before.rows)
    found = greedy_steps(steps, decoder.cache, tokens, before.starts, source, most, best.chooser)
    if found is None:
        return None
    chosen, registers = found
    after = before.after({name: part[-1] for name, part in registers.items()})
    features, weights = (registers[name].transpose(0, 1) for name in (steps.outputs[0], "weights"))
    return Several(chosen.t(), features, replace(state, state=after), weights)


def greedy_steps(
    steps: Steps,
    cache: TokenCache,
    tokens: Int[Tensor, " rows"],
    starts: Tensors,
    source: StepSource,
    most: int,
    choose: Chooser,
) -> tuple[Int[Tensor, "steps rows"], Tensors] | None:
    """At most so many steps; fewer where a row comes to `END`.

    Args:
        steps: the program; its first output is what tokens are chosen by.
        cache: what each token adds.
        tokens: of the first step.
        starts: as in a single step; from the second on each is what the step before made of it.
        source: what the program attends to.
        most: steps.
        choose: what chooses.

    Returns the tokens, and the outputs of every step, (steps, rows, width); None where nothing could be chosen.

    Raises ValueError for tokens, starts or a chooser that do not fit.
    """
    expect_operand("greedy_steps", "tokens", tokens, ("rows",), torch.long, "Give one for each row.")
    expect_count("greedy_steps", "most", most)
    steps.expect_starts(starts, len(tokens))
    width = steps.width(steps.outputs[0])
    if choose.columns > cache.count or choose.depth != width or len(tokens) > choose.max_rows:
        raise ValueError(
            f"greedy_steps: the chooser has {choose.columns} tokens, {choose.depth} features and at most "
            f"{choose.max_rows} rows; expected at most {cache.count} tokens, {width} features and {len(tokens)} rows."
        )
    given = {name: part.clone() for name, part in starts.items() if steps.knows(name)}
    chosen = torch.empty(1 + most, len(tokens), dtype=torch.long)
    chosen[0], taken = tokens, 0
    picks = torch.empty_like(tokens)
    outputs: Tensors = {}
    prepared: CachedTokens | None = None
    while taken < most and not (taken and (chosen[taken] == END).any()):
        cached, _ = cache(chosen[taken].numpy())
        if cached is not prepared:  # its tables lie elsewhere
            prepared, step = cached, steps.prepared(given | cached.tables, source, None, picks)
            outputs = outputs or {name: part.new_empty(most, *part.shape) for name, part in step.outputs.items()}
            record = _record(steps, step, cached, picks, chosen, given, outputs, choose)
        taken = kernels().call("greedy_steps", step.address, step.count, ctypes.byref(record), taken)
        if taken < 0:
            return None
    return chosen[1 : taken + 1], {name: part[:taken] for name, part in outputs.items()}


def _record(
    steps: Steps,
    step: PreparedStep,
    cached: CachedTokens,
    picks: Tensor,
    chosen: Tensor,
    given: Tensors,
    outputs: Tensors,
    choose: Chooser,
) -> GreedyRecord:
    """What each step leaves goes to the outputs, and to the starts of the next."""
    copies = [CopyRecord.of(part, outputs[name], advance=True) for name, part in step.outputs.items()]
    copies += [CopyRecord.of(step.outputs[name[:-1]], part) for name, part in given.items()]
    return GreedyRecord(
        *(cached.slots.ctypes.data, picks.data_ptr(), step.outputs[steps.outputs[0]].data_ptr()),
        *((CopyRecord * len(copies))(*copies), chosen.data_ptr(), choose.function, choose.given),
        *(len(copies), len(picks), len(chosen) - 1, END),
    )
