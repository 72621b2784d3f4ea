"""Reads lines in groups: full groups from a file; from a pipe or a terminal, the lines that have arrived."""

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
"""After this pause without a new line, the lines that have arrived are answered."""


@dataclass(frozen=True)
class _End:
    """Follows the last item; holds the error that ended the items, if there was one."""

    error: Exception | None


class Refusals:
    """Lines that cannot be read: each is reported at once; if there is any, the command ends with exit code 3."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, line: BadLine) -> BadLine:
        """Report one line, and return it, for what is written in its place."""
        say(f"regard: {line}")
        self.count += 1
        return line

    def finish(self) -> None:
        """Raises DataError if there was any."""
        if self.count:
            raise DataError(f"{self.count} line(s) could not be read; what stands for each is empty.")


def prompt() -> None:
    """Ask a user at a terminal for input."""
    if sys.stdin is not None and sys.stdin.isatty():
        say("regard: type a sentence a line; Ctrl-D ends")


def standard_input(size: int) -> Iterator[list[Line]]:
    """The lines of standard input in lists of at most `size`: full lists of a file; from a pipe, what has arrived."""
    if sys.stdin is None:
        raise DataError("<stdin>: standard input is closed. Give the text on it, for example: < input.txt")
    try:
        handle = sys.stdin.fileno()
    except (OSError, ValueError):  # no file of the operating system
        return chunks(read_lines(cast(io.BufferedIOBase, sys.stdin.buffer)), size)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return chunks(read_lines(cast(io.BufferedIOBase, sys.stdin.buffer)), size)
    # Not sys.stdin: a thread that waits in it when Python ends makes Python abort.
    return arriving(read_lines(io.BufferedReader(io.FileIO(handle, closefd=False))), size)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last one may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def arriving(items: Iterable[Item], size: int, wait: float = WAIT_SECONDS) -> Iterator[list[Item]]:
    """Lists of at most `size` items; a list ends if the next item does not arrive within `wait` seconds."""
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
    """One result for each line, in order: from `answer` for an Example, from `refuse` for a BadLine."""
    for chunk in chunks:
        found = iter(answer([line for line in chunk if isinstance(line, Example)]))
        for line in chunk:
            yield refuse(line) if isinstance(line, BadLine) else next(found)


def usable(chunks: Iterable[Sequence[Line]], refuse: Callable[[BadLine], BadLine]) -> list[Example]:
    """All examples among the lines. Raises DataError if there is none."""
    found = [line for line in answered(chunks, list, refuse) if isinstance(line, Example)]
    if not found:
        raise DataError("no line holds a pair that can be used. Check the files and their format.")
    return found
