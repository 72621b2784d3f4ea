"""Digests of the pairs of a run, so that it is not resumed with others; and the original texts of some pairs."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.data.corpus import Corpus
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.errors import DataError, UsageError
from regard.files import read_small, write_whole

FORMAT, VERSION = "regard pairs", 1
MOST_BYTES = 10_000


def described(learn: Corpus, validation: Corpus | None) -> dict[str, Any]:
    """The pairs of a run as JSON: their number, and the digest of their texts. The names of the files do not matter.

    Args:
        learn: the pairs to learn from, with those that are held out of them.
        validation: the pairs given to validate on; None if some of the others are held out.
    """
    return {"format": FORMAT, "version": VERSION, "learn": _one(learn), "validate": validation and _one(validation)}


def _one(corpus: Corpus) -> dict[str, Any]:
    return {"pairs": len(corpus), "sha256": corpus.texts}


def save(path: Path, pairs: dict[str, Any]) -> None:
    """Write the digests, completely or not at all."""
    write_whole(path, json.dumps(pairs, indent=1).encode())


def check_same(path: Path, given: dict[str, Any]) -> bool:
    """Whether the file says which pairs the run began with. Raises UsageError if the pairs given now are others."""
    try:
        begun: Any = json.loads(read_small(path, MOST_BYTES))
        learn, validate = begun["learn"], begun["validate"]
        if (begun["format"], begun["version"]) != (FORMAT, VERSION):
            return False
        _ = learn["sha256"], validate and validate["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    run, advice = path.parent, "Give the pairs that it was begun with, or another --out."
    if learn["sha256"] != given["learn"]["sha256"]:
        raise UsageError(
            f"{run} cannot be resumed with other pairs to learn from{_counts(learn, given['learn'])}. {advice}"
        )
    if validate and not given["validate"]:
        raise UsageError(f"{run} cannot be resumed without the pairs that it validates on. Give them again with --dev.")
    if given["validate"] and not validate:
        raise UsageError(f"{run} validates on pairs held out of the others; leave --dev out, or give another --out.")
    if validate and validate["sha256"] != given["validate"]["sha256"]:
        counts = _counts(validate, given["validate"])
        raise UsageError(f"{run} cannot be resumed with other pairs to validate on{counts}. {advice}")
    return True


def _counts(begun: Any, given: Any) -> str:
    """The numbers of pairs before and now, if they differ."""
    if begun.get("pairs") == given["pairs"]:
        return ""
    return f": there were {begun.get('pairs')}, and there are {given['pairs']}"


def texts(
    files: PairFiles, corpus: Corpus, rows: Sequence[int], ids: Callable[[str, str], Sequence[int]]
) -> list[tuple[str, str]]:
    """Source and target of some pairs, as they are in the files.

    Args:
        files: the files that the corpus was made of; read once more, up to the last of these pairs.
        corpus: has the line of each pair, and the token numbers of its target.
        rows: the numbers of the pairs, ascending.
        ids: source, target → the token numbers of the target, see `target_ids`. A line of a manifest can have several
            pairs, and the corpus only some of them: its pairs are found by their targets.

    Raises DataError if the files have changed.
    """
    last, found = int(corpus.lines[rows[-1]]) if rows else 0, list[tuple[str, str]]()
    lines, wanted = corpus.lines[np.array(rows, np.int64)], set(rows)
    first = np.searchsorted(corpus.lines, lines)  # the first pair of the same line
    next_of = dict(zip(lines.tolist(), first.tolist(), strict=True))
    for example in files.checked(Report()):
        if example.line > last:
            break
        row, target = next_of.get(example.line), example.target or ""
        if row is None or row >= len(corpus) or corpus.lines[row] != example.line:
            continue
        if list(ids(example.source, target)) == corpus.target[row].tolist():
            next_of[example.line] = row + 1
            if row in wanted:
                found.append((example.source, target))
    if len(found) != len(rows):
        raise DataError(f"{' and '.join(files.paths)}: changed while it was read. Leave it as it is, and start anew.")
    return found
