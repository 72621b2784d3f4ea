"""The ordering side: several measured processes at once, one of which works at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class System:
    """One of those that are compared.

    Args:
        name: for the table.
        python: the interpreter of its environment.
        module: the module of its measured process, which takes a folder, a mode and a number of threads.
        modes: what it can do: "train", "greedy", "beam".
        environment: variables that it needs.
        patience: times as many updates as usual before it translates, for one that does not end its outputs sooner.
    """

    name: str
    python: Path
    module: str
    modes: tuple[str, ...] = ("train", "greedy", "beam")
    environment: tuple[tuple[str, str], ...] = ()
    patience: int = 1


# After 300 updates its outputs are three times as long as those of the others: full batches to the end, which flatter.
OURS = System("Regard", Path(sys.executable), "timing.ours", ("train", "greedy", "beam", "encode"), patience=5)


# The same where no compiler was at hand; it is trained only.
OFF = (("REGARD_KERNELS", "torch"),)
PLAIN = System("Regard, nothing compiled", OURS.python, OURS.module, ("train",), OFF)


class Failed(Exception):
    """A measured process ended before it had answered."""


class Worker:
    """A measured process of one system.

    Args:
        system: which.
        folder: the prepared data, see `timing.model`.
        mode: what it is to do.
        threads: how many it may use.
        log: where its standard error goes.
    """

    def __init__(self, system: System, folder: Path, mode: str, threads: int, log: Path) -> None:
        self.system = system
        self.log = log
        environment = os.environ | dict(system.environment) | {"PYTHONPATH": str(ROOT)}
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w") as stream:
            self.process = subprocess.Popen(
                [str(system.python), "-m", system.module, str(folder), mode, str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=environment,
            )
        self._read()

    def ask(self, job: str, **arguments: Any) -> dict[str, Any]:
        """Give an order and wait for its answer. Raises Failed where the process ended instead."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"job": job, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error
        return self._read()

    def close(self) -> None:
        """End the process; it holds nothing that is wanted."""
        self.process.kill()
        self.process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self._failure()
        return json.loads(line)

    def _failure(self) -> Failed:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "it said nothing"
        return Failed(f"{self.system.name} ended with exit code {self.process.wait()}: {last} (see {self.log})")


Answers = dict[str, list[dict[str, Any]]]


def interleaved(
    systems: Iterable[System],
    start: Callable[[System], Worker],
    job: str,
    arguments: dict[str, Any],
    *,
    warm_up: dict[str, Any],
    rounds: int,
    beside: Callable[[], None],
    tell: Callable[[str], None],
) -> Answers:
    """Give every system the same slice of work, one system after the other, for some rounds.

    Args:
        systems: who takes part; one that fails is left out, and `tell` says why.
        start: starts the process of a system; all of them live until the last round is over.
        job, arguments: the order.
        warm_up: arguments of the order that comes first and is not counted.
        rounds: slices per system.
        beside: measures the machine, once before each slice.
        tell: takes a line for people.
    """
    answers: Answers = {}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for system in systems:
            try:
                worker = start(system)
                stack.callback(worker.close)
                worker.ask(job, **warm_up)
                workers[system.name] = worker
            except Failed as failure:
                tell(str(failure))
        for number in range(rounds):
            for name in _turned(list(workers), number):
                beside()
                try:
                    answers.setdefault(name, []).append(workers[name].ask(job, **arguments))
                except Failed as failure:
                    tell(str(failure))
                    answers.pop(name, None)
                    del workers[name]
    return answers


def _turned(names: Sequence[str], number: int) -> list[str]:
    """Each round begins with another, so that none always follows the same."""
    start = number % len(names) if names else 0
    return [*names[start:], *names[:start]]
