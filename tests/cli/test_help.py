"""Help, versions, and what must not be loaded to give them."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
from toy import regard

import regard as library
from regard.cli import doctor

COMMANDS = [
    "demo",
    "train",
    "curves",
    "translate",
    "score",
    "evaluate",
    "shortlist",
    "align",
    "view",
    "chat",
    "export",
    "doctor",
    "recipes",
]


def test_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pydantic", "tokenizers", "rich.console", "matplotlib", "sacrebleu", "yaml")
    code = f"import sys, regard.cli.app; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_commands_stand_in_the_order_of_use() -> None:
    listed = regard("--help").out.split("Commands:")[1]
    assert [line.split()[0] for line in listed.splitlines() if line[:2] == "  " and line[2:3].isalpha()][
        : len(COMMANDS)
    ] == COMMANDS
    assert "Exit codes: 0 done" in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = regard(command, "--help")
    assert result.code == 0
    assert f"Usage: regard {command}" in result.out
    assert f"Example: regard {command}" in result.out
    assert max(map(len, result.lines)) <= 80


def test_version() -> None:
    assert regard("--version").out == f"regard {library.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["trian"], "No such command 'trian'. Did you mean 'train'?"), (["translate"], "Missing argument")],
)
def test_usage(arguments: list[str], message: str) -> None:
    result = regard(*arguments)
    assert result.code == 2
    assert message in result.err


def test_doctor_says_what_is_installed() -> None:
    result = regard("doctor")
    assert result.code == 0
    for about in ("regard", "python", "torch", "cuda", "tokenizers", "matplotlib (pictures)", "chinese font", "output"):
        assert any(line[4:].startswith(about) for line in result.lines), about
    record = json.loads(regard("doctor", "--json").out)
    assert {finding["about"] for finding in record["findings"]} >= {"torch", "temporary files"}


def test_doctor_says_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    result = regard("doctor")
    assert "tensorboard (TensorBoard): pip install 'regard[log]'" in result.lines
    assert "rich: pip install rich" in result.lines
    assert any(line.startswith("!!  rich ") for line in result.lines)
    assert any(line.startswith("ok  tensorboard ") for line in result.lines)


def test_doctor_says_which_font_package_draws_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    from regard.views import fonts

    monkeypatch.setattr(fonts, "_installed", lambda: {})
    assert "sudo apt install fonts-noto-cjk or fonts-wqy-zenhei" in regard("doctor").out
