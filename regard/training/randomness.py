"""The state of torch's random generators. Training uses no others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

CPU, CUDA = "cpu", "cuda"


def states(device: torch.device) -> dict[str, Tensor]:
    """The generators of the CPU and of the device."""
    found = {CPU: torch.get_rng_state()}
    if device.type == "cuda":
        found[CUDA] = torch.cuda.get_rng_state(device)
    return found


def restore(found: Mapping[str, Tensor], device: torch.device) -> None:
    """Restore the generators; the state of a device that is not in use is ignored."""
    torch.set_rng_state(found[CPU].cpu())
    if device.type == "cuda" and CUDA in found:
        torch.cuda.set_rng_state(found[CUDA].cpu(), device)


def reseed(seed: int, *numbers: int) -> None:
    """Seed the generators from these numbers: the same numbers give the same noise, other numbers other noise."""
    drawn = np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)
    torch.manual_seed(int(drawn[0]))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Inside the `with`, the model evaluates without gradients; then its mode and the generators are restored."""
    device = next(model.parameters()).device
    before, training = states(device), model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
        restore(before, device)
