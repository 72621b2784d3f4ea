"""Pictures on the command line: a stranger's folder of pictures with their captions."""

import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import toy

from regard.data.embedded.drawn import picture

RECIPE = """
data:
  source: {kind: picture, size: 32}
  target: {tokenizer: symbols, vocab_size: 50}
  batch_by: sentences
  batch_size: 8
model:
  embedding_size: 8
  encoder: {kind: grid, channels: [8, 8], strides: [4, 2], groups: 2, coordinates: true}
  decoder: {kind: luong, hidden_size: 16, input_feeding: true}
training: {max_steps: 3, metric: wer, validate_every: 3}
search: {max_ratio: 0.1, max_extra: 3}
"""
CAPTIONS = [picture("train", number).text for number in range(24)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of several shapes, the pairs, the recipe and a run."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "photos").mkdir()
    lines = []
    for number, caption in enumerate(CAPTIONS):
        pixels = picture("train", number).pixels
        shape = pixels[: 64 - number], pixels[:, : 64 - 2 * number]
        name = f"photos/{number}.{'png' if number % 3 else 'jpg'}"
        image.fromarray(shape[number % 2]).save(folder / name)
        lines.append(f"{name}\t{caption}\n")
    (folder / "pairs.tsv").write_text("".join(lines))
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    path = folder / "run"
    recipe, pairs = str(folder / "recipe.yaml"), str(folder / "pairs.tsv")
    trained = toy.regard("train", recipe, pairs, "--out", str(path), "--threads", "1")
    assert trained.code == 0, trained.err
    assert "trained 3 steps" in trained.err
    return path


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_one_line_comes_out_for_each_that_goes_in(run: Path) -> None:
    Path("cut.jpg").write_bytes(Path("photos/0.jpg").read_bytes()[:300])
    given = "photos/0.jpg\nnothing.png\n\ncut.jpg\ndrawn:dev/1\n"
    written = toy.regard("translate", str(run), stdin=given)
    assert (written.code, written.out.count("\n")) == (3, 5)
    lines = written.out.split("\n")
    assert lines[1:4] == ["", "", ""]
    said = " ".join(written.err.split())
    assert "line 2: the line names no file that is there (nothing.png)" in said
    alone = toy.regard("translate", str(run), stdin="photos/0.jpg\n")
    assert alone.out.split("\n")[0] == lines[0]


def test_every_view_and_the_numbers_have_the_boxes_of_the_users_own_picture(run: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    name, caption = "photos/22.png", CAPTIONS[22]  # 42 rows of 64 pixels
    files = [part for ending in ("json", "png", "svg", "html") for part in (f"--{ending}", f"one.{ending}")]
    viewed = toy.regard("view", str(run), name, "--target", caption, *files)
    assert viewed.code == 0, viewed.err
    (found,) = json.loads(Path("one.json").read_text(encoding="utf-8"))
    assert (found["source_kind"], found["source_text"], found["source_end"]) == ("picture", "22.png", None)
    boxes = np.array([unit["box"] for unit in found["source"]])
    assert boxes[0, :2].tolist() == [0, 0]
    assert boxes[-1, 2:].tolist() == [64, 42]
    assert np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).sum() == pytest.approx(64 * 42)
    np.testing.assert_allclose(np.array(found["weights"]).sum(-1), 1.0, atol=1e-4)
    # Of the 32 × 21 pixels that 64 × 42 became, the two convolutions see 1 + 4 before a cell and none behind it.
    assert found["receptive_field"] == [10, 10, 0, 0]
    page = Path("one.html").read_text(encoding="utf-8")
    said = (
        "A position covers 16 × 16 pixels, and the convolutions of its encoder see around it: 10 to the left, 10 above"
    )
    assert said in page
    held = re.search(r'"file":\s*"([A-Za-z0-9+/=]+)"', page)
    assert held is not None
    assert b64decode(held[1]).startswith(b"\x89PNG")
    assert Path("one.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in Path("one.svg").read_text(encoding="utf-8")
    terminal = toy.regard("view", str(run), name, "--target", caption)
    assert (terminal.code, "22.png" in terminal.out) == (0, True)


def test_pairs_are_scored_aligned_and_judged(run: Path) -> None:
    scored = toy.regard("score", str(run), "pairs.tsv")
    assert (scored.code, len(scored.lines)) == (0, 24), scored.err
    assert all(float(line.split("\t")[0]) < 0 for line in scored.lines)
    aligned = toy.regard("align", str(run), "pairs.tsv")
    assert (aligned.code, len(aligned.lines)) == (0, 24), aligned.err
    judged = toy.regard("evaluate", str(run), "pairs.tsv", "--metric", "wer")
    assert judged.code == 0, judged.err
    assert [line.split()[0] for line in judged.lines] == ["WER"]  # the length of a name says nothing


def validation_losses(run: str) -> list[float]:
    entries = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
    return [entry["scores"]["loss"] for entry in entries if entry["event"] == "validated"]


def test_a_run_goes_on_where_it_stopped_as_if_it_had_not(folder: Path) -> None:
    """Six updates, and three and three: the same weights."""
    six = ("--set", "training.max_steps=6")
    once = toy.regard("train", "recipe.yaml", "pairs.tsv", "--out", "once", "--threads", "1", *six)
    twice = toy.regard("train", "recipe.yaml", "pairs.tsv", "--out", "twice", "--threads", "1")
    more = toy.regard("train", "recipe.yaml", "pairs.tsv", "--out", "twice", "--threads", "1", "--resume", *six)
    assert (once.code, twice.code, more.code) == (0, 0, 0), more.err
    once_losses, twice_losses = map(validation_losses, ("once", "twice"))
    assert len(once_losses) == 2
    assert once_losses == twice_losses


def test_pictures_that_cannot_be_read_are_named_or_left_out_and_counted() -> None:
    Path("text.jpg").write_text("no picture")
    lines = Path("pairs.tsv").read_text().splitlines()[:20]
    Path("bad.tsv").write_text("\n".join([*lines, "photos/none.png\tone", "text.jpg\ttwo", ""]))
    refused = toy.regard("train", "recipe.yaml", "bad.tsv", "--out", "bad", "--threads", "1")
    assert refused.code == 3
    said = " ".join(refused.err.split())
    assert "bad.tsv, line 21: the line names no file that is there (photos/none.png)" in said
    went = toy.regard(
        "train", "recipe.yaml", "bad.tsv", "--out", "bad", "--threads", "1", "--set", "data.on_bad_input=skip"
    )
    assert went.code == 0, went.err
    assert "(20 pairs; left out: 2 bad (first bad: bad.tsv, line 21" in " ".join(went.err.split())


def test_captions_of_one_picture_are_pairs_to_learn_from_and_one_group_of_references(run: Path) -> None:
    lines = [
        json.dumps({"image": f"photos/{number}.png", "captions": [CAPTIONS[number], f"{CAPTIONS[number]} ."]})
        for number in range(1, 24)
        if number % 3
    ]
    Path("captions.jsonl").write_text("\n".join(lines))
    trained = toy.regard("train", "recipe.yaml", "captions.jsonl", "--out", "several", "--threads", "1")
    assert trained.code == 0, trained.err
    assert f"({2 * len(lines)} pairs; left out: none)" in trained.err
    judged = toy.regard("evaluate", str(run), "captions.jsonl", "--metric", "wer", "--group")
    assert judged.code == 0, judged.err
    assert "nrefs:2" in judged.out


def test_a_recipe_of_pictures_with_an_encoder_of_sequences_is_a_usage_error() -> None:
    refused = toy.regard(
        "train", "recipe.yaml", "pairs.tsv", "--out", "wrong", "--set", "model.encoder={kind: blstmp}", "--quiet"
    )
    assert refused.code == 2
    assert "model.encoder.kind is blstmp, which cannot read data.source.kind picture; expected grid" in " ".join(
        refused.err.split()
    )
