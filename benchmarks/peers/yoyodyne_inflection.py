"""Inflection by Regard and by yoyodyne: the same pairs and minutes, one thread each, one after the other.

    python -m venv DIR/yoyodyne && DIR/yoyodyne/bin/pip install yoyodyne==0.5.27
    python benchmarks/peers/yoyodyne_inflection.py DATA/german --environments DIR --minutes 3 --test

DATA/german has `train-SETTING.tsv`, `dev.tsv` and `test.tsv` of SIGMORPHON 2017, task 1, with the columns lemma, form
and tags. Each system is a process of its own, started by its own command. Minutes are those of training with its
validations; the start of the process is left out. They are minutes of the clock: see that a core is free. The minutes
of the processor, of the whole process, are shown beside them.

- Regard: what `regard train` chooses for the pairs (in the low setting `inflection-edits`, else `inflection-copy` in
  the size that suits them), without its limits of updates and epochs; its learning rate falls with time.
- yoyodyne: the models of its example files `pointer_generator_lstm.yaml`, `soft_attention_lstm.yaml` (trained by Adam,
  as its comment advises), `hard_attention_lstm.yaml` and `context_hard_attention_lstm.yaml`, each with a second LSTM
  encoder for the tags, as in its tests; gradients clipped at 3, as in its `trainer.yaml`; batches of 32, its default.
  The learning rate is constant. Hard attention needs more than 3 minutes for one epoch of 1,000 pairs, and is trained
  where `--models` names it. Its transducer is not here: another program has to learn its costs of edits first.

Each system keeps its weights of the best validation, and writes its forms of the development and test lemmas into a
file, by beam search of 5 where it has it. Accuracy is the share of lines that are the form as a whole, in per cent.
"""

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from timing.figures import machine_line, markdown

BEAM = 5
VALIDATE_EVERY = 250


@dataclass(frozen=True)
class Point:
    """A validation: seconds of training so far, epochs, updates, and accuracy in per cent."""

    seconds: float
    epochs: int
    updates: int
    accuracy: float


@dataclass(frozen=True)
class Result:
    """What one system learnt."""

    name: str
    curve: Sequence[Point]
    accuracy: Mapping[str, float]
    processor_minutes: float


def lstm(embedding: int, hidden: int) -> dict[str, Any]:
    """An encoder of yoyodyne."""
    sizes = {"dropout": 0.3, "embedding_size": embedding, "hidden_size": hidden}
    return {"class_path": "yoyodyne.models.modules.LSTMEncoder", "init_args": sizes}


def model(kind: str, embedding: int, hidden: int, **more: object) -> dict[str, Any]:
    """A model of yoyodyne, with an encoder for the lemma and another for the tags."""
    sizes = {"decoder_dropout": 0.3, "decoder_hidden_size": hidden, "embedding_size": embedding}
    encoders = {"source_encoder": lstm(embedding, hidden), "features_encoder": lstm(embedding, hidden)}
    adam = {"class_path": "yoyodyne.optimizers.Adam", "init_args": {"lr": 0.001}}
    return {"class_path": f"yoyodyne.models.{kind}", "init_args": {**encoders, **sizes, "optimizer": adam, **more}}


MODELS = {
    "pointer-generator": (model("PointerGeneratorLSTMModel", 300, 100), BEAM),
    "soft attention": (model("SoftAttentionLSTMModel", 300, 100), BEAM),
    "hard attention": (model("HardAttentionLSTMModel", 200, 400), 1),
    "hard attention, monotonic, moves": (
        model("HardAttentionLSTMModel", 200, 400, attention_context=1, enforce_monotonic=True),
        1,
    ),
}
"""yoyodyne's models, and the size of the beam; its hard attention has greedy search alone."""


def settings(name: str, data: Path, setting: str, minutes: float, run: Path, seed: int) -> dict[str, Any]:
    """The settings file of a training of yoyodyne."""
    seconds = round(60 * minutes)
    return {
        "seed_everything": seed,
        "trainer": {
            "accelerator": "cpu",
            "default_root_dir": str(run),
            "gradient_clip_val": 3,
            "max_epochs": -1,
            "max_time": f"00:{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
            "enable_progress_bar": False,
            "callbacks": [
                {"class_path": "peers.yoyodyne_clock.Clock", "init_args": {"path": str(run / "validations.jsonl")}}
            ],
        },
        "model": MODELS[name][0],
        "data": {
            "model_dir": str(run),
            "train": str(data / f"train-{setting}.tsv"),
            "val": str(data / "dev.tsv"),
            "features_col": 3,
        },
        "checkpoint": {"dirpath": str(run), "filename": "best", "monitor": "val_accuracy", "mode": "max"},
    }


