"""Checks of arguments. Each message says where, what was given, what is expected, and what to do."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import torch
from torch import Tensor, nn

Axes = tuple[int | str, ...]


def expect_shape(place: str, name: str, tensor: Tensor, axes: Axes, advice: str) -> None:
    """Raise ValueError unless the tensor has these axes: a size, or the name of an axis of any size."""
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{place}: {name} {_are(name)} {str(tensor)[:80]!r}; expected a tensor. {advice}")
    fits = tensor.dim() == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, tensor.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(axis) for axis in axes)
        raise ValueError(f"{place}: {name} {_have(name)} shape {tuple(tensor.shape)}; expected ({wanted}). {advice}")


def expect_some(place: str, name: str, tensor: Tensor, what: str, mark: str) -> None:
    """Raise ValueError if the second axis is empty."""
    if tensor.size(1) == 0:
        raise ValueError(
            f"{place}: {name} {_have(name)} shape {tuple(tensor.shape)}; expected at least one {what} position. "
            f"Give an empty {what} its {mark} mark."
        )


def expect_floating(place: str, name: str, tensor: Tensor) -> None:
    """Raise TypeError unless the tensor holds floating point numbers."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{place}: {name} {_are(name)} {str(tensor)[:80]!r}; expected a tensor.")
    if not tensor.is_floating_point():
        raise TypeError(
            f"{place}: {name} {_have(name)} dtype {tensor.dtype}; expected a floating point one. Call .float() on it."
        )


def expect_mask(place: str, mask: Tensor) -> None:
    """Raise TypeError unless the mask is bool: an additive float mask or one of integers means something else."""
    if mask.dtype != torch.bool:
        raise TypeError(
            f"{place}: mask has dtype {mask.dtype}; expected torch.bool, True where a position is real. "
            "Compare it with what marks padding."
        )


def expect_device(place: str, name: str, tensor: Tensor, other: str, reference: Tensor) -> None:
    """Raise ValueError unless the tensor is where the reference is."""
    if tensor.device != reference.device:
        raise ValueError(
            f"{place}: {name} {_are(name)} on {tensor.device}; expected {reference.device}, "
            f"where {other} {_are(other)}. Move one to the other with .to(device)."
        )


def expect_dtype(place: str, name: str, tensor: Tensor, other: str, reference: Tensor) -> None:
    """Raise TypeError unless the dtype is that of the reference; autocast mixes them on purpose."""
    if tensor.dtype != reference.dtype and not torch.is_autocast_enabled(tensor.device.type):
        raise TypeError(
            f"{place}: {name} {_have(name)} dtype {tensor.dtype}; expected {reference.dtype}, that of {other}. "
            "Convert one of them with .to(dtype)."
        )


def expect_module(place: str, name: str, tensor: Tensor, module: nn.Module) -> None:
    """Raise TypeError or ValueError unless the tensor has the dtype and device of the module, if it has parameters."""
    parameter = next(module.parameters(), None)
    if parameter is not None:
        expect_dtype(place, name, tensor, "the module's parameters", parameter)
        expect_device(place, name, tensor, "the module's parameters", parameter)


def expect_sequence(place: str, values: Tensor, mask: Tensor, size: int | str) -> None:
    """Raise ValueError or TypeError unless these are sequences of that many features, and which positions are real."""
    advice = "Give one row of features per position." if isinstance(size, str) else "Set value_size to their features."
    expect_shape(place, "values", values, ("batch", "source", size), advice)
    expect_some(place, "values", values, "source", "end")
    expect_floating(place, "values", values)
    expect_shape(place, "mask", mask, tuple(values.shape[:2]), "Give one entry per position.")
    expect_mask(place, mask)
    expect_device(place, "mask", mask, "values", values)


def expect_keys(place: str, keys: Tensor, key_size: int) -> None:
    """Raise ValueError unless the keys have the size that a score was built for."""
    expect_shape(
        place, "keys", keys, ("batch", "source", key_size), "Set key_size to the encoder's output_size, batch first."
    )


def expect_query(place: str, query: Tensor, query_size: int) -> None:
    """Raise ValueError unless the query has the size that a score was built for."""
    expect_shape(
        place, "query", query, ("batch", "target", query_size), "Set query_size to the decoder's state, batch first."
    )


def expect_features(place: str, sizes: Mapping[str, int]) -> None:
    """Raise ValueError unless every size, by the name of its argument, is a number of features."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{place}: {name} is {size}; expected 1 or more. Give a number of features.")


def expect_positive(place: str, name: str, value: float, advice: str) -> None:
    """Raise ValueError unless the value is a number above zero, and finite."""
    if not 0 < value < math.inf:
        raise ValueError(f"{place}: {name} is {value}; expected more than 0. {advice}")


def expect_choice(place: str, name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ValueError unless the value is one of the choices."""
    if value not in choices:
        near = get_close_matches(value, choices, 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Choose one of them."
        raise ValueError(f"{place}: {name} is {value!r}; expected one of {', '.join(choices)}. {hint}")


def expect_sizes(place: str, query_size: int, key_size: int) -> None:
    """Raise ValueError unless a query and a key can be compared feature by feature."""
    expect_features(place, {"query_size": query_size, "key_size": key_size})
    if query_size != key_size:
        raise ValueError(
            f"{place}: query_size is {query_size} and key_size is {key_size}; expected the same size. "
            "Use the general score, which has a matrix between them."
        )


def _have(name: str) -> str:
    return "have" if name.endswith("s") else "has"


def _are(name: str) -> str:
    return "are" if name.endswith("s") else "is"
