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
WISHES = ("", "off", "plain")
SOURCE = Path(__file__).with_name("additive.c")
LIBRARY = Path(__file__).with_name("libadditive.so")
REBUILD = "with a C compiler (gcc or clang) on the path, install Regard again"


@dataclass(frozen=True)
class Kernels:
    """Which kernels are in use, and why.

    Args:
        library: the loaded library; None where PyTorch computes.
        fast: whether its calls may use AVX2.
        team: the address of the function that runs work on PyTorch's own threads; None where each call brings its own.
        reason: in words, for `regard doctor`.
        advice: what would make them faster; empty if nothing is amiss.
    """

    library: Any
    fast: bool
    team: int | None
    reason: str
    advice: str = ""


@cache
def kernels() -> Kernels:
    """Look for the library, once. `REGARD_KERNELS=off` keeps to PyTorch, `plain` to C that any processor runs."""
    wish = os.environ.get(SWITCH, "")
    advice = "" if wish in WISHES else f"{SWITCH} is {wish!r}; expected off or plain. Unset it to use what is fastest."
    if wish == "off":
        return _without(f"{SWITCH} is off")
    if not LIBRARY.exists():
        return _without("nothing was compiled when Regard was installed", REBUILD)
    try:
        library = _declare(ctypes.CDLL(str(LIBRARY)))
    except (OSError, AttributeError) as error:
        return _without(f"the compiled library does not load here ({error})", REBUILD)
    if library.regard_source() != zlib.crc32(SOURCE.read_bytes()):
        return _without(f"the compiled library is not that of this {SOURCE.name}", REBUILD)
    fast, team = wish != "plain" and library.regard_variant() == 2, _team()
    threads = "PyTorch's threads" if team else "threads of its own"
    return Kernels(library, fast, team, f"compiled C, {'AVX2' if fast else 'plain'}, {threads}", advice)


def _without(reason: str, advice: str = "") -> Kernels:
    return Kernels(None, False, None, f"PyTorch: {reason}", advice)


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
    pointers = [each.data_ptr() for each in arrays]
    code = getattr(found.library, name)(*pointers, *sizes, found.fast, torch.get_num_threads(), found.team)
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
