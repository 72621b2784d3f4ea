"""What each mechanism costs: parameters, training speed and memory, beside decoders without attention.

    python benchmarks/cost.py                        the whole table, under five minutes on a quiet machine
    python benchmarks/cost.py --only dot general     some of it
    python benchmarks/cost.py --threads 1 --rounds 9
    python benchmarks/cost.py --page docs/cost.md    puts what it prints into the page, too

Every row is the recipe of `regard demo` with one part exchanged (and a decoder as wide as the encoder's output, so that
scores without a projection fit), training on the same batches of the embedded corpus. Each row has a process of its
own. All of them live while the rows take turns, so that a busy moment of the machine does not fall on one row alone;
speed is the median over the rounds, with the lowest and the highest. Memory is the peak of the process's resident set
above what it held when model and batches were there and no update was made: activations, gradients and moments.
"no kernels" is the same model with nothing compiled. Linux only.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from cost_row import prepare_corpus
from cost_rows import COMPARED, PLAIN, rows
from pages import report
from timing.figures import Figure, machine_line, markdown
from timing.machine import Machine
from timing.workers import Answers, System, Worker, interleaved


def measure(names: list[str], threads: int, rounds: int, machine: Machine) -> Answers:
    """What every row said of every round."""
    systems = [
        System(name, Path(sys.executable), "cost_row", environment=tuple(row.environment.items()))
        for name, row in rows().items()
        if name in names
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare_corpus(folder)

        def start(system: System) -> Worker:
            return Worker(system, folder, system.name, threads, folder / f"{system.name}.log")

        return interleaved(
            systems, start, "turn", {}, warm_up={}, rounds=rounds, beside=machine.measure, tell=_to_standard_error
        )


def table(answers: Answers) -> Iterator[list[str]]:
    """The cells of the table, the rows in the order of the tables of mechanisms."""
    group = ""
    for name, row in rows().items():
        if name in answers:
            if row.group != group:
                group = row.group
                yield [f"*{group}*", "", "", ""]
            facts = answers[name][-1]
            yield [name, f"{facts['parameters']:,}", str(Figure(_speeds(answers, name))), f"{facts['memory_mb']:,.0f}"]


def comparison(answers: Answers) -> Iterator[str]:
    """How much faster a multiplicative score trains than the additive one, round by round."""
    *multiplicative, additive = COMPARED
    for kernels in ("", PLAIN):
        for name in multiplicative:
            one, other = name + kernels, additive + kernels
            if one in answers and other in answers:
                pairs = zip(_speeds(answers, one), _speeds(answers, other), strict=True)
                ratio = Figure([first / second for first, second in pairs], digits=2)
                yield f"{one} / {other}: {ratio} × the tokens/s"


def _speeds(answers: Answers, name: str) -> list[float]:
    return [answer["tokens"] / answer["seconds"] for answer in answers[name]]


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(rows()), choices=list(rows()), metavar="ROW")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="also put the table into this page, between its marks")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine = Machine()
    answers = measure(options.only, options.threads, options.rounds, machine)
    lines = [
        markdown(["mechanism", "parameters", "training, target tokens/s", "memory, MB"], table(answers)),
        "",
        *(f"- {line}" for line in comparison(answers)),
        "",
        f"{machine_line(options.threads)}; sgemm beside it {Figure(machine.sgemm)} GF/s.",
    ]
    report(lines, options.page)


if __name__ == "__main__":
    main()
