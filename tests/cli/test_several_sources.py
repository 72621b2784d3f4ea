"""Several texts and features on the command line: a stranger's table from training to every view."""

import json
import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import toy

from regard.alignment.io import load_json, load_npz
from regard.config import Config, load_recipe
from regard.errors import UsageError
from regard.model.build import build_model
from regard.run.directory import Run, load
from regard.training.tensorfile import Contents
from regard.training.weights import weights_of
from regard.views.notebook import html
from regard.views.terminal import heatmap

SUFFIXES = {"N;SG": "", "N;PL": "en", "V;PRS": "t", "V;PST": "te"}
LEMMAS = ["lap", "rob", "tan", "mif", "dul", "sek", "pog", "nav", "wim", "ket"]
TABLE = "".join(f"{lemma}\t{lemma}{end}\t{tags}\n" for lemma, (tags, end) in product(LEMMAS, SUFFIXES.items()))
RECIPE = """
data:
  columns: [lemma, form, tags]
  target_column: form
  source: {tokenizer: characters, vocab_size: 300}
  target: {tokenizer: characters, vocab_size: 300}
  batch_by: sentences
  batch_size: 16
  SHORT
model:
  embedding_size: 24
  encoder: {hidden_size: 24}
  decoder: {kind: luong, hidden_size: 48}
training: {max_steps: STEPS, max_epochs: 100, learning_rate: 0.01}
search: {beam_size: 2, max_ratio: 1.0, max_extra: 4}
"""
SHORT = {"features": "source_column: lemma\n  features: [tags]", "sources": "sources: [lemma, tags]"}


