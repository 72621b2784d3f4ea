"""How threads wait for their next piece of work.

PyTorch and the compiled code of Regard compute on the threads of OpenMP. A thread that waits spins: with GNU's OpenMP
for some milliseconds, with others for up to 200. A spinning thread takes its core from other processes. OpenMP reads
its environment once, when PyTorch loads it.
"""

import os
import sys
from collections.abc import MutableMapping

POLICY = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
"""A thread spins for some microseconds, then it sleeps. Only GNU's OpenMP knows the second variable; with others,
threads sleep at once. `benchmarks/busy.py` measures the effect."""
NAMES = (*POLICY, "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Variables that say how OpenMP waits: the standard's, GNU's, and two of Intel's and LLVM's."""


def settle_waiting(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let waiting threads sleep soon, unless the environment says how they wait.

    Call it before PyTorch is loaded; later it has no effect.
    """
    if "torch" not in sys.modules and not any(name in environment for name in NAMES):
        environment.update(POLICY)


def waiting() -> str:
    """How threads wait here, in words, for `regard doctor`."""
    given = {name: os.environ[name] for name in NAMES if name in os.environ}
    if not given:
        return "spin, the default of OpenMP"
    said = " ".join(f"{name}={value}" for name, value in given.items())
    return f"sleep soon ({said}, Regard's choice)" if given == POLICY else f"{said}, from the environment"
