"""docs/several-sources.md: its recipes are recipes, and its tables give them their parts."""

import json
import re
from pathlib import Path

import pytest
import yaml

from regard.config import load_recipe, parse
from regard.config.recipes import find
from regard.model.build import build_model
from regard.run.pairs import pair_files
from regard.run.sides import learn_sides

PAGE = (Path(__file__).parents[2] / "docs" / "several-sources.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
NAMED = dict(re.findall(r'```(?:yaml|python) title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))
TABLES = dict(re.findall(r'```tsv title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))


@pytest.mark.parametrize(("name", "recipe"), [*zip(TABLES, RECIPES[:2], strict=True)])
def test_a_table_and_its_recipe_fit(name: str, recipe: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(TABLES[name], encoding="utf-8")
    data = parse(yaml.safe_load(recipe), "test").data
    files = pair_files([str(tmp_path / name)], data)
    source, _ = learn_sides(data, files)
    first, *_ = files.read()
    rows = [line.split("\t") for line in TABLES[name].splitlines()]
    left, right = ((0, 2), 1) if name == "forms.tsv" else ((0, 1), 2)
    assert (first.source.split("\t"), first.target) == ([rows[0][place] for place in left], rows[0][right])
    assert len(source.encode(first.source)) > 4
    keyed = tmp_path / "pairs.jsonl"
    keyed.write_text("\n".join(json.dumps(dict(zip(data.columns or (), row, strict=True))) for row in rows))
    assert [one.source for one in pair_files([str(keyed)], data).read()] == [one.source for one in files.read()]


def test_the_long_form_is_a_recipe_and_the_shipped_one_is_the_first() -> None:
    assert len(RECIPES) == 3
    assert parse(yaml.safe_load(RECIPES[2]), "test").model.encoder.joined == ("language",)  # type: ignore[attr-defined]
    shown, shipped = parse(yaml.safe_load(RECIPES[0]), "test").data, load_recipe(find("inflection-features")).data
    assert [*shown.source.parts] == [*shipped.source.parts]  # type: ignore[attr-defined]
    assert shown.columns == shipped.columns
    kinds = [[part.tokenizer for part in data.source.parts.values()] for data in (shown, shipped)]  # type: ignore[attr-defined]
    assert kinds == [["characters", "tags"]] * 2


def test_the_picture_beside_a_text_is_made_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(re.sub(r'": \d+', '": 5', NAMED["drawn.py"]), {})
    config = parse(yaml.safe_load(NAMED["both.yaml"]), "test")
    files = pair_files(["train.tsv"], config.data)
    source, target = learn_sides(config.data, files)
    pairs = list(files.read())
    assert pairs[0].source == "drawn:train/0\ta blue shape above a red shape"
    assert pairs[0].target == "ein blaues Dreieck über einem roten Dreieck"
    assert len(pairs) == 5
    assert len(source.encode(pairs[0].source)) == 64 + 7
    build_model(config.model, source, target.size)


def test_a_recording_beside_a_draft_is_a_recipe() -> None:
    config = parse(yaml.safe_load(NAMED["correct.yaml"]), "test")
    assert [part.kind for part in config.data.source.parts.values()] == ["recording", "text"]  # type: ignore[attr-defined]
    assert config.model.encoder.combination == "hierarchical"  # type: ignore[attr-defined]
