"""Inflection with several mechanisms: the same files, threads and seed for each, and with --minutes the same time.

    python benchmarks/inflection.py DATA                                every mechanism on every language
    python benchmarks/inflection.py DATA --languages german turkish --mechanisms copy "monotonic, moves"
    python benchmarks/inflection.py DATA --setting high --minutes 30
    python benchmarks/inflection.py DATA --table                        what is known so far, without training

DATA has a folder for each language with files of SIGMORPHON 2017, task 1: `train-SETTING.tsv`, `dev.tsv` and
`test.tsv`, with the columns lemma, form and tags. Every mechanism is a recipe, some with a few keys changed, see
`MECHANISMS`, in the size that `regard train` chooses for so many forms. The weights that are best on the development
pairs are kept; choose by these. The test pairs are read once, at the end of a run.

Accuracy is the share of forms that are right as a whole, in per cent. The distance is the mean number of letters to
insert, delete or replace. Results go to OUT/results.jsonl, one line each; a result that is there is not trained again.
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from timing.figures import machine_line, report

from regard.config import Config
from regard.config.recipe import adapted, dump
from regard.metrics import METRICS
from regard.run.choose_forms import forms_size, in_size
from regard.run.directory import load
from regard.run.fit import fit
from regard.run.memory import keep_memory
from regard.run.pairs import pair_files
from regard.translator import Translator

MECHANISMS: dict[str, tuple[str, list[str]]] = {
    "soft": ("inflection-copy", ["model.output={kind: linear}"]),
    "copy": ("inflection-copy", []),
    "copy, real pairs alone": ("inflection-copy", ["data.hallucinate.share=0"]),
    "hard": ("inflection-hard", ["model.decoder.monotonic=false", "model.decoder.order=0"]),
    "hard, moves": ("inflection-hard", ["model.decoder.monotonic=false"]),
    "monotonic": ("inflection-hard", ["model.decoder.order=0"]),
    "monotonic, moves": ("inflection-hard", []),
    "monotonic, moves, real pairs alone": ("inflection-hard", ["data.hallucinate.share=0"]),
}
"""The recipe of each, and what it changes there."""

PAIRS = {"low": 100, "medium": 1_000, "high": 10_000}
"""How many there are to learn from."""
LANGUAGES = ("german", "finnish", "turkish", "spanish", "arabic")
SPLITS = ("dev", "test")


def recipe(mechanism: str, setting: str, seed: int, minutes: float | None) -> Config:
    """The recipe of a mechanism, in the size that suits the pairs of the setting; with a limit of minutes, no other."""
    limit = [] if minutes is None else [f"training.max_minutes={minutes}", "training.max_steps=null"]
    name, changes = MECHANISMS[mechanism]
    return adapted(in_size(name, forms_size(PAIRS[setting])), [*changes, f"training.seed={seed}", *limit], name)


def key(config: Config, language: str, setting: str) -> str:
    """What says that two results are the same."""
    return hashlib.sha256(f"{language} {setting} {dump(config)}".encode()).hexdigest()[:16]


def learn(config: Config, mechanism: str, folder: Path, setting: str, run: Path) -> dict[str, Any]:
    """Train one mechanism on one language: its scores, and what it cost."""
    shutil.rmtree(run, ignore_errors=True)
    train, dev = (pair_files([str(folder / f"{name}.tsv")], config.data) for name in (f"train-{setting}", "dev"))
    wall, processor = time.perf_counter(), time.process_time()
    progress = fit(config, train, dev, run)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    translator = load(run)
    return {
        "key": key(config, folder.name, setting),
        "mechanism": mechanism,
        "language": folder.name,
        "setting": setting,
        "seed": config.training.seed,
        "updates": progress.step,
        "minutes": round(wall / 60, 2),
        "processor_minutes": round(processor / 60, 2),
        "parameters": sum(parameter.numel() for parameter in translator.models[0].parameters()),
        **{split: scores(translator, config, folder / f"{split}.tsv") for split in SPLITS},
    }


def scores(translator: Translator, config: Config, path: Path) -> dict[str, float]:
    """Accuracy and mean distance on a file."""
    pairs = [(each.source, each.target or "") for each in pair_files([str(path)], config.data).read()]
    found = [best.target_text for best, *_ in translator.outputs([source for source, _ in pairs])]
    references = [[form] for _, form in pairs]
    return {
        "accuracy": round(METRICS["exact"](found, references).value, 2),
        "distance": round(METRICS["edit_distance"](found, references).value, 3),
    }


def known(results: Path) -> dict[str, dict[str, Any]]:
    """The results so far, by their key."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {result["key"]: result for result in map(json.loads, lines)}


def table(results: list[dict[str, Any]], languages: Sequence[str]) -> Iterator[str]:
    """Accuracy on the development and the test pairs, in Markdown; a mean only where every language has a result."""
    yield f"| mechanism | {' | '.join(languages)} | mean | distance | minutes |"
    yield f"| --- |{' --- |' * (len(languages) + 3)}"
    for mechanism in MECHANISMS:
        found = {result["language"]: result for result in results if result["mechanism"] == mechanism}
        if not found:
            continue
        cells = [_pair(found[one], "accuracy", 1) if one in found else "" for one in languages]
        whole = [found[one] for one in languages if one in found]
        if len(whole) == len(languages):
            for measure, digits in (("accuracy", 1), ("distance", 2)):
                means = [mean(one[split][measure] for one in whole) for split in SPLITS]
                cells.append(" / ".join(f"{each:.{digits}f}" for each in means))
        else:
            cells += ["", ""]
        yield f"| {mechanism} | {' | '.join(cells)} | {mean(one['minutes'] for one in whole):.1f} |"


def _pair(result: dict[str, Any], measure: str, digits: int) -> str:
    return " / ".join(f"{result[split][measure]:.{digits}f}" for split in SPLITS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with one for each language")
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES), metavar="NAME")
    parser.add_argument("--mechanisms", nargs="+", default=list(MECHANISMS), choices=list(MECHANISMS))
    parser.add_argument("--setting", default="medium", choices=list(PAIRS))
    parser.add_argument("--minutes", type=float, help="most minutes of a training; else the epochs of the recipe")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/inflection"))
    parser.add_argument("--table", action="store_true", help="print what is known, and train nothing")
    parser.add_argument("--page", type=Path, help="also put the table into this page, between its marks")
    options = parser.parse_args()
    if lacking := [one for one in options.languages if not (options.data / one).is_dir()]:
        parser.error(
            f"{options.data} has no folder {', '.join(lacking)}. Name the folder above those of the languages."
        )
    torch.set_num_threads(options.threads)
    keep_memory()
    results = options.out / "results.jsonl"
    wanted = []
    for language in options.languages:
        for mechanism in options.mechanisms:
            config = recipe(mechanism, options.setting, options.seed, options.minutes)
            wanted.append(key(config, language, options.setting))
            if options.table or wanted[-1] in known(results):
                continue
            run = options.out / f"{language}-{options.setting}-{mechanism.replace(', ', '-')}-{options.seed}"
            result = learn(config, mechanism, options.data / language, options.setting, run)
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(result) + "\n")
            print(f"{language}, {mechanism}: {_pair(result, 'accuracy', 1)} %", file=sys.stderr, flush=True)
    found = known(results)
    print(f"{machine_line(options.threads)}; {options.setting}, seed {options.seed}; dev / test\n")
    report(list(table([found[each] for each in wanted if each in found], options.languages)), options.page)


if __name__ == "__main__":
    main()
