"""Manifests on the command line: one line out for each line in, times of words, captions of one file together."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
import toy

from regard.cli.times import TimesWriter
from regard.config import parse
from regard.data.embedded.spoken import recording
from regard.data.speech.recording import RecordingSource
from regard.data.tokenizer import Tokenizer
from regard.marks import END
from regard.model.build import build_model
from regard.run.directory import Run
from regard.training.tensorfile import Contents
from regard.training.weights import weights_of

RATE = 8_000
SECONDS = len(recording("train", 0).samples) / RATE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of random weights, of recordings."""
    path = tmp_path_factory.mktemp("recordings") / "run"
    config = parse(
        {
            "data": {"source": {"kind": "recording", "rate": RATE, "mels": 20}, "target": {"tokenizer": "symbols"}},
            "model": {
                "encoder": {"kind": "blstmp", "hidden_size": 11},
                "decoder": {"kind": "luong", "hidden_size": 13},
                "attention": {"score": "general"},
            },
            "search": {"beam_size": 1, "max_ratio": 0.005, "max_extra": 1},
        },
        "test",
    )
    source = RecordingSource(RATE, 20, 0.025, 0.010)
    target = Tokenizer.train("symbols", ["one two three"], 50)
    made = Run(path)
    made.create(config, source, target)
    torch.manual_seed(1)
    model = build_model(config.model, source, target.size)
    with torch.no_grad():
        dict(model.named_parameters())["decoder.tokens.output.bias"][: END + 2] = -9.0  # marks, so that words are said
    made.publish(Contents(weights_of(model), {}))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two recordings and a manifest, and another folder to work in."""
    (tmp_path / "sounds").mkdir()
    for number in range(2):
        with wave.open(str(tmp_path / f"sounds/{number}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(np.rint(recording("train", number).samples * 32_767).astype("<i2").tobytes())
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    lines = [
        {"file_name": "sounds/0.wav", "captions": ["one", "two one"]},
        {"file_name": "sounds/1.wav", "text": "two"},
    ]
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def part(name: str, **place: float) -> str:
    return json.dumps({"audio_filepath": name, "text": "is not read", **place})


def test_each_line_has_one_line(run: Path, folder: Path) -> None:
    given = [
        "sounds/0.wav",
        "",
        part("sounds/0.wav", offset=0.5, duration=1.0),
        "sounds/none.wav",
        part("sounds/0.wav", offset=500),
        part("sounds/0.wav", duration=1.0),
        "{broken}",
        str(folder / "sounds/1.wav"),
    ]
    (folder / "list.txt").write_text("".join(f"{line}\n" for line in given))
    found = toy.regard("translate", run, folder / "list.txt")  # names are relative to the list
    assert (found.code, len(found.lines)) == (3, len(given))
    assert not any(found.lines[place] for place in (1, 3, 4, 5, 6))
    said = " ".join(found.err.split())
    assert "line 4: the line names no file that is there (sounds/none.wav)" in said
    assert "line 5: the line names a part that begins at 500 s of a recording of" in said
    assert "line 6: the line gives the duration 1 s, and the recording has" in said
    assert "line 7: the line is no valid JSON, and begins like a record" in said
    typed = toy.regard("translate", run, stdin="../sounds/0.wav\n")  # what is typed, to the working directory
    assert (typed.code, typed.lines) == (0, found.lines[:1])


def test_ctm_stands_in_place_of_the_text_or_in_a_file(run: Path, folder: Path) -> None:
    stdin = "../sounds/0.wav\nnothing\n" + part("../sounds/1.wav", offset=1.0, duration=0.8) + "\n"
    found = toy.regard("translate", run, "--times", "ctm", stdin=stdin)
    assert found.code == 3
    texts = toy.regard("translate", run, "--times", "ctm", "--out", "words.ctm", stdin=stdin)
    rows = [line.split() for line in found.lines if not line.startswith(";;")]
    assert [line.split() for line in Path("words.ctm").read_text().splitlines()] == rows
    assert len(texts.lines) == 3
    assert [row[4] for row in rows] == " ".join(texts.lines).split()
    for name, low, high in (("0", 0.0, SECONDS), ("1", 1.0, 1.8)):
        times = [(float(row[2]), float(row[2]) + float(row[3])) for row in rows if row[0] == name]
        assert times
        edges = [edge for pair in times for edge in pair]
        assert edges == sorted(edges)
        assert low <= edges[0] < edges[-1] <= high + 2e-3
    assert found.lines[-len([row for row in rows if row[0] == "1"]) - 1] == ";; line 2 has no recording"


@pytest.mark.parametrize(("format", "ending"), [("srt", ".srt"), ("textgrid", ".TextGrid")])
def test_other_times_have_a_file_for_each_recording(run: Path, folder: Path, format: str, ending: str) -> None:
    stdin = f"../sounds/0.wav\n\n{part('../sounds/0.wav', offset=0)}\n../sounds/1.wav\n"
    found = toy.regard("translate", run, "--times", format, "--out", "times", stdin=stdin)
    assert (found.code, len(found.lines)) == (0, 4), found.err
    assert sorted(path.name for path in Path("times").iterdir()) == [f"0-3{ending}", f"0{ending}", f"1{ending}"]
    assert Path(f"times/0{ending}").read_text() == Path(f"times/0-3{ending}").read_text()
    if format == "textgrid":
        assert f"xmax = {SECONDS:.6f}" in Path("times/0.TextGrid").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--times", "vtt"], "--times is 'vtt'; expected one of ctm, srt, textgrid"),
        (["--times", "srt"], "--times srt writes a file for each recording. Give a folder: --out times"),
        (["--times", "srt", "--out", "no/times"], "--out is no/times; expected a folder, or the name of a new one"),
        (["--times", "ctm", "--out", "no/a.ctm"], "--out is no/a.ctm; expected a file in an existing directory"),
        (["--out", "times"], "--out has no effect without --times"),
        (["--times", "ctm", "--nbest", "2"], "--nbest has no effect with --times"),
        (["--times", "ctm", "--json"], "--json has no effect with --times ctm on standard output"),
    ],
)
def test_options_that_do_not_fit(run: Path, folder: Path, options: list[str], message: str) -> None:
    found = toy.regard("translate", run, *options, stdin="x\n")
    assert found.code == 2
    assert message in " ".join(found.err.split())


def test_a_text_has_no_times(random_run: toy.Make) -> None:
    found = toy.regard("translate", random_run("bpe", "characters"), "--times", "ctm", stdin="x\n")
    assert found.code == 2
    assert "--times says when words were said, and the sources of" in " ".join(found.err.split())


def test_texts_of_one_recording_are_its_references(run: Path, folder: Path) -> None:
    found = toy.regard("evaluate", run, folder, "--metric", "wer", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["segments"] == 2
    for command in ("score", "align"):
        told = toy.regard(command, run, folder)
        assert (told.code, len(told.lines)) == (0, 3), told.err


def test_a_part_is_seen_and_heard_from_its_own_start(run: Path, folder: Path) -> None:
    name = part("../sounds/0.wav", offset=0.5, duration=1.0)
    found = toy.regard("view", run, name, "--target", "one two", "--json", "a.json", "--html", "a.html")
    assert found.code == 0, found.err
    (alignment,) = json.loads(Path("a.json").read_text(encoding="utf-8"))
    assert alignment["source_text"] == "0.wav, 0.50–1.50 s"
    assert (alignment["source"][0]["start"], alignment["source"][-1]["end"]) == (0.5, pytest.approx(1.5))
    page = Path("a.html").read_text(encoding="utf-8")
    assert '"spans":[[0.0,' in page.replace(" ", "")  # of the sound that the page holds
    drawn = toy.regard("view", run, name, "--target", "one two")
    assert drawn.code == 0, drawn.err
    assert "1.0" in drawn.out  # the axis has seconds of the file


def test_times_of_recordings_with_one_name_have_files_of_their_own(tmp_path: Path) -> None:
    writer = TimesWriter("srt", tmp_path / "times")
    for line, path in enumerate(["a-3.wav", "a.wav", "other/a.wav"], 1):
        writer.add(line, [path, f"{line}\n"], [])
    assert {path.name: path.read_text() for path in (tmp_path / "times").iterdir()} == {
        "a-3.srt": "1\n",
        "a.srt": "2\n",
        "a-3-3.srt": "3\n",
    }
