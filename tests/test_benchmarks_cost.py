"""The benchmark of what each mechanism costs: its rows are those of the tables, and each is measured."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.cli.demo import SINGLE, demo_config
from regard.data.text import Vocabulary
from regard.model.build import build_model

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("cost")


def test_every_mechanism_has_a_row_that_can_be_built(cost: Any) -> None:
    rows, changed = cost.rows(), cost.changed
    assert {*SCORES, *SELECTIONS, *WINDOWS} - {"softmax", "global"} <= set(rows)
    for name, row in rows.items():
        model = changed(demo_config(1, False, changes=SINGLE), row.model).model
        assert build_model(model, Vocabulary(17), 19).training, name
        for table, chosen in ((SCORES, model.attention.score), (SELECTIONS, model.attention.select)):
            assert name not in table or chosen == name


def test_scores_are_compared_with_and_without_kernels(cost: Any) -> None:
    rows = cost.rows()
    for score in cost.COMPARED:
        compiled, plain = rows[score], rows[score + cost.PLAIN]
        assert compiled.model == plain.model == {"attention": {"score": score}}
        assert (compiled.environment, plain.environment) == ({}, {"REGARD_KERNELS": "torch"})


def test_the_report_compares_round_by_round(cost: Any) -> None:
    seconds = {"additive": [10.0, 5.0, 2.5], "general": [5.0, 2.5, 5.0]}
    answers = {
        name: [{"tokens": 100, "seconds": each, "parameters": 1234567, "memory_mb": 89.4} for each in times]
        for name, times in seconds.items()
    }
    assert ["additive", "1,234,567", "20 [10–40]", "89"] in list(cost.table(answers))
    assert list(cost.comparison(answers)) == ["general / additive: 2.00 [0.50–2.00] × the tokens/s"]


@pytest.mark.slow
def test_a_row_is_measured_in_a_process_of_its_own() -> None:
    command = [sys.executable, str(BENCHMARKS / "cost.py"), "--only", "dot", "--threads", "1", "--rounds", "1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row = next(line for line in printed.splitlines() if line.startswith("| dot"))
    parameters, speed, memory = (cell.strip().replace(",", "") for cell in row.split("|")[2:5])
    assert int(parameters) > 100_000
    assert int(speed) > 100
    assert 1 < int(memory) < 2_000
