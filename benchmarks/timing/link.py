"""The measured side: takes orders from standard input, one JSON line each, and answers each with one.

Imports the standard library alone, since it runs in every system's own environment.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

Batch = TypeVar("Batch")


class Link:
    """Keeps standard output for the answers; whatever else a library prints there goes to standard error."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def order(self) -> dict[str, Any]:
        """The next order. Ends the process at the end of the orders."""
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        return json.loads(line)

    def answer(self, **facts: Any) -> None:
        """Answer the last order, with the peak of this process so far."""
        self._answers.write(json.dumps(facts | {"peak_mb": peak_megabytes()}) + "\n")
        self._answers.flush()

    def serve(self, **jobs: Callable[..., dict[str, Any]]) -> None:
        """Do the jobs that are ordered; an order is a name and its arguments."""
        self.answer()
        while True:
            order = self.order()
            self.answer(**jobs[order.pop("job")](**order))


class Gate:
    """Lets a system's own training loop run so many batches, then holds it until the next order.

    It stands in the loop's stream of batches, so all that the loop does beside its steps is timed with them.

    Args:
        link: where the orders come from: {"job": "train", "steps": n} or {"job": "save"}.
        tokens: the real target tokens of a batch, end marks counted.
        save: writes the weights as they are, for decoding.
    """

    def __init__(self, link: Link, tokens: Callable[[Any], int], save: Callable[[], None]) -> None:
        self.link = link
        self.tokens = tokens
        self.save = save
        self.left = 0
        self.done: dict[str, Any] = {}
        self.started = 0.0

    def through(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, when they are wanted."""
        for batch in batches:
            if not self.left:
                self._wait()
            self.left -= 1
            self.done["tokens"] += self.tokens(batch)
            yield batch

    def _wait(self) -> None:
        if self.done:
            self.done["seconds"] = time.perf_counter() - self.started
        self.link.answer(**self.done)
        while (order := self.link.order())["job"] == "save":
            self.save()
            self.link.answer()
        self.left = order["steps"]
        self.done = {"tokens": 0}
        self.started = time.perf_counter()


def peak_megabytes() -> float:
    """Most memory that this process has held; 0 where /proc does not tell."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024
    except (OSError, KeyError):
        return 0.0


def timed(work: Callable[[], int]) -> dict[str, Any]:
    """Seconds that a piece of work took, and the tokens that it says it made."""
    started = time.perf_counter()
    tokens = work()
    return {"tokens": tokens, "seconds": time.perf_counter() - started}
