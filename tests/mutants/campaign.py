"""Run commands on many mutants of a real recipe and a real run, and count the results.

    python tests/mutants/campaign.py --count 3000

Each mutant gets its own process, forked from one that has loaded torch, so that the seconds do not include that. They
are seconds of the CPU, which do not depend on other work on the machine; a command that has not ended after 20 s is
ended and counted as slow. The memory is the peak of the process, with torch.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mutants import KINDS, TRAIN

MOST_SECONDS, MOST_MEGABYTES, PATIENCE_SECONDS = 2.0, 500, 20.0
CODES = {"recipe": (0, 1, 2), "run": (0, 2, 4), "resumed": (0, 2, 4)}
WEIGHTS = (
    "run: weights",
    "resumed: tensors",
)  # finite numbers may make others that are not, when they are used: exit 1
RECIPE = """name: tiny
data:
  source: {tokenizer: bpe, vocab_size: 300}
  target:
    tokenizer: characters
    vocab_size: 300
  max_length: 50
  batch_size: 400
model:
  embedding_size: 16
  encoder:
    kind: recurrent
    cell: gru
    hidden_size: 16
    num_layers: 1
  decoder:
    kind: bahdanau
    hidden_size: 16
  attention:
    score: additive
    num_heads: 1
training:
  optimizer: adam
  learning_rate: 0.01
  clip: 1.0
  max_epochs: 3
  average_last: 2
  validate_every: 1
  seed: 1
search:
  beam_size: 2
  max_ratio: 2.0
  max_extra: 10
