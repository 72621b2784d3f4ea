"""Captions of pictures in one JSON file: as COCO publishes them, or with the splits of Karpathy.

    COCO       {"images": [{"id": 1, "file_name": …}], "annotations": [{"image_id": 1, "caption": …}]}
    Karpathy   {"images": [{"filename": …, "filepath": …, "split": "val", "sentences": [{"raw": …}]}]}

The file is held in memory whole. Messages call its pictures lines.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from regard.data.example import Example
from regard.data.lines import BadLine, failures_named, opened
from regard.data.media_files import inside
from regard.errors import DataError, UsageError

MOST_BYTES = 2**30
EXPECTED = "expected captions as COCO or Karpathy's splits have them: an object with images"


def caption_records(path: str, name: str, split: str | None) -> Iterator[Example | BadLine]:
    """Every caption with its picture, picture by picture; a picture without one gives an empty pair.

    Args:
        path: of the file.
        name: how it is called in messages.
        split: of a file that has several: "val", or more than one, "train+restval".

    Raises DataError for a file that is neither, UsageError for a split that it does not have, or where it has some and
    none is given.
    """
    document = _document(path, name)
    images = document["images"]
    splits = list(dict.fromkeys(str(one["split"]) for one in images if isinstance(one, dict) and "split" in one))
    wanted = _wanted(name, split, splits)
    described = _of_coco(document) if isinstance(document.get("annotations"), list) else None
    for number, image in enumerate(images, 1):
        if wanted and isinstance(image, dict) and str(image.get("split")) not in wanted:
            continue
        try:
            if described is None:
                said, captions = _of_karpathy(image)
            else:
                said, captions = str(image["file_name"]), described.get(image["id"], [])
            inside(said)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = (
                str(error) if isinstance(error, ValueError) else "is no picture with the name of a file and captions"
            )
            yield BadLine(number, reason, f"{name} (images)")
            continue
        for caption in captions or [""]:
            yield Example(said, caption, f"{name} (images)", number)


def _document(path: str, name: str) -> dict[str, Any]:
    with opened(path) as stream, failures_named(name):
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{name}: the file is larger than {MOST_BYTES // 2**20:,} MiB. Give its pairs as JSONL, a line each."
        )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: the file is not valid JSON; {EXPECTED}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise DataError(f"{name}: the file holds no list of images; {EXPECTED}.")
    return document


def _wanted(name: str, split: str | None, splits: Sequence[str]) -> list[str]:
    chosen = split.split("+") if split else []
    missing = [one for one in chosen if one not in splits]
    if missing and not splits:
        raise UsageError(f"{name} has no splits, and {split!r} is given. Leave it out.")
    if missing or (splits and not chosen):
        said = f"there is no split {missing[0]!r}" if missing else "it has several splits"
        raise UsageError(f"{name}: {said}. Give one of {', '.join(splits)} behind the name: {name}:{splits[0]}.")
    return chosen


def _of_coco(document: dict[str, Any]) -> dict[Any, list[str]]:
    """The captions of each picture, by its id."""
    found: dict[Any, list[str]] = {}
    for one in document["annotations"]:
        if isinstance(one, dict) and isinstance(one.get("caption"), str) and isinstance(one.get("image_id"), int | str):
            found.setdefault(one["image_id"], []).append(_line(one["caption"]))
    return found


def _of_karpathy(image: Any) -> tuple[str, list[str]]:
    folder = image.get("filepath")
    name = f"{folder}/{image['filename']}" if folder else str(image["filename"])
    return name, [_line(sentence["raw"]) for sentence in image["sentences"]]


def _line(caption: str) -> str:
    """Both corpora have captions with line feeds at their ends."""
    return " ".join(caption.split())
