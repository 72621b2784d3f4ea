"""What others have named never commands a terminal, and names that are no UTF-8 are names."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from toy import regard

from regard.cli import main
from regard.cli.errors import say

EVIL = "a\x1b[31m\x9b2J\u202e\nb"
SHOWN = "a\\x1b[31m\\x9b2J\\u202e\\x0ab"


@pytest.mark.parametrize(
    "arguments",
    [
        ["translate", EVIL],
        ["translate", f"--{EVIL}"],
        [EVIL],
        ["train", EVIL, "p.tsv", "--out", "x"],
        ["train", "recipe.yaml", f"{EVIL}.tsv", "--out", "x"],
        ["train", "recipe.yaml", "p.tsv", "--out", "x", "--set", EVIL],
        ["evaluate", "x", EVIL],
        ["view", EVIL, "text"],
    ],
    ids=lambda arguments: arguments[0][:9],
)
def test_no_message_holds_an_escape_sequence(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    monkeypatch.setattr(sys, "argv", ["regard", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code in (2, 3, 4)
    assert all(line.isprintable() for line in said.splitlines())
    assert SHOWN[:11] in said or "x is not a directory" in said


def test_names_of_values_are_shown(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text('name: x\n"\\e[31m": 1\n')
    result = regard("train", tmp_path / "recipe.yaml", "p.tsv", "--out", tmp_path / "x")
    assert "unknown key \\x1b[31m" in result.err


def test_a_closed_terminal_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        say("words")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())  # or closing it would complain


def test_a_run_in_a_directory_that_is_no_utf_8(run: Path, tmp_path: Path) -> None:
    other = tmp_path / os.fsdecode(b"r\xff\xfe")
    shutil.copytree(run, other, ignore=shutil.ignore_patterns("cache", "checkpoints"))
    result = regard("translate", other, stdin="the dog\n")
    assert (result.code, result.out) == (0, regard("translate", run, stdin="the dog\n").out)