def call(command: Sequence[str | Path], log: Path, source: Path | None = None, out: Path | None = None) -> float:
    """Run a process on one thread: its minutes of processor. Raises RuntimeError, with its log, where it fails."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, "1") | {"WANDB_MODE": "disabled", "CUDA_VISIBLE_DEVICES": ""}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])  # for the clock
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (
        log.open("ab") as messages,
        (source or Path(os.devnull)).open("rb") as given,
        (out or log).open("wb" if out else "ab") as written,
    ):
        done = subprocess.run(command, stdin=given, stdout=written, stderr=messages, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}; its messages are in {log}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60


def yoyodyne(name: str, options: argparse.Namespace) -> Result:
    """Train a model of yoyodyne, and score what it writes."""
    run = fresh(options.out / f"yoyodyne-{name.replace(', ', '-').replace(' ', '-')}")
    data, program = options.data.resolve(), options.environments.resolve() / "yoyodyne" / "bin" / "yoyodyne"
    config = settings(name, data, options.setting, options.minutes, run, options.seed)
    (run / "fit.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    used = call([program, "fit", "--config", run / "fit.yaml"], run / "log")
    accuracy = {}
    del config["data"]["train"]  # else it is read anew for its symbols
    config["model"]["init_args"] = config["model"]["init_args"] | {"beam_width": MODELS[name][1]}
    for split in splits(options):
        written = run / f"{split}.out"
        config["data"]["predict"], config["prediction"] = str(data / f"{split}.tsv"), {"path": str(written)}
        (run / "predict.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        call([program, "predict", "--config", run / "predict.yaml", "--ckpt_path", run / "best.ckpt"], run / "log")
        accuracy[split] = right(outputs(written, MODELS[name][1]), forms(data / f"{split}.tsv"))
    return Result(f"yoyodyne, {name}", their_curve(run / "validations.jsonl"), accuracy, used)


def changes(minutes: float, seed: int, pairs: int) -> list[str]:
    """The keys of the recipe that are changed: time alone ends it, and it is validated on all pairs."""
    found = {"max_minutes": minutes, "max_steps": "null", "max_epochs": 1_000_000, "seed": seed}
    found |= {"validate_every": VALIDATE_EVERY, "validate_pairs": pairs}
    return [f"training.{key}={value}" for key, value in found.items()]


def regard(options: argparse.Namespace) -> Result:
    """Train what Regard chooses for the pairs, and score what it writes."""
    run, data = fresh(options.out / "regard"), options.data.resolve()
    program = [sys.executable, "-m", "regard"]
    pairs = len(forms(data / "dev.tsv"))
    sets = [word for each in changes(options.minutes, options.seed, pairs) for word in ("--set", each)]
    files = [data / f"train-{options.setting}.tsv", "--dev", data / "dev.tsv", "--out", run / "model"]
    used = call([*program, "train", *files, "--threads", "1", "--quiet", *sets], run / "log")
    accuracy = {}
    for split in splits(options):
        lines = [line.split("\t") for line in (data / f"{split}.tsv").read_text(encoding="utf-8").splitlines()]
        source, written = run / f"{split}.in", run / f"{split}.out"
        source.write_text("".join(f"{lemma}\t{tags}\n" for lemma, _, tags in lines), encoding="utf-8")
        call([*program, "translate", run / "model", "--threads", "1"], run / "log", source, written)
        accuracy[split] = right(outputs(written, 1), forms(data / f"{split}.tsv"))
    return Result("Regard", our_curve(run / "model" / "metrics.jsonl"), accuracy, used)


def fresh(run: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    return run.resolve()


def splits(options: argparse.Namespace) -> list[str]:
    """The files that are scored."""
    return ["dev", "test"] if options.test else ["dev"]


def forms(path: Path) -> list[str]:
    """The right forms of a file."""
    return [line.split("\t")[1] for line in path.read_text(encoding="utf-8").splitlines()]


def outputs(path: Path, beam: int) -> list[str]:
    """The first output of each line; with a beam, yoyodyne writes each with its score, between tabs."""
    with path.open(encoding="utf-8", newline="") as stream:
        if beam > 1:
            return [row[0] for row in csv.reader(stream, delimiter="\t")]
        return [line.rstrip("\r\n") for line in stream]


def right(found: Sequence[str], wanted: Sequence[str]) -> float:
    """How many are the same as a whole, in per cent. Raises ValueError for a line too many or too few."""
    if len(found) != len(wanted):
        raise ValueError(f"right: {len(found)} outputs for {len(wanted)} forms; expected one line for each form.")
    return 100 * sum(one == other for one, other in zip(found, wanted, strict=True)) / len(wanted)


def their_curve(path: Path) -> list[Point]:
    """The validations of yoyodyne; none where it had no time for one."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [Point(each["seconds"], each["epochs"], each["updates"], 100 * each["accuracy"]) for each in found]


