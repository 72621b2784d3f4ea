"""The machine, as a command finds it and leaves it."""

import gc
import resource
from collections.abc import Iterator

import pytest

from regard.cli import FRAME_SLOTS, in_one_frame_block, main
from regard.cli.workers import set_up


@pytest.fixture
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("thawed")
def test_the_collector_is_enabled_after_the_imports() -> None:
    gc.disable()
    set_up(None)
    assert gc.isenabled()
    assert gc.get_freeze_count()


def test_a_collector_that_is_at_work_is_left_alone() -> None:
    before = gc.get_freeze_count()
    set_up(None)
    assert gc.get_freeze_count() == before


def test_calls_at_any_depth_take_no_memory_from_the_system() -> None:
    most: list[int] = []

    def deep() -> None:
        most.append(max(faults_of_calls_below(depth) for depth in range(400)))

    in_one_frame_block(deep)()
    assert most[0] < 100  # at the edge of a block of 16 KiB it would be one for each of 200 calls
    assert main.__code__.co_stacksize >= FRAME_SLOTS


def faults_of_calls_below(depth: int) -> int:
    """Pages that 200 calls, one after the other, have the system bring, with `depth` frames below theirs."""
    if depth:
        return faults_of_calls_below(depth - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        leaf()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def leaf(a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> list[tuple[int, ...]]:
    """Its frame is larger than those below, so that it does not fit where a block ends."""
    return [(a, b, c, d), (a, b, c, d, a, b, c, d, a, b, c, d)]
