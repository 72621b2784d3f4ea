"""The measured process of attention.py: one way to compute one shape, forward and backward, again and again.

python -m attention_row FOLDER WAY:BATCH,TARGET,SOURCE,HIDDEN THREADS      takes the order {"job": "turn", "count": n}
"""

import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import torch
from timing.link import Link, peak_megabytes
from torch import Tensor

Mix = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def naive(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """The formula as it is usually written."""
    scores = (torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ vector.unsqueeze(1)).squeeze(-1)
    return torch.softmax(scores, -1) @ values


def regard(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """The same with Regard's scores; REGARD_KERNELS says which kernel."""
    from regard.kernels.additive import additive_scores

    return torch.softmax(additive_scores(query, keys, vector), -1) @ values


def keras(query: Tensor, keys: Tensor, values: Tensor, vector: Tensor) -> Tensor:
    """Keras's layer, whose only weight stands in for the vector."""
    layer = _keras_layer(query.size(-1))
    return layer([query, values, keys])


def _keras_layer(hidden: int) -> Any:
    if hidden not in _LAYERS:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        library: Any = import_module("keras")
        _LAYERS[hidden] = library.layers.AdditiveAttention()
    return _LAYERS[hidden]


_LAYERS: dict[int, Any] = {}
WAYS: dict[str, Mix] = {"naive": naive, "regard": regard, "keras": keras}


class Turns:
    """One way and one shape.

    Args:
        way: an entry of `WAYS`.
        sizes: batch, target, source, hidden; values are as wide as keys.
    """

    def __init__(self, way: str, sizes: tuple[int, ...]) -> None:
        batch, target, source, hidden = sizes
        generator = torch.Generator().manual_seed(1)
        shapes = ((batch, target, hidden), (batch, source, hidden), (batch, source, hidden), (hidden,))
        self.mix = WAYS[way]
        self.leaves = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
        self.leaves[-1].data.mul_(hidden**-0.5)
        self.grad = torch.randn(batch, target, hidden, generator=generator)
        small = [*(torch.zeros(1, 1, hidden, requires_grad=True) for _ in range(3)), self.leaves[-1]]
        self._differentiate(small, torch.ones(1, 1, hidden))  # what is loaded and allocated once
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = peak_megabytes()

    def turn(self, count: int) -> dict[str, Any]:
        """Milliseconds of one forward and backward, the median of so many, and the megabytes they have taken so far."""
        return {"ms": 1000 * median(self._once() for _ in range(count)), "memory_mb": peak_megabytes() - self.before}

    def _once(self) -> float:
        begun = time.perf_counter()
        self._differentiate(self.leaves, self.grad)
        return time.perf_counter() - begun

    def _differentiate(self, leaves: list[Tensor], grad: Tensor) -> None:
        # Keras's layer has the vector as a weight of its own.
        torch.autograd.grad(self.mix(*leaves), leaves, grad, allow_unused=True)


def main(what: str, threads: int) -> None:
    torch.set_num_threads(threads)
    way, sizes = what.split(":")
    Link().serve(turn=Turns(way, tuple(int(size) for size in sizes.split(","))).turn)


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[3]))
