"""What each mechanism costs: parameters, training speed and memory, beside decoders without attention.

    python benchmarks/cost.py                        the whole table, under five minutes
    python benchmarks/cost.py --only fixed general   some of it
    python benchmarks/cost.py --threads 1 --repeats 9

Every row is the recipe of `regard demo` with one part exchanged (and a decoder as wide as the encoder's output, so that
scores without a projection fit), training on the same batches of the embedded corpus. Each row has a process of its
own. All of them are kept while the rows take turns, so that a busy moment of the machine does not fall on one row
alone; speed is the median over the turns, with the lowest and the highest. Memory is the peak of the process's resident
set, above what it held when model and batches were there and no update was made: activations, gradients and moments.
"additive, plain" is the same computation without the native kernel. Linux only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from regard.attention import SCORES, SELECTIONS, WINDOWS

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
PLAIN = "additive, plain"


@dataclass(frozen=True)
class Entry:
    """One row: the group it stands in, what changes in the model, and in the environment of its process."""

    group: str
    model: Mapping[str, Any]
    environment: Mapping[str, str]


def entries() -> dict[str, Entry]:
    """Every row by its name, read from the tables of mechanisms."""
    rows = {name: Entry("no attention", model, {}) for name, model in FIXED.items()}
    for score in SCORES:
        rows[score] = Entry("score, with softmax", {"attention": {"score": score}}, {})
        if score == "additive":
            rows[PLAIN] = Entry("score, with softmax", {"attention": {"score": score}}, {"REGARD_KERNELS": "off"})
    for part, table, usual in (("select", SELECTIONS, "softmax"), ("window", WINDOWS, "global")):
        group = {"select": "selection, of additive scores", "window": "window, of additive scores"}[part]
        for name in table:
            if name != usual:
                rows[name] = Entry(group, {"attention": {part: name}}, {})
    return rows | {name: Entry("shape", model, {}) for name, model in SHAPES.items()}


def prepare_corpus(folder: Path) -> None:
    """The embedded corpus, its tokenisers and its encoded form, once for all rows."""
    from regard.cli.demo import demo_config
    from regard.data.embedded import write_corpus
    from regard.data.readers import PairFiles
    from regard.data.shards import prepare
    from regard.fit.tokenizers import learn_tokenizers

    write_corpus(folder)
    files, data = PairFiles((str(folder / "train.tsv"),)), demo_config(1, False).data
    source, target = learn_tokenizers(data, files)
    source.save(folder / "source.json")
    target.save(folder / "target.json")
    prepare(files, source, target, max_length=data.max_length, cache=folder / "cache")


class Training:
    """A model and the batches that it trains on again and again."""

    def __init__(self, folder: Path, model: Mapping[str, Any]) -> None:
        import torch

        from regard.build import build_model
        from regard.cli.demo import demo_config
        from regard.data.readers import PairFiles
        from regard.data.shards import prepare
        from regard.data.tokenizer import Tokenizer
        from regard.fit.parts import build_learner
        from regard.fit.subsets import Subset

        torch.manual_seed(1)
        config = changed(demo_config(1, False), model)
        source, target = (Tokenizer.load(folder / f"{side}.json") for side in ("source", "target"))
        files = PairFiles((str(folder / "train.tsv"),))
        corpus = prepare(files, source, target, max_length=config.data.max_length, cache=folder / "cache")
        batches = Subset(corpus, None, config.data).batches(1, 0)
        self.batches = [next(batches) for _ in range(BATCHES)]
        built = build_model(config.model, source.size, target.size).train()
        self.parameters = sum(parameter.numel() for parameter in built.parameters())
        self.learner = build_learner(config.training, built, total_steps=1_000)

    def turn(self) -> float:
        """One update on every batch; target tokens a second."""
        from regard.training.loop import update
        from regard.training.progress import Progress

        begun = time.perf_counter()
        tokens = sum(update(self.learner, [batch], Progress()).tokens for batch in self.batches)
        return tokens / (time.perf_counter() - begun)


def changed(config: Any, model: Mapping[str, Any]) -> Any:
    """The demo's recipe with other parts in its model."""
    from regard.config import parse

    values = config.model_dump()
    values["model"]["decoder"]["hidden_size"] = 2 * config.model.encoder.hidden_size + config.model.embedding_size
    for part, choices in model.items():
        values["model"][part] |= choices
    return parse(values, "cost")


