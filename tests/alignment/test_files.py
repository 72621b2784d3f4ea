"""Alignments as JSON and NPZ, and back, bit by bit."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regard.alignment import Alignment, align, load_json, load_npz, save_json, save_npz
from regard.alignment.io import from_record, to_record
from regard.errors import DataError, RegardError

WAYS = pytest.mark.parametrize(("save", "load"), [(save_json, load_json), (save_npz, load_npz)], ids=["json", "npz"])
Save, Load = Callable[..., None], Callable[[Path], list[Alignment]]


def alignments() -> list[Alignment]:
    rng = np.random.default_rng(3)
    texts = [('Tom </script> \\ "', "汤姆\t👩‍👩‍👧\x1b[31m\u2028"), ("a", ""), ("", "b"), ("ab", "cd")]
    found = []
    for source, target in texts:
        spans = [[(place, place + 1) for place in range(len(text))] for text in (source, target)]
        weights = rng.random((len(target), len(source))).astype(np.float32)
        weights[weights < 0.1] = np.float32(1e-38)
        found.append(align(source, target, *spans, weights, -float(rng.random())))
    return found


@WAYS
def test_they_come_back(save: Save, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "alignments"
    save(path, alignments())
    for left, right in zip(alignments(), load(path), strict=True):
        assert (left.source_text, left.target_text, left.score) == (right.source_text, right.target_text, right.score)
        assert (left.source, left.target) == (right.source, right.target)
        np.testing.assert_array_equal(left.weights, right.weights)
        assert left.weights.shape == right.weights.shape
        assert right.weights.dtype == np.float32


@WAYS
def test_none_come_back_as_none(save: Save, load: Load, tmp_path: Path) -> None:
    save(tmp_path / "none", [])
    assert load(tmp_path / "none") == []


def test_the_json_is_a_list_that_anyone_can_read(tmp_path: Path) -> None:
    save_json(tmp_path / "a.json", alignments())
    first = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))[0]
    assert set(first) == {"source_text", "target_text", "source", "target", "weights", "score"}
    assert first["source"][0] == {"text": "T", "start": 0, "end": 1}
    assert "汤姆" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_the_npz_is_arrays_by_number(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", alignments())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["weights_3"], alignments()[3].weights)
        assert arrays["source_spans_3"].tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(("value", "score"), [(np.nan, 0.0), (np.inf, 0.0), (0.5, float("nan")), (0.5, -float("inf"))])
def test_what_json_has_no_word_for_is_refused(value: float, score: float) -> None:
    broken = align("a", "b", [(0, 1)], [(0, 1)], np.array([[value]], dtype=np.float32), score)
    with pytest.raises(ValueError, match="NaN or infinite; expected finite numbers"):
        to_record(broken)


@WAYS
@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[{}]", b"[1]", b"\xff", b"PK\x03\x04", b"[" * 100_000])
def test_other_files_are_refused_in_one_sentence(save: Save, load: Load, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"other holds no alignments: .* Give a file that Regard wrote"):
        load(path)


@WAYS
def test_a_file_that_is_not_there(save: Save, load: Load, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no alignments"):
        load(tmp_path / "nothing")


@WAYS
@pytest.mark.parametrize("size", [20, 100, 300])
def test_a_file_cut_short(save: Save, load: Load, size: int, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    save(path, alignments())
    path.write_bytes(path.read_bytes()[:-size])
    with pytest.raises(DataError, match="cut holds no alignments"):
        load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weights", [[1.0]]),
        ("weights", "x"),
        ("score", None),
        ("source", [{"text": "a"}]),
        ("weights", [[1e999, 0.0]] * 2),
    ],
)
def test_a_record_that_does_not_fit_is_refused(key: str, value: object) -> None:
    record = to_record(alignments()[3])
    with pytest.raises(ValueError, match=r"no alignment|weights"):
        from_record(record | {key: value})


@WAYS
def test_a_directory_that_is_not_there(save: Save, load: Load, tmp_path: Path) -> None:
    with pytest.raises(RegardError, match="cannot be written"):
        save(tmp_path / "no" / "file", [])


@pytest.mark.parametrize("load", [load_json, load_npz])
def test_a_device_holds_no_alignments(load: Load) -> None:
    with pytest.raises(DataError, match=r"/dev/zero holds no alignments: .*is a device"):
        load("/dev/zero")
