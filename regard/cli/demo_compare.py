"""`regard demo --compare`: the same model with attention, with uniform weights, and with a fixed context.

The fixed contexts are those of Cho et al. 2014 (at every step) and Sutskever, Vinyals & Le 2014 (at the start).
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from regard.cli.errors import say
from regard.config import Config, dump
from regard.data.embedded import Corpus, GoldPair
from regard.errors import RegardError
from regard.metrics import METRICS
from regard.metrics.by_length import LengthRow, by_length
from regard.run.directory import Run, load

EDGES = (1, 6, 11, 16, 21, 26, 31, 41, 51)
FREE = {"training.guided_alignment.weight": "0"}
"""Where there is no attention to guide. All else is the same: the pairs, joined alike, and the budget."""
MODELS: dict[str, dict[str, str]] = {
    "attention": {},
    "uniform weights": {"model.attention.select": "uniform", "model.attention.moves": "0"} | FREE,
    "fixed, every step": {"model.decoder.kind": "fixed", "model.decoder.context": "every"} | FREE,
    "fixed, at the start": {"model.decoder.kind": "fixed", "model.decoder.context": "start"} | FREE,
}


@dataclass(frozen=True)
class Trained:
    """What one model cost and how good it is.

    Args:
        name: for the table and the plot.
        parameters: numbers that were learned.
        tokens_per_second: target tokens in training, the median over the run.
        peak_megabytes: most memory of its training process.
        rows: BLEU by length of the source.
    """

    name: str
    parameters: int
    tokens_per_second: float
    peak_megabytes: float
    rows: list[LengthRow]


def run_comparison(config: Config, corpus: Corpus, out: Path, *, threads: int | None, quiet: bool) -> None:
    """Train the four under the same budget, and write by-length.png, by-length.json and a table."""
    recipe = out / "recipe.yaml"
    recipe.write_text(dump(config), encoding="utf-8")
    pairs = [pair for split in corpus.test.values() for pair in split]
    results: list[Trained] = []
    for name, changes in MODELS.items():
        run = out / ("model" if not changes else name.split(",")[0].replace(" ", "-") + f"-{len(results)}")
        say(f"training: {name}")
        shutil.rmtree(run, ignore_errors=True)
        peak = _train(recipe, run, out / "corpus", changes, threads, quiet)
        results.append(_judge(name, run, pairs, peak))
    _report(results, out)


def _train(recipe: Path, run: Path, corpus: Path, changes: dict[str, str], threads: int | None, quiet: bool) -> float:
    """Train in a process of its own, whose memory is this model's alone; its peak in megabytes."""
    command = [sys.executable, "-m", "regard", "train", str(recipe), str(corpus / "train.tsv")]
    command += ["--dev", str(corpus / "dev.tsv"), "--out", str(run)]
    for key, value in changes.items():
        command += ["--set", f"{key}={value}"]
    command += ["--threads", str(threads)] if threads else []
    command += ["--quiet"] if quiet else []
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RegardError(f"training of {run} ended with exit code {process.returncode}; see above.")
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, kilobytes elsewhere


def _judge(name: str, run: Path, pairs: Sequence[GoldPair], peak: float) -> Trained:
    """BLEU by length over all test splits, and what training cost."""
    translator = load(run)
    sources = [pair.source for pair in pairs]
    outputs = [best.target_text for best, *_ in translator.outputs(sources)]
    rows = by_length(METRICS["bleu_zh"], sources, outputs, [[pair.target] for pair in pairs], edges=EDGES)
    parameters = sum(parameter.numel() for parameter in translator.models[0].parameters())
    lines = (Run(run).path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    speeds = [event["tokens_per_second"] for event in map(json.loads, lines) if "tokens_per_second" in event]
    return Trained(name, parameters, statistics.median(speeds or [0.0]), peak, rows)


def _report(results: Sequence[Trained], out: Path) -> None:
    """The table, the plot, and the numbers behind them."""
    table = Table("source words", "pairs", *(result.name for result in results), title="BLEU by length of the source")
    for number, row in enumerate(results[0].rows):
        if row.count:
            span = f"{row.low}–{row.high}" if row.high else f"{row.low}+"
            scores = [result.rows[number].score for result in results]
            table.add_row(span, str(row.count), *(f"{score.value:.1f}" if score else "" for score in scores))
    table.add_section()
    table.add_row("parameters", "", *(f"{result.parameters:,}" for result in results))
    table.add_row("training tokens/s", "", *(f"{result.tokens_per_second:,.0f}" for result in results))
    table.add_row("peak memory, MB", "", *(f"{result.peak_megabytes:,.0f}" for result in results))
    Console().print(table)
    points = {
        result.name: [(row.mean_length, row.score.value, row.count) for row in result.rows if row.score]
        for result in results
    }
    content = [
        {
            "model": result.name,
            "parameters": result.parameters,
            "tokens_per_second": round(result.tokens_per_second),
            "peak_megabytes": round(result.peak_megabytes),
            "bleu_by_length": [[round(x, 2), round(y, 2), count] for x, y, count in points[result.name]],
        }
        for result in results
    ]
    (out / "by-length.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    (out / "by-length.png").unlink(missing_ok=True)  # that of an earlier demo
    try:
        from regard.views.curves import save_curves

        save_curves(points, out / "by-length.png", "BLEU by length of the source", "source words", "BLEU")
    except RegardError as error:
        say(f"regard: no by-length.png, the numbers are in by-length.json: {error}")
