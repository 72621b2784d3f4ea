"""How threads wait for their next piece of work.

OpenMP, on whose threads PyTorch and the compiled code of Regard compute, has a thread that waits spin: GNU's for some
milliseconds, others for up to 200. Where another process wants the core, a thread that spins takes it from the thread
that has work. OpenMP reads its environment once, as PyTorch loads it.
"""

import os
import sys
from collections.abc import MutableMapping

POLICY = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
"""A thread spins for some microseconds, then it sleeps. GNU's OpenMP alone knows the second; with others threads sleep
at once. `benchmarks/busy.py` compares it with what is there without it."""
NAMES = (*POLICY, "KMP_BLOCKTIME", "KMP_LIBRARY")
"""What says how OpenMP waits: in the standard, in GNU's, and the last two in Intel's and LLVM's."""


def settle_waiting(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have threads that wait sleep soon, unless the user says in the environment how they wait.

    Call it before PyTorch is loaded; once it is, nothing changes.
    """
    if "torch" not in sys.modules and not any(name in environment for name in NAMES):
        environment.update(POLICY)


def waiting() -> str:
    """How threads wait here, in words, for `regard doctor`."""
    given = {name: os.environ[name] for name in NAMES if name in os.environ}
    if not given:
        return "spin, as OpenMP has them unless its environment says otherwise"
    said = " ".join(f"{name}={value}" for name, value in given.items())
    return f"sleep soon ({said}, Regard's choice)" if given == POLICY else f"{said}, from the environment"
