"""Records of options: a command takes them whole, the command line sees every field."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from regard.cli import options
from regard.cli.app import app
from regard.cli.errors import reported
from regard.cli.options import expand_records
from regard.cli.search_options import Asking, Sampling, Search


@dataclass(frozen=True)
class Animal:
    """An animal."""

    legs: Annotated[int, typer.Option(help="How many it has.")] = 5
    name: Annotated[str | None, typer.Option("--call", metavar="NAME")] = None


taken: list[tuple[str, Animal, bool]] = []


@reported
@expand_records
def command(place: Annotated[str, typer.Argument()], *, animal: Animal, wild: bool = False) -> None:
    """Keep an animal."""
    taken.append((place, animal, wild))


def call(*arguments: str) -> str:
    small = typer.Typer()
    small.command()(command)
    result = CliRunner().invoke(small, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "animal", "wild"),
    [
        ([], Animal(), False),
        (["--legs", "7", "--wild"], Animal(7), True),
        (["--call", "Tom", "--legs", "3"], Animal(3, "Tom"), False),
    ],
)
def test_a_record_holds_what_was_given(arguments: list[str], animal: Animal, wild: bool) -> None:
    call("zoo", *arguments)
    assert taken.pop() == ("zoo", animal, wild)


def test_help_shows_the_fields_as_options() -> None:
    shown = call("--help")
    assert "How many it has." in shown
    assert "--call" in shown
    assert "--animal" not in shown


@pytest.mark.parametrize(
    "record", [options.Opening, options.Reading, options.Linking, options.Timing, Search, Sampling, Asking]
)
def test_every_record_serves_a_command(record: type) -> None:
    from typer.main import get_command

    given = {parameter.name for one in get_command(app).commands.values() for parameter in one.params}
    assert set(record.__dataclass_fields__) <= given
