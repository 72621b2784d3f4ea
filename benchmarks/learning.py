"""Does each mechanism learn what it should, and fail where it should? One budget, one seed, three tasks.

    python benchmarks/learning.py                       every mechanism on every task, then the table
    python benchmarks/learning.py --expected            the table that was written before anything was trained
    python benchmarks/learning.py --only cosine hard    some of them
    python benchmarks/learning.py --table               what is known so far, without training
    python benchmarks/learning.py --page docs/learning.md     the same, put into the page between its marks
    python benchmarks/learning.py --scale               why does scaled_dot fall behind on `reverse`? About five minutes

`reverse` and `shifted_copy` are made by `regard.data.diagnostic`: the first needs to find by content, the second by
place. Solved means that at least 99 % of 500 test sequences, none of them in training, are right from end to end under
greedy search. `embedded` is the English–Chinese corpus of `regard demo`, with its recipe and fewer epochs; its figure
is BLEU on the development split, and nothing is expected of it but an order.

All mechanisms have the same encoder, decoder, batches, number of updates and seed; a run ends early when its
development loss allows at most 0.8 % of wrong sequences. Results go to OUT/results.jsonl, one line each; a result that
is there is not trained again. `--scale` trains scaled_dot again, each time with one change, and prints beside the score
how sharp its weights are: the mean of the largest weight.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from learning_rows import METRIC, RECIPES, ROWS, Row, digest, recipe
from timing.figures import report
from torch import Tensor, nn

from regard.attention import SCORES, scaled_dot
from regard.attention.history import History
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
SCALE_TASK = "reverse"
SCALED = next(row for row in ROWS if row.name == "scaled_dot")
SCALE_CHANGES: dict[str, dict[str, Any]] = {
    "scaled_dot": {},
    "twice the updates": {"training": {"max_steps": 3000}},
    "twice the rate": {"training": {"learning_rate": 0.008}},
    "learned": {"model": {"attention": {"score": "learned_scale"}}},
    "dot": {"model": {"attention": {"score": "dot"}}},
}


class Solved(Exception):
    """The development loss is almost zero."""


class UntilSolved:
    """Ends a run when its development loss is almost zero and its weights are saved."""

    def __init__(self) -> None:
        self.solved = False
        self.step = 0

    def __call__(self, event: Event) -> None:
        """Raises Solved after the checkpoint of such a validation."""
        if isinstance(event, Validated):
            self.step = event.step
            self.solved = event.scores["loss"] <= SOLVED_LOSS
        elif isinstance(event, Saved) and self.solved:
            raise Solved


def learn(row: Row, task: str, seed: int, out: Path) -> dict[str, Any]:
    """Train one mechanism on one task, and translate the held-out split: the score and the cost."""
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
    """The file that a task is scored on: the test split; for the embedded corpus, the development split."""
    return data / ("dev.tsv" if data.name == "embedded" else "test.tsv")


def known(results: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The results so far, by recipe and task; the later one of two."""
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
    """What was expected before training, in Markdown."""
    yield "| mechanism | reverse | shifted copy | because |"
    yield "| --- | --- | --- | --- |"
    for row in ROWS:
        marks = ["yes" if row.expected[task] else "no" for task in TASKS]
        yield f"| {row.name} | {' | '.join(marks)} | {row.because} |"


class LearnedScale(nn.Module):
    """`scaled_dot` times a learned number that starts at one: the same scores at first, and free to grow."""

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.score = scaled_dot.ScaledDotScore(query_size, key_size)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        return self.score.prepare(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        scores: Tensor = self.score(query, prepared, history)
        return scores * self.log_scale.exp()


def mean_largest_weight(run: Path, sources: list[str]) -> float:
    """The mean, over all target positions, of the largest weight."""
    found = [each[0].weights for each in load(run).translate(sources, units="tokens")]
    return sum(float(weights.max(1).sum()) for weights in found) / sum(len(weights) for weights in found)


def scale_table(names: list[str], seed: int, out: Path) -> Iterator[str]:
    """The result of each change to scaled_dot, in Markdown, one line after each run."""
    vars(scaled_dot)["LearnedScale"] = LearnedScale  # a score is found by its name; this one exists only here
    SCORES.places["learned_scale"] = "scaled_dot:LearnedScale"
    write_task(make_task(SCALE_TASK), out / "data" / SCALE_TASK)
    lines = (out / "data" / SCALE_TASK / "test.tsv").read_text(encoding="utf-8").splitlines()
    yield "| run | right | largest weight | updates |"
    yield "| --- | --- | --- | --- |"
    for name in names:
        result = learn(replace(SCALED, name=name, **SCALE_CHANGES[name]), SCALE_TASK, seed, out)
        largest = mean_largest_weight(out / "runs" / SCALE_TASK / name, [line.split("\t")[0] for line in lines])
        yield f"| {name} | {result['score']:.1f} % | {largest:.2f} | {result['updates']} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/learning"))
    parser.add_argument("--only", nargs="*", default=[row.name for row in ROWS], metavar="MECHANISM")
    parser.add_argument("--tasks", nargs="*", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--expected", action="store_true", help="print what is expected, and train nothing")
    parser.add_argument("--scale", action="store_true", help="train scaled_dot on reverse, with one change at a time")
    parser.add_argument("--table", action="store_true", help="print what is known, and train nothing")
    parser.add_argument("--page", type=Path, help="also put the table into this page, between its marks")
    options = parser.parse_args()
    if unknown := set(options.only) - {row.name for row in ROWS}:
        parser.error(f"no mechanism {', '.join(unknown)}; expected one of {', '.join(row.name for row in ROWS)}")
    if options.expected:
        sys.exit(print(*expectations(), sep="\n"))
    if options.scale:
        keep_memory()
        torch.set_num_threads(1)
        for line in scale_table(list(SCALE_CHANGES), options.seed, options.out / "scale"):
            print(line, flush=True)
        return
    results = options.out / "results.jsonl"
    if not options.table:
        keep_memory()
        torch.set_num_threads(options.threads)
        train_all([row for row in ROWS if row.name in options.only], options.tasks, options.seed, options.out, results)
    lines = list(table(results, options.seed, options.tasks))
    report(lines, options.page)


def train_all(rows: list[Row], tasks: list[str], seed: int, out: Path, results: Path) -> None:
    """Train what has no result yet, task by task, and write each result at once."""
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
