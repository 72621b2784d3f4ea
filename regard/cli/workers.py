"""Threads and processes of a command. Under `torchrun` the processes share the work, and only the first one writes."""

import gc
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
"""torchrun ends all workers as soon as one ends with an error; the first worker needs this time to report it."""


def set_up(threads: int | None) -> None:
    """Keep freed memory in the process, and compute with `threads` CPU threads; None: all cores.

    Also enables the garbage collector, which `main` disabled; it does not visit objects that imports made.
    """
    from regard.run.memory import keep_memory

    keep_memory()
    import torch

    if threads:
        torch.set_num_threads(threads)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextmanager
def working(device: str) -> "Iterator[tuple[World, str]]":
    """The world of this process and the name of its device, inside the `with`.

    Without torchrun the world has one worker. Only the first worker reports an error; the others end with the same exit
    code.
    """
    from regard.model.build import pick_device
    from regard.training.distributed import OtherWorkerFailed, join_world, worker_device
    from regard.training.interrupt import Interrupted

    name = worker_device(device)
    with join_world(pick_device(name)) as world:
        try:
            yield world, name
        except (OtherWorkerFailed, Interrupted, KeyboardInterrupt) as error:
            if world.is_first:
                raise
            time.sleep(GRACE_SECONDS)
            raise typer.Exit(130 if isinstance(error, KeyboardInterrupt) else error.exit_code) from error


def again(arguments: Sequence[str]) -> list[str]:
    """The words of a command line that starts `regard` with these arguments and as many workers as now."""
    from regard.training.distributed import under_torchrun

    if not under_torchrun():
        return [*_program(), *arguments]
    machines = os.environ["GROUP_WORLD_SIZE"]
    several = [] if machines == "1" else ["--nnodes", machines]
    return ["torchrun", *several, "--nproc-per-node", os.environ["LOCAL_WORLD_SIZE"], "-m", "regard", *arguments]


def _program() -> list[str]:
    """How this program was started: `regard`, the path of the script if the shell finds another one, or Python's -m."""
    started = sys.argv[0]
    if Path(started).name == "__main__.py":
        return [sys.executable, "-m", "regard"]
    elsewhere = Path(started).name == "regard" and shutil.which("regard") != started
    return [started] if elsewhere else ["regard"]


def expect_fresh_input() -> None:
    """Raises UsageError if torchrun has started the command again: standard input can be read only once."""
    from regard.training.distributed import restarts

    if restarts():
        raise UsageError("a worker ended after standard input was read in part. Start anew, without --max-restarts.")


def shared(
    world: "World", answer: "Callable[[list[Example]], Sequence[Answer]]"
) -> "Callable[[list[Example]], Sequence[Answer]]":
    """For the first worker: `answer`, with the lines shared among all workers. The answers have to be plain values."""

    def answers(examples: "list[Example]") -> Sequence[Answer]:
        world.broadcast([[example.source, example.line] for example in examples])
        found: list[Answer] = [None] * len(examples)  # type: ignore[list-item]
        for rank, part in enumerate(world.gather(answer(examples[world.rank :: world.size]))):
            found[rank :: world.size] = part
        return found

    return answer if world.size == 1 else answers


@contextmanager
def dismissing(world: "World") -> Iterator[None]:
    """For the first worker: tell the others after the `with` that they can end, also when output cannot be written."""
    try:
        yield
    except (BrokenPipeError, RegardError):
        world.broadcast(None)
        raise
    world.broadcast(None)


def assist(world: "World", answer: "Callable[[list[Example]], Sequence[Answer]]") -> None:
    """For the other workers: answer the lines that the first one shares, until it tells them to end."""
    from regard.data.example import Example

    while (rows := world.broadcast(None)) is not None:
        examples = [Example(source, None, "<stdin>", line) for source, line in rows]
        world.gather(answer(examples[world.rank :: world.size]))
