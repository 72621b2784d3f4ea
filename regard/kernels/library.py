"""Loads the compiled library, checks it, and calls its functions through ctypes.

The library uses no headers of PyTorch or Python, so one build serves all their versions. The functions of this folder
check the arguments of each call; the layout of shared records is checked here, once.
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
SETTINGS = ("", "off", "torch", "plain", "avx2")
REBUILD = "with a C compiler (gcc or clang) on the path, install Regard again"
DONE, OUT_OF_MEMORY, OUT_OF_RANGE = range(3)  # as in c/exports.h

# The arguments of each function. p: a pointer, n: a size. Three more follow in all of them: the newest variant that may
# be used, the number of threads, and the function that runs threads.
FUNCTIONS = {
    "additive_forward": "pppp nnnn",
    "additive_backward": "ppppppp nnnn",
    "moves_forward": "ppppp nnnn p",
    "moves_backward": "ppppp nnnn ppp",
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
        library: the loaded library; None if PyTorch computes instead.
        fast: the newest variant that its calls may use, see `NAMES`.
        team: the address of the function that runs work on PyTorch's own threads; None if each call starts its own.
        reason: in words, for `regard doctor`.
        advice: what would make them faster; empty if there is nothing to do.
        off: whether every formula is computed as it is defined, for a reader or a debugger.
    """

    library: Any
    fast: int
    team: int | None
    reason: str
    advice: str = ""
    off: bool = False

    def call(self, name: str, *given: Any) -> int:
        """Call a function with PyTorch's number of threads. Returns its result, `DONE` if it succeeded.

        Raises ValueError if there is no library.
        """
        return self._function(name)(*given, self.fast, torch.get_num_threads(), self.team)

    def address(self, name: str) -> int:
        """The address of a function, for other compiled code."""
        return ctypes.cast(self._function(name), ctypes.c_void_p).value or 0

    def _function(self, name: str) -> Any:
        if self.library is None:
            raise ValueError(f"{name}: there is no compiled code ({self.reason}). Call `serves` first.")
        return getattr(self.library, f"regard_{name}")


@cache
def kernels() -> Kernels:
    """The library, loaded once.

    `REGARD_KERNELS=off` computes every formula as it is defined, `torch` uses PyTorch only, `plain` C for any
    processor, `avx2` no AVX-512.
    """
    setting = os.environ.get(SWITCH, "")
    advice = (
        ""
        if setting in SETTINGS
        else f"{SWITCH} is {setting!r}; expected off, torch, plain or avx2. Unset it to use what is fastest."
    )
    if setting in ("off", "torch"):
        return _without(f"{SWITCH} is {setting}", off=setting == "off")
    if not LIBRARY.exists():
        return _without("nothing was compiled when Regard was installed", REBUILD)
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        _declare(loaded)
    except (OSError, AttributeError) as error:
        return _without(f"the compiled library does not load here ({error})", REBUILD)
    if loaded.regard_source() != checksum():
        return _without("the compiled library is not that of these sources", REBUILD)
    problem = difference(layout(loaded), expected_layout())
    if problem:
        return _without(f"the compiled library and Python disagree: {problem}", REBUILD)
    most = {"plain": 0, "avx2": 1}.get(setting, AVX512)
    fast, team = min(loaded.regard_variant(), most), _team()
    threads = "PyTorch's threads" if team else "threads of its own"
    return Kernels(loaded, fast, team, f"compiled C, {NAMES[fast]}, {threads}", advice)


def checksum() -> int:
    """The checksum of all source files of the library."""
    paths = sorted(SOURCES.glob("*.[ch]"), key=lambda path: path.name)
    return zlib.crc32(b"".join(path.read_bytes() for path in paths))


def layout(library: Any) -> Layout:
    """The layout of its records, as the library reports it."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for lines in takewhile(bool, map(library.regard_layout, count())):
        for line in takewhile(lambda line: line.record, (lines[at] for at in count())):
            found.setdefault(line.record.decode(), []).append((line.field.decode(), line.offset, line.size))
    return {name: tuple(lines) for name, lines in found.items()}


def difference(found: Layout, expected: Layout) -> str:
    """The first difference, in words; empty if there is none."""
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
    """Declare the argument types for ctypes. Raises AttributeError if a function is missing."""
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
    """The entry of GNU's OpenMP, if PyTorch uses it: a second pool of threads would compete for the cores."""
    try:
        linked = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        return ctypes.cast(linked.GOMP_parallel, ctypes.c_void_p).value
    except (OSError, AttributeError):
        return None
