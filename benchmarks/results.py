"""The figures of the recipes on real corpora: each is measured into a record, and docs/results.md is written from them.

    python benchmarks/results.py measure NAME RUN... --pairs TEST.tsv --metric cer --metric wer --corpus "CMU AN4 …"
    python benchmarks/results.py measure NAME RUN... … --row "CTC alone: --ctc-weight 1" --floor "Sphinx: WER=30.3"
    python benchmarks/results.py write

`measure` runs `regard evaluate` on each run, a seed each, once for each row with the options behind its colon, and
keeps what it printed in benchmarks/results/NAME.json: with the commands, the revision, the seeds, the minutes and the
size of each run, and the signatures of the metrics. Nothing of the corpus is in it. `write` writes docs/results.md.
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from regard.run.directory import Run
from regard.training.tensorfile import read

ROOT = Path(__file__).resolve().parents[1]
RECORDS, PAGE = ROOT / "benchmarks/results", ROOT / "docs/results.md"
MACHINE = "2 cores of an AMD EPYC with AVX-512, 24 GiB, torch 2.13 CPU"
KEYS = {"title", "recipe", "corpus", "date", "machine", "revision", "runs", "commands", "rows", "floors", "notes"}

HEAD = """# Results on real corpora

Written by `python benchmarks/results.py write` from the records in `benchmarks/results/`; the command `measure` of the
same file made each. The corpora are not part of this project. Test sets were read once, at the end; choices were made
on development sets. A number is of one seed; of several seeds it is the mean with the standard deviation. Rows in
italics are other systems, or rules that read no source. Minutes are of the training alone, by the clock, while other
programs used the machine as well. [The recipes](recipes.md) has more on the corpora.
"""


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    actions = parser.add_subparsers(required=True, dest="action")
    measuring = actions.add_parser("measure", help="evaluate runs, and keep what comes of it")
    measuring.add_argument("name")
    measuring.add_argument("runs", type=Path, nargs="+")
    measuring.add_argument("--title", required=True)
    measuring.add_argument("--corpus", required=True, help="what was learned from and tested on, in a few words")
    measuring.add_argument("--train", required=True, help="the command that trained the runs")
    measuring.add_argument("--pairs", required=True)
    measuring.add_argument("--metric", action="append", required=True)
    measuring.add_argument("--options", default="", help="of `regard evaluate`, for all rows")
    measuring.add_argument("--row", action="append", default=[], help="NAME: OPTIONS; without any, one row")
    measuring.add_argument(
        "--floor", action="append", default=[], help="NAME: METRIC=VALUE … of another system or rule"
    )
    measuring.add_argument("--note", action="append", default=[])
    actions.add_parser("write", help="write docs/results.md")
    given = parser.parse_args()
    if given.action == "measure":
        content = json.dumps(measured(given), ensure_ascii=False, indent=1)
        RECORDS.mkdir(exist_ok=True)
        (RECORDS / f"{given.name}.json").write_text(content + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """The record of some runs of one recipe."""
    metrics = [option for name in given.metric for option in ("--metric", name)]
    rows = []
    for row in given.row or ["as the recipe says:"]:
        name, _, options = row.partition(":")
        found = [evaluated(run, given.pairs, [*metrics, *shlex.split(given.options + options)]) for run in given.runs]
        scores = [{score["name"]: score["value"] for score in one["scores"]} for one in found]
        kept = {"name": name.strip(), "options": options.strip(), "scores": scores, "segments": found[0]["segments"]}
        if "places" in found[0]:
            kept["places"] = [one["places"] for one in found]
        rows.append(kept | {"signatures": [score["signature"] for score in found[0]["scores"]]})
    config = Run(given.runs[0]).config
    evaluate = " ".join(["regard evaluate RUN", given.pairs, *metrics, given.options]).strip()
    return {
        "title": given.title,
        "recipe": config.name,
        "corpus": given.corpus,
        "date": date.today().isoformat(),
        "machine": MACHINE,
        "revision": revision(),
        "runs": [described(run) for run in given.runs],
        "commands": [given.train, evaluate],
        "rows": rows,
        "floors": given.floor,
        "notes": given.note,
    }


def revision() -> str:
    """The commit that is measured."""
    return subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip()


def evaluated(run: Path, pairs: str, options: list[str]) -> dict[str, Any]:
    """What `regard evaluate` prints as JSON."""
    command = [sys.executable, "-m", "regard", "evaluate", str(run), pairs, "--json", "--quiet", *options]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return found


def described(path: Path) -> dict[str, Any]:
    """The seed, the size and the length of the training of a run."""
    run = Run(path)
    events = [json.loads(line) for line in (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [event for event in events if event["event"] == "validated"][-1]
    sizes = [tensor.numel() for tensor in read(run.weights_file).tensors.values()]
    return {
        "seed": run.config.training.seed,
        "minutes": round(last["seconds"] / 60, 1),
        "epochs": last["epoch"] + 1,
        "updates": last["step"],
        "parameters": sum(sizes),
    }


def page() -> str:
    """docs/results.md."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    return HEAD + "".join(f"\n{chapter(record)}" for record in records)


