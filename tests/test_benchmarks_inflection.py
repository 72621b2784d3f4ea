"""The benchmark of inflection: what its mechanisms share, its table, and one training from end to end."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from regard.config.recipe import load_recipe
from regard.config.recipes import find
from regard.data.text import Vocabulary
from regard.model.build import build_model

ROOT = Path(__file__).parents[1]
FORMS = "Haustür\tHaustüren\tN;PL\nMaus\tMäuse\tN;PL\nTag\tTage\tN;PL\nTag\tTag\tN;SG\n"


@pytest.fixture
def inflection(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("inflection")


def test_mechanisms_learn_in_the_same_way(inflection: Any) -> None:
    """Those of one recipe differ in the model, and in one case in the pairs that are made up."""
    recipes = {name: inflection.recipe(name, "medium", 1, None) for name in inflection.MECHANISMS}
    plain = {inflection.MECHANISMS[name][0]: recipes[name] for name in ("copy", "monotonic, moves")}
    for name, config in recipes.items():
        first = plain[inflection.MECHANISMS[name][0]]
        share = 0.0 if "real" in name else first.data.hallucinate.share
        made_up = first.data.hallucinate.model_copy(update={"share": share})
        assert config.data == first.data.model_copy(update={"hallucinate": made_up})
        assert (config.training, config.search) == (first.training, first.search)
        assert build_model(config.model, Vocabulary(29), 31)
    keys = {inflection.key(config, "german", "medium") for config in recipes.values()}
    assert len(keys) == len(recipes)
    modes = {
        (one.order, one.monotonic) for one in (each.model.decoder for each in recipes.values()) if one.kind != "luong"
    }
    assert modes == {(0, False), (0, True), (1, False), (1, True)}


def test_a_mean_stands_only_where_every_language_has_a_result(inflection: Any) -> None:
    def result(mechanism: str, language: str, accuracy: float) -> dict[str, Any]:
        scores = {"accuracy": accuracy, "distance": 0.5}
        return {"mechanism": mechanism, "language": language, "minutes": 2.0, "dev": scores, "test": scores}

    found = [result("soft", "german", 60), result("soft", "turkish", 70), result("hard", "german", 80)]
    lines = list(inflection.table(found, ["german", "turkish"]))
    assert lines[2:] == [
        "| soft | 60.0 / 60.0 | 70.0 / 70.0 | 65.0 / 65.0 | 0.50 / 0.50 | 2.0 |",
        "| hard | 80.0 / 80.0 |  |  |  | 2.0 |",
    ]


def test_a_language_is_trained_and_scored(inflection: Any, tmp_path: Path) -> None:
    folder = tmp_path / "german"
    folder.mkdir()
    for name in ("train-low", "dev", "test"):
        (folder / f"{name}.tsv").write_text(FORMS, encoding="utf-8")
    tiny = ["model.encoder.hidden_size=5", "model.decoder.hidden_size=7", "model.embedding_size=3"]
    config = load_recipe(find("inflection-hard"), [*tiny, "training.max_steps=2", "training.validate_every=2"])
    result = inflection.learn(config, "monotonic, moves", folder, "low", tmp_path / "run")
    assert result["updates"] == 2
    assert result["dev"] == result["test"]
    assert 0 <= result["test"]["accuracy"] <= 100
    assert result["test"]["distance"] > 0