def our_curve(path: Path) -> list[Point]:
    """The validations in the log of a run of Regard; its metric is the share of words that are wrong."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Point(each["seconds"], each["epoch"], each["step"], 100 - each["scores"]["word_error"])
        for each in found
        if each["event"] == "validated"
    ]


def minutes_to(curve: Sequence[Point], accuracy: float) -> float | None:
    """Minutes until a validation is at least so good; None where none is."""
    return next((point.seconds / 60 for point in curve if point.accuracy >= accuracy), None)


def at(curve: Sequence[Point], minutes: float) -> str:
    """The best accuracy up to then; a dash before the first validation."""
    known = [point.accuracy for point in curve if point.seconds <= 60 * minutes]
    return f"{max(known):.1f}" if known else "–"


def table(results: Sequence[Result], minutes: float, steps: int = 6) -> list[str]:
    """Two tables in Markdown: the results, and the best validation so far after each part of the time."""
    bar = max((point.accuracy for each in results[1:] for point in each.curve), default=None)
    rows = []
    for each in results:
        reached = None if bar is None else minutes_to(each.curve, bar)
        last = each.curve[-1] if each.curve else Point(0, 0, 0, 0)
        scores = [f"{each.accuracy[split]:.1f}" if split in each.accuracy else "–" for split in ("dev", "test")]
        when = "–" if reached is None else f"{reached:.2f}"
        rows.append([each.name, *scores, when, str(last.epochs), f"{last.updates:,}", f"{each.processor_minutes:.1f}"])
    goal = "minutes to yoyodyne's best" if bar is None else f"minutes to {bar:.1f} in validation, yoyodyne's best"
    first = markdown(["", "dev", "test", goal, "epochs", "updates", "processor's minutes"], rows)
    parts = [minutes * (part + 1) / steps for part in range(steps)]
    curves = [[each.name, *(at(each.curve, part) for part in parts)] for each in results]
    second = markdown(["best validation after", *(f"{part:.3g} min" for part in parts)], curves)
    return [first, "", second]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="the folder of a language")
    parser.add_argument("--environments", type=Path, default=Path("runs/peers"), help="has yoyodyne/bin/yoyodyne")
    parser.add_argument("--setting", default="medium", choices=("low", "medium", "high"))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["pointer-generator"], help="of yoyodyne")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--test", action="store_true", help="score the test pairs, too")
    parser.add_argument("--out", type=Path, default=Path("runs/yoyodyne-inflection"))
    options = parser.parse_args()
    if not (options.environments / "yoyodyne" / "bin" / "yoyodyne").exists():
        place = options.environments / "yoyodyne"
        parser.error(
            f"{place} has no yoyodyne. Make it: python -m venv {place} && {place}/bin/pip install yoyodyne==0.5.27"
        )
    if not (options.data / f"train-{options.setting}.tsv").exists():
        parser.error(f"{options.data} has no train-{options.setting}.tsv. Name the folder of one language.")
    results = [regard(options)]
    for name in options.models:
        print(*table(results, options.minutes), sep="\n", file=sys.stderr)  # a long run may be cut short
        try:
            results.append(yoyodyne(name, options))
        except (RuntimeError, ValueError) as error:
            print(f"yoyodyne, {name} is left out: {error}", file=sys.stderr)
    print(
        f"{machine_line(1)}; {options.data.name}, {options.setting}, {options.minutes:g} minutes, seed {options.seed}\n"
    )
    print(*table(results, options.minutes), sep="\n")


if __name__ == "__main__":
    main()
