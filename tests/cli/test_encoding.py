"""What a terminal or a file gets when it is not UTF-8."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy import Make

from regard.cli import settle_encoding


class Terminal(io.TextIOWrapper):
    """A terminal of some encoding."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("kind", "wanted", "written"),
    [
        (io.TextIOWrapper, None, "é汤".encode()),
        (io.TextIOWrapper, "latin-1", b"\xe9\\u6c64"),
        (io.TextIOWrapper, ":strict", "é汤".encode()),  # only how to treat errors
        (Terminal, None, b"\xe9\\u6c64"),
    ],
)
def test_files_are_utf_8_and_terminals_what_they_say(
    kind: type[io.TextIOWrapper], wanted: str | None, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    if wanted:
        monkeypatch.setenv("PYTHONIOENCODING", wanted)
    stream = kind(io.BytesIO(), encoding="latin-1")
    settle_encoding(stream)
    stream.write("é汤")
    stream.flush()
    assert stream.buffer.getvalue() == written


@pytest.mark.parametrize(("encoding", "plain"), [("ascii", True), ("utf-8", False), (None, False)])
def test_the_heat_map_is_drawn_in_what_the_output_has(random_run: Make, encoding: str | None, plain: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    environment |= {"PYTHONIOENCODING": encoding} if encoding else {"LC_ALL": "C"}
    drawn = view(random_run("characters", "characters"), "el perro 汤", environment)
    assert drawn.isascii() == plain
    assert ("weight in %" in drawn) == plain
    assert ("·" in drawn) == (not plain)
    assert ("\\u6c64" if plain else "汤") in drawn


def view(run: Path, text: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "regard", "view", str(run), text, "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
