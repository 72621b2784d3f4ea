"""What a killed writer leaves behind goes away; what a living one writes stays."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from regard import files as module
from regard.files import unfinished

KILLED = """
import os, signal, sys
from pathlib import Path
from regard.files import unfinished

with unfinished(Path(sys.argv[1])) as directory:
    (directory / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left_over(directory: Path) -> Path:
    """What is there after a writer of this directory was killed."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(directory)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = directory.parent.glob(".*.tmp")
    assert (left / "half").exists()
    return left


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path: Path) -> None:
    left = left_over(tmp_path / "cache" / "corpus")
    with unfinished(tmp_path / "cache" / "other") as mine:
        assert not left.exists()
        assert mine.is_dir()
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_living_writer_has_stays(tmp_path: Path) -> None:
    with unfinished(tmp_path / "one") as first:
        (first / "content").write_text("mine")
        with unfinished(tmp_path / "two"):
            assert (first / "content").read_text() == "mine"
        first.rename(tmp_path / "one")
    assert [path.name for path in tmp_path.rglob("*")] == ["one", "content"]


def test_a_file_of_such_a_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".mine.tmp").write_text("mine")
    with unfinished(tmp_path / "corpus"):
        pass
    assert (tmp_path / ".mine.tmp").read_text() == "mine"


def test_without_locks_nothing_is_removed_and_writing_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError("no locks available")

    left = left_over(tmp_path / "corpus")
    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with unfinished(tmp_path / "corpus") as mine:
        assert mine.is_dir()
        assert left.exists()


def test_one_that_is_taken_away_while_it_is_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken = module.fcntl.flock, []

    def late(handle: int, how: int) -> None:
        if not taken:
            (path,) = tmp_path.glob(".*.tmp")
            path.rmdir()
            taken.append(path)
        real(handle, how)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with unfinished(tmp_path / "corpus") as mine:
        assert taken == [mine]
        assert mine.is_dir()
