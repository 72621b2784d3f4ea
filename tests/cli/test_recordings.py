"""Recordings on the command line: a stranger's folder of sound files with their words."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import toy

from regard.data.embedded.spoken import recording

RECIPE = """
data:
  source: {kind: recording, rate: 8000, mels: 20}
  target: {tokenizer: symbols, vocab_size: 50}
  batch_by: sentences
  batch_size: 8
model:
  embedding_size: 24
  encoder: {kind: KIND, hidden_size: 24}
  decoder: {kind: luong, hidden_size: 48, input_feeding: true}
  attention: {score: location_sensitive}
training: {max_steps: 3, metric: wer}
search: {max_ratio: 0.1, max_extra: 3}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["blstmp", "vgg_blstmp", "pyramidal"])
def test_a_folder_of_recordings_goes_the_whole_way(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    (tmp_path / "sounds").mkdir()
    lines = []
    for number in range(24):
        one = recording("train", number)
        name = f"sounds/{number}.{'flac' if number % 2 else 'wav'}"
        soundfile.write(tmp_path / name, one.samples, 8_000)
        lines.append(f"{name}\t{one.text}\n")
    (tmp_path / "pairs.tsv").write_text("".join(lines))
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("KIND", kind))
    trained = toy.regard("train", "recipe.yaml", "pairs.tsv", "--out", "run", "--threads", "1")
    assert trained.code == 0, trained.err
    written = toy.regard("translate", "run", stdin="sounds/0.wav\nnothing.wav\nspoken:dev/1\n")
    assert written.code == 3
    assert written.out.count("\n") == 3
    assert "line 2: the line names no file that is there (nothing.wav)" in " ".join(written.err.split())
    viewed = toy.regard("view", "run", "sounds/1.flac", "--target", recording("train", 1).text, "--json", "one.json")
    assert viewed.code == 0, viewed.err
    (found,) = json.loads(Path("one.json").read_text(encoding="utf-8"))
    assert (found["source_kind"], found["source_text"], found["source_end"]) == ("recording", "1.flac", None)
    units = found["source"]
    assert units[0]["start"] == 0.0
    assert units[-1]["end"] == pytest.approx(len(recording("train", 1).samples) / 8_000)
    assert all(one["end"] == pytest.approx(two["start"]) for one, two in itertools.pairwise(units))
    np.testing.assert_allclose(np.array(found["weights"]).sum(-1), 1.0, atol=1e-4)
    aligned = toy.regard("align", "run", "pairs.tsv")
    assert (aligned.code, len(aligned.lines)) == (0, 24), aligned.err
    judged = toy.regard("evaluate", "run", "pairs.tsv", "--metric", "wer")
    assert judged.code == 0, judged.err
    assert [line.split()[0] for line in judged.lines] == ["WER"]  # the length of a name says nothing
    spoken = [(f"sounds/{number}.{'flac' if number % 2 else 'wav'}", recording("train", number)) for number in range(3)]
    places = [(name, *times, word) for name, one in spoken for times, word in zip(one.seconds, one.words, strict=True)]
    Path("places.tsv").write_text("".join("\t".join(map(str, place)) + "\n" for place in places))
    judged = toy.regard("evaluate", "run", "pairs.tsv", "--metric", "wer", "--places", "places.tsv")
    assert judged.code == 0, judged.err
    rows = [line.split()[:3] for line in judged.lines[2:]]
    assert [row[0] for row in rows] == ["weights", "attention", "blind:", "blind:", "blind:"]
    assert [row[1] for row in rows[1:]] == [str(len(places)), "diagonal", "centre", "uniform"]
    whole = toy.regard("evaluate", "run", "pairs.tsv", "--metric", "wer", "--places", "places.tsv", "--json")
    assert json.loads(whole.out)["places"]["diagonal"]["targets"] == len(places)
    Path("places.tsv").write_text(f"{spoken[0][0]}\t0\t1\televen\n")
    wrong = toy.regard("evaluate", "run", "pairs.tsv", "--metric", "wer", "--places", "places.tsv")
    assert wrong.code == 3
    assert "has the gold word 'eleven', which its target" in " ".join(wrong.err.split())
    with open("pairs.tsv", "a", encoding="utf-8") as pairs:
        pairs.write("sounds/none.wav\tone two\n")
    refused = toy.regard("train", "recipe.yaml", "pairs.tsv", "--out", "other", "--threads", "1")
    assert refused.code == 3
    assert "pairs.tsv, line 25: the line names no file that is there (sounds/none.wav)" in " ".join(refused.err.split())


@pytest.mark.slow
def test_the_recipe_of_recordings_trains_with_both_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the names of the embedded corpus; each weight of CTC searches."""
    monkeypatch.chdir(tmp_path)
    names = [f"spoken:train/{number}" for number in range(12)]
    texts = [recording("train", number).text for number in range(12)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{one}\t{text}\n" for one, text in zip(names, texts, strict=True)))
    less = [
        "data.source.rate=8000",
        "model.encoder.hidden_size=16",
        "model.decoder.hidden_size=16",
        "search.beam_size=2",
    ]
    flags = [word for change in [*less, "training.max_steps=2", "data.batch_size=4"] for word in ("--set", change)]
    trained = toy.regard("train", "speech", "pairs.tsv", "--out", "run", "--threads", "1", *flags)
    assert trained.code == 0, trained.err
    events = [json.loads(line) for line in Path("run/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"loss", "ctc_loss", "cer"} <= events[-1]["scores"].keys()
    for weight in ("0", "0.3", "1"):
        found = toy.regard("translate", "run", "--ctc-weight", weight, stdin="spoken:hard/1\nspoken:dev/2\n")
        assert (found.code, len(found.lines)) == (0, 2), found.err
