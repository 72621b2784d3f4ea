"""The machine, as a command finds it and leaves it."""

import gc
from collections.abc import Iterator

import pytest

from regard.cli.machine import set_up


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
