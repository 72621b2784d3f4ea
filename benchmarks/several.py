"""What each added worker brings: training the reference model R under torchrun with one worker, with two, and so on.

    python benchmarks/several.py TRAIN.en TRAIN.de                 Multi30k
    python benchmarks/several.py                                   the embedded corpus
    python benchmarks/several.py … --workers 1 2 4 --threads 1 --rounds 3
    python benchmarks/several.py … --quick                         does everything run?

R is that of `reference.py`, through `regard train`. Every worker has 64 sentences of a batch and so many threads, so
with N workers an update is N times as large. A figure is the target tokens a second of updates 21 to 40, the median of
its rounds with the least and the most; the counts take turns, so that a busy moment of the machine does not fall on one
of them alone. On one machine the workers share its memory and its clock: with two on two cores, twice the speed of one
is the most that there can be.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from timing.figures import Figure, machine_line, markdown
from timing.machine import Machine
from timing.model import facts, prepare

STEPS = 40  # two reports of twenty updates each; the first also warms up
TINY = ("model.embedding_size=8", "model.encoder.hidden_size=8", "model.decoder.hidden_size=8", "data.batch_size=2")
Speeds = dict[int, list[float]]


def command(workers: int, folder: Path, out: Path, sets: tuple[str, ...]) -> list[str]:
    """The training of R by so many workers."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(workers), "-m", "regard"]
    given = ["train", str(folder / "run" / "config.yaml"), *facts(folder).train, "--out", str(out), "--quiet"]
    changes = [part for change in (f"training.max_steps={STEPS}", *sets) for part in ("--set", change)]
    return [sys.executable, *launcher, *given, "--device", "cpu", *changes]


def tokens_per_second(run: Path) -> float:
    """Of the last report of a run."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["tokens_per_second"] for line in lines if line["event"] == "trained"][-1]


def measure(
    folder: Path, counts: list[int], threads: int, rounds: int, sets: tuple[str, ...], machine: Machine
) -> Speeds:
    """What every number of workers reached in every round."""
    speeds: Speeds = {count: [] for count in counts}
    for number in range(rounds):
        start = number % len(counts)
        for count in [*counts[start:], *counts[:start]]:
            machine.measure()
            with tempfile.TemporaryDirectory() as temporary:
                out = Path(temporary) / "run"
                environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
                subprocess.run(command(count, folder, out, sets), env=environment, check=True)
                speeds[count].append(tokens_per_second(out))
            print(f"{count} workers: {speeds[count][-1]:,.0f} target tok/s", file=sys.stderr)
    return speeds


def table(speeds: Speeds) -> Iterator[list[str]]:
    """The cells of the table; the ratio is taken round by round."""
    first = next(iter(speeds))
    for count, reached in speeds.items():
        ratio = Figure([one / other for one, other in zip(reached, speeds[first], strict=True)], digits=2)
        yield [str(count), str(Figure(reached)), str(ratio)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", nargs="*", metavar="TRAIN", help="pairs: two parallel files, or one; else embedded")
    parser.add_argument("--out", type=Path, default=Path("runs/speed"), help="where the prepared data are kept")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, one round; the figures mean nothing")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine, rounds = Machine(), 1 if options.quick else options.rounds
    folder = prepare(options.out, options.train, [], sentences=1)
    speeds = measure(folder, options.workers, options.threads, rounds, TINY if options.quick else (), machine)
    print(f"{machine_line(options.threads)}; {rounds} rounds, {time.strftime('%Y-%m-%d')}\n")
    print(markdown(["workers", "training, target tok/s", f"× {options.workers[0]} worker"], table(speeds)))
    print(f"\nsgemm beside it {Figure(machine.sgemm)} GF/s, on the threads of one worker.")


if __name__ == "__main__":
    main()
