"""What the tests of single steps share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regard.compiled import step as steps
from regard.kernels.library import SWITCH

sys.path.insert(0, str(Path(__file__).parents[1] / "recurrent"))  # test_recurrent_loop.py


@pytest.fixture(params=["", "plain"])
def step_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compiled code, as fast as this machine has it and as it runs anywhere."""
    monkeypatch.setenv(SWITCH, request.param)
    steps.kernels.cache_clear()
    if steps.kernels().library is None:
        pytest.skip(steps.kernels().reason)
    yield
    steps.kernels.cache_clear()
