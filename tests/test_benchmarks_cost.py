"""The benchmark of what each mechanism costs: its rows are those of the tables, and each is measured."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.build import build_model
from regard.cli.demo import demo_config

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("cost")


def test_every_mechanism_has_a_row_that_can_be_built(cost: Any) -> None:
    rows = cost.entries()
    assert {*SCORES, *SELECTIONS, *WINDOWS} - {"softmax", "global"} <= set(rows)
    for name, row in rows.items():
        model = cost.changed(demo_config(1, False), row.model).model
        assert build_model(model, 17, 19).training, name
        for table, chosen in ((SCORES, model.attention.score), (SELECTIONS, model.attention.select)):
            assert name not in table or chosen == name


def test_additive_stands_with_and_without_the_kernel(cost: Any) -> None:
    rows = cost.entries()
    assert rows["additive"].model == rows[cost.PLAIN].model
    assert rows["additive"].environment == {}
    assert rows[cost.PLAIN].environment == {"REGARD_KERNELS": "off"}


def test_the_report_compares_turn_by_turn(cost: Any, capsys: pytest.CaptureFixture[str]) -> None:
    speeds = {"additive": [10.0, 20.0, 40.0], "general": [15.0, 60.0, 20.0]}
    facts = {"parameters": 1234567, "memory": 89e6}
    cost.report({name: SimpleNamespace(facts=facts, speeds=each) for name, each in speeds.items()})
    printed = capsys.readouterr().out
    assert "| additive | 1,234,567 | 20 (10, 40) | 89 |" in printed
    assert "general trains 1.50 times as fast as additive" in printed


@pytest.mark.slow
def test_a_row_is_measured_in_a_process_of_its_own() -> None:
    command = [sys.executable, str(BENCHMARKS / "cost.py"), "--only", "dot", "--threads", "1", "--repeats", "1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = next(line for line in printed.splitlines() if line.startswith("| dot"))
    parameters, speed, memory = (cell.strip().split(" ")[0].replace(",", "") for cell in row.split("|")[2:5])
    assert int(parameters) > 100_000
    assert int(speed) > 100
    assert 1 < int(memory) < 2_000
