"""How the cost of the reference model R grows with the source, the vocabulary and the batch.

    python benchmarks/growth.py                         about five minutes on a quiet machine
    python benchmarks/growth.py --quick                 does everything run?
    python benchmarks/growth.py --page docs/speed.md    puts what it prints into the page, too
    python benchmarks/growth.py --picture growth.svg    draws elsewhere than into docs/growth.png

R is that of reference.py, with its first weights, on sentences of random words, all of one length: nothing is padded.
Two lines, in time per target token: training, one update of the loop; greedy, one translation from token numbers, whose
outputs have their full length. One quantity grows at a time; the others are as in Multi30k: 15 source and 15 target
tokens, 10,000 entries, 64 sentences.

Every figure is the median of its rounds, with the least and the most. Each round measures every point, so that other
work on the machine affects all points alike. At the ends of each panel the parts are timed, too, see growth_work.py.
Take the figures on a quiet machine.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import torch
from growth_model import AXES, Grid, Reference
from growth_page import Growth, Part, save, sentences, table
from growth_work import LINES, Work, clocked
from timing.figures import Figure, machine_line, report
from timing.machine import Machine

from regard.run.memory import keep_memory

MOMENT_SECONDS, MOST_REPEATS = 0.25, 5


def works(grid: Grid, references: Mapping[int, Reference]) -> dict[Part, Work]:
    """All that is timed, point by point; the parts of a line behind the whole of it."""
    ends = {point for axis in AXES for point in grid.ends(axis)}
    found: dict[Part, Work] = {}
    for point in grid:
        for line, kind in LINES.items():
            made = kind(references[point.vocabulary], point)
            found[point, line, "whole"] = partial(clocked, made.whole)
            if point in ends:
                found |= {(point, line, part): work for part, work in made.parts().items()}
    return found


def timed(given: Mapping[Part, Work], rounds: int, beside: Callable[[], None]) -> dict[Part, list[float]]:
    """Seconds of every work in every round."""
    seconds: dict[Part, list[float]] = {part: [] for part in given}
    for number in range(rounds):
        begun = time.perf_counter()
        beside()
        for part, work in given.items():
            seconds[part].append(repeated(work))
        tell(f"round {number + 1} of {rounds}: {time.perf_counter() - begun:.0f} s")
    return seconds


def repeated(work: Work) -> float:
    """Seconds it takes where it follows itself, as a batch of training follows one of its size: a change of sizes has
    the memory laid out anew. The median of as many repeats as fit into a moment."""
    work()
    seconds: list[float] = []
    while len(seconds) < MOST_REPEATS and sum(seconds) < MOMENT_SECONDS:
        seconds.append(work())
    return median(seconds)


def measure(grid: Grid, rounds: int) -> Growth:
    """Every point of the grid."""
    machine = Machine()
    references = {size: Reference(size) for size in {point.vocabulary for point in grid}}
    seconds = timed(works(grid, references), rounds, machine.measure)
    return Growth(grid, seconds, references[grid.usual.vocabulary].parameters, machine)


def tell(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few and small points; the figures mean nothing")
    parser.add_argument("--page", type=Path, help="also put the table and the sentences into this page")
    parser.add_argument("--picture", type=Path, default=Path("docs/growth.png"), help="ends in .png, .svg or .pdf")
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(options.threads)
    growth = measure(Grid.quick() if options.quick else Grid(), options.rounds)
    save(growth, options.picture)
    rounds = f"{options.rounds} round{'s' if options.rounds > 1 else ''}"
    lines = [
        table(growth),
        "",
        *sentences(growth),
        "",
        f"{machine_line(options.threads)}; {rounds}, sgemm {Figure(growth.machine.sgemm)} GF/s.",
    ]
    report(lines, options.page)


if __name__ == "__main__":
    main()
