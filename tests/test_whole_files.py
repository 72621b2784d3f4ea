"""One writer for whole files: what is no file is written to, what is one is replaced whole."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from regard.errors import RegardError
from regard.files import read_small, write_whole


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"whole")
    reader.join(10)
    assert read == [b"whole"]
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_device_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "nothing"
    link.symlink_to("/dev/null")
    write_whole(link, [b"a", memoryview(b"b")])
    assert link.is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(RegardError, match=r"/dev/full cannot be written \(No space left on device\); nothing was left"):
        write_whole(Path("/dev/full"), b"whole")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_is_open_goes_on_where_it_is(tmp_path: Path, name: str) -> None:
    code = f"import sys; from pathlib import Path; from regard.files import write_whole\nprint('a', flush=True); \
write_whole(Path({name!r}), b'b\\n'); print('c')"
    with open(tmp_path / "out", "w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "a\nb\nc\n"


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("汤" * 85)
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_where_a_part_would_be_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    for number in range(10_000):
        (tmp_path / f".name.{os.getpid()}.{number}.partial").symlink_to(other)
    write_whole(tmp_path / "name", b"whole")
    assert (other.read_bytes(), (tmp_path / "name").read_bytes()) == (b"precious", b"whole")


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/dev/zero", "is a device, no file"), (".", "is a directory, no file"), ("pipe", "is a pipe, no file")],
)
def test_what_has_no_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(OSError, match=reason):
        read_small(Path(path), 10)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(b"a" * 10)
    assert read_small(path, 10) == b"a" * 10
    with pytest.raises(OSError, match="has more than 9 bytes"):
        read_small(path, 9)
    os.truncate(path, 2**40)  # nearly all of it a hole
    with pytest.raises(OSError, match="has more than 9 bytes"):
        read_small(path, 9)
    with pytest.raises(OSError, match="has more than 0 bytes"):
        read_small(Path("/proc/self/status"), 0)  # a file that says it has no bytes
