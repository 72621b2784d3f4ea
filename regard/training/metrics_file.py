"""metrics.jsonl: the events of a run, one JSON object a line."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from regard.errors import CheckpointError, RegardError
from regard.files import write_whole
from regard.training.events import Ended, Event, Failed, Saved, Started, Trained, Validated
from regard.training.progress import Progress

MOST_BYTES = 2**30
LONGEST_LINE = 1_000_000  # bytes; a longer line, from another program, is read in parts of this size
KINDS: dict[type, str] = {Trained: "trained", Validated: "validated", Failed: "failed"}


class MetricsFile:
    """A listener that appends each event to a file.

    Each line has `event` (trained, validated, failed) and the fields of the event's record; a number that is not
    finite is null. When a run is resumed, lines after its checkpoint are removed, so that each step is there once.

    Args:
        path: the file. Raises RegardError when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def __call__(self, event: Event) -> None:
        """Write the event, if it is one of `KINDS`."""
        try:
            if isinstance(event, Started):
                self._open(event.progress)
            elif self._file is None:
                return
            elif isinstance(event, Saved):  # after a power cut, the lines before a checkpoint must still be there
                os.fsync(self._file.fileno())
            elif isinstance(event, Ended):
                self._file.close()
                self._file = None
            elif type(event) in KINDS:
                self._file.write(_line(event) + "\n")
                self._file.flush()
        except OSError as error:
            self._file = None
            raise RegardError(
                f"{self.path} cannot be written ({error.strerror}); the checkpoints are intact. Make room and resume."
            ) from error

    def _open(self, progress: Progress) -> None:
        kept = _before(self.path, progress)
        write_whole(self.path, [line + b"\n" for line in kept])
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 (until Ended)


def _before(path: Path, progress: Progress) -> list[bytes]:
    """The complete lines of events up to `progress`."""
    if not progress.step or not path.exists():
        return []
    reached = {"trained": progress.step, "validated": progress.validated, "failed": progress.step}
    kept = []
    for line, values in _events(path):
        with suppress(KeyError, TypeError):
            if values["step"] <= reached[values["event"]]:
                kept.append(line)
    return kept


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The events in such a file; none if it does not exist. An incomplete line at its end is left out."""
    try:
        return [values for _, values in _events(path)] if path.is_file() else []
    except OSError as error:
        raise RegardError(f"{path} cannot be read: {error.strerror}.") from error


def _events(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each complete line and its values; the last line of a killed run may be incomplete."""
    if path.stat().st_size > MOST_BYTES:
        raise CheckpointError(f"{path} has more than {MOST_BYTES} bytes; no run writes as much. Move it away.")
    with open(path, "rb") as file:
        for line in iter(partial(file.readline, LONGEST_LINE), b""):
            with suppress(ValueError, RecursionError):
                values = json.loads(line)
                if isinstance(values, dict):
                    yield line.rstrip(b"\n"), values


def _line(event: Event) -> str:
    return json.dumps({"event": KINDS[type(event)], **_strict(asdict(event))}, ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _strict(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
