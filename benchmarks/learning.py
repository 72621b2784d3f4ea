"""Does each mechanism learn what it should, and fail where it should? One budget, one seed, three tasks.

    python benchmarks/learning.py                       every mechanism on every task, then the table
    python benchmarks/learning.py --expected            the table that was written before anything was trained
    python benchmarks/learning.py --only cosine hard    some of them
    python benchmarks/learning.py --table               what is known so far, without training
    python benchmarks/learning.py --page docs/learning.md     the same, put into the page between its marks

`reverse` and `shifted_copy` are made by `regard.data.diagnostic`: the first needs to find by content, the second by
place. Solved means that at least 99 % of 500 test sequences, none of them in training, are right from end to end under
greedy search. `embedded` is the English–Chinese corpus of `regard demo`, with its recipe and fewer epochs; its figure
is BLEU on the development split, and nothing is expected of it but an order.

All mechanisms have the same encoder, decoder, batches, number of updates and seed; a run ends early when its
development loss leaves no room for more than 0.8 % of wrong sequences. Results go to OUT/results.jsonl, one line each;
what is there is not trained again.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from learning_recipes import METRIC, RECIPES, digest, recipe
from learning_rows import ROWS, Row
from pages import report

from regard.config import parse
from regard.data.diagnostic import TASKS, make_task, write_task
from regard.data.embedded import write_corpus
from regard.data.readers import PairFiles
from regard.metrics import METRICS
from regard.run.directory import load
from regard.run.fit import fit
from regard.run.memory import keep_memory
from regard.training.events import Event, Saved, Validated

THRESHOLD = 99.0
# Nats per target token. A wrong token has at least log 2, and a text about 11 tokens: at most 0.8 % of texts are wrong.
SOLVED_LOSS = 0.0005


class Solved(Exception):
    """Next to nothing is left to learn."""


class UntilSolved:
    """Ends a run at a development loss of next to nothing, once its weights are published."""

    def __init__(self) -> None:
        self.solved = False
        self.step = 0

    def __call__(self, event: Event) -> None:
        """Raises Solved behind the checkpoint of such a validation."""
        if isinstance(event, Validated):
            self.step = event.step
            self.solved = event.scores["loss"] <= SOLVED_LOSS
        elif isinstance(event, Saved) and self.solved:
            raise Solved


def learn(row: Row, task: str, seed: int, out: Path) -> dict[str, Any]:
    """Train one mechanism on one task, translate the held-out split, and say how good and how dear that was."""
    values, data, run = recipe(row, task, seed), out / "data" / task, out / "runs" / task / row.name
    shutil.rmtree(run, ignore_errors=True)
    train, dev = (PairFiles((str(data / f"{split}.tsv"),)) for split in ("train", "dev"))
    listener, wall, processor = UntilSolved(), time.perf_counter(), time.process_time()
    with suppress(Solved):
        fit(parse(values, f"{row.name} on {task}"), train, dev, run, listeners=[listener])
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    translator = load(run)
    pairs = [line.split("\t") for line in held_out(data).read_text(encoding="utf-8").splitlines()]
    outputs = [found[0].target_text for found in translator.translate([source for source, _ in pairs], units="tokens")]
    score = METRICS[METRIC[task]](outputs, [[target] for _, target in pairs])
    return {
        "row": row.name,
        "task": task,
        "seed": seed,
        "recipe": digest(values),
        "score": round(score.value, 2),
        "updates": listener.step,
        "seconds": round(wall, 1),
        "processor_seconds": round(processor, 1),
        "parameters": sum(parameter.numel() for parameter in translator.models[0].parameters()),
    }


def held_out(data: Path) -> Path:
    """What a task is judged on: the test split; of the embedded corpus the development split."""
    return data / ("dev.tsv" if data.name == "embedded" else "test.tsv")


def known(results: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What was measured, by recipe and task; of two results the later."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {(result["recipe"], result["task"]): result for result in map(json.loads, lines)}


def table(results: Path, seed: int, tasks: list[str]) -> Iterator[str]:
    """Expected and observed, in Markdown."""
    found = known(results)
    heads = [f"{task}: expected | observed" if task in TASKS else f"{task}: BLEU" for task in tasks]
    yield "| mechanism | " + " | ".join(heads) + " |"
    yield "| --- |" + "".join(" --- | --- |" if task in TASKS else " --- |" for task in tasks)
    for row in ROWS:
        cells = []
        for task in tasks:
            result, expected = found.get((digest(recipe(row, task, seed)), task)), row.expected.get(task)
            cells += [] if expected is None else ["yes" if expected else "no"]
            cells.append(_observed(result, expected))
        yield f"| {row.name} | " + " | ".join(cells) + " |"


def _observed(result: dict[str, Any] | None, expected: bool | None) -> str:
    if result is None:
        return ""
    if expected is None:
        return f"{result['score']:.1f}"
    text = f"{result['score']:.1f} % ({result['updates']})"
    return text if (result["score"] >= THRESHOLD) == expected else f"**{text}**"


def expectations() -> Iterator[str]:
    """What was written before anything was trained, in Markdown."""
    yield "| mechanism | reverse | shifted copy | because |"
    yield "| --- | --- | --- | --- |"
    for row in ROWS:
        marks = ["yes" if row.expected[task] else "no" for task in TASKS]
        yield f"| {row.name} | {' | '.join(marks)} | {row.because} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/learning"))
    parser.add_argument("--only", nargs="*", default=[row.name for row in ROWS], metavar="MECHANISM")
    parser.add_argument("--tasks", nargs="*", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--expected", action="store_true", help="print what is expected, and train nothing")
    parser.add_argument("--table", action="store_true", help="print what is known, and train nothing")
    parser.add_argument("--page", type=Path, help="also put the table into this page, between its marks")
    options = parser.parse_args()
    if unknown := set(options.only) - {row.name for row in ROWS}:
        parser.error(f"no mechanism {', '.join(unknown)}; expected one of {', '.join(row.name for row in ROWS)}")
    if options.expected:
        sys.exit(print(*expectations(), sep="\n"))
    results = options.out / "results.jsonl"
    if not options.table:
        keep_memory()
        torch.set_num_threads(options.threads)
        train_all([row for row in ROWS if row.name in options.only], options.tasks, options.seed, options.out, results)
    lines = list(table(results, options.seed, options.tasks))
    report(lines, options.page)


def train_all(rows: list[Row], tasks: list[str], seed: int, out: Path, results: Path) -> None:
    """Train what is not known yet, task by task, each result written down at once."""
    for task in tasks:
        if task == "embedded":
            write_corpus(out / "data" / task)
        else:
            write_task(make_task(task), out / "data" / task)
        for row in rows:
            if (digest(recipe(row, task, seed)), task) in known(results):
                continue
            result = learn(row, task, seed, out)
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(result) + "\n")
            print(
                f"{task}: {row.name}: {result['score']:.1f} after {result['updates']} updates, "
                f"{result['processor_seconds']} s of the processor",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
