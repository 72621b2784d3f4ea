"""Features of other programs as sources: by file, by id, from Kaldi; spans in seconds; what is none is named."""

import builtins
import io
import sys
from pathlib import Path

import numpy as np
import pytest

from regard.config import parse
from regard.config.stage import SourceConfig
from regard.data.lines import STDIN
from regard.data.sources import UnusableSource
from regard.data.speech.arrays import FeaturesSource
from regard.data.speech.augment import with_deltas
from regard.data.speech.features import normalize
from regard.errors import CheckpointError, RegardError
from regard.run.pairs import pair_files

FRAMES = {f"u{n}": np.random.default_rng(n).normal(size=(11 + n, 7)).astype(np.float32) for n in range(3)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "train.npz", **FRAMES)
    np.save(tmp_path / "one.npy", FRAMES["u1"].astype(np.float64))
    return tmp_path


def section(**keys: object) -> SourceConfig:
    return parse({"data": {"source": {"kind": "features", **keys}}}, "test").data.source


def source(**facts: object) -> FeaturesSource:
    return FeaturesSource(**{"size": 7, "shift_seconds": 0.02, "deltas": 0, "normalized": False} | facts)


def test_a_file_and_an_id_give_its_frames(folder: Path) -> None:
    for name in (f"{folder}/one.npy", f"{folder}/train.npz/u1"):
        np.testing.assert_array_equal(source().encode(name), FRAMES["u1"])
    more = source(deltas=2, normalized=True)
    assert more.shape == (21,)
    expected = normalize(with_deltas(FRAMES["u1"], 2))
    np.testing.assert_allclose(more.encode(f"{folder}/one.npy"), expected, atol=1e-6)


def test_ids_stand_in_the_archive_beside_the_file_that_names_them(folder: Path) -> None:
    (folder / "train.tsv").write_text("u0\tone\nu2\ttwo\none.npy\tthree\ntrain.npz/u1\tfour\n")
    data = parse({"data": {"source": {"kind": "features"}}}, "test").data
    found = list(pair_files([str(folder / "train.tsv")], data).read())
    assert [one.source.removeprefix(f"{folder}/") for one in found] == [
        "train.npz/u0",
        "train.npz/u2",
        "one.npy",
        "train.npz/u1",
    ]
    learned = data.source.learn(lambda: [one.source for one in found])
    assert learned.shape == (7,)
    assert section(archives=["no.npz", "train.npz"]).locate("u2", f"{folder}/dev.tsv") == f"{folder}/train.npz/u2"


def test_ids_that_are_typed_need_an_archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert section(archives=["train.npz"]).locate("u2", STDIN) == "train.npz/u2"
    assert section().locate("train.npz/u2", STDIN) == "train.npz/u2"
    with pytest.raises(UnusableSource, match=r"names no features that are there \(u2"):
        section().locate("u2", STDIN)
    with pytest.raises(UnusableSource, match="outside the folder"):
        section().locate("../one.npy", "sub/pairs.tsv")


def test_kaldi_matrices_come_from_feats_scp(folder: Path) -> None:
    kaldiio = pytest.importorskip("kaldiio", reason="kaldiio is not installed")
    with kaldiio.WriteHelper(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as out:
        for name, frames in FRAMES.items():
            out(name, frames)
    (folder / "text").write_text("".join(f"{name} words\n" for name in FRAMES))
    data = parse({"data": {"source": {"kind": "features"}}}, "test").data
    found = [one.source for one in pair_files([str(folder)], data).read()]
    for name, frames in zip(found, FRAMES.values(), strict=True):
        np.testing.assert_array_equal(source().encode(name), frames)
    before = pair_files([str(folder)], data).fingerprint()
    with open(folder / "feats.ark", "ab") as ark:
        ark.write(b" ")
    assert pair_files([str(folder)], data).fingerprint() != before


def test_kaldi_needs_its_package_and_runs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "feats.ark").write_bytes(b"x")
    with pytest.raises(UnusableSource, match=r"names no \.npy, no id of an \.npz, and no place in an ark"):
        source().encode(f"{folder}/feats.ark:0 |")
    monkeypatch.setitem(sys.modules, "kaldiio", None)
    with pytest.raises(RegardError, match=r"to read Kaldi's ark files, install regard\[kaldi\]"):
        source().encode(f"{folder}/feats.ark:0")


BAD = {
    "NaN": (np.where(np.arange(28).reshape(4, 7) == 23, np.nan, 1.0), "NaN or infinite, first in frame 3, feature 2"),
    "infinity": (np.full((4, 7), np.inf, np.float32), "NaN or infinite, first in frame 0, feature 0"),
    "overflow": (np.full((4, 7), 1e300), "NaN or infinite"),
    "one axis": (np.zeros(7), r"names an array of shape \(7,\) and type float64; expected frames and their features"),
    "no frame": (np.zeros((0, 7)), r"names an array of shape \(0, 7\)"),
    "words": (np.array([["a"] * 7]), "and type <U1"),
    "other size": (np.zeros((4, 5)), "names frames of 5 features, not 7"),
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", BAD)
def test_what_are_no_features_is_named(name: str, tmp_path: Path) -> None:
    array, message = BAD[name]
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UnusableSource, match=message):
        source().encode(f"{tmp_path}/a.npy")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return builtins.exec, ("raise SystemExit('this was run')",)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00v\x00{'descr", "pickle"])
def test_damaged_files_are_named_and_nothing_in_them_is_run(tmp_path: Path, content: bytes | str) -> None:
    if isinstance(content, str):
        file = io.BytesIO()
        np.save(file, np.array([Evil()], dtype=object), allow_pickle=True)
        content = file.getvalue()
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(content)
    for name in ("a.npy", "a.npz/u1"):
        with pytest.raises(UnusableSource, match="names no features, or a damaged file"):
            source().encode(f"{tmp_path}/{name}")


def test_an_id_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(UnusableSource, match=r"names an id that train.npz has not \(u7\)"):
        source().encode(f"{folder}/train.npz/u7")
    with pytest.raises(UnusableSource, match="names a part by its offset; features are read whole"):
        source().encode(f'{{"file_name": "{folder}/one.npy", "offset": 1}}')
    with pytest.raises(UnusableSource, match=r"gives the duration 0.5 s, and the recording has 0.240 s \(.*one.npy\)"):
        source().encode(section().locate('{"file_name": "one.npy", "duration": 0.5}', f"{folder}/a.jsonl"))
    right = section().locate('{"file_name": "u1", "duration": 0.25}', f"{folder}/train.jsonl")
    np.testing.assert_array_equal(source().encode(right), FRAMES["u1"])
    with pytest.raises(ValueError, match=r"no features can be read; of the first pair the line names an id"):
        section().learn(lambda: [f"{folder}/train.npz/u7"])


def test_spans_are_seconds_by_the_shift(folder: Path) -> None:
    name = f"{folder}/one.npy"
    frames = source().encode(name)
    spans = source().spans(name, frames, np.array([[0, 5], [5, 10], [10, 12]]))
    assert spans == [(0.0, 0.1), (0.1, 0.2), (0.2, 0.24)]
    drawn = source().draw(name, spans)
    assert (drawn.text, drawn.units[0], drawn.medium) == ("one.npy", "0.00–0.10 s", None)


def test_what_a_run_keeps_of_it_comes_back(tmp_path: Path) -> None:
    kept = source(deltas=1)
    kept.save(tmp_path / "source.json")
    assert section().load(tmp_path / "source.json").digest == kept.digest
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not say what the features of this run are"):
        FeaturesSource.load(tmp_path / "source.json")
