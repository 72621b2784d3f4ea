"""The state of torch's generators, the only ones that training draws from."""

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
    """Put the generators back; one for a device that is not used is left out."""
    torch.set_rng_state(found[CPU].cpu())
    if device.type == "cuda" and CUDA in found:
        torch.cuda.set_rng_state(found[CUDA].cpu(), device)


def reseed(seed: int, *numbers: int) -> None:
    """Start the generators anew from these numbers alone: the same give the same noise, any other give other noise."""
    drawn = np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)
    torch.manual_seed(int(drawn[0]))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Inside, the model evaluates without gradients; after, its mode and the generators are as they were."""
    device = next(model.parameters()).device
    before, training = states(device), model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
        restore(before, device)
