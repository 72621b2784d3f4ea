"""What is measured, for one system or several in turn: the slices, the rounds, and the answers as figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timing.figures import Figure
from timing.machine import Machine
from timing.workers import OURS, Answers, Failed, System, Worker, interleaved

ONE_SENTENCES = 20
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Budget:
    """How much of everything.

    Args:
        rounds: slices per system and part.
        steps: updates in a slice of training.
        warm_steps: updates before the first.
        sentences: in a slice of translation, 64 at a time.
        weights_steps: updates before a model is used to translate; those weights are kept.
    """

    rounds: int = 5
    steps: int = 15
    warm_steps: int = 3
    sentences: int = 256
    weights_steps: int = 300

    @classmethod
    def quick(cls) -> "Budget":
        """Enough to see that everything runs; the figures mean nothing."""
        return cls(rounds=2, steps=1, warm_steps=1, sentences=64, weights_steps=2)


@dataclass(frozen=True)
class Measured:
    """One part of the measurement.

    Args:
        rates: per system, tokens a second.
        sentences: per system, sentences a second; of training none.
        milliseconds: per system, for one sentence; only where they come one by one.
        length: per system, tokens of an output, end mark counted.
        peak_mb: per system, the most memory of its process.
        machine: how fast the machine was beside it.
    """

    rates: dict[str, Figure]
    sentences: dict[str, Figure]
    milliseconds: dict[str, Figure]
    length: dict[str, float]
    peak_mb: dict[str, float]
    machine: Machine


@dataclass(frozen=True)
class Bench:
    """Where and how it is measured.

    Args:
        folder: the prepared data.
        systems: who takes part.
        threads: of each process, and of the machine's own measure.
        budget: how much.
        tell: takes lines for people.
    """

    folder: Path
    systems: Sequence[System]
    threads: int
    budget: Budget
    tell: Tell

    def worker(self, system: System, mode: str) -> Worker:
        """Start a measured process."""
        log = self.folder / "logs" / f"{system.name}-{mode}.log"
        return Worker(system, self.folder, mode, self.threads, log)

    def training(self) -> Measured:
        """Updates of all systems in turn."""
        budget = self.budget
        return self._measure("train", "train", {"steps": budget.steps}, {"steps": budget.warm_steps}, 0)

    def translating(self, mode: str, batch: int) -> Measured:
        """Translations of all systems in turn; mode is "greedy" or "beam"."""
        count = self.budget.sentences if batch > 1 else min(ONE_SENTENCES, self.budget.sentences)
        order = {"first": 0, "count": count, "batch": batch}
        return self._measure(mode, "translate", order, order | {"count": min(count, batch)}, count)

    def encoding(self) -> Measured:
        """Text files to shards, ours alone; the rates are pairs a second."""
        machine = Machine()
        answers = self._rounds([OURS], "encode", "encode", {}, {}, machine)
        return _measured(answers, "pairs", 0, machine)

    def give_weights(self) -> None:
        """Train every system without weights, unmeasured, for so long that its outputs end where they should."""
        for system in self.systems:
            steps = self.budget.weights_steps * system.patience
            kept = self.folder / "logs" / f"{system.module}.steps"
            if kept.exists() and int(kept.read_text()) >= steps:
                continue
            self.tell(f"{system.name}: {steps} updates, so that it can translate")
            try:
                worker = self.worker(system, "train")
                try:
                    worker.ask("train", steps=steps)
                    worker.ask("save")
                finally:
                    worker.close()
                kept.write_text(str(steps))
            except Failed as failure:
                self.tell(str(failure))

    def _measure(self, mode: str, job: str, order: dict[str, Any], warm_up: dict[str, Any], sentences: int) -> Measured:
        machine = Machine()
        able = [system for system in self.systems if mode in system.modes]
        return _measured(self._rounds(able, mode, job, order, warm_up, machine), "tokens", sentences, machine)

    def _rounds(
        self,
        systems: Sequence[System],
        mode: str,
        job: str,
        order: dict[str, Any],
        warm_up: dict[str, Any],
        machine: Machine,
    ) -> Answers:
        return interleaved(
            systems,
            lambda system: self.worker(system, mode),
            job,
            order,
            warm_up=warm_up,
            rounds=self.budget.rounds,
            beside=machine.measure,
            tell=self.tell,
        )


def _measured(answers: Answers, what: str, sentences: int, machine: Machine) -> Measured:
    def figures(of: Callable[[dict[str, Any]], float], digits: int = 0) -> dict[str, Figure]:
        return {name: Figure([of(slice) for slice in slices], digits) for name, slices in answers.items()}

    return Measured(
        figures(lambda slice: slice[what] / slice["seconds"]),
        figures(lambda slice: sentences / slice["seconds"]) if sentences else {},
        figures(lambda slice: 1000 * slice["seconds"] / sentences, 1) if sentences else {},
        {name: slices[0][what] / sentences for name, slices in answers.items()} if sentences else {},
        {name: max(slice["peak_mb"] for slice in slices) for name, slices in answers.items()},
        machine,
    )
