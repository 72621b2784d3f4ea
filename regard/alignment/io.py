"""The raw numbers of alignments as files, and back: JSON for anything that reads JSON, NPZ for numpy. No pickle.

JSON: a list of objects as `to_record` gives them:

    source_text, target_text, score
    source, target    the units, each {"text", "start", "end"}, and those of a picture with "box", four numbers
    weights           a row for each target unit, a column for each source unit
    source_end        what each target unit looked at on the end mark of the source, or null
    target_end        the row that wrote the end of the output, its last number that of the end mark; or null
    p_gen, copied     of a model that copies: the probability to generate of each target unit, and a row like one of
                      `weights` with the probability that it was copied from each source unit; else null
    source_kind       what the source is: "text", or another name of the table of source kinds
    source_parts      what the parts of several texts are called, which have a tab between two in source_text; or []
    receptive_field   how far the encoder's convolutions see around a unit: seconds before and behind; of a picture
                      pixels on the left, above, on the right, below; or null
    predictions       {"text", "unit", "probability", "alternatives": [[text, probability], …]} of each target token
                      and of the end, or []
    warning           what the weights of the model do instead of explaining, by its validation; or null
    inside            {"text", "start", "end", "unit", "weight"} of each word inside the source units, or []: `unit` is
                      the number of the unit (from 0) that an encoder made of it, by attention pooling, and `weight` its
                      share there; those of a unit sum to one. Times a weight of that unit it is the share of the word
    layers            {"name", "weights", "source_end", "target_end"} of each of several looks, such as the hops of a
                      memory network, or []; the last is the one above

A row of `weights` and its number in `source_end` are one whole. NPZ: for the alignment number i (from 0) the float32
arrays `weights_i` (target, source), `source_end_i` (target,), `target_end_i` (source + 1,), `p_gen_i` (target,) and
`copied_i` (target, source) where there are such,
`layers_i` (layers, target, source), with the row and the column of the end marks where there are such,
and `source_spans_i` and `target_spans_i` (units, 2): int64 for characters, float64 for seconds; (units, 4) for boxes.
Of the words inside the source units, where there are such: `inside_weights_i` (words,), float32, and int64
`inside_units_i` (words,) and `inside_spans_i` (words, 2).
`texts` is one string, JSON again: a list of the objects above, in which units and words are their texts alone and
layers their names, and no arrays. Files without the later fields, as older versions wrote them, are read.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from regard.alignment import inside
from regard.alignment.alignment import Alignment, Layer, Prediction, Unit, Word
from regard.alignment.parts import part_weights
from regard.alignment.units import look, whole
from regard.errors import DataError
from regard.files import check_regular, read_small, write_whole

MOST_BYTES = 2**30
"""A file is held in memory whole, so a larger one is refused."""

LOOK = ("weights", "source_end", "target_end")
ARRAYS = (*LOOK, "p_gen", "copied")


def to_record(alignment: Alignment) -> dict[str, Any]:
    """The alignment as plain JSON values; the weights keep every bit of their float32.

    Raises ValueError for numbers that JSON has no word for (NaN, infinity).
    """
    if not _finite(alignment):
        raise ValueError("to_record: weights or score are NaN or infinite; expected finite numbers. Leave it out.")
    return {
        "source_text": alignment.source_text,
        "target_text": alignment.target_text,
        "score": alignment.score,
        "source_kind": alignment.source_kind,
        "source_parts": list(alignment.source_parts),
        "receptive_field": None if alignment.receptive_field is None else list(alignment.receptive_field),
        "source": [_unit(unit) for unit in alignment.source],
        "target": [_unit(unit) for unit in alignment.target],
        "weights": _plain(alignment.weights),
        "source_end": _plain(alignment.source_end),
        "target_end": _plain(alignment.target_end),
        "part_weights": _plain(part_weights(alignment)) if alignment.source_parts else None,
        "p_gen": _plain(alignment.p_gen),
        "copied": _plain(alignment.copied),
        "predictions": [prediction._asdict() for prediction in alignment.predictions],
        "warning": alignment.warning,
        "inside": inside.to_records(alignment.inside, _plain(_word_weights(alignment))),
        "layers": [
            {"name": layer.name} | {name: _plain(getattr(layer, name)) for name in LOOK} for layer in alignment.layers
        ],
    }


def from_record(record: Any) -> Alignment:
    """The alignment of a record. Raises ValueError if it is none."""
    try:
        units = {
            side: tuple(
                Unit(str(unit["text"]), _place(unit["start"]), _place(unit["end"]), _box(unit.get("box")))
                for unit in record[side]
            )
            for side in ("source", "target")
        }
        layers = [(str(layer["name"]), _arrays(layer, LOOK)) for layer in record.get("layers", [])]
        words = inside.from_records(record.get("inside", []))
        return _made(record, units["source"], units["target"], _arrays(record, ARRAYS), layers, words)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the record is no alignment: {error!r}") from error


def save_json(path: str | Path, alignments: Iterable[Alignment]) -> None:
    """Write a JSON file, whole or not at all."""
    records = [to_record(alignment) for alignment in alignments]
    write_whole(Path(path), json.dumps(records, ensure_ascii=False, allow_nan=False).encode())


def load_json(path: str | Path) -> list[Alignment]:
    """Read what `save_json` wrote. Raises DataError for anything else."""
    try:
        records = json.loads(read_small(Path(path), MOST_BYTES), parse_constant=_refuse)
        if not isinstance(records, list):
            raise ValueError("expected a list of alignments")
        return [from_record(record) for record in records]
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} holds no alignments: {error}. Give a file that Regard wrote.") from error


def save_npz(path: str | Path, alignments: Sequence[Alignment]) -> None:
    """Write an NPZ file, whole or not at all."""
    arrays: dict[str, np.ndarray] = {}
    texts = []
    for number, alignment in enumerate(alignments):
        record = to_record(alignment)
        for name in ARRAYS:
            if record.pop(name) is not None:
                arrays[f"{name}_{number}"] = getattr(alignment, name).astype(np.float32)
        for side in ("source", "target"):
            spans = [unit.get("box", (unit["start"], unit["end"])) for unit in record[side]]
            kind = np.int64 if all(isinstance(place, int) for span in spans for place in span) else np.float64
            arrays[f"{side}_spans_{number}"] = np.array(spans, dtype=kind).reshape(len(spans), -1 if spans else 2)
            record[side] = [unit["text"] for unit in record[side]]
        record["layers"] = [layer.name for layer in alignment.layers]
        if alignment.layers:
            arrays[f"layers_{number}"] = np.stack([whole(layer) for layer in alignment.layers]).astype(np.float32)
        if alignment.inside:
            arrays |= {f"{name}_{number}": array for name, array in inside.to_arrays(alignment.inside).items()}
        record["inside"] = [word.text for word in alignment.inside]
        texts.append(record)
    arrays["texts"] = np.array(json.dumps(texts, ensure_ascii=False, allow_nan=False))
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(Path(path), content.getvalue())


def load_npz(path: str | Path) -> list[Alignment]:
    """Read what `save_npz` wrote. Raises DataError for anything else."""
    try:
        check_regular(os.stat(path).st_mode)
        with np.load(path, allow_pickle=False) as arrays:
            records = json.loads(str(arrays["texts"]), parse_constant=_refuse)
            return [_from_arrays(record, arrays, number) for number, record in enumerate(records)]
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        OverflowError,
        RecursionError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise DataError(f"{path} holds no alignments: {error}. Give a file that Regard wrote.") from error


def _from_arrays(record: Any, stored: Any, number: int) -> Alignment:
    units = {}
    for side in ("source", "target"):
        places = stored[f"{side}_spans_{number}"]
        text = side == "target" or record.get("source_kind", "text") == "text"
        if text and np.array_equal(places, np.trunc(places)):  # older versions wrote characters as floats
            places = places.astype(np.int64)
        pairs = zip(record[side], places.tolist(), strict=True)
        if places.shape[1:] == (4,):
            units[side] = tuple([Unit(str(text), 0.0, 0.0, _box(box)) for text, box in pairs])
        else:
            units[side] = tuple([Unit(str(text), start, end) for text, (start, end) in pairs])
    arrays = {name: stored.get(f"{name}_{number}") for name in ARRAYS}
    names = record.get("layers", [])
    rows, columns = len(units["target"]), len(units["source"])
    layers = [
        (str(name), look(layer, (rows, columns)))
        for name, layer in zip(names, stored[f"layers_{number}"] if names else (), strict=True)
    ]
    texts = record.get("inside", [])
    words = inside.from_arrays(texts, {name: stored[f"{name}_{number}"] for name in inside.NAMES}) if texts else ()
    return _made(record, units["source"], units["target"], arrays, layers, words)


def _arrays(record: Any, names: Sequence[str]) -> dict[str, Any]:
    """The arrays of an alignment, or the look of a layer."""
    return {name: record.get(name) for name in names}


def _read(arrays: dict[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """The same as arrays of numpy. Raises ValueError without weights."""
    read: dict[str, Any] = {
        name: None if value is None else np.asarray(value, np.float32) for name, value in arrays.items()
    }
    if read["weights"] is None:
        raise ValueError("weights are missing")
    if not read["weights"].size and 0 in shape:
        # [] is all that JSON says of no rows
        read |= {name: read[name].reshape(shape) for name in ("weights", "copied") if read.get(name) is not None}
    return read


def _made(
    record: Any,
    source: tuple[Unit, ...],
    target: tuple[Unit, ...],
    arrays: dict[str, Any],
    layers: Sequence[tuple[str, dict[str, Any]]],
    words: tuple[Word, ...],
) -> Alignment:
    """The alignment of a record and its arrays. Raises ValueError if they do not fit, or numbers are missing."""
    shape = len(target), len(source)
    read = _read(arrays, shape)
    alignment = Alignment(
        str(record["source_text"]),
        str(record["target_text"]),
        source,
        target,
        read.pop("weights"),
        float(record["score"]),
        predictions=tuple([_prediction(prediction) for prediction in record.get("predictions", [])]),
        source_kind=str(record.get("source_kind", "text")),
        layers=tuple([Layer(name, **_read(each, shape)) for name, each in layers]),
        source_parts=tuple(map(str, record.get("source_parts", []))),
        receptive_field=_field(record.get("receptive_field")),
        inside=words,
        warning=_warning(record.get("warning")),
        **read,
    )
    if not _finite(alignment):
        raise ValueError("weights or score are NaN or infinite")
    return alignment


def _unit(unit: Unit) -> dict[str, Any]:
    """Without a box where it has none."""
    return {name: value for name, value in unit._asdict().items() if name != "box" or value is not None}


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    left, top, right, bottom = map(float, value)
    return left, top, right, bottom


def _field(value: Any) -> tuple[float, ...] | None:
    return None if value is None else tuple([float(distance) for distance in value])


def _warning(value: Any) -> str | None:
    return None if value is None else str(value)


def _prediction(record: Any) -> Prediction:
    alternatives = tuple([(str(text), float(probability)) for text, probability in record["alternatives"]])
    return Prediction(str(record["text"]), int(record["unit"]), float(record["probability"]), alternatives)


def _finite(alignment: Alignment) -> bool:
    probabilities = [
        probability
        for prediction in alignment.predictions
        for probability in (prediction.probability, *(probability for _, probability in prediction.alternatives))
    ]
    looks = (alignment, *alignment.layers)
    arrays = [array for each in looks for name in ARRAYS if (array := getattr(each, name, None)) is not None]
    arrays.append(_word_weights(alignment))
    return all(map(math.isfinite, (alignment.score, *probabilities, *(alignment.receptive_field or ())))) and all(
        np.isfinite(each).all() for each in arrays
    )


def _word_weights(alignment: Alignment) -> np.ndarray:
    return np.array([word.weight for word in alignment.inside], np.float32)


def _plain(array: np.ndarray | None) -> Any:
    # By way of text, since the shortest form of a float32 is about half as long as that of the same float64.
    return None if array is None else array.astype(np.float32).astype(str).astype(np.float64).tolist()


def _place(value: Any) -> int | float:
    """A character or a second, as it was written."""
    return value if type(value) is int else float(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
