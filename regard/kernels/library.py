"""Compiled libraries, called through ctypes: without headers of PyTorch or Python one library serves all versions."""

import ctypes
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

SWITCH = "REGARD_KERNELS"
NAMES = ("plain", "AVX2", "AVX-512")
"""The variants of a library, the newest last."""
WISHES = ("", "off", "plain", "avx2")
REBUILD = "with a C compiler (gcc or clang) on the path, install Regard again"


@dataclass(frozen=True)
class Kernels:
    """Which kernels are in use, and why.

    Args:
        library: the loaded library; None where PyTorch computes.
        fast: the newest variant that its calls may use, see `NAMES`.
        team: the address of the function that runs work on PyTorch's own threads; None where each call brings its own.
        reason: in words, for `regard doctor`.
        advice: what would make them faster; empty if nothing is amiss.
    """

    library: Any
    fast: int
    team: int | None
    reason: str
    advice: str = ""


def find(source: Path, library: Path, declare: Callable[[Any], None]) -> Kernels:
    """Look for the library of a source. `REGARD_KERNELS=off` keeps to PyTorch, `plain` to C that any processor runs,
    `avx2` to that and AVX2.

    `declare` tells ctypes the arguments of its functions. Beside those every library has `regard_source` and
    `regard_variant`.
    """
    wish = os.environ.get(SWITCH, "")
    advice = (
        "" if wish in WISHES else f"{SWITCH} is {wish!r}; expected off, plain or avx2. Unset it to use what is fastest."
    )
    if wish == "off":
        return _without(f"{SWITCH} is off")
    if not library.exists():
        return _without("nothing was compiled when Regard was installed", REBUILD)
    try:
        loaded = ctypes.CDLL(str(library))
        loaded.regard_source.restype = ctypes.c_uint32
        loaded.regard_variant.restype = ctypes.c_int
        declare(loaded)
    except (OSError, AttributeError) as error:
        return _without(f"the compiled library does not load here ({error})", REBUILD)
    if loaded.regard_source() != checksum(source):
        return _without(f"the compiled library is not that of this {source.name}", REBUILD)
    most = {"plain": 0, "avx2": 1}.get(wish, len(NAMES) - 1)
    fast, team = min(loaded.regard_variant(), most), _team()
    threads = "PyTorch's threads" if team else "threads of its own"
    return Kernels(loaded, fast, team, f"compiled C, {NAMES[fast]}, {threads}", advice)


def checksum(source: Path) -> int:
    """Of the source, of the headers that all sources share, and of those beside it."""
    headers = {*Path(__file__).parent.glob("*.h"), *source.parent.glob("*.h")}
    parts = (source, *sorted(headers, key=lambda header: header.name))
    return zlib.crc32(b"".join(path.read_bytes() for path in parts))


def _without(reason: str, advice: str = "") -> Kernels:
    return Kernels(None, 0, None, f"PyTorch: {reason}", advice)


def _team() -> int | None:
    """Where PyTorch runs on GNU's OpenMP, its entry: a second pool of threads beside it would fight for the cores."""
    try:
        linked = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return ctypes.cast(linked.GOMP_parallel, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
