"""Steps of a program one behind the other in one call, each with the tokens that the one before led to."""

import ctypes

import torch
from jaxtyping import Int
from torch import Tensor

from regard.compiled.records import Seen
from regard.compiled.step import Aimed, Steps
from regard.compiled.token_cache import Entered, Kept
from regard.kernels.library import kernels
from regard.kernels.operands import expect_count, expect_operand
from regard.kernels.structs import Chooser, Flow, Path
from regard.marks import END
from regard.recurrent.program import Tensors


def follow(
    steps: Steps,
    entered: Entered,
    tokens: Int[Tensor, " rows"],
    starts: Tensors,
    seen: Seen,
    most: int,
    choose: Chooser,
) -> tuple[Int[Tensor, "steps rows"], Tensors] | None:
    """At most so many steps; fewer where a row comes to `END`.

    Args:
        steps: the program; its first output is what tokens are chosen by.
        entered: what it picks for each token.
        tokens: of the first step.
        starts: as in a single step; from the second on each is what the step before made of it.
        seen: what the program looks at.
        most: steps.
        choose: what chooses.

    Returns the tokens, and the outputs of every step, (steps, rows, width); None where nothing could be chosen.

    Raises ValueError for tokens, starts or a chooser that do not fit.
    """
    expect_operand("follow", "tokens", tokens, ("rows",), torch.long, "Give one for each row.")
    expect_count("follow", "most", most)
    steps.expect_starts(starts, len(tokens))
    width = steps.width(steps.outputs[0])
    if choose.columns > entered.count or choose.depth != width or len(tokens) > choose.most_rows:
        raise ValueError(
            f"follow: the chooser has {choose.columns} tokens, {choose.depth} features and at most {choose.most_rows} "
            f"rows; expected at most {entered.count} tokens, {width} features and {len(tokens)} rows."
        )
    given = {name: part.clone() for name, part in starts.items() if steps.knows(name)}
    chosen = torch.empty(1 + most, len(tokens), dtype=torch.long)
    chosen[0], taken = tokens, 0
    picks = torch.empty_like(tokens)
    outputs: Tensors = {}
    held: Kept | None = None
    while taken < most and not (taken and (chosen[taken] == END).any()):
        kept, _ = entered(chosen[taken].numpy())
        if kept is not held:
            held, step = kept, steps.aimed(given | kept.tables, seen, None, picks)
            outputs = outputs or {name: part.new_empty(most, *part.shape) for name, part in step.outputs.items()}
            path = _path(steps, step, kept, picks, chosen, given, outputs, choose)
        taken = kernels().call("greedy_steps", step.address, step.count, ctypes.byref(path), taken)
        if taken < 0:
            return None
    return chosen[1 : taken + 1], {name: part[:taken] for name, part in outputs.items()}


def _path(
    steps: Steps,
    step: Aimed,
    kept: Kept,
    picks: Tensor,
    chosen: Tensor,
    given: Tensors,
    outputs: Tensors,
    choose: Chooser,
) -> Path:
    """What each step leaves goes to the outputs, and to the starts of the next."""
    flows = [Flow.of(part, outputs[name], advance=True) for name, part in step.outputs.items()]
    flows += [Flow.of(step.outputs[name[:-1]], part) for name, part in given.items()]
    return Path(
        *(kept.slots.ctypes.data, picks.data_ptr(), step.outputs[steps.outputs[0]].data_ptr()),
        *((Flow * len(flows))(*flows), chosen.data_ptr(), choose.function, choose.given),
        *(len(flows), len(picks), len(chosen) - 1, END),
    )
