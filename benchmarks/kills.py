"""Kill `regard train` at random moments, resume it, and compare the end with a run that was never killed.

    python benchmarks/kills.py --kills 200 --seed 1

A tiny recipe with everything that a checkpoint can hold (an average of the weights, a mean of the last states, decoded
validation) saves about ten times a second. Each run is killed up to eight times, by SIGKILL, SIGTERM or SIGINT, and
resumed; then it runs to its end. Its weights must equal those of the run that was not killed, bit for bit, and its
directory must hold the same files. The processes are forked from one that has imported the libraries, so that no kill
comes during an import.

Printed is a Markdown table; the exit code is 1 where anything differs.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from regard.cli.app import app
from regard.files import NAME

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOST_KILLS = 8  # of one run
LONGEST = 600  # seconds until a process that should end by itself is said to hang
WEIGHTS = ("model.safetensors", "checkpoints/averaged.safetensors", "checkpoints/best.safetensors")
RECIPE = """
data: {source: {vocab_size: 400}, target: {tokenizer: characters, vocab_size: 400}, batch_size: 400}
model: {embedding_size: 24, encoder: {hidden_size: 24}, decoder: {hidden_size: 24}, dropout: {output: 0.1}}
training: {max_epochs: 4, validate_every: 7, metric: exact, validate_pairs: 20, average_last: 2, moving_average: 0.9,
  save_minutes: 0.002}
"""
CHINESE = str.maketrans("0123456789", "〇一二三四五六七八九")


@dataclass
class Count:
    """What became of the kills of one signal."""

    kills: int = 0
    early: int = 0
    left: int = 0


@dataclass
class Campaign:
    """All runs of a campaign.

    Args:
        directory: for everything that it writes.
        seed: of the moments and the signals.
    """

    directory: Path
    seed: int
    counts: dict[signal.Signals, Count] = field(default_factory=lambda: {one: Count() for one in SIGNALS})
    runs: int = 0
    same: int = 0
    clean: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        (self.directory / "recipe.yaml").write_text(RECIPE)
        numbers = [f"{one} {two}" for one in range(20) for two in range(20)]
        self.random.shuffle(numbers)
        for name, part in (("train", numbers[40:]), ("dev", numbers[:40])):
            lines = "".join(f"{number}\t{number.translate(CHINESE)}\n" for number in part)
            (self.directory / f"{name}.tsv").write_text(lines, encoding="utf-8")
        self.whole = self.directory / "whole"
        self.called(self.whole)  # in this process, so that those forked from it have nothing left to import
        self.seconds = median(map(self.timed, range(3)))

    def timed(self, number: int) -> float:
        """How long a run takes that nobody kills."""
        begun = time.monotonic()
        self.end(self.sitting(self.directory / f"timed-{number}"))
        return time.monotonic() - begun

    @property
    def kills(self) -> int:
        """So far."""
        return sum(count.kills for count in self.counts.values())

    def sitting(self, out: Path) -> int:
        """A process that begins the run, or goes on with it where there is one."""
        if pid := os.fork():
            return pid
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            log = os.open(self.directory / f"{out.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = self.called(out)
        finally:
            os._exit(code)

    def called(self, out: Path) -> int:
        """`regard train` in this process; the exit code."""
        recipe, train, dev = (str(self.directory / name) for name in ("recipe.yaml", "train.tsv", "dev.tsv"))
        resume = ["--resume"] if (out / "config.yaml").exists() else []
        try:
            app(["train", recipe, train, "--dev", dev, "--out", str(out), "--threads", "1", "-q", *resume])
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    def end(self, pid: int) -> None:
        """Wait for a process that must end well."""
        self.expect_well(wait(pid, LONGEST))

    def expect_well(self, code: int | None) -> None:
        """Stop the campaign, and keep what there is, where a process that nobody killed failed or hangs."""
        if code != 0:
            logs = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.directory.glob("*.log")))
            raise SystemExit(f"{logs}\na process that nobody killed ended with {code}")

    def run(self, most: int) -> None:
        """One run, killed up to so many times, to its end."""
        out = self.directory / f"run-{self.runs}"
        for _ in range(min(MOST_KILLS, most)):
            pid, chosen = self.sitting(out), self.random.choice(SIGNALS)
            code = wait(pid, self.random.uniform(0, self.seconds))
            if code is None:
                os.kill(pid, chosen)
                code = wait(pid, LONGEST)
                self.count(chosen, out, code)
            else:
                self.expect_well(code)
            if code == 0:
                break
        else:
            self.end(self.sitting(out))
        self.compare(out)

    def count(self, chosen: signal.Signals, out: Path, code: int | None) -> None:
        """What a kill left."""
        if code == 0:  # it came behind the last step
            return
        if code is None:
            raise SystemExit(
                f"{chosen.name} did not end a process within {LONGEST} s; see the logs in {self.directory}"
            )
        count = self.counts[chosen]
        count.kills += 1
        count.early += not (out / "checkpoints" / "last.safetensors").exists()
        count.left += sum(1 for path in out.rglob(".*") if NAME.fullmatch(path.name))

    def compare(self, out: Path) -> None:
        """The end of a run with that of the unbroken one."""
        self.runs += 1
        self.same += all((out / name).read_bytes() == (self.whole / name).read_bytes() for name in WEIGHTS)
        self.clean += files(out) == files(self.whole)

    def table(self) -> list[str]:
        """Markdown."""
        rows = [
            "| signal | kills | before the first checkpoint | unfinished files that it left |",
            "| --- | --- | --- | --- |",
        ]
        rows += [f"| {one.name} | {of.kills} | {of.early} | {of.left} |" for one, of in self.counts.items()]
        total = Counter(
            {name: sum(getattr(of, name) for of in self.counts.values()) for name in ("kills", "early", "left")}
        )
        rows.append(f"| all | {total['kills']} | {total['early']} | {total['left']} |")
        return [
            *rows,
            "",
            f"{self.runs} runs were killed and resumed until they ended: {self.same} of them with the weights of the "
            f"unbroken run, bit for bit, {self.clean} with its files and no other.",
        ]


def files(out: Path) -> list[str]:
    """The names of what is in a run."""
    return sorted(str(path.relative_to(out)) for path in out.rglob("*"))


def wait(pid: int, seconds: float) -> int | None:
    """The exit code of a process, negative for a signal; None where it has not ended so soon."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(0.002)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regard-kills-") as directory:
        campaign = Campaign(Path(directory), given.seed)
        while campaign.kills < given.kills:
            campaign.run(given.kills - campaign.kills)
            print(f"{campaign.kills} kills, {campaign.runs} runs", file=sys.stderr)
        print("\n".join(campaign.table()))
        sys.exit(0 if campaign.same == campaign.clean == campaign.runs else 1)


if __name__ == "__main__":
    main()
