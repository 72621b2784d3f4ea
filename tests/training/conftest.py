from pathlib import Path

import pytest
from small_run import run


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the small run, never stopped."""
    directory = tmp_path_factory.mktemp("whole")
    run(directory, resume=False)
    return directory
