"""Regard beside other systems: the same data, model R and batch, a slice of work each in turn, in one run.

    python benchmarks/peers/setup.py --into DIR
    python benchmarks/peers/compare.py TRAIN.en TRAIN.de --test TEST.en TEST.de --environments DIR
    python benchmarks/peers/compare.py … --only train greedy --rounds 5 --threads 2
    python benchmarks/peers/compare.py … --quick            does everything run?

Each system is used through its own doors: its training loop with its own batches of 64 sentences, its own search. All
of them stay in memory while they take turns, so that a change of the machine meets all alike; the turn begins with
another system in every round. Before each slice sgemm is measured. Systems read the same token numbers; Regard alone
starts from text when it translates. Each translates with weights that it trained itself for 300 updates, so outputs
differ in length: compare tokens. Peaks are those of the process, Python and its libraries with it.

A system without an environment is left out, with the command that makes it.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from reference import arguments, budget, tell
from timing.figures import Figure, machine_line, markdown
from timing.model import facts, prepare
from timing.parts import Bench, Measured
from timing.workers import OURS, PLAIN, System

from peers.systems import PEERS, Peer

PARTS = ("train", "greedy", "beam", "one")
Column = Mapping[str, Figure]


def present(environments: Path, wanted: Sequence[str]) -> list[Peer]:
    """The systems that have an environment; of the others, tell the command that makes it."""
    found = []
    for peer in PEERS:
        if peer.name not in wanted:
            continue
        if peer.whole(environments).exists():
            found.append(peer)
        else:
            command = f"python benchmarks/peers/setup.py --into {environments} --only {peer.name}"
            tell(f"{peer.title} has no whole environment and is left out. Make it with: {command}")
    return found


def versions(peers: Sequence[Peer], environments: Path) -> dict[str, str]:
    """Title and version of each system."""
    ask = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    found = {OURS.name: f"{OURS.name} {_version(sys.executable, ask, 'regard')}", PLAIN.name: PLAIN.name}
    for peer in peers:
        version = _version(str(peer.python(environments)), ask, peer.distribution)
        found[peer.title] = f"{peer.title} {version}"
    return found


def _version(python: str, ask: str, distribution: str) -> str:
    answer = subprocess.run([python, "-c", ask, distribution], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def columns(part: str, bench: Bench) -> tuple[dict[str, Column], dict[str, bool], list[Measured]]:
    """The columns of a part by title, which of them are better when larger, and what was measured."""
    if part == "train":
        measured = bench.training()
        found = {"training, target tok/s": measured.rates, "peak of training, MB": _peaks(measured)}
        return found, {"training, target tok/s": True, "peak of training, MB": False}, [measured]
    if part == "one":
        both = {mode: bench.translating(mode, 1) for mode in ("greedy", "beam")}
        names = {"greedy": "one sentence, greedy, ms", "beam": "one sentence, beam 5, ms"}
        return (
            {names[mode]: measured.milliseconds for mode, measured in both.items()},
            dict.fromkeys(names.values(), False),
            list(both.values()),
        )
    measured = bench.translating(part, 64)
    name = "greedy" if part == "greedy" else "beam 5"
    found = {
        f"{name}, tok/s": measured.rates,
        f"{name}, sentences/s": measured.sentences,
        f"peak of {name}, MB": _peaks(measured),
    }
    return found, {f"{name}, tok/s": True, f"{name}, sentences/s": True, f"peak of {name}, MB": False}, [measured]


def _peaks(measured: Measured) -> Column:
    return {name: Figure([peak]) for name, peak in measured.peak_mb.items()}


def table(found: Mapping[str, Column], systems: Mapping[str, str]) -> str:
    """A row for each figure, a column for each system."""
    rows = [[name, *(str(column.get(system, "–")) for system in systems)] for name, column in found.items()]
    return markdown(["", *systems.values()], rows)


def ratios(found: Mapping[str, Column], larger: Mapping[str, bool], systems: Mapping[str, str]) -> str:
    """How many times better ours is, by the medians."""
    others = [system for system in systems if system != OURS.name]
    rows = []
    for name, column in found.items():
        cells = []
        for other in others:
            if other in column and OURS.name in column:
                ratio = column[OURS.name].median / column[other].median
                cells.append(f"{ratio if larger[name] else 1 / ratio:.2f} ×")
            else:
                cells.append("–")
        rows.append([name, *cells])
    return markdown([f"{OURS.name} is better by", *(systems[other] for other in others)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, default=Path("runs/peers"), help="what setup.py made")
    parser.add_argument("--systems", nargs="+", choices=[peer.name for peer in PEERS])
    options = arguments(parser, PARTS)
    torch.set_num_threads(options.threads)
    peers = present(options.environments.resolve(), options.systems or [peer.name for peer in PEERS])
    folder = prepare(options.out, options.train, options.test, sentences=512)
    systems: list[System] = [OURS, PLAIN, *(peer.system(options.environments.resolve()) for peer in peers)]
    given = budget(options)
    bench = Bench(folder.resolve(), systems, options.threads, given, tell)
    if set(options.only) - {"train"}:
        bench.give_weights()
    titles = versions(peers, options.environments.resolve())
    found: dict[str, Column] = {}
    larger: dict[str, bool] = {}
    sgemm: list[float] = []
    for part in options.only:
        tell(f"measuring: {part}")
        more, directions, measured = columns(part, bench)
        found |= more
        larger |= directions
        tell(table(more, titles))  # a long run may be cut short
        sgemm += [value for each in measured for value in each.machine.sgemm]
    print(f"{machine_line(options.threads)}; sgemm {Figure(sgemm)} GF/s; {given.rounds} rounds of each system in turn,")
    print(f"{time.strftime('%Y-%m-%d')}; {facts(folder).lengths.pairs:,} pairs; median [least–most].\n")
    print(table(found, titles))
    print()
    print(ratios(found, larger, titles))


if __name__ == "__main__":
    main()
