"""The one door to compiled code: a library, called through ctypes.

Without headers of PyTorch or Python one library serves all versions. What it is handed is checked by the functions of
this room that call it; how its records are laid out is checked here, once.
"""

import ctypes
import os
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import torch

from regard.kernels.structs import Layout, LayoutLine, expected_layout

SOURCES = Path(__file__).with_name("c")
LIBRARY = Path(__file__).with_name("libregard.so")
SWITCH = "REGARD_KERNELS"
NAMES = ("plain", "AVX2", "AVX-512")
"""The variants of the library, the newest last."""
AVX512 = 2
WISHES = ("", "off", "torch", "plain", "avx2")
REBUILD = "with a C compiler (gcc or clang) on the path, install Regard again"
DONE, OUT_OF_MEMORY, OUT_OF_RANGE = range(3)  # as in c/exports.h

# What the functions take before the three that all end with: the newest variant that may be used, the number of
# threads, and the team. p: a pointer, n: a size.
FUNCTIONS = {
    "additive_forward": "pppp nnnn",
    "additive_backward": "ppppppp nnnn",
    "matmul_add": "pp nnn p n",
    "softmax": "pppp nnn ppp",
    "topk": "pp nn pp",
    "topk_shortlist": "pp nn pp",
    "argmax_shortlist": "pp n p",
    "round_int8": "p nn ppp",
    "argmax_int8": "pp n p",
    "rnn_sequence": "p nnnn",
    "rnn_encoder": "p",
    "exp_keys": "p nn p",
    "decoder_step": "p n",
    "greedy_steps": "p n p n",
    "beam_program_step": "p nn",
    "beam_search": "p",
}


@dataclass(frozen=True)
class Kernels:
    """Which kernels are in use, and why.

    Args:
        library: the loaded library; None where PyTorch computes.
        fast: the newest variant that its calls may use, see `NAMES`.
        team: the address of the function that runs work on PyTorch's own threads; None where each call brings its own.
        reason: in words, for `regard doctor`.
        advice: what would make them faster; empty if nothing is amiss.
        off: whether every formula is to be computed as it is defined, as for a reader or a debugger.
    """

    library: Any
    fast: int
    team: int | None
    reason: str
    advice: str = ""
    off: bool = False

    def call(self, name: str, *given: Any) -> int:
        """The function of this name, on PyTorch's number of threads. What it returns: `DONE`, or what its source says.
        Raises ValueError where there is no library."""
        return self._function(name)(*given, self.fast, torch.get_num_threads(), self.team)

    def address(self, name: str) -> int:
        """Of a function that compiled code is to call."""
        return ctypes.cast(self._function(name), ctypes.c_void_p).value or 0

    def _function(self, name: str) -> Any:
        if self.library is None:
            raise ValueError(f"{name}: there is no compiled code ({self.reason}). Ask whether it serves first.")
        return getattr(self.library, f"regard_{name}")


@cache
def kernels() -> Kernels:
    """The library, looked for once. `REGARD_KERNELS=off` keeps to the definitions, `torch` to PyTorch, `plain` to C
    that any processor runs, `avx2` to that and AVX2."""
    wish = os.environ.get(SWITCH, "")
    advice = (
        ""
        if wish in WISHES
        else f"{SWITCH} is {wish!r}; expected off, torch, plain or avx2. Unset it to use what is fastest."
    )
    if wish in ("off", "torch"):
        return _without(f"{SWITCH} is {wish}", off=wish == "off")
    if not LIBRARY.exists():
        return _without("nothing was compiled when Regard was installed", REBUILD)
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        _declare(loaded)
    except (OSError, AttributeError) as error:
        return _without(f"the compiled library does not load here ({error})", REBUILD)
    if loaded.regard_source() != checksum():
        return _without("the compiled library is not that of these sources", REBUILD)
    amiss = difference(layout(loaded), expected_layout())
    if amiss:
        return _without(f"the compiled library and Python disagree: {amiss}", REBUILD)
    most = {"plain": 0, "avx2": 1}.get(wish, AVX512)
    fast, team = min(loaded.regard_variant(), most), _team()
    threads = "PyTorch's threads" if team else "threads of its own"
    return Kernels(loaded, fast, team, f"compiled C, {NAMES[fast]}, {threads}", advice)


def checksum() -> int:
    """Of all that the library is made of."""
    paths = sorted(SOURCES.glob("*.[ch]"), key=lambda path: path.name)
    return zlib.crc32(b"".join(path.read_bytes() for path in paths))


def layout(library: Any) -> Layout:
    """How the library's own records are laid out."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for lines in takewhile(bool, map(library.regard_layout, count())):
        for line in takewhile(lambda line: line.record, (lines[at] for at in count())):
            found.setdefault(line.record.decode(), []).append((line.field.decode(), line.offset, line.size))
    return {name: tuple(lines) for name, lines in found.items()}


def difference(found: Layout, expected: Layout) -> str:
    """The first, in words; empty where there is none."""
    for name in dict.fromkeys([*expected, *found]):
        here, there = expected.get(name, ()), found.get(name, ())
        for one, other in zip(here, there, strict=False):
            if one != other:
                field, *place = one
                whole = f"{name}.{field}" if field else name
                there_is = f"{other[0] or name} {other[2]} at {other[1]}"
                return f"{whole} is {place[1]} bytes at {place[0]} here, and {there_is} there"
        if len(here) != len(there):
            return f"{name} has {max(len(here) - 1, 0)} fields here, and {max(len(there) - 1, 0)} there"
    return ""


def _declare(library: Any) -> None:
    """Tell ctypes what the functions take; AttributeError where one is missing."""
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    kinds = {"p": pointer, "n": size}
    for name, taken in FUNCTIONS.items():
        function = getattr(library, f"regard_{name}")
        function.argtypes = [*(kinds[letter] for letter in taken.replace(" ", "")), number, number, pointer]
        function.restype = number
    library.regard_greedy_steps.restype = size
    library.regard_source.restype = ctypes.c_uint32
    library.regard_variant.restype = number
    library.regard_layout.argtypes, library.regard_layout.restype = [size], ctypes.POINTER(LayoutLine)


def _without(reason: str, advice: str = "", off: bool = False) -> Kernels:
    return Kernels(None, 0, None, f"PyTorch: {reason}", advice, off)


def _team() -> int | None:
    """Where PyTorch runs on GNU's OpenMP, its entry: a second pool of threads beside it would fight for the cores."""
    try:
        linked = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return ctypes.cast(linked.GOMP_parallel, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
