"""`regard curves`: the numbers of metrics.jsonl, of whole runs and of others."""

import json
from pathlib import Path

import pytest
from toy import Result, regard

from regard.cli.curves import panels_of, read


def trained(step: int, loss: float) -> dict:
    return {"event": "trained", "step": step, "loss": loss, "seconds": 60.0 * step}


def validated(step: int, loss: float, bleu: float, best: bool) -> dict:
    scores = {"loss": loss, "perplexity": 9.0, "same_position": 20.0, "diagonal": 30.0, "bleu": bleu}
    return {"event": "validated", "step": step, "seconds": 60.0 * step, "scores": scores, "best": best}


EVENTS = [trained(20, 5.0), trained(40, 4.0), validated(50, 4.5, 10.0, True), validated(90, 3.5, 9.0, False)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """`whole`; `torn`, which was killed while it wrote a line; `young`, without an event; `bare`, without the file."""
    for name in ("whole", "torn", "young", "bare"):
        (tmp_path / name).mkdir()
    text = "".join(json.dumps(event) + "\n" for event in EVENTS)
    (tmp_path / "whole" / "metrics.jsonl").write_text(text)
    (tmp_path / "torn" / "metrics.jsonl").write_text(text[: text.rindex("scores")])
    (tmp_path / "young" / "metrics.jsonl").write_text("")
    return tmp_path


def curves(*arguments: object) -> Result:
    return regard("curves", *arguments)


def test_of_one_run_training_and_validation(runs: Path) -> None:
    panels, best = panels_of(read([runs / "whole"]), "steps")
    assert [panel.title for panel in panels] == ["loss, nats per target token", "bleu"]
    assert panels[0].series == {"training": [(20, 5.0), (40, 4.0)], "validation": [(50, 4.5), (90, 3.5)]}
    assert panels[1].series == {"whole": [(50, 10.0), (90, 9.0)]}
    assert best == ["whole: 90 steps; best validation at step 50: loss 4.5, bleu 10"]


def test_of_several_runs_validation_over_minutes(runs: Path) -> None:
    panels, _ = panels_of(read([runs / "whole", runs / "torn"]), "minutes")
    assert panels[0].series == {"whole": [(50, 4.5), (90, 3.5)], "torn": [(50, 4.5)]}


def test_what_has_no_validation_yet_shows_its_training(runs: Path) -> None:
    (runs / "young" / "metrics.jsonl").write_text(json.dumps(trained(20, 7.0)) + '\n{"event": "val')
    panels, best = panels_of(read([runs / "whole", runs / "young"]), "steps")
    assert panels[0].series["young"] == [(20, 7.0)]
    assert best[1] == "young: 20 steps, no validation yet"
    assert curves(runs / "young").code == 0


def test_the_command_draws_and_says_the_best(runs: Path) -> None:
    done = curves(runs / "whole", runs / "torn")
    assert done.code == 0
    assert done.err == ""
    assert "whole: 90 steps; best validation at step 50: loss 4.5, bleu 10" in done.lines
    picture = runs / "curves.png"
    assert curves(runs / "whole", "--png", picture).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["young", "bare"])
def test_a_run_without_metrics(runs: Path, name: str) -> None:
    done = curves(runs / name)
    assert (done.code, done.out) == (4, "")
    assert f"{name} has no metrics yet (metrics.jsonl): the first come after 20 updates." in done.err
    done = curves(runs / "whole", runs / name)
    assert done.code == 0
    assert f"{name} has no metrics yet, and is left out" in done.err


def test_wrong_input(runs: Path) -> None:
    assert curves(runs / "nowhere").code == 4
    assert "is not a directory. Give the directory" in curves(runs / "nowhere").err
    assert "--over is 'step'" in curves(runs / "whole", "--over", "step").err
    assert curves(runs / "whole", "--png", runs / "a.gif").code == 2
    assert curves(runs / "whole", "--png", runs / "no" / "a.png").code == 2


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "null",
        '{"event": 1}',
        '{"event": "trained", "step": "a", "loss": {}}',
        f'{{"event": "trained", "step": {10**400}}}',
        "[" * 9999,
        "\udcff",
    ],
)
def test_foreign_lines_are_left_out(runs: Path, line: str) -> None:
    foreign = {"event": "validated", "step": 60, "seconds": None, "scores": {"loss": None, "bleu": True, "x": "y"}}
    with open(runs / "whole" / "metrics.jsonl", "ab") as file:
        file.write(line.encode(errors="surrogateescape") + b"\n" + json.dumps(foreign).encode() + b"\n")
        file.write(b'{"event": "validated", "step": 70, "scores": [], "best": 1}\n')
    panels, _ = panels_of(read([runs / "whole"]), "minutes")
    assert panels[0].series == {"training": [(20, 5.0), (40, 4.0)], "validation": [(50, 4.5), (90, 3.5)]}
    assert curves(runs / "whole").code == 0


def test_runs_that_are_called_alike_are_told_by_their_paths(runs: Path) -> None:
    (runs / "other").mkdir()
    (runs / "whole").rename(runs / "other" / "torn")
    assert list(read([runs / "torn", runs / "other" / "torn"])) == [str(runs / "torn"), str(runs / "other" / "torn")]
