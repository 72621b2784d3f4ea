"""The processes that `torchrun` started a command in: they work as one, and the first of them speaks."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from regard.errors import RegardError, UsageError

if TYPE_CHECKING:
    from regard.data.example import Example
    from regard.training.distributed import World

Answer = TypeVar("Answer")
GRACE_SECONDS = 1.0
"""torchrun ends all workers when one leaves with an error, and the first has something to say."""


@contextmanager
def working(device: str) -> "Iterator[tuple[World, str]]":
    """The world of this process and the device of its own, inside the `with`; alone where torchrun is not the parent.

    An error that the first worker says, or has said, is not said again by the others; their exit code is the same.
    """
    from regard.model.build import pick_device
    from regard.training.distributed import Elsewhere, joined, own_device
    from regard.training.interrupt import Interrupted

    name = own_device(device)
    with joined(pick_device(name)) as world:
        try:
            yield world, name
        except (Elsewhere, Interrupted, KeyboardInterrupt) as error:
            if world.leads:
                raise
            time.sleep(GRACE_SECONDS)
            raise typer.Exit(130 if isinstance(error, KeyboardInterrupt) else error.exit_code) from error


def again(arguments: Sequence[str]) -> list[str]:
    """The words of a command line that starts `regard` with these arguments, by as many workers as there are now."""
    from regard.training.distributed import launched

    if not launched():
        return [*_program(), *arguments]
    machines = os.environ["GROUP_WORLD_SIZE"]
    several = [] if machines == "1" else ["--nnodes", machines]
    return ["torchrun", *several, "--nproc-per-node", os.environ["LOCAL_WORLD_SIZE"], "-m", "regard", *arguments]


def _program() -> list[str]:
    """How this program was started: the script where the shell would find another or none, or Python's -m."""
    started = sys.argv[0]
    if Path(started).name == "__main__.py":
        return [sys.executable, "-m", "regard"]
    elsewhere = Path(started).name == "regard" and shutil.which("regard") != started
    return [started] if elsewhere else ["regard"]


def expect_fresh_input() -> None:
    """Raises UsageError where torchrun has started the command again: standard input does not come twice."""
    from regard.training.distributed import restarts

    if restarts():
        raise UsageError("a worker ended after standard input was read in part. Start anew, without --max-restarts.")


def shared(
    world: "World", answer: "Callable[[list[Example]], Sequence[Answer]]"
) -> "Callable[[list[Example]], Sequence[Answer]]":
    """For the first worker: `answer`, with lines and work shared among all. What it answers has to be plain values."""

    def answers(examples: "list[Example]") -> Sequence[Answer]:
        world.share([[example.source, example.line] for example in examples])
        found: list[Answer] = [None] * len(examples)  # type: ignore[list-item]
        for rank, part in enumerate(world.gather(answer(examples[world.rank :: world.size]))):
            found[rank :: world.size] = part
        return found

    return answer if world.size == 1 else answers


@contextmanager
def dismissing(world: "World") -> Iterator[None]:
    """For the first worker: the others may leave after the `with`, also when nobody reads or takes what is written."""
    try:
        yield
    except (BrokenPipeError, RegardError):
        world.share(None)
        raise
    world.share(None)


def assist(world: "World", answer: "Callable[[list[Example]], Sequence[Answer]]") -> None:
    """For the other workers: answer what the first one shares, until it has no more."""
    from regard.data.example import Example

    while (rows := world.share(None)) is not None:
        examples = [Example(source, None, "<stdin>", line) for source, line in rows]
        world.gather(answer(examples[world.rank :: world.size]))
