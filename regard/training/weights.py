"""The weights of a model: as named tensors, in a file, and back into a model."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regard.errors import CheckpointError
from regard.training import tensorfile
from regard.training.tensorfile import Contents as Weights

MODEL, AVERAGE = "model/", "average/"


def save_weights(path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write the model's weights and some JSON, completely or not at all. Raises RegardError if that is not possible."""
    tensorfile.write(path, weights_of(model), metadata)


def load_weights(path: Path) -> Weights:
    """The weights in a file and its JSON. Of a checkpoint, the weights to publish: the average if it has one.

    Raises CheckpointError, in one sentence, for a file that is missing, incomplete or not a file of Regard.
    """
    contents = tensorfile.read(path)
    for prefix in (AVERAGE, MODEL):
        if tensors := under(prefix, contents.tensors):
            return Weights(tensors, contents.metadata)
    return contents


def apply(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy the weights into the model. Raises CheckpointError if a name or a shape does not fit."""
    own = weights_of(model)
    check(own, tensors)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def adopt(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The same without copies: the parameters use these tensors afterwards."""
    check(weights_of(model), tensors)
    for name, parameter in model.named_parameters():
        parameter.data = tensors[name].to(parameter.dtype)
    for name, buffer in _lasting_buffers(model).items():
        buffer.copy_(tensors[name])


def places(tensors: Iterable[Tensor]) -> list[tuple[int, int]]:
    """(address, bytes) of each tensor in memory."""
    return [(tensor.data_ptr(), tensor.numel() * tensor.element_size()) for tensor in tensors]


def check(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError unless both have the same names, shapes and types; floating-point types may differ."""
    advice = "Use the config that they were trained with."
    faults = {"missing": sorted(own.keys() - tensors.keys()), "unknown": sorted(tensors.keys() - own.keys())}
    if any(faults.values()):
        found = " and ".join(f"{names[0]} is {fault}" for fault, names in faults.items() if names)
        raise CheckpointError(f"these weights belong to another model: {found}. {advice}")
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            raise CheckpointError(
                f"these weights belong to another model: {name} has shape {tuple(tensors[name].shape)}; "
                f"expected {tuple(tensor.shape)}. {advice}"
            )
        kinds = [str(each.dtype).removeprefix("torch.") for each in (tensors[name], tensor)]
        if kinds[0] != kinds[1] and not (tensor.is_floating_point() and tensors[name].is_floating_point()):
            raise CheckpointError(
                f"these weights are of another kind: {name} is {kinds[0]}; expected {kinds[1]}. {advice}"
            )


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The model's own parameters and persistent buffers by name; a parameter that is used in several places, once."""
    return {name: parameter.data for name, parameter in model.named_parameters()} | _lasting_buffers(model)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _lasting_buffers(model: nn.Module) -> dict[str, Tensor]:
    lasting = model.state_dict().keys()
    return {name: buffer for name, buffer in model.named_buffers() if name in lasting}
