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
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from timing.figures import Figure, machine_line, markdown, report
from timing.link import Link, peak_megabytes
from timing.machine import Machine
from timing.workers import Answers, System, Worker, interleaved

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.cli.demo import SINGLE, demo_config
from regard.config import Config, parse
from regard.data.embedded import write_corpus
from regard.data.readers import PairFiles
from regard.data.shards import prepare
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.run.memory import keep_memory
from regard.run.sides import learn_sides
from regard.run.subsets import Subset
from regard.run.training_parts import build_learner
from regard.training.loop import update
from regard.training.progress import Progress

BATCHES = 6
FIXED: dict[str, dict[str, Any]] = {
    "fixed, at the start": {"decoder": {"kind": "fixed", "context": "start"}},
    "fixed, every step": {"decoder": {"kind": "fixed", "context": "every"}},
}
SHAPES: dict[str, dict[str, Any]] = {
    "four heads": {"attention": {"num_heads": 4}},
    "transformer": {
        "encoder": {"kind": "transformer", "hidden_size": 128, "num_layers": 2, "source_bridging": False},
        "decoder": {"kind": "transformer", "num_layers": 2},
        "attention": {"score": "scaled_dot", "num_heads": 4},
    },
}
COMPARED = ("dot", "scaled_dot", "general", "additive")
PLAIN = ", no kernels"


@dataclass(frozen=True)
class Row:
    """One mechanism: the group it stands in, what it changes in the model, and in the environment of its process."""

    group: str
    model: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


def rows() -> dict[str, Row]:
    """Every row by its name."""
    found = {name: Row("no attention", model) for name, model in FIXED.items()}
    for score in SCORES:
        found[score] = Row("score, with softmax", {"attention": {"score": score}})
    for score in COMPARED:
        group = "the same, nothing compiled"
        found[score + PLAIN] = Row(group, {"attention": {"score": score}}, {"REGARD_KERNELS": "torch"})
    for select in SELECTIONS:
        if select != "softmax":
            found[select] = Row("selection, of additive scores", {"attention": {"select": select}})
    for window in WINDOWS:
        if window != "global":
            found[window] = Row("window, of additive scores", {"attention": {"window": window}})
    return found | {name: Row("shape", model) for name, model in SHAPES.items()}


def prepare_corpus(folder: Path) -> None:
    """The embedded corpus, its tokenisers and its encoded form, once for all rows."""
    write_corpus(folder)
    files, data = PairFiles((str(folder / "train.tsv"),)), demo_config(1, False, changes=SINGLE).data
    source, target = learn_sides(data, files)
    source.save(folder / "source.json")
    target.save(folder / "target.json")
    prepare(files, source, target, max_length=data.max_length, cache=folder / "cache")


def changed(config: Config, model: Mapping[str, Any]) -> Config:
    """The demo's recipe with other parts in its model, and a decoder as wide as the memory."""
    values = config.model_dump()
    values["model"]["decoder"]["hidden_size"] = 2 * config.model.encoder.hidden_size + config.model.embedding_size
    values["model"]["attention"]["end"] = True  # as when docs/cost.md was measured
    for part, choices in model.items():
        values["model"][part] |= choices
    return parse(values, "cost")


class Training:
    """A model and the batches that it trains on.

    Args:
        folder: what `prepare_corpus` filled.
        row: the name of a mechanism.
    """

    def __init__(self, folder: Path, row: str) -> None:
        torch.manual_seed(1)
        config = changed(demo_config(1, False, changes=SINGLE), rows()[row].model)
        source, target = TextSource(Tokenizer.load(folder / "source.json")), Tokenizer.load(folder / "target.json")
        files = PairFiles((str(folder / "train.tsv"),))
        corpus = prepare(files, source, target, max_length=config.data.max_length, cache=folder / "cache")
        batches = Subset(corpus, None, config.data).batches(1, 0)
        self.batches = [next(batches) for _ in range(BATCHES)]
        model = build_model(config.model, source, target.size).train()
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.learner = build_learner(config.training, model, total_steps=1_000)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = peak_megabytes()

    def turn(self) -> dict[str, Any]:
        """One update on every batch: tokens, seconds, parameters, and the megabytes that updates have taken so far."""
        begun = time.perf_counter()
        tokens = sum(update(self.learner, [batch], Progress()).tokens for batch in self.batches)
        seconds = time.perf_counter() - begun
        memory = peak_megabytes() - self.before
        return {"tokens": tokens, "seconds": seconds, "parameters": self.parameters, "memory_mb": memory}


def serve(folder: Path, row: str, threads: int) -> None:
    """The measured process: one row, which trains on the same batches at every turn."""
    keep_memory()
    torch.set_num_threads(threads)
    link = Link()
    link.serve(turn=Training(folder, row).turn)


def measure(names: list[str], threads: int, rounds: int, machine: Machine) -> Answers:
    """What every row said of every round."""
    systems = [
        System(name, Path(sys.executable), "cost", environment=tuple(row.environment.items()))
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
    if len(sys.argv) == 4 and not sys.argv[1].startswith("-"):  # FOLDER ROW THREADS, from `Worker`
        serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    else:
        main()
