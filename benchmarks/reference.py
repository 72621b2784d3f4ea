"""How fast is Regard on the reference model R, and how far from what the machine allows?

    python benchmarks/reference.py TRAIN.en TRAIN.de --test TEST.en TEST.de       Multi30k
    python benchmarks/reference.py                                                the embedded corpus
    python benchmarks/reference.py … --only train greedy --threads 2 --rounds 5   some of it
    python benchmarks/reference.py … --quick                                      does everything run?

R is `luong` with input feeding and additive attention: joint BPE 10,000, embeddings 256, bidirectional GRU 256, decoder
GRU 512, attention 512, output 512 → 10,000; 64 sentences a batch, Adam, clip 5. It goes the way of every recipe:
`learn_sides`, `prepare`, `build_model`, `build_learner`, `train`, `regard.load`, `translate`.

Every figure is the median of its rounds, with the least and the most; before each round the machine multiplies two
1024 × 1024 matrices (sgemm) and reads a matrix that no cache holds. The limit is what R costs in matrix products over
that sgemm, see `timing/limit.py`; of one sentence at a time, the weights of a step over that reading. Each part runs in
a process of its own, whose peak is its memory. Take the figures on a quiet machine: sgemm tells.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import torch
from timing.figures import Figure, machine_line, markdown
from timing.machine import Machine
from timing.model import facts, prepare
from timing.parts import Bench, Budget, Measured
from timing.workers import OURS

PARTS = ("train", "greedy", "beam", "one", "encode", "start")
HEAD = ("", "Regard", "limit", "share", "sgemm, GF/s")
Rows = Iterator[tuple[str, ...]]


class Report:
    """The rows of the table, a part at a time."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.facts = facts(bench.folder)

    def train(self) -> Rows:
        """Target tokens a second, and the memory of training."""
        measured = self.bench.training()
        yield self._against_products("training, target tok/s", measured, self.facts.cost.training(self.facts.lengths))
        yield from self._memory("peak memory of training, MB", measured)

    def greedy(self) -> Rows:
        """64 sentences at a time, one hypothesis."""
        return self._translating("greedy", "greedy", 1)

    def beam(self) -> Rows:
        """64 sentences at a time, five hypotheses."""
        return self._translating("beam 5", "beam", 5)

    def one(self) -> Rows:
        """One sentence at a time, greedy and with a beam."""
        for mode, name in (("greedy", "greedy"), ("beam", "beam 5")):
            measured = self.bench.translating(mode, 1)
            for system, figure in measured.milliseconds.items():
                seconds = measured.length[system] * self.facts.cost.bytes_per_step() / 1e9
                limit = 1000 * seconds / median(measured.machine.reading)
                share = f"{100 * limit / figure.median:.0f} %"
                yield f"one sentence, {name}, ms", str(figure), f"{limit:.1f}", share, _sgemm(measured.machine)

    def encode(self) -> Rows:
        """Text to shards."""
        measured = self.bench.encoding()
        for figure in measured.rates.values():
            yield "encoding, pairs/s", str(figure), "", "", _sgemm(measured.machine)

    def start(self) -> Rows:
        """From the start of `regard translate` to its first line, and what PyTorch takes of it."""
        machine, seconds, without = Machine(), [], []
        line = (self.bench.folder / "test.txt").read_text(encoding="utf-8").split("\n")[0] + "\n"
        run, threads = str(self.bench.folder / "run"), str(self.bench.threads)
        translate = ["-m", "regard", "translate", run, "--threads", threads, "--quiet"]
        first_line(translate, line)
        for _ in range(self.bench.budget.rounds):
            machine.measure()
            seconds.append(first_line(translate, line))
            without.append(first_line(["-c", "import torch; print(torch.__version__)"], ""))
        yield "first translation after `regard translate`, s", str(Figure(seconds, 2)), "", "", _sgemm(machine)
        yield "of these, `import torch` in a process of its own, s", str(Figure(without, 2)), "", "", _sgemm(machine)

    def limits(self) -> str:
        """What the limits are made of."""
        cost, lengths = self.facts.cost, self.facts.lengths
        greedy, beam = (cost.decoding(lengths, size) / 1e6 for size in (1, 5))
        return (
            f"Limits: {cost.training(lengths) / 1e6:.1f} MFLOP a target token in training, {greedy:.1f} in greedy "
            f"search, {beam:.1f} with a beam of 5; {cost.bytes_per_step() / 1e6:.1f} MB of weights a step. "
            f"{lengths.pairs:,} pairs, {lengths.target:,} target tokens, vocabulary {self.facts.vocabulary:,}."
        )

    def _translating(self, name: str, mode: str, beam: int) -> Rows:
        measured = self.bench.translating(mode, 64)
        cost = self.facts.cost.decoding(self.facts.lengths, beam)
        yield self._against_products(f"{name}, 64 at a time, tok/s", measured, cost)
        for figure in measured.sentences.values():
            yield f"{name}, 64 at a time, sentences/s", str(figure), "", "", _sgemm(measured.machine)
        yield from self._memory(f"peak memory of {name}, MB", measured)

    def _against_products(self, name: str, measured: Measured, operations: float) -> tuple[str, ...]:
        figure = measured.rates.get(OURS.name)
        if figure is None:
            return name, "failed", "", "", _sgemm(measured.machine)
        limit = median(measured.machine.sgemm) * 1e9 / operations
        share = f"{100 * figure.median / limit:.0f} %"
        return name, str(figure), f"{limit:,.0f}", share, _sgemm(measured.machine)

    def _memory(self, name: str, measured: Measured) -> Rows:
        for peak in measured.peak_mb.values():
            yield name, f"{peak:,.0f}", "", "", ""


