"""Real signals to a real process."""

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_resume import assert_same

import regard

SCRIPT = Path(__file__).with_name("small_run.py")
EPOCHS = 20


def sitting(directory: Path) -> subprocess.Popen[str]:
    """One process that goes on with the run, past its imports."""
    command = [sys.executable, str(SCRIPT), str(directory), str(EPOCHS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def test_no_pickle_anywhere() -> None:
    root = Path(regard.__file__).parent
    for path in root.rglob("*.py"):
        assert not re.search(r"\b(import pickle|from pickle|torch\.(save|load)\()", path.read_text()), path


@pytest.mark.slow
def test_killed_and_resumed_is_the_run_that_was_never_killed(tmp_path: Path) -> None:
    finish(sitting(tmp_path / "whole"))
    drawn, kills = random.Random(1), 0
    for _ in range(10):
        process = sitting(tmp_path / "killed")
        assert process.stdout is not None
        for _ in range(drawn.randrange(7)):
            process.stdout.readline()
        time.sleep(drawn.uniform(0, 0.1))  # an update or a save takes some hundredths of a second
        process.kill()
        process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        if process.returncode == 0:  # on a busy machine the kill may come after the end
            break
        kills += 1
    assert kills >= 2
    finish(sitting(tmp_path / "killed"))
    assert_same(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
def test_a_second_sitting_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    first = sitting(tmp_path)
    command = [sys.executable, str(SCRIPT), str(tmp_path), str(EPOCHS)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert f"is in use by another run (process {first.pid})" in second.stderr
    first.kill()
    first.communicate()
