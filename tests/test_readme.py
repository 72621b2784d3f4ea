"""The README says what is true: its commands, names, files and code."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.cli.app import app
from regard.decoders import DECODERS
from regard.encoders import ENCODERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_is_there_and_no_other() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    table = README.split("## Commands")[1].split("## ")[0]
    assert set(re.findall(r"\| `regard (\w+)", table)) == commands
    assert set(re.findall(r"^regard (\w+)", README, re.MULTILINE)) <= commands


@pytest.mark.parametrize("table", [ENCODERS, DECODERS, SCORES, SELECTIONS, WINDOWS], ids=lambda table: table.kind)
def test_every_choice_is_named(table) -> None:
    choices = README.split("| choice | entries |")[1].split("\n\n")[0]
    assert [name for name in table if f"`{name}`" not in choices] == []


def test_every_option_is_there() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, line in re.findall(r"regard (\w+)([^\n]*)", README):
        known = (
            {option for parameter in commands[name].params for option in parameter.opts} if name in commands else None
        )
        for option in re.findall(r"(?<![\w-])--[a-z]+[a-z-]*", line):
            assert known is None or option in known, f"regard {name} {option}"


def test_every_file_is_there() -> None:
    for path in re.findall(r"(?<![\w/.])(recipes/[\w-]+\.yaml)", README):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"`(?:regard/)?((?:\w+/)*\w+\.py)`", README):
        assert (ROOT / "regard" / path).is_file(), path


def test_no_figure_is_left_open() -> None:
    assert "@@" not in README


def test_the_attention_example_runs() -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "build_attention" in block)
    names: dict = {}
    exec(code, names)
    weights = names["attended"].weights[0, 0]
    assert weights[0] > 0.999
    assert weights.sum().item() == pytest.approx(1)
