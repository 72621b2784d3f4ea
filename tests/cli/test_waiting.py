"""How threads wait: the command says it before PyTorch is loaded, unless the user does; a library never."""

import os
import re
import subprocess
import sys

import pytest

from regard.cli.waiting import NAMES, POLICY, settle_waiting, waiting

DEFAULT = "300000"
"""How often a thread of GNU's OpenMP looks for work before it sleeps, where nothing is set."""


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("given", [{}, {"PATH": "/bin"}, *({name: "1"} for name in NAMES), {"OMP_WAIT_POLICY": ""}])
def test_threads_sleep_soon_unless_the_user_says_how_they_wait(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    environment = dict(given)
    settle_waiting(environment)
    assert environment == (given if any(name in given for name in NAMES) else given | POLICY)


def test_what_comes_too_late_for_torch_is_not_said() -> None:
    environment: dict[str, str] = {}
    settle_waiting(environment)
    assert "torch" in sys.modules
    assert environment == {}


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "4321"}])
def test_torch_is_loaded_with_it(given: dict[str, str]) -> None:
    """GNU's OpenMP shows what it has read; doctor says the same."""
    done = said([sys.executable, "-m", "regard", "doctor"], given)
    assert spins(done.stderr) == (POLICY | given)["GOMP_SPINCOUNT"]
    line = next(line for line in done.stdout.splitlines() if "threads that wait" in line)
    assert all(f"{name}={value}" in line for name, value in (given or POLICY).items())


def test_a_program_that_imports_regard_keeps_its_own() -> None:
    done = said(
        [sys.executable, "-c", "import regard.cli.app, regard.run.directory, os; print(sorted(os.environ))"], {}
    )
    assert not set(eval(done.stdout)) & set(NAMES)
    assert spins(done.stderr) == DEFAULT


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "spin, the default of OpenMP"),
        (POLICY, "Regard's choice"),
        ({"OMP_WAIT_POLICY": "active"}, "OMP_WAIT_POLICY=active, from the environment"),
    ],
)
def test_how_threads_wait_in_words(given: dict[str, str], words: str, unset: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        unset.setenv(name, value)
    assert words in waiting()


def said(command: list[str], given: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What a process says, its OpenMP with it; skipped where that is not GNU's."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    environment = kept | {"OMP_DISPLAY_ENV": "verbose"} | given
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("PyTorch does not run on GNU's OpenMP here")
    return done


def spins(shown: str) -> str:
    """What OpenMP shows as its own."""
    return re.findall(r"GOMP_SPINCOUNT = '(\d+)'", shown)[0]
