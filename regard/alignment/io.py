"""The raw numbers of alignments as files, and back: JSON for anything that reads JSON, NPZ for numpy. No pickle.

JSON: a list of objects as `to_record` gives them. NPZ: for the alignment number i (from 0) the arrays `weights_i`
(target, source) float32, `source_spans_i` and `target_spans_i` (units, 2) float64; `texts` is one string, JSON again:
a list of objects with `source_text`, `target_text`, `source` and `target` (the texts of the units) and `score`.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from regard.alignment.alignment import Alignment, Unit
from regard.errors import DataError
from regard.files import check_regular, read_small, write_whole

MOST_BYTES = 2**30
"""A file is held in memory whole, so a larger one is refused."""


def to_record(alignment: Alignment) -> dict[str, Any]:
    """The alignment as plain JSON values; the weights keep every bit of their float32.

    Raises ValueError for numbers that JSON has no word for (NaN, infinity).
    """
    if not (np.isfinite(alignment.weights).all() and math.isfinite(alignment.score)):
        raise ValueError("to_record: weights or score are NaN or infinite; expected finite numbers. Leave it out.")
    return {
        "source_text": alignment.source_text,
        "target_text": alignment.target_text,
        "score": alignment.score,
        "source": [_unit_record(unit) for unit in alignment.source],
        "target": [_unit_record(unit) for unit in alignment.target],
        # By way of text, since the shortest form of a float32 is about half as long as that of the same float64.
        "weights": alignment.weights.astype(np.float32).astype(str).astype(np.float64).tolist(),
    }


def from_record(record: Any) -> Alignment:
    """The alignment of a record. Raises ValueError if it is none."""
    try:
        units = {
            side: tuple(Unit(str(unit["text"]), float(unit["start"]), float(unit["end"])) for unit in record[side])
            for side in ("source", "target")
        }
        weights, score = np.array(record["weights"], dtype=np.float32), float(record["score"])
        texts = str(record["source_text"]), str(record["target_text"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record is no alignment: {error!r}") from error
    return _checked(Alignment(*texts, units["source"], units["target"], weights, score))


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
        arrays[f"weights_{number}"] = alignment.weights.astype(np.float32)
        for side in ("source", "target"):
            spans = [(unit["start"], unit["end"]) for unit in record[side]]
            arrays[f"{side}_spans_{number}"] = np.array(spans, dtype=np.float64).reshape(-1, 2)
            record[side] = [unit["text"] for unit in record[side]]
        del record["weights"]
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
        RecursionError,
        zipfile.BadZipFile,
    ) as error:
        raise DataError(f"{path} holds no alignments: {error}. Give a file that Regard wrote.") from error


def _from_arrays(record: Any, arrays: Any, number: int) -> Alignment:
    units = {
        side: tuple(
            Unit(str(text), start, end)
            for text, (start, end) in zip(record[side], arrays[f"{side}_spans_{number}"].tolist(), strict=True)
        )
        for side in ("source", "target")
    }
    texts = str(record["source_text"]), str(record["target_text"])
    weights = arrays[f"weights_{number}"].astype(np.float32)
    return _checked(Alignment(*texts, units["source"], units["target"], weights, float(record["score"])))


def _checked(alignment: Alignment) -> Alignment:
    """Raises ValueError if the weights do not fit the units, or are no numbers."""
    shape, weights = (len(alignment.target), len(alignment.source)), alignment.weights
    if not weights.size and 0 in shape:
        weights = weights.reshape(shape)  # [] is all that JSON says of no rows
    if weights.shape != shape:
        raise ValueError(f"weights have shape {weights.shape}; expected {shape}, from the units")
    if not (np.isfinite(weights).all() and math.isfinite(alignment.score)):
        raise ValueError("weights or score are NaN or infinite")
    return replace(alignment, weights=weights)


def _unit_record(unit: Unit) -> dict[str, Any]:
    start, end = (int(place) if float(place).is_integer() else float(place) for place in (unit.start, unit.end))
    return {"text": unit.text, "start": start, "end": end}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
