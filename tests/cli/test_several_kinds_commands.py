"""A picture and a recording beside a text on the command line: a stranger's table from training to every output."""

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
import toy

from regard.alignment.io import load_json
from regard.data.embedded.drawn import picture
from regard.data.embedded.spoken import recording
from regard.run.directory import Run, load
from regard.views.media import png

COUNT = 8
RECIPE = """
data:
  columns: [picture, english, sound, text]
  target_column: text
  source:
    kind: several
    parts:
      english: {tokenizer: symbols}
      picture: {kind: picture, size: 16}
      sound: {kind: recording, rate: 8000, mels: 5}
  target: {tokenizer: symbols}
  batch_by: sentences
  batch_size: 4
model:
  embedding_size: 8
  encoder:
    kind: several
    parts:
      english: {hidden_size: 4}
      picture: {kind: grid, channels: [4, 6], strides: [4, 2], groups: 2}
      sound: {kind: blstmp, hidden_size: 3, projection_size: 7, strides: [4, 5]}
  decoder: {kind: luong, hidden_size: 8}
training: {max_steps: 3}
search: {beam_size: 2, max_ratio: 0.0, max_extra: 4}
"""


def _wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of pictures and recordings, a table that names them, and a run."""
    found = tmp_path_factory.mktemp("kinds")
    (found / "m").mkdir()
    rows = []
    for number in range(COUNT):
        (found / "m" / f"{number}.png").write_bytes(png(picture("train", number).pixels))
        said = recording("train", number)
        _wav(found / "m" / f"{number}.wav", said.samples[:16_000])
        rows.append(f"m/{number}.png\t{picture('train', number).text}\tm/{number}.wav\t{said.text}\n")
    (found / "pairs.tsv").write_text("".join(rows))
    (found / "recipe.yaml").write_text(RECIPE)
    made = toy.regard("train", found / "recipe.yaml", found / "pairs.tsv", "--out", found / "run", "--threads", "1")
    assert made.code == 0, made.err
    return found


def line(place: Path, number: int, said: str = "a red circle") -> str:
    return f"{said}\t{place}/m/{number}.png\t{place}/m/{number}.wav"


def test_lines_are_translated_in_any_company_and_bad_ones_named(place: Path) -> None:
    given = [line(place, 0), "no parts", line(place, 1), line(place, 99), line(place, 2).replace("2.wav", "2.png")]
    written = toy.regard("translate", place / "run", stdin="".join(f"{each}\n" for each in given))
    assert (written.code, len(written.lines)) == (3, 5)
    said = " ".join(written.err.split())
    assert "line 2: the line has 1 part; expected 3 with a tab between two: english, picture, sound" in said
    assert "line 4: the line in its part picture names no file that is there" in said
    assert "line 5: the line in its part sound names" in said
    alone = [best.target_text for best, *_ in load(place / "run").translate([given[2], given[0]])]
    assert alone == [written.lines[2], written.lines[0]]
    long = toy.regard("translate", place / "run", "--max-tokens", "2", stdin=f"{given[0]}\n")
    assert long.code == 3
    assert "has 3 tokens; at most 2 are read" in " ".join(long.err.split())


def test_pairs_are_scored_aligned_judged_and_timed(place: Path) -> None:
    pairs = place / "pairs.tsv"
    for command in ("score", "align"):
        found = toy.regard(command, place / "run", pairs)
        assert (found.code, len(found.lines)) == (0, COUNT), found.err
    judged = toy.regard("evaluate", place / "run", pairs, "--metric", "word_error")
    assert judged.code == 0, judged.err
    (place / "gold.tsv").write_text("x\t0\t1\tone\n")
    refused = toy.regard("evaluate", place / "run", pairs, "--places", place / "gold.tsv")
    assert refused.code == 2
    assert "--places has seconds or boxes of sources of one part" in " ".join(refused.err.split())
    timed = toy.regard("translate", place / "run", "--times", "ctm", stdin=f"{line(place, 0)}\n")
    assert timed.code == 0, timed.err
    assert all(row.startswith("0 ") for row in timed.lines), "the name of the recording"


def test_what_is_seen_names_and_places_every_part(place: Path, tmp_path: Path) -> None:
    given = (line(place, 0), "--target", "one two", "--json", tmp_path / "a.json", "--html", tmp_path / "a.html")
    assert toy.regard("view", place / "run", *given).code == 0
    (found,) = load_json(tmp_path / "a.json")
    assert found.source_parts == ("english", "picture", "sound")
    assert found.source_text == "a red circle\t0.png\t0.wav"
    assert {unit.part for unit in found.source} == {0, 1, 2}
    assert max(unit.end for unit in found.source if unit.part == 2) == pytest.approx(2.0, abs=0.05)
    terminal = toy.regard("view", place / "run", line(place, 0))
    assert "english: a red circle | picture: 0.png | sound: 0.wav" in terminal.out


def test_a_run_goes_on_with_the_same_pairs_and_no_others(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    more = ("--out", tmp_path / "run", "--resume", "--set", "training.max_steps=5", "--threads", "1")
    resumed = toy.regard("train", place / "recipe.yaml", place / "pairs.tsv", *more)
    assert resumed.code == 0, resumed.err
    assert Run(tmp_path / "run").sides[0].digest == Run(place / "run").sides[0].digest
    (place / "other.tsv").write_text("".join((place / "pairs.tsv").read_text().splitlines(keepends=True)[1:]))
    assert toy.regard("train", place / "recipe.yaml", place / "other.tsv", *more).code != 0


def test_a_manifest_of_pairs_trains_too(place: Path, tmp_path: Path) -> None:
    rows = [each.split("\t") for each in (place / "pairs.tsv").read_text().splitlines()]
    records = [
        {"picture": one, "english": two, "sound": {"audio_filepath": three, "offset": 0.5}, "text": text}
        for one, two, three, text in rows
    ]
    manifest = place / "pairs.jsonl"
    manifest.write_text("".join(f"{json.dumps(each)}\n" for each in records))
    no_columns = ("--set", "data.columns=null", "--set", "training.max_steps=1", "--threads", "1")
    made = toy.regard("train", place / "recipe.yaml", manifest, "--out", tmp_path / "run", *no_columns)
    assert made.code == 0, made.err
