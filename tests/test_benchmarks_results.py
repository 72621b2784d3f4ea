"""The page of results says what the records say, and each record names a recipe that there is."""

import json
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
results = import_module("results")
RECORDS = sorted(results.RECORDS.glob("*.json"))


def test_the_page_is_made_of_the_records() -> None:
    assert results.PAGE.read_text(encoding="utf-8") == results.page()


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_whole_and_can_be_made_again(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record.keys() == results.KEYS
    assert (files("regard.recipes") / f"{record['recipe']}.yaml").is_file()
    chosen = "regard train corpora/"  # by Regard, from the pairs
    assert record["commands"][0].startswith((f"regard train {record['recipe']} ", chosen))
    assert "runs/" not in " ".join(record["commands"])  # a reader has other places
    for row in record["rows"]:
        assert len(row["scores"]) == len(record["runs"])


def test_a_figure_of_another_system_is_shown_or_refused() -> None:
    names = ["BLEU (zh)", "chrF"]
    assert results.reached("no attention: BLEU (zh)=21.7 chrF=40", names) == (
        "no attention",
        {"BLEU (zh)": "21.7", "chrF": "40"},
    )
    for wrong in ("no attention: bleu_zh=21.7", "no attention: 21.7"):
        with pytest.raises(
            ValueError, match=r"--floor .*; expected NAME: METRIC=VALUE with metrics of BLEU \(zh\), chrF"
        ):
            results.reached(wrong, names)
