"""Lines through a model: as many at a time as there are, answered in the order in which they came."""

import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar, cast

from regard.cli.errors import say
from regard.data.example import Example
from regard.data.lines import BadLine, Line, read_lines
from regard.errors import DataError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Refusal = TypeVar("Refusal")
WAIT_SECONDS = 0.05
"""Who types, or writes to a pipe slowly, is answered after this pause."""


@dataclass(frozen=True)
class _End:
    """After the last item: what went wrong, if anything did."""

    error: Exception | None


class Refusals:
    """Lines that were not read: each is said at once, and all of them make the exit code."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, line: BadLine) -> BadLine:
        """One more; it comes back, so that something can be put in its place."""
        say(f"regard: {line}")
        self.count += 1
        return line

    def finish(self) -> None:
        """Raises DataError if there was any."""
        if self.count:
            raise DataError(f"{self.count} line(s) could not be read; what stands for each is empty.")


def prompt() -> None:
    """Tell who sits at a terminal that it is their turn."""
    if sys.stdin is not None and sys.stdin.isatty():
        say("regard: type a sentence a line; Ctrl-D ends")


def standard_input(size: int) -> Iterator[list[Line]]:
    """The lines of standard input in chunks of at most `size`: full ones of a file, at once what a pipe has."""
    if sys.stdin is None:
        raise DataError("<stdin>: standard input is closed. Give the text on it, for example: < input.txt")
    try:
        handle = sys.stdin.fileno()
    except (OSError, ValueError):  # no file of the operating system
        return chunks(read_lines(cast(io.BufferedIOBase, sys.stdin.buffer)), size)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return chunks(read_lines(cast(io.BufferedIOBase, sys.stdin.buffer)), size)
    # A reader of its own: one that waits in sys.stdin when Python ends would make Python abort.
    return arriving(read_lines(io.BufferedReader(io.FileIO(handle, closefd=False))), size)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, and at the end of what is left."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def arriving(items: Iterable[Item], size: int, wait: float = WAIT_SECONDS) -> Iterator[list[Item]]:
    """Lists of at most `size` items; a list ends where the next item is not there within `wait` seconds."""
    queue: Queue[Item | _End] = Queue(size)

    def feed() -> None:
        try:
            for item in items:
                queue.put(item)
        except Exception as error:
            queue.put(_End(error))
        else:
            queue.put(_End(None))

    Thread(target=feed, daemon=True).start()
    while True:
        chunk: list[Item] = []
        try:
            item = queue.get()
            while not isinstance(item, _End):
                chunk.append(item)
                if len(chunk) == size:
                    break
                item = queue.get(timeout=wait)
        except Empty:
            pass
        if chunk:
            yield chunk
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return


def answered(
    chunks: Iterable[Sequence[Line]],
    answer: Callable[[list[Example]], Sequence[Answer]],
    refuse: Callable[[BadLine], Refusal],
) -> Iterator[Answer | Refusal]:
    """One answer for each line, in order: of `answer` for those that are text, of `refuse` for the others."""
    for chunk in chunks:
        found = iter(answer([line for line in chunk if isinstance(line, Example)]))
        for line in chunk:
            yield refuse(line) if isinstance(line, BadLine) else next(found)


def usable(chunks: Iterable[Sequence[Line]], refuse: Callable[[BadLine], BadLine]) -> list[Example]:
    """The lines that are text, all at once. Raises DataError if there is none."""
    found = [line for line in answered(chunks, list, refuse) if isinstance(line, Example)]
    if not found:
        raise DataError("no line holds a pair that can be used. Check the files and their format.")
    return found