def recipe(place: Path, short: str, steps: int = 2) -> Path:
    (place / "pairs.tsv").write_text(TABLE, encoding="utf-8")
    path = place / f"{short}.yaml"
    path.write_text(RECIPE.replace("SHORT", SHORT[short]).replace("STEPS", str(steps)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("several")
    for short in SHORT:
        made = toy.regard("train", recipe(found, short), found / "pairs.tsv", "--out", found / short, "--threads", "1")
        assert made.code == 0, made.err
    return found


def test_a_short_form_is_written_out_in_the_run(place: Path) -> None:
    config = Run(place / "features").config
    assert config == load_recipe(place / "features.yaml")
    assert [*config.data.source.parts] == [*config.model.encoder.parts] == ["lemma", "tags"]  # type: ignore[attr-defined]
    assert config.model.encoder.joined == ("tags",)  # type: ignore[attr-defined]
    assert [part.kind for part in config.model.encoder.parts.values()] == ["recurrent", "bag"]  # type: ignore[attr-defined]
    assert "features" not in (place / "features" / "config.yaml").read_text(encoding="utf-8")
    assert Run(place / "sources").config.model.encoder.joined == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("short", SHORT)
def test_one_line_out_for_each_line_in_whatever_its_company(place: Path, short: str) -> None:
    lines = ["lap\tV;PST", "nope", "rob\tXX;N", "\tN;PL", "\t", "tan\t", "lap\tV;PST\tx"]
    written = toy.regard("translate", place / short, stdin="".join(f"{line}\n" for line in lines))
    assert (written.code, len(written.lines)) == (3, len(lines))
    said = " ".join(written.err.split())
    assert "line 2: the line has 1 part; expected 2 with a tab between two: lemma, tags" in said
    assert "line 7: the line has 3 parts" in said
    assert [written.lines[number] for number in (1, 4, 6)] == [""] * 3
    (place / "lines.tsv").write_text(f"{lines[0]}\n", encoding="utf-8")
    assert toy.regard("translate", place / short, place / "lines.tsv").lines == written.lines[:1]
    together = toy.regard("translate", place / short, place / short, "--nbest", "2", stdin=f"{lines[0]}\n{lines[2]}\n")
    assert together.lines[0].split(" ||| ")[1] == written.lines[0]
    translator = load(place / short)
    assert [best.target_text for best, *_ in translator.translate([lines[0], lines[2]])] == [
        written.lines[0],
        written.lines[2],
    ]


@pytest.mark.parametrize("short", SHORT)
def test_pairs_are_scored_aligned_and_judged(place: Path, short: str) -> None:
    scored = toy.regard("score", place / short, place / "pairs.tsv")
    assert (scored.code, len(scored.lines)) == (0, 40), scored.err
    aligned = toy.regard("align", place / short, place / "pairs.tsv", "--units", "tokens")
    assert (aligned.code, len(aligned.lines)) == (0, 40), aligned.err
    judged = toy.regard("evaluate", place / short, place / "pairs.tsv", "--metric", "word_error")
    assert judged.code == 0, judged.err
    (place / "bad.tsv").write_text("lap\tlapte\tV;PST\nlap\tlapte\n", encoding="utf-8")
    refused = toy.regard("score", place / short, place / "bad.tsv")
    assert refused.code == 3
    assert "line 2: the line has 2 columns, not 3" in " ".join(refused.err.split())


@pytest.mark.parametrize("short", SHORT)
def test_every_view_shows_the_parts_apart(place: Path, short: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = {kind: tmp_path / f"a.{kind}" for kind in ("json", "npz", "html", "svg")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    given = ("lap\tV;PST", "--target", "lapte", "--units", "tokens")
    assert toy.regard("view", place / short, *given, *options).code == 0
    (found,) = load_json(files["json"])
    assert (found.source_parts, found.source_text) == (("lemma", "tags"), "lap\tV;PST")
    assert load_npz(files["npz"])[0].source == found.source
    tags = [(letter, place, place + 1) for place, letter in enumerate("V;PST", 4)] if short == "sources" else []
    wanted = [("l", 0, 1), ("a", 1, 2), ("p", 2, 3), *tags]
    assert [(unit.text, unit.start, unit.end) for unit in found.source] == wanted
    np.testing.assert_allclose(found.weights.sum(1), 1.0, atol=1e-4)
    page = files["html"].read_text(encoding="utf-8")
    (sentence,) = json.loads(re.search(r'id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert sentence["parts"] == ([3] if short == "sources" else [])
    pieces = "".join(piece for piece, _ in sentence["source"])
    assert pieces == "lemma: lap | tags: V;PST"
    assert [piece for piece, index in sentence["source"] if index >= 0] == [unit.text for unit in found.source]
    assert "lemma: lap | tags: V;PST" in files["svg"].read_text(encoding="utf-8")
    head = heatmap(found, width=60, ascii=True).plain.splitlines()[0]
    assert ("|" in head) == (short == "sources")
    assert "lemma: lap | tags: V;PST" in html(found)
    narrow = heatmap(found, width=24).plain
    assert "\t" not in narrow
    words = load(place / short).score(["lap\tV;PST"], ["lapte"], units="words")[0]
    assert [unit.text for unit in words.source] == ["lap", *["V;PST"] * (short == "sources")]
    terminal = toy.regard("view", place / short, "lap\tV;PST")
    assert "lemma: lap | tags: V;PST" in terminal.out


def test_a_wide_map_is_a_list_that_names_the_parts(place: Path) -> None:
    (found,) = load(place / "sources").score(["laplaplaplap\tV;PST"], ["lapte"], units="tokens")
    assert re.search(r"\b(lemma:l|lemma:a|lemma:p|tags:)", heatmap(found, width=24).plain)


def test_the_order_of_features_says_nothing(place: Path) -> None:
    one, other = load(place / "features").score(["lap\tV;PST", "lap\tPST;V"], ["lapte"] * 2, units="tokens")
    assert one.score == pytest.approx(other.score, abs=1e-5)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


def test_runs_that_look_at_other_parts_are_no_ensemble(place: Path, tmp_path: Path) -> None:
    config = Run(place / "sources").config
    encoder = config.model.encoder.model_copy(update={"joined": ("tags",)})
    other = config.model_copy(update={"model": config.model.model_copy(update={"encoder": encoder})})
    run = Run(tmp_path / "joined")
    run.create(other, *Run(place / "sources").sides)
    source, target = run.sides
    run.publish(Contents(weights_of(build_model(other.model, source, target.size)), {}))
    refused = toy.regard("translate", place / "sources", run.path, stdin="lap\tV;PST\n")
    assert refused.code == 4
    said = " ".join(refused.err.split())
    assert "has positions for lemma, and that of" in said
    assert "positions for lemma, tags; an ensemble needs the same" in said


def test_a_run_is_resumed_with_the_same_pairs_and_tells_what_it_would_do(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "features", tmp_path / "run")
    more = ("--out", tmp_path / "run", "--resume", "--set", "training.max_steps=4", "--threads", "1")
    resumed = toy.regard("train", place / "features.yaml", place / "pairs.tsv", *more)
    assert resumed.code == 0, resumed.err
    told = toy.regard("train", place / "features.yaml", place / "pairs.tsv", "--dry-run", "--out", tmp_path / "new")
    assert told.code == 0
    assert re.search(r"source +6\.0", told.out), "three letters, the mark between, two tags"


def test_a_shortlist_is_made_of_all_parts(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "sources", tmp_path / "run")
    assert toy.regard("shortlist", tmp_path / "run", place / "pairs.tsv").code == 0
    found = toy.regard("translate", tmp_path / "run", "--shortlist", stdin="lap\tV;PST\n")
    assert (found.code, len(found.lines)) == (0, 1), found.err


REFUSED = {
    "data.features=[lemma]": "expected neither of these beside them, and each column once",
    "data.features=3": "data.features is 3: input should be a list, such as [a, b]",
    "data.joint=true": "joint is true; expected false for sources of kind several",
    "training.ctc=0.3": "training.ctc is 0.3; expected 0 for data.source.kind several",
    "model.encoder.kind=pyramidal": "parts.lemma.kind is pyramidal; expected an encoder with a position for every",
    "model.encoder.hiden_size=3": "unknown key model.encoder.parts.lemma.hiden_size; did you mean hidden_size?",
    "data.source={kind: several, parts: {photo: {kind: pictur}, b: {}}}": "did you mean picture?",
    "data.source.tokeniser=bpe": "unknown key data.source.parts.lemma.tokeniser; did you mean tokenizer?",
}


@pytest.mark.parametrize(("change", "said"), REFUSED.items(), ids=REFUSED)
def test_wrong_recipes_say_so(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        load_recipe(recipe(tmp_path, "features"), [change])


def test_parts_and_encoders_belong_together(tmp_path: Path) -> None:
    parts = {"a": {}, "b": {}}
    several = {"source": {"kind": "several", "parts": parts}}
    for values, said in (
        ({"data": several}, "expected several for both, or for neither"),
        ({"model": {"encoder": {"kind": "several", "parts": parts}}}, "expected several for both, or for neither"),
        (
            {"data": several, "model": {"encoder": {"kind": "several", "parts": {"b": {}, "a": {}}}}},
            "model.encoder.parts are b, a; expected those of data.source.parts, a, b",
        ),
        (
            {
                "data": {**several, "source_column": "x"},
                "model": {"encoder": {"kind": "several", "parts": parts}},
            },
            "source_column is x; expected none",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            Config.model_validate(values)
