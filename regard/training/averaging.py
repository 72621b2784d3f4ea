"""Means of the weights over the run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from regard.training.progress import Validation
from regard.training.weights import weights_of


class MovingAverage:
    """An exponential moving average of the weights. It is validated and published instead of them.

        a ← d a + (1 - d) w,   d = min(decay, (1 + step) / (10 + step))

    d is smaller at first, so that the random initial weights soon have no part in the average. Source: Polyak &
    Juditsky 1992; the formula of d is that of TensorFlow's ExponentialMovingAverage. Integer buffers are copied.

    Args:
        model: the model; the average starts at its current weights.
        decay: the share that the average keeps at each update, late in the run.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"MovingAverage: decay is {decay}; expected 0 < decay < 1. Try 0.999.")
        self.decay = decay
        self.tensors = {name: tensor.clone() for name, tensor in weights_of(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Add the weights after update number `step` to the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own = weights_of(model)
        averaged = [name for name, tensor in self.tensors.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.tensors[name] for name in averaged], [own[name] for name in averaged], 1 - decay)
        for name in self.tensors.keys() - set(averaged):
            self.tensors[name].copy_(own[name])

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Inside the `with`, the weights of the model are the average."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    @torch.no_grad()
    def _exchange(self, model: nn.Module) -> None:
        for name, tensor in weights_of(model).items():
            kept = tensor.clone()
            tensor.copy_(self.tensors[name])
            self.tensors[name].copy_(kept)


def chosen(validations: Sequence[Validation], count: int, of: Literal["last", "best"]) -> list[int]:
    """The steps of the `count` last or best validations, ascending. Of equal ones, the earlier counts as better."""
    if of == "best":
        validations = sorted(validations, key=lambda validation: (-validation.gain, validation.step))[:count]
    return sorted(validation.step for validation in validations[-count:])


def mean(states: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several states of one model, read one after another. Integer tensors come from the last state.

    The sum is in double precision, so that the order of the states does not matter.
    """
    sums: dict[str, Tensor] = {}
    last: dict[str, Tensor] = {}
    count = 0
    for last in states:
        count += 1
        for name, tensor in last.items():
            if tensor.is_floating_point():
                sums[name] = sums[name] + tensor if name in sums else tensor.double()
    return last | {name: (total / count).to(last[name].dtype) for name, total in sums.items()}
