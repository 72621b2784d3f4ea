"""Alignments as JSON and NPZ, and back, bit by bit."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from regard.alignment import Alignment, Unit, align, load_json, load_npz, save_json, save_npz
from regard.alignment.alignment import Prediction, Word
from regard.alignment.io import ARRAYS, LOOK, from_record, to_record
from regard.alignment.units import seen_around
from regard.errors import DataError, RegardError

WAYS = pytest.mark.parametrize(("save", "load"), [(save_json, load_json), (save_npz, load_npz)], ids=["json", "npz"])
Save, Load = Callable[..., None], Callable[[Path], list[Alignment]]


def alignments() -> list[Alignment]:
    rng = np.random.default_rng(3)
    texts = [('Tom </script> \\ "', "汤姆\t👩‍👩‍👧\x1b[31m\u2028"), ("a", ""), ("", "b"), ("ab", "cd")]
    found = []
    for source, target in texts:
        spans = [[(place, place + 1) for place in range(len(text))] for text in (source, target)]
        for ends in ((0, 0), (0, 1), (1, 1)):
            weights = rng.random((len(target) + ends[0], len(source) + ends[1])).astype(np.float32)
            weights[weights < 0.1] = np.float32(1e-38)
            hops = {"hop 1": weights[:, ::-1], "hop 2": weights} if ends[0] else None
            made = align(source, target, *spans, weights, -float(rng.random()), layers=hops)
            said = Prediction(source, 1, 0.25, ((source, 0.25), ("\x1b", 1e-12))), Prediction("", 0, 1.0, ())
            made = replace(made, predictions=said[: ends[0] + ends[1]])
            if ends[1]:  # as of a model that copies
                p_gen, copied = rng.random(len(target)), rng.random((len(target), len(source)))
                made = replace(made, p_gen=p_gen.astype(np.float32), copied=copied.astype(np.float32))
            if ends[0] and source:  # as of an encoder of sentences
                shares = rng.random(len(source)).astype(np.float32).tolist()
                words = [Word(text, place, place + 1, place, shares[place]) for place, text in enumerate(source)]
                made = replace(made, inside=tuple(words))
            found.append(made)
    return found


@WAYS
def test_they_come_back(save: Save, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "alignments"
    save(path, alignments())
    for left, right in zip(alignments(), load(path), strict=True):
        assert (left.source_text, left.target_text, left.score) == (right.source_text, right.target_text, right.score)
        assert (left.source, left.target, left.predictions) == (right.source, right.target, right.predictions)
        assert all(type(place) is int for unit in (*right.source, *right.target) for place in unit[1:3])
        assert left.inside == right.inside
        for name in ARRAYS:
            one, other = getattr(left, name), getattr(right, name)
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other)
        assert [layer.name for layer in left.layers] == [layer.name for layer in right.layers]
        looks = zip((left, *left.layers), (right, *right.layers), strict=True)
        for (one_look, other_look), name in product(looks, LOOK):
            one, other = getattr(one_look, name), getattr(other_look, name)
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one, other)
                assert (one.shape, other.dtype) == (other.shape, np.float32)


def test_files_of_before_still_load(tmp_path: Path) -> None:
    records = [to_record(alignment) for alignment in alignments()]
    for record in records:
        for name in ("source_end", "target_end", "predictions", "layers", "p_gen", "copied", "inside"):
            del record[name]
    (tmp_path / "a.json").write_text(json.dumps(records), encoding="utf-8")
    texts = [
        record | {side: [unit["text"] for unit in record[side]] for side in ("source", "target")} for record in records
    ]
    arrays = {f"weights_{number}": alignment.weights for number, alignment in enumerate(alignments())}
    for number, record in enumerate(records):
        for side in ("source", "target"):
            spans = [(unit["start"], unit["end"]) for unit in record[side]]
            arrays[f"{side}_spans_{number}"] = np.array(spans, dtype=np.float64).reshape(-1, 2)
    for text in texts:
        del text["weights"]
    np.savez(tmp_path / "a.npz", texts=np.array(json.dumps(texts)), **arrays)
    for found in (load_json(tmp_path / "a.json"), load_npz(tmp_path / "a.npz")):
        for one, other in zip(found, alignments(), strict=True):
            assert (one.source_end, one.target_end, one.predictions, one.layers) == (None, None, (), ())
            assert (one.source, one.target) == (other.source, other.target)
            np.testing.assert_array_equal(one.weights, other.weights)
            assert all(type(place) is int for unit in one.source for place in unit[1:3])


@WAYS
def test_boxes_come_back_as_boxes(save: Save, load: Load, tmp_path: Path) -> None:
    cells = (Unit("left", 0.0, 0.0, (0.0, 0.0, 8.0, 16.0)), Unit("right", 0.0, 0.0, (8.0, 0.0, 16.0, 16.0)))
    shown = Alignment("", "b", cells, (Unit("b", 0, 1),), np.ones((1, 2), np.float32), 0.0, source_kind="picture")
    save(tmp_path / "a", [shown])
    (found,) = load(tmp_path / "a")
    assert (found.source, found.source_kind) == (cells, "picture")


@WAYS
def test_seconds_come_back_as_seconds(save: Save, load: Load, tmp_path: Path) -> None:
    heard = Alignment("", "b", (Unit("", 0.5, 1.0),), (Unit("b", 0, 1),), np.ones((1, 1), np.float32), 0.0)
    save(tmp_path / "a", [heard])
    assert load(tmp_path / "a")[0].source == heard.source


@WAYS
def test_none_come_back_as_none(save: Save, load: Load, tmp_path: Path) -> None:
    save(tmp_path / "none", [])
    assert load(tmp_path / "none") == []


def test_what_the_convolutions_see_is_in_the_measure_of_the_source(tmp_path: Path) -> None:
    """The first and the last position may cover more than others; an end mark behind them has no span."""
    stretches, positions = [(0.0, 0.05), (0.05, 0.09), (0.09, 0.13)], np.array([[0, 4], [4, 8], [8, 12], [12, 13]])
    assert seen_around((6, 2), stretches, positions) == (0.06, 0.02)
    boxes = [(0, 0, 16, 8), (16, 0, 32, 8)]
    assert seen_around((3, -2), boxes, np.array([[0, 0, 4, 4], [4, 0, 8, 4]])) == (12, 6, 0, 0)
    assert seen_around((3, 2), [], np.zeros((0, 2))) is None
    near = replace(alignments()[0], receptive_field=(0.06, 0.02))
    for save, load, name in ((save_json, load_json, "a.json"), (save_npz, load_npz, "a.npz")):
        save(tmp_path / name, [near, alignments()[0]])
        assert [one.receptive_field for one in load(tmp_path / name)] == [(0.06, 0.02), None]


def test_the_json_is_a_list_that_anyone_can_read(tmp_path: Path) -> None:
    save_json(tmp_path / "a.json", alignments())
    first = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))[0]
    assert set(first) == {
        *("source_text", "target_text", "source", "target", "score"),
        *("weights", "source_end", "target_end", "predictions", "source_kind", "layers", "source_parts"),
        *("receptive_field", "p_gen", "copied", "part_weights", "warning", "inside"),
    }
    assert first["source"][0] == {"text": "T", "start": 0, "end": 1}
    assert "汤姆" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_the_npz_is_arrays_by_number(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", alignments())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["weights_11"], alignments()[11].weights)
        np.testing.assert_array_equal(arrays["source_end_11"], alignments()[11].source_end)
        assert arrays["source_spans_11"].tolist() == [[0, 1], [1, 2]]


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
        ("source_end", [1.0]),
        ("target_end", [1.0, float("nan"), 0.0]),
        ("predictions", [{"text": "a"}]),
        ("weights", [[1e999, 0.0]] * 2),
    ],
)
def test_a_record_that_does_not_fit_is_refused(key: str, value: object) -> None:
    record = to_record(alignments()[-1])
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