"""


@dataclass(frozen=True)
class Outcome:
    """What a command did with a mutant: exit code (minus the signal that ended it), seconds, megabytes, last words."""

    kind: str
    seed: int
    code: int
    seconds: float
    megabytes: float
    slow: bool
    words: str

    @property
    def faults(self) -> list[str]:
        """What is wrong with it."""
        lines = self.words.splitlines()
        found = {
            "fault": "fault of Regard" in self.words or "Traceback" in self.words,
            "crash": self.code < 0 and not self.slow,
            "slow": self.slow or self.seconds > MOST_SECONDS,
            "large": self.megabytes > MOST_MEGABYTES,
            "code": self.code >= 0
            and self.code not in (CODES[self.kind.partition(":")[0]] + (1,) * (self.kind in WEIGHTS)),
            "words": self.code > 0 and (len(lines) != 1 or len(self.words) > 3000 or not lines[0].isprintable()),
        }
        return [name for name, wrong in found.items() if wrong]


def in_child(here: Path, arguments: list[str]) -> tuple[int, float, float, bool]:
    """Call a command in a process of its own: exit code, seconds of the CPU, megabytes, whether it had to be ended."""
    child = os.fork()
    if not child:
        _be_command(here, arguments)
    end, slow = time.monotonic() + PATIENCE_SECONDS, False
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, slow
        if time.monotonic() > end and not slow:
            slow = True
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def _be_command(here: Path, arguments: list[str]) -> None:
    """End this process as the command would."""
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(here)
        for number, (name, flags) in enumerate([("in", os.O_RDONLY), ("out", os.O_WRONLY), ("err", os.O_WRONLY)]):
            os.dup2(os.open(name, flags | os.O_CREAT | (os.O_TRUNC if number else 0)), number)
        from regard.cli import main

        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        sys.argv = ["regard", *arguments]
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def prepare(base: Path) -> None:
    """A real recipe, and a real run with its checkpoints and a shortlist."""
    pairs = [
        ("the dog sees", "le chien voit"),
        ("a cat hears the dog", "un chat ouït le chien"),
        ("the old cat", "le vieux"),
    ]
    (base / "pairs.tsv").write_text(
        "".join(f"{source} {n}\t{target} {n}\n" for n in range(20) for source, target in pairs)
    )
    (base / "recipe.yaml").write_text(RECIPE)
    (base / "in").write_text("the dog\na cat hears\n")
    run = [argument for argument in TRAIN if "max_steps" not in argument and argument != "--set"]
    for arguments in (
        [*run, "--out", "run", "--set", "training.max_steps=3"],
        ["shortlist", "run", "--threads", "1", "-q", "--common", "50"],
    ):
        code, *_ = in_child(base, arguments)
        assert not code, (base / "err").read_text()
    shutil.copy(base / "run" / "config.yaml", base / "run.yaml")


def meet(base: Path, kind: str, seed: int) -> Outcome:
    """Make one mutant, and run the command on it."""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch) / "here"
        shutil.copytree(base, here)
        arguments = KINDS[kind](random.Random(f"{kind} {seed}"), here)
        out = [] if "--out" in arguments or arguments[0] != "train" else ["--out", "new"]
        code, seconds, megabytes, slow = in_child(here, [*arguments, *out])
        return Outcome(kind, seed, code, seconds, megabytes, slow, (here / "err").read_text(errors="replace"))


def campaign(count: int, first: int = 0, only: str = "", jobs: int = 1) -> Iterator[Outcome]:
    """So many mutants, as many of each kind."""
    import rich.progress
    import torch
    import torch._dynamo  # what the first step of an optimiser loads

    import regard.cli.app
    import regard.run
    import regard.translator

    del rich, regard  # they are loaded, and no more is wanted of them
    torch.set_num_threads(1)
    kinds = [kind for kind in KINDS if only in kind]
    with tempfile.TemporaryDirectory() as base:
        prepare(Path(base))
        tasks = [(Path(base), kinds[number % len(kinds)], first + number // len(kinds)) for number in range(count)]
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from pool.imap_unordered(_meet, tasks)


def _meet(task: tuple[Path, str, int]) -> Outcome:
    return meet(*task)


def table(outcomes: list[Outcome]) -> str:
    """Markdown: a row for each kind."""
    columns: dict[str, Callable[[list[Outcome]], str]] = {
        "mutants": lambda of: str(len(of)),
        "used": lambda of: _count(of, 0),
        "exit 1": lambda of: _count(of, 1),
        "exit 2": lambda of: _count(of, 2),
        "exit 4": lambda of: _count(of, 4),
        "no sentence": lambda of: str(sum("words" in each.faults or "code" in each.faults for each in of)),
        "fault of Regard": lambda of: str(sum("fault" in each.faults for each in of)),
        "crashed": lambda of: str(sum("crash" in each.faults for each in of)),
        "over 2 s": lambda of: str(sum("slow" in each.faults for each in of)),
        "most s": lambda of: f"{max(each.seconds for each in of):.2f}",
        "most MB": lambda of: f"{max(each.megabytes for each in of):.0f}",
    }
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.kind].append(outcome)
    rows = [*((kind, groups[kind]) for kind in KINDS if kind in groups), ("all", outcomes)]
    lines = [f"| kind | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    lines += [f"| {name} | {' | '.join(column(of) for column in columns.values())} |" for name, of in rows]
    return "\n".join(lines)


def _count(outcomes: list[Outcome], code: int) -> str:
    return str(sum(outcome.code == code for outcome in outcomes))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000, help="mutants in all")
    parser.add_argument("--first", type=int, default=0, help="the first seed of each kind")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--json", action="store_true", help="an object a line for each mutant, in place of the table")
    options = parser.parse_args()
    outcomes = []
    for outcome in campaign(options.count, options.first, options.only, options.jobs):
        outcomes.append(outcome)
        if options.json:
            print(json.dumps({**asdict(outcome), "faults": outcome.faults}), flush=True)
        elif outcome.faults:
            print(outcome.kind, outcome.seed, outcome.faults, outcome.code, f"{outcome.seconds:.2f}", file=sys.stderr)
            print("   ", outcome.words[-300:].encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    if not options.json:
        print(table(outcomes))
    sys.exit(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    main()
