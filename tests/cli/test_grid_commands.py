"""Grids of a pretrained network on the command line: docs/pictures.md from its snippet to the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import toy

from regard.data.embedded.drawn import picture

PAGE = Path(__file__).parents[2] / "docs" / "pictures.md"
EXAMPLES = dict(re.findall(r'```\w+ title="(grids[^"]+)"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL))
CAPTIONS = [picture("train", number).text for number in range(24)]
QUICK = [
    part
    for change in ("training.max_steps=3", "training.validate_every=3", "training.metric=wer", "model.embedding_size=8")
    for part in ("--set", change)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, their captions, and what the page says."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    folder = tmp_path_factory.mktemp("grids")
    (folder / "photos").mkdir()
    for number in range(len(CAPTIONS)):
        image.fromarray(picture("train", number).pixels[: 64 - number]).save(folder / f"photos/{number}.png")
    lines = [f"photos/{number}.png\t{caption}\n" for number, caption in enumerate(CAPTIONS)]
    (folder / "train.tsv").write_text("".join(lines))
    for name, content in EXAMPLES.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(EXAMPLES["grids.py"], "grids.py", "exec"), {})
        trained = toy.regard("train", "grids.yaml", "train.tsv", "--out", "run", "--threads", "1", *QUICK)
    assert trained.code == 0, trained.err
    assert "(24 pairs; left out: none)" in trained.err
    return folder / "run"


def test_a_line_comes_out_for_each_that_goes_in(run: Path) -> None:
    np.savez("names.npz", **{"1": np.zeros((2, 5, 3)), "2": np.zeros((7, 7, 4))})
    Path("names.txt").write_text("1\n2\n3\ntrain.npz/photos/1.png\n")
    written = toy.regard("translate", str(run), "names.txt")
    said = " ".join(written.err.split())
    assert (written.code, len(written.lines)) == (3, 4), written.err
    assert "names.txt, line 2: the line names a grid of 4 features, not 3" in said
    assert "names.txt, line 3: the line names no grid that is there (3; also no id of names.npz)" in said
    assert written.lines[1:3] == ["", ""]


def test_views_have_boxes_of_the_picture_or_of_the_grid(run: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    both = '{"file_name": "train.npz/photos/22.png", "picture": "photos/22.png"}'
    files = [part for ending in ("json", "png", "svg", "html") for part in (f"--{ending}", f"one.{ending}")]
    viewed = toy.regard("view", str(run), both, "train.npz/photos/22.png", *files)
    assert viewed.code == 0, viewed.err
    seen, plain = json.loads(Path("one.json").read_text(encoding="utf-8"))
    for found, text, corner in ((seen, "22.png", [64, 42]), (plain, "22.png", [7, 7])):
        assert (found["source_kind"], found["source_text"]) == ("grid", text)
        boxes = np.array([unit["box"] for unit in found["source"]])
        assert (boxes[0, :2].tolist(), boxes[-1, 2:].tolist(), len(boxes)) == ([0, 0], corner, 49)
        assert np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).sum() == pytest.approx(np.prod(corner))
    assert seen["weights"] == plain["weights"]
    terminal = toy.regard("view", str(run), "train.npz/photos/22.png")
    assert (terminal.code, "22.png" in terminal.out) == (0, True)


def test_pairs_are_scored_judged_and_learned_further(run: Path) -> None:
    scored = toy.regard("score", str(run), "train.tsv")
    assert (scored.code, len(scored.lines)) == (0, 24), scored.err
    judged = toy.regard("evaluate", str(run), "train.tsv", "--metric", "wer", "--places", _boxes())
    assert judged.code == 0, judged.err
    assert "WER" in judged.out
    assert "weight inside" in judged.out
    more = ("--resume", *QUICK, "--set", "training.max_steps=5")
    gone_on = toy.regard("train", "grids.yaml", "train.tsv", "--out", "run", "--threads", "1", *more)
    assert gone_on.code == 0, gone_on.err
    assert "trained 5 steps" in gone_on.err


def _boxes() -> str:
    """All of the picture for the first word of each caption: all of the weight is inside."""
    lines = [f"photos/{number}.png\t0\t0\t64\t64\t{text.split()[0]}\n" for number, text in enumerate(CAPTIONS)]
    Path("boxes.tsv").write_text("".join(lines))
    return "boxes.tsv"


def test_grids_that_cannot_be_read_are_named_with_their_line() -> None:
    grids = {str(number): np.ones((2, 2, 3)) for number in range(3)}
    grids["2"][1, 0, 2] = np.nan
    np.savez("bad.npz", **grids)
    Path("bad.tsv").write_text("".join(f"{number}\ta\n" for number in range(3)))
    refused = toy.regard("train", "grids.yaml", "bad.tsv", "--out", "bad", "--threads", "1", *QUICK)
    assert refused.code == 3
    said = " ".join(refused.err.split())
    assert "bad.tsv, line 3: the line names features that are NaN or infinite, first in row 1, column 0, fe" in said


def test_an_encoder_of_sequences_is_a_usage_error() -> None:
    refused = toy.regard("train", "grids.yaml", "train.tsv", "--out", "no", "--set", "model.encoder={kind: blstmp}")
    assert refused.code == 2
    said = " ".join(refused.err.split())
    assert "is blstmp, which cannot read data.source.kind grid; expected grid or linear" in said
