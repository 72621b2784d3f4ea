"""The benchmark of what each mechanism learns: it covers the tables, says what was expected, and goes on."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.config import parse
from regard.data.diagnostic import TASKS, make_task
from regard.data.text import Vocabulary
from regard.model.build import build_model

ROOT = Path(__file__).parents[1]


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("learning")


def test_every_mechanism_has_a_row(learning: Any) -> None:
    models = [parse(learning.recipe(row, "reverse", 1), row.name).model for row in learning.ROWS]
    looks = [model.attention for model in models if model.decoder.kind == "luong"]
    assert {look.score for look in looks} == set(SCORES)
    assert {look.select for look in looks} == set(SELECTIONS)
    assert {look.window for look in looks} == set(WINDOWS)
    assert {model.decoder.context for model in models if model.decoder.kind == "fixed"} == {"start", "every"}
    assert {model.decoder.kind for model in models} >= {"luong", "fixed", "transformer"}
    assert any(look.num_heads > 1 for look in looks)


@pytest.mark.parametrize("task", [*TASKS, "embedded"])
def test_rows_differ_in_the_mechanism_alone(learning: Any, task: str) -> None:
    recipes = [learning.recipe(row, task, 1) for row in learning.ROWS]
    for recipe in recipes:
        for section in ("data", "training", "search"):
            same = {key: part for key, part in recipe[section].items() if key != "temperature"}
            assert same == recipes[0][section], "the budget is one for all"
    assert len({learning.digest(recipe) for recipe in recipes}) == len(recipes)


@pytest.mark.parametrize("task", ["reverse", "embedded"])
def test_every_row_can_be_built(learning: Any, task: str) -> None:
    """Scores without a projection want a decoder as wide as the memory."""
    for row in learning.ROWS:
        assert build_model(parse(learning.recipe(row, task, 1), row.name).model, Vocabulary(11), 13)


def test_the_page_holds_what_is_expected(learning: Any) -> None:
    page = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")
    assert "\n".join(learning.expectations()) in page


def test_the_table_marks_what_came_otherwise(learning: Any, tmp_path: Path) -> None:
    rows = {row.name: row for row in learning.ROWS}
    with (tmp_path / "results.jsonl").open("w", encoding="utf-8") as stream:
        for name, score in (("additive", 100.0), ("dot", 98.9), ("location", 99.0), ("uniform", 0.4)):
            recipe = learning.digest(learning.recipe(rows[name], "reverse", 1))
            result = {"recipe": recipe, "task": "reverse", "score": score, "updates": 7}
            stream.write(json.dumps(result) + "\n")
    lines = {line.split(" | ")[0]: line for line in learning.table(tmp_path / "results.jsonl", 1, ["reverse"])}
    assert lines["| additive"] == "| additive | yes | 100.0 % (7) |"
    assert lines["| dot"] == "| dot | yes | **98.9 % (7)** |"
    assert lines["| location"] == "| location | no | **99.0 % (7)** |"
    assert lines["| uniform"] == "| uniform | no | 0.4 % (7) |"
    assert lines["| general"] == "| general | yes |  |"


def test_what_is_known_is_not_trained_again(learning: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "make_task", lambda name: make_task(name, train=97, dev=5, test=7))
    short = learning.RECIPES["reverse"]["training"] | {"max_steps": 3, "validate_every": 3}
    monkeypatch.setitem(learning.RECIPES, "reverse", learning.RECIPES["reverse"] | {"training": short})
    rows, results = [row for row in learning.ROWS if row.name in ("additive", "uniform")], tmp_path / "results.jsonl"
    learning.train_all(rows[:1], ["reverse"], 1, tmp_path, results)
    learning.train_all(rows, ["reverse"], 1, tmp_path, results)
    found = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    assert [result["row"] for result in found] == ["additive", "uniform"]
    assert all(result["updates"] == 3 for result in found)


def test_a_solved_run_ends_behind_its_checkpoint(learning: Any) -> None:
    listener = learning.UntilSolved()
    listener(learning.Validated(5, 0, 1.0, {"loss": 0.01}, True))
    listener(learning.Saved(5))
    listener(learning.Validated(10, 0, 2.0, {"loss": 0.0001}, True))
    with pytest.raises(learning.Solved):
        listener(learning.Saved(10))
    assert listener.step == 10