def chapter(record: dict[str, Any]) -> str:
    """What is said of one record."""
    assert record.keys() == KEYS, sorted(record.keys() ^ KEYS)
    runs, names = record["runs"], list(record["rows"][0]["scores"][0])
    pointing = any("places" in row for row in record["rows"])
    more = ["words that point into their place", "blind rules"] if pointing else []
    lines = [f"| {' | '.join(['', *names, *more])} |", f"| {' | '.join(['---'] * (1 + len(names) + len(more)))} |"]
    for row in record["rows"]:
        cells = [spread([score[name] for score in row["scores"]]) for name in names]
        if pointing:
            cells += pointed(row.get("places"))
        name = f"{row['name']} (`{row['options']}`)" if row["options"] else row["name"]
        lines.append(f"| {' | '.join([name, *cells])} |")
    for floor in record["floors"]:
        name, values = reached(floor, names)
        lines.append(f"| {' | '.join([f'*{name}*', *(values.get(each, '') for each in names), *[''] * len(more)])} |")
    minutes, epochs = (spread([run[name] for run in runs]) for name in ("minutes", "epochs"))
    seeds = ", ".join(str(run["seed"]) for run in runs)
    signatures = "; ".join(f"`{each}`" for each in dict.fromkeys(record["rows"][0]["signatures"]))
    facts = (
        f"{record['corpus']}. {record['rows'][0]['segments']:,} sources tested. {runs[0]['parameters']:,} parameters, "
        f"{epochs} epochs, {minutes} minutes a run; seeds: {seeds}.\n{record['machine']}; revision "
        f"{record['revision']}, {record['date']}.\n{signatures}."
    )
    commands = "\n".join(record["commands"])
    notes = "".join(f"- {note}\n" for note in record["notes"])
    body = "\n".join(lines)
    return f"## {record['title']}\n\n{body}\n\n{facts}\n\n```\n{commands}\n```\n" + (f"\n{notes}" if notes else "")


def reached(floor: str, names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The name of another system, and its figures by metric, as given to `--floor`.

    Raises ValueError for a metric that no row has: its figure would not be shown.
    """
    name, _, values = floor.rpartition(":")
    found = dict(re.findall(r"(\S+(?: \([^)]*\))?)=(\S+)", values))
    if not found or set(found) - set(names):
        raise ValueError(f"--floor {floor!r}; expected NAME: METRIC=VALUE with metrics of {', '.join(names)}")
    return name, found


def pointed(places: list[dict[str, Any]] | None) -> list[str]:
    """How many words point into their place, and by each blind rule."""
    if places is None:
        return ["", ""]
    own = spread([100 * each["attention"]["pointing"] for each in places])
    rules = [f"{name} {100 * places[0][name]['pointing']:.1f}" for name in places[0] if name != "attention"]
    return [own, ", ".join(rules)]


def spread(values: list[float]) -> str:
    """The mean, and of several values the standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.1f}" if isinstance(values[0], float) else f"{values[0]:,}"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


if __name__ == "__main__":
    main()
