"""Requests to the system about memory: keep freed blocks for the next step, and release pages of mapped files."""

import ctypes
import mmap
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def keep_memory() -> None:
    """Keep freed blocks of up to 1 GiB for the next step.

    Works with glibc and does nothing elsewhere. Call it before the first large tensor.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 2**30)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 2**26)


def mapped(path: Path, places: Iterable[tuple[int, int]]) -> bool:
    """Whether all places (address, size) are in the memory into which this process has mapped the file.

    False if the system does not have this information.
    """
    try:
        maps = os.fsdecode(Path("/proc/self/maps").read_bytes())  # names may not be UTF-8
    except OSError:
        return False
    lines = [line.split(maxsplit=5) for line in maps.split("\n")]
    name = str(path.resolve())
    ranges = [[int(end, 16) for end in line[0].split("-")] for line in lines if line[5:] == [name]]
    return all(any(start <= at and at + size <= end for start, end in ranges) for at, size in places)


def give_back(path: Path, places: Iterable[tuple[int, int]]) -> None:
    """Release the pages of these places if they are `mapped`; the system reads them from the file again when needed.

    Changes to them are lost.
    """
    places = list(places)
    if not mapped(path, places):
        return
    with suppress(OSError, AttributeError, TypeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for at, size in places:
            first, last = -(-at // mmap.PAGESIZE) * mmap.PAGESIZE, (at + size) // mmap.PAGESIZE * mmap.PAGESIZE
            if first < last:
                advise(first, last - first, mmap.MADV_DONTNEED)
