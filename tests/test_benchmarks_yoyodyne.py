"""The comparison with yoyodyne: what is read from both systems, and the table. Nothing here needs yoyodyne."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from regard.config.recipe import load_recipe
from regard.config.recipes import find

ROOT = Path(__file__).parents[1]


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("peers.yoyodyne_inflection")


def test_the_first_output_of_each_line_is_read(peer: Any, tmp_path: Path) -> None:
    """Lines of greedy search are as they are; those of a beam are quoted where a form has a quotation mark."""
    path = tmp_path / "out"
    path.write_text('Tage\n"Tag\n\n', encoding="utf-8")
    assert peer.outputs(path, 1) == ["Tage", '"Tag', ""]
    path.write_text('Tage\t-0.1\tTag\t-2.5\r\n"""Tag"\t-0.3\tTag\t-2.0\r\n\t-1.0\tT\t-2.0\r\n', encoding="utf-8")
    assert peer.outputs(path, 5) == ["Tage", '"Tag', ""]


def test_accuracy_counts_whole_forms(peer: Any) -> None:
    assert peer.right(["Tage", "Tag", "", "Mäuse"], ["Tage", "Tages", "Haus", "Mäuse"]) == 50
    with pytest.raises(ValueError, match=r"1 outputs for 2 forms; expected one line for each form"):
        peer.right(["Tage"], ["Tage", "Tages"])


def test_validations_of_both_are_read(peer: Any, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "metrics.jsonl", tmp_path / "validations.jsonl"
    events: list[dict[str, Any]] = [
        {"event": "trained", "step": 20, "epoch": 0, "seconds": 1.0},
        {"event": "validated", "step": 250, "epoch": 9, "seconds": 30.0, "scores": {"loss": 1.0, "word_error": 40.0}},
    ]
    ours.write_text("".join(json.dumps(each) + "\n" for each in events), encoding="utf-8")
    assert peer.our_curve(ours) == [peer.Point(30.0, 9, 250, 60.0)]
    assert peer.their_curve(theirs) == []
    theirs.write_text(json.dumps({"seconds": 6.0, "epochs": 1, "updates": 32, "accuracy": 0.5}) + "\n", "utf-8")
    assert peer.their_curve(theirs) == [peer.Point(6.0, 1, 32, 50.0)]


def test_the_table_tells_when_each_reached_the_best_of_the_other(peer: Any) -> None:
    def points(*pairs: tuple[float, float]) -> list[Any]:
        return [
            peer.Point(seconds, index + 1, 100 * (index + 1), score) for index, (seconds, score) in enumerate(pairs)
        ]

    ours = peer.Result("ours", points((30, 20), (60, 62), (120, 61)), {"dev": 62.5, "test": 60}, 2.25)
    theirs = peer.Result("theirs", points((45, 61), (90, 40)), {"dev": 61}, 2.5)
    late = peer.Result("late", [], {"dev": 0}, 2.0)
    first, _, second = peer.table([ours, theirs, late], minutes=2, steps=2)
    assert first.splitlines()[0].split(" | ")[3] == "minutes to 61.0 in validation, yoyodyne's best"
    assert first.splitlines()[2:] == [
        "| ours | 62.5 | 60.0 | 1.00 | 3 | 300 | 2.2 |",
        "| theirs | 61.0 | – | 0.75 | 2 | 200 | 2.5 |",
        "| late | 0.0 | – | – | 0 | 0 | 2.0 |",
    ]
    assert second.splitlines()[2:] == ["| ours | 62.0 | 62.0 |", "| theirs | 61.0 | 61.0 |", "| late | – | – |"]


def test_time_alone_ends_both(peer: Any, tmp_path: Path) -> None:
    training = load_recipe(find("inflection-copy"), peer.changes(1.5, 7, 1000)).training
    assert (training.max_minutes, training.max_steps, training.seed) == (1.5, None, 7)
    assert training.validate_pairs == 1000
    for name in peer.MODELS:
        trainer = peer.settings(name, tmp_path, "medium", 61.5, tmp_path, 7)["trainer"]
        assert (trainer["max_time"], trainer["max_epochs"]) == ("00:01:01:30", -1)
