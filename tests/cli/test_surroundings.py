"""What surrounds a command: streams that are closed, a terminal of no width, little memory."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from toy import regard

from regard.cli import errors, stdout
from regard.data.sources import UnusableSource
from regard.errors import RegardError

CLOSED = """
import os, sys
os.close(1)
os.close(2)
from regard.cli import hold_numbers
hold_numbers()
with open(sys.argv[1], "w") as file:
    os.write(1, b"noise")
    os.write(2, b"noise")
    assert file.fileno() > 2
"""


def test_a_closed_stream_keeps_its_number(tmp_path: Path) -> None:
    """Or the first file of a run would get it, with all that libraries write there."""
    subprocess.run([sys.executable, "-c", CLOSED, str(tmp_path / "file")], check=True)
    assert (tmp_path / "file").read_bytes() == b""


def test_closed_standard_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(
        RegardError, match=r"<stdout> is closed\. Write to a file or to a program, for example: > output"
    ):
        stdout.put(["a line"])


def test_messages_never_go_among_the_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    errors.say("a message")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("can't start new thread"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_is_no_fault_of_regard(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        errors.reported(command)()
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.startswith("regard: there is not enough memory. Free some, raise its limit")


def test_a_file_that_changes_while_it_is_read_is_no_fault_of_regard(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise UnusableSource("names no file that is there (a.wav)")

    with pytest.raises(typer.Exit) as ended:
        errors.reported(command)()
    assert ended.value.exit_code == 3
    assert "a source names no file that is there (a.wav). Its file has changed" in capsys.readouterr().err


def test_a_terminal_of_no_width_shows_the_picture(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = regard("view", run, "the dog").out
    monkeypatch.setenv("COLUMNS", "0")
    assert len(wide.splitlines()) > 3
    assert regard("view", run, "the dog").out == wide


@pytest.mark.parametrize("typed", [True, False])
def test_more_sentences_than_a_picture_holds_are_refused_before_the_work(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("regard.translator.Translator.translate", None)  # the work would fail
    texts = ["the dog"] * 41
    given = ["view", run, *([] if typed else texts), "--png", tmp_path / "a.png"]
    result = regard(*given, stdin="\n".join(texts) if typed else "")
    assert (result.code, result.out) == (2, "")
    assert "--png holds at most 40 sentences, and 41 are given. Give fewer, or take --html" in result.err
