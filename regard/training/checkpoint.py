"""What is kept of a model on the disk: its weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regard.errors import CheckpointError
from regard.training import tensorfile
from regard.training.tensorfile import Contents as Weights


def save_weights(path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write the model's weights and some JSON: whole, or not at all. Raises RegardError when that cannot be done."""
    tensorfile.write(path, weights_of(model), metadata)


def load_weights(path: Path) -> Weights:
    """The weights in a file and its JSON. Raises CheckpointError, one sentence, for anything but a whole file."""
    return tensorfile.read(path)


def apply(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the weights into the model. Raises CheckpointError when a name or a shape does not fit it."""
    own = weights_of(model)
    absent, strange = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if absent or strange:
        raise CheckpointError(
            "these weights belong to another model: "
            + " and ".join(
                f"{names[0]} is {what}" for names, what in ((absent, "missing"), (strange, "unknown")) if names
            )
            + ". Use the config that they were trained with."
        )
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            raise CheckpointError(
                f"these weights belong to another model: {name} has shape {tuple(tensors[name].shape)}; "
                f"expected {tuple(tensor.shape)}. Use the config that they were trained with."
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The model's own parameters and lasting buffers by name; a parameter that stands in several places stands once."""
    lasting = model.state_dict().keys()
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in lasting}
    return {name: parameter.data for name, parameter in model.named_parameters()} | buffers
