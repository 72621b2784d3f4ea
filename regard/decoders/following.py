"""Steps that each take the best token of the one before: in compiled code, or one by one."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.batch import END
from regard.decoders.looking import Looking
from regard.decoders.loops import moved, seen, starts
from regard.decoders.step import Advance, Followed
from regard.output.argmax import Argmax
from regard.unroll import Steps
from regard.unroll import follow as follow_steps


def follow_one_by_one(
    advance: Callable[[Tensor, Any], Advance], argmax: Argmax, tokens: Int[Tensor, " rows"], state: Any, most: int
) -> Followed | None:
    """For any decoder: at most so many steps, fewer where a row comes to `END`; None where features are not finite."""
    steps, chosen = list[Advance](), list[Tensor]()
    while len(steps) < most and not (chosen and (tokens == END).any()):
        steps.append(advance(tokens, state))
        best = argmax(steps[-1].features)
        if best is None:
            return None
        chosen.append(best)
        tokens, state = best, steps[-1].state
    features, weights = (torch.stack([getattr(step, name) for step in steps], 1) for name in ("features", "weights"))
    return Followed(torch.stack(chosen, 1), features, state, weights)


def follow_compiled(
    decoder: Any, argmax: Argmax, tokens: Int[Tensor, " rows"], looking: Looking, most: int
) -> Followed | None:
    """The same for a decoder that `comes_to_features`."""
    state, source = looking.state.apart(), looking.source
    table = decoder.tokens.embedding.weight.detach()
    found = follow_steps(decoder.steps, tokens, table, starts(state), seen(source, state), most, argmax.chooser)
    if found is None:
        return None
    chosen, registers = found
    features, last = registers[decoder.steps.outputs[0]], {name: part[-1] for name, part in registers.items()}
    after = Looking(moved(last, features[-1], state, len(chosen)), source)
    return Followed(chosen.t(), features.transpose(0, 1), after, registers["weights"].transpose(0, 1))


def comes_to_features(decoder: Any) -> bool:
    """Whether the decoder has a program for steps that the output layer can follow at once."""
    steps: Steps | None = getattr(decoder, "steps", None)
    return steps is not None and steps.width(steps.outputs[0]) == decoder.tokens.feature_size
