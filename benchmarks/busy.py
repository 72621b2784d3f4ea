"""Speed beside other processes: the reference model R with one thread and two, beside no, one and two other processes.

    python benchmarks/busy.py                               R, the embedded corpus
    python benchmarks/busy.py --also GOMP_SPINCOUNT=0       other settings of OpenMP, too
    python benchmarks/busy.py --quick                       does everything run?

R is that of `reference.py`. It trains and translates (greedy, 64 sentences at a time) on two cores; the other processes
are loops in Python, each pinned to one of them (on Linux). A thread without work can spin or sleep until it gets some:
"today" is the default of OpenMP in PyTorch, "Regard" what the command sets (`regard/cli/waiting.py`). With one thread
there is no such wait. Every setting has its own process, and each round measures all of them in turn; a figure is the
median of its rounds, with the least and the most. Required: on a quiet machine "Regard" reaches 0.95 of "today"; beside
other processes its two threads reach 0.93 of one. Ratios are computed for each round.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from timing.figures import Figure, markdown, processor
from timing.model import prepare
from timing.parts import Bench, Budget
from timing.workers import OURS, System, Worker

from regard.cli.waiting import NAMES, POLICY

PINS = hasattr(os, "sched_setaffinity")  # Linux
CORES = sorted(os.sched_getaffinity(0))[:2] if PINS else [0, 1]
LOOP = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for number in range(1_000_000):
        pass
"""
QUIET, BESIDE = 0.95, 0.93
Rates = dict[tuple[str, int, str], list[float]]
"""Tokens a second, one entry a round; by what is done, the number of other processes, and the way."""


@dataclass(frozen=True)
class Way:
    """How R is run: on so many threads, and with these settings of OpenMP."""

    name: str
    threads: int
    settings: dict[str, str]

    def worker(self, folder: Path, mode: str) -> Worker:
        """A measured process."""
        system = System(self.name, OURS.python, OURS.module, environment=tuple(self.settings.items()))
        return Worker(system, folder, mode, self.threads, folder / "logs" / f"busy-{mode}-{self.name}.log")


ONE, TODAY, REGARD = Way("one thread", 1, {}), Way("two, today", 2, {}), Way("two, Regard", 2, POLICY)


@contextmanager
def others(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many busy processes inside the `with`, each on a core of its own where the system can say so."""
    with ExitStack() as stack:
        started = []
        for core in CORES[:count]:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", LOOP, str(os.getpid())]))
            stack.callback(process.kill)
            if PINS:
                os.sched_setaffinity(process.pid, {core})
            started.append(process)
        time.sleep(0.3 if count else 0)  # Python starts
        yield started


def measure(folder: Path, ways: Sequence[Way], budget: Budget) -> Rates:
    """Every way, in every round, beside no, one and two other processes."""
    orders = {
        "train": {"job": "train", "steps": budget.steps},
        "greedy": {"job": "translate", "first": 0, "count": budget.sentences, "batch": 64},
    }
    rates: Rates = {}
    with ExitStack() as stack:
        workers = {(mode, way.name): way.worker(folder, mode) for mode in orders for way in ways}
        for (mode, _), worker in workers.items():
            stack.callback(worker.close)
            worker.ask(**orders[mode])  # the first warms up
        for number in range(budget.rounds):
            turn = number % len(ways)
            for count in range(len(CORES) + 1):
                with others(count):
                    for mode, order in orders.items():
                        for way in (*ways[turn:], *ways[:turn]):
                            done = workers[mode, way.name].ask(**order)
                            rates.setdefault((mode, count, way.name), []).append(done["tokens"] / done["seconds"])
            medians = " ".join(f"{Figure(values).median:,.0f}" for values in rates.values())
            print(f"round {number + 1} of {budget.rounds}: {medians}", file=sys.stderr, flush=True)
    return rates


def rows(rates: Rates, ways: Sequence[Way]) -> Iterator[list[str]]:
    """The table. Its last cells: each way on two threads over "today", and over one thread."""
    for mode, count in dict.fromkeys(key[:2] for key in rates):
        found = {way.name: rates[mode, count, way.name] for way in ways}
        base, bar = (ONE.name, BESIDE) if count else (TODAY.name, QUIET)
        ratios = (ratio(found[way.name], found[base]) for way in ways if way.threads == 2)
        yield [mode, str(count), *(str(Figure(each)) for each in found.values()), f"{base}, {bar}", *map(str, ratios)]


def ratio(values: Sequence[float], base: Sequence[float]) -> Figure:
    """Round by round."""
    return Figure([one / other for one, other in zip(values, base, strict=True)], digits=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--also", action="append", default=[], metavar="NAME=VALUE", help="one more way, two threads")
    parser.add_argument("--out", type=Path, default=Path("runs/speed"), help="where the prepared data are kept")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=8, help="updates in a slice; 32 sentences for each of them")
    parser.add_argument("--quick", action="store_true", help="tiny budgets; the figures mean nothing")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if PINS:
        os.sched_setaffinity(0, CORES)
    for name in NAMES:
        os.environ.pop(name, None)
    ways = [ONE, TODAY, REGARD]
    ways += [Way(f"two, {each}", 2, dict([each.split("=", 1)])) for each in options.also]
    usual = Budget(options.rounds, options.steps, sentences=32 * options.steps, weights_steps=60)
    budget = Budget.quick() if options.quick else usual
    folder = prepare(options.out, [], [], sentences=512)
    Bench(folder, [OURS], 2, budget, lambda line: print(line, file=sys.stderr)).give_weights()
    table = rows(measure(folder, ways, budget), ways)
    names = [way.name for way in ways]
    head = ["tok/s", "others", *names, "over, bar", *names[1:]]
    print(f"{processor()}, {len(CORES)} of {os.cpu_count()} cores; torch {torch.__version__}, float32; ", end="")
    print(f"{budget.rounds} rounds in turn, {time.strftime('%Y-%m-%d')}; load before: {load:.1f}\n")
    print(markdown(head, table))


if __name__ == "__main__":
    main()
