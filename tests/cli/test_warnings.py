"""A model whose weights explain nothing says so wherever they are shown; one that has learned does not."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from toy import recipe, regard

from regard.alignment import load_json, load_npz
from regard.data.readers import PairFiles
from regard.run.directory import Run, load
from regard.run.fit import fit
from regard.run.outcome import outcome

SENTENCE = "the old dog sees the red cat"
NAMED = r"the weights are nearly the same at every position.* explain nothing \(measured on \d+ pairs "


@pytest.fixture(scope="module")
def stopped(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after one update, which changed nothing."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    side = {"tokenizer": "symbols"}
    config = recipe(
        data={"source": side, "target": side, "batch_size": 200}, training={"max_steps": 1, "learning_rate": 1e-9}
    )
    fit(config, PairFiles((str(files / "train.tsv"),)), None, out)
    return out


def flowing(text: str) -> str:
    """Without the ends of lines."""
    return re.sub(r"\s+", " ", text)


def test_one_sentence_is_said_everywhere(stopped: Path, files: Path, tmp_path: Path) -> None:
    names = {kind: tmp_path / f"map.{kind}" for kind in ("html", "json", "npz", "svg")}
    written = [word for kind, path in names.items() for word in (f"--{kind}", path)]
    assert regard("view", stopped, SENTENCE, *written).code == 0
    (alignment,) = load_json(names["json"])
    warning = alignment.warning
    assert warning is not None
    assert re.match(NAMED + "of validation", warning)
    assert load_npz(names["npz"])[0].warning == warning
    assert f"Warning: {warning}." in unescape(names["html"].read_text())
    in_svg = " ".join(re.findall(r">([^<>]+)</text>", names["svg"].read_text()))
    assert f"Warning: {warning}." in flowing(unescape(in_svg))
    assert f"Warning: {warning}." in flowing(regard("view", stopped, SENTENCE).out)
    assert f"**Warning:** {warning}." in (stopped / "card.md").read_text()
    assert any(said.startswith(warning) for said in outcome(Run(stopped)).warnings)
    translated = regard("translate", stopped, "--json", stdin=SENTENCE)
    assert json.loads(translated.out)["warning"] == warning
    aligned = regard("align", stopped, files / "test.tsv", "--json")
    assert [json.loads(line)["warning"] for line in aligned.lines] == [warning] * 17


def test_align_measures_the_pairs_themselves_once(stopped: Path, files: Path) -> None:
    many = regard("align", stopped, files / "test.tsv")
    assert len(re.findall(f"regard: warning: {NAMED}that were aligned", many.err)) == 1
    few = regard("align", stopped, "-", stdin="the dog\tle chien\n")
    assert len(re.findall(f"regard: warning: {NAMED}of validation", few.err)) == 1
    assert "warning" not in regard("align", stopped, files / "test.tsv", "--quiet").err


def test_align_measures_both_directions(stopped: Path, run: Path, files: Path) -> None:
    found = regard("align", run, files / "test.tsv", "--reverse", stopped)
    assert re.search(f"regard: warning: --reverse: {NAMED}that were aligned", found.err)
    assert "regard: warning: the weights" not in found.err


def test_a_model_that_has_learned_has_no_warning(run: Path, files: Path) -> None:
    assert load(run).warning is None
    assert list(outcome(Run(run)).warnings) == []
    assert "Warning" not in (run / "card.md").read_text() + regard("view", run, SENTENCE).out
    assert "warning" not in regard("align", run, files / "test.tsv").err


def test_an_ensemble_warns_if_every_model_does(stopped: Path) -> None:
    warning = load(stopped).warning
    assert warning is not None
    assert load([stopped, stopped]).warning == warning