def resident(field: str) -> int:
    """VmRSS, what is resident now, or VmHWM, the most that ever was, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def work(name: str, folder: Path, threads: int) -> None:
    """A row's process: says what it is, then takes a turn for every line that it is given."""
    import torch

    from regard.allocator import keep_memory

    keep_memory()
    torch.set_num_threads(threads)
    training = Training(folder, entries()[name].model)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of what came before
    before = resident("VmRSS")
    training.turn()  # the first turn allocates, and is not timed
    memory = resident("VmHWM") - before
    print(json.dumps({"parameters": training.parameters, "memory": memory}), flush=True)
    for _ in sys.stdin:
        print(training.turn(), flush=True)


class Worker:
    """The parent's end of a row's process."""

    def __init__(self, name: str, entry: Entry, folder: Path, threads: int) -> None:
        command = [sys.executable, __file__, "--work", name, str(folder), "--threads", str(threads)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), **entry.environment}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.name = name
        self.facts: dict[str, int] = {}
        self.speeds: list[float] = []

    def ready(self) -> None:
        """Wait until it has a model and batches."""
        self.facts = json.loads(self._line())

    def turn(self) -> None:
        """Let it train while the others wait."""
        stdin: IO[str] | None = self.process.stdin
        assert stdin is not None
        stdin.write("\n")
        stdin.flush()
        self.speeds.append(float(self._line()))

    def close(self) -> None:
        """Let it end."""
        self.process.communicate()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} ended early; see above.")
        return line


def measure(names: list[str], threads: int, repeats: int) -> dict[str, Worker]:
    """Start every row, wait for all, then let them take turns."""
    rows = entries()
    with tempfile.TemporaryDirectory() as folder:
        prepare_corpus(Path(folder))
        workers = {name: Worker(name, rows[name], Path(folder), threads) for name in rows if name in names}
        for worker in workers.values():
            worker.ready()
        for _ in range(repeats):
            for worker in workers.values():
                worker.turn()
        for worker in workers.values():
            worker.close()
    return workers


def report(workers: Mapping[str, Worker]) -> None:
    """The table, and the comparison of multiplicative with additive scoring."""
    rows = entries()
    print("| mechanism | parameters | training, target tokens/s (lowest, highest) | memory, MB |")
    print("| --- | --- | --- | --- |")
    group = ""
    for name, worker in workers.items():
        if rows[name].group != group:
            group = rows[name].group
            print(f"| *{group}* | | | |")
        low, middle, high = min(worker.speeds), statistics.median(worker.speeds), max(worker.speeds)
        memory = worker.facts["memory"] / 1e6
        print(f"| {name} | {worker.facts['parameters']:,} | {middle:,.0f} ({low:,.0f}, {high:,.0f}) | {memory:,.0f} |")
    for additive in ("additive", PLAIN):
        for name in ("dot", "scaled_dot", "general"):
            if name in workers and additive in workers:
                pairs = zip(workers[name].speeds, workers[additive].speeds, strict=True)
                ratio = statistics.median(one / other for one, other in pairs)
                print(f"\n{name} trains {ratio:.2f} times as fast as {additive}", end="")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(entries()), choices=list(entries()), metavar="ROW")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--work", nargs=2, metavar=("ROW", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], Path(options.work[1]), options.threads)
    else:
        report(measure(options.only, options.threads, options.repeats))


if __name__ == "__main__":
    main()