def first_line(arguments: Sequence[str], given: str) -> float:
    """Seconds from starting Python to the first line that it puts out; its input is `given`.

    Python keeps what it compiles, whatever it does here: an installation is compiled.
    """
    command = [sys.executable, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pipe = subprocess.PIPE
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.close()
        process.stdout.readline()
        seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return seconds


def _sgemm(machine: Machine) -> str:
    return str(Figure(machine.sgemm))


def arguments(parser: argparse.ArgumentParser, parts: tuple[str, ...]) -> argparse.Namespace:
    """What both commands take."""
    parser.add_argument("train", nargs="*", metavar="TRAIN", help="pairs: two parallel files, or one; else embedded")
    parser.add_argument("--test", nargs="+", default=[], metavar="TEST", help="pairs to translate; else of training")
    parser.add_argument("--out", type=Path, default=Path("runs/speed"), help="where the prepared data are kept")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true", help="tiny budgets; the figures mean nothing")
    return parser.parse_args()


def budget(options: argparse.Namespace) -> Budget:
    """How much of everything was asked for."""
    usual = Budget.quick() if options.quick else Budget()
    return Budget(**vars(usual) | ({"rounds": options.rounds} if options.rounds else {}))


def tell(line: str) -> None:
    """A line for people."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = arguments(parser, PARTS)
    torch.set_num_threads(options.threads)
    given = budget(options)
    folder = prepare(options.out, options.train, options.test, sentences=512)
    bench = Bench(folder, [OURS], options.threads, given, tell)
    if set(options.only) - {"train", "encode"}:
        bench.give_weights()
    report, rows = Report(bench), []
    for part in options.only:
        tell(f"measuring: {part}")
        measure: Callable[[], Rows] = getattr(report, part)
        for row in measure():
            tell("  ".join(row))  # a long run may be cut short
            rows.append(row)
    print(f"{machine_line(options.threads)}; {given.rounds} rounds, {time.strftime('%Y-%m-%d')}\n")
    print(markdown(HEAD, rows))
    print(f"\n{report.limits()}")


if __name__ == "__main__":
    main()
