import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from regard.errors import RegardError, UsageError
from regard.training.lock import lock

HOLD = """
import sys, time
from pathlib import Path
from regard.training.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    message = rf"run is in use by another run \(process {os.getpid()}\). Wait for it"
    with lock(tmp_path / "run"), pytest.raises(UsageError, match=message):
        lock(tmp_path / "run").__enter__()
    with lock(tmp_path / "run"):
        pass


def test_what_a_killed_run_leaves_is_no_block(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=rf"process {process.pid}"):
        lock(tmp_path).__enter__()
    process.kill()
    process.wait()
    process.stdout.close()
    start = time.monotonic()
    with lock(tmp_path):
        assert time.monotonic() - start < 1


def test_a_directory_that_cannot_be_locked_is_named() -> None:
    with pytest.raises(RegardError, match=r"/proc/x cannot be locked \(.*\). Choose another directory"):
        lock(Path("/proc/x")).__enter__()
