"""The compiled kernels, called through ctypes: without headers of PyTorch or Python one library serves all versions."""

import ctypes
import os
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SWITCH = "REGARD_KERNELS"
OFF = ("off", "0", "no", "false")
SOURCE = Path(__file__).with_name("additive.c")
LIBRARY = Path(__file__).with_name("libadditive.so")


@dataclass(frozen=True)
class Kernels:
    """Which kernels are in use, and why.

    Args:
        library: the loaded library; None where PyTorch computes.
        team: the address of the function that runs work on PyTorch's own threads; None where each call brings its own.
        reason: in words, for `regard doctor`.
        advice: what would make them faster; empty if nothing is amiss.
    """

    library: Any
    team: int | None
    reason: str
    advice: str = ""


@cache
def kernels() -> Kernels:
    """Look for the library, once. `REGARD_KERNELS=off` keeps to PyTorch."""
    rebuild = "install a C compiler, then Regard again: pip install --force-reinstall --no-deps regard"
    if os.environ.get(SWITCH, "").lower() in OFF:
        return Kernels(None, None, f"PyTorch, because {SWITCH} is {os.environ[SWITCH]}")
    if not LIBRARY.exists():
        return Kernels(None, None, "PyTorch: no C compiler was found when Regard was installed", rebuild)
    try:
        library = _declare(ctypes.CDLL(str(LIBRARY)))
    except (OSError, AttributeError) as error:
        return Kernels(None, None, f"PyTorch: the compiled library does not load here ({error})", rebuild)
    if library.regard_source() != zlib.crc32(SOURCE.read_bytes()):
        return Kernels(None, None, f"PyTorch: the compiled library is not that of {SOURCE.name}", rebuild)
    variant = "AVX2" if library.regard_variant() == 2 else "plain C"
    team = _team()
    threads = "PyTorch's threads" if team else "its own threads"
    return Kernels(library, team, f"compiled, {variant}, {threads}")


def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Scores, as in `additive_scores`; single precision on the CPU."""
    query, keys, vector = query.contiguous(), keys.contiguous(), vector.contiguous()
    scores = query.new_empty(query.size(0), query.size(1), keys.size(1))
    _call("regard_forward", (query, keys, vector, scores), query, keys)
    return scores


def backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the query, the keys and the vector."""
    query, keys, vector, grad = query.contiguous(), keys.contiguous(), vector.contiguous(), grad.contiguous()
    found = torch.empty_like(query), torch.empty_like(keys), torch.empty_like(vector)
    _call("regard_backward", (query, keys, vector, grad, *found), query, keys)
    return found


def _call(name: str, arrays: tuple[Tensor, ...], query: Tensor, keys: Tensor) -> None:
    found = kernels()
    sizes = (*query.shape[:2], keys.size(1), query.size(2))
    # 1: the fastest variant that this processor has.
    code = getattr(found.library, name)(
        *[each.data_ptr() for each in arrays], *sizes, 1, torch.get_num_threads(), found.team
    )
    if code:
        raise MemoryError(f"{name}: no memory to work in for sizes {sizes}; expected a little. Use a smaller batch.")


def _declare(library: Any) -> Any:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    for name, arrays in (("regard_forward", 4), ("regard_backward", 7)):
        function = getattr(library, name)
        function.argtypes = [pointer] * arrays + [size] * 4 + [number, number, pointer]
        function.restype = number
    library.regard_source.restype = ctypes.c_uint32
    library.regard_variant.restype = number
    return library


def _team() -> int | None:
    """Where PyTorch runs on GNU's OpenMP, its entry: a second pool of threads beside it would fight for the cores."""
    try:
        linked = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return ctypes.cast(linked.GOMP_parallel, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
