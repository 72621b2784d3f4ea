"""The floor of the nearest source."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def nearest(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return import_module("nearest")


def test_rare_words_decide_and_the_first_of_equals_wins(nearest: Any) -> None:
    train = [(["the", "cat"], "A"), (["the", "dog"], "B"), (["the", "dog"], "C"), (["the", "old", "tree"], "D")]
    assert nearest.nearest(train, [["the", "dog"], ["old", "the"], ["unknown"]]) == ["B", "D", "A"]


def test_the_last_turn_is_what_is_compared(nearest: Any, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("1\tHello you <turn> Good day\tyes\n", encoding="utf-8")
    assert nearest.rows(tmp_path / "pairs.tsv", (2, 3), "<turn>") == [(["good", "day"], "yes")]
