"""Train, evaluate and align from Python: the commands of the same names, with pairs as files or as they are.

run = regard.train("tatoeba-en-zh", [("Tom sleeps.", "汤姆睡觉。"), …], out="runs/mine")
run.load().translate("Tom sleeps.")[0][0].target_text
regard.evaluate(run, "test.tsv", ["bleu_zh", "chrf"]).record()
[pair.links for pair in regard.align(run, [("Tom sleeps.", "汤姆睡觉。")])]
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from regard.alignment.shown import UNITS
from regard.alignment.symmetrize import symmetrization
from regard.analysis.align import Aligned, Aligner
from regard.analysis.evaluate import Evaluation, evaluated, with_references
from regard.analysis.gold import judged_pairs
from regard.config import Config, DataConfig, parse
from regard.data.example import Example
from regard.data.lines import BadLine, Line
from regard.errors import DataError
from regard.metrics import METRICS
from regard.model.build import pick_device
from regard.run.directory import Run, load
from regard.run.fit import fit
from regard.run.given import given
from regard.run.pairs import Pairs, given_pairs
from regard.training.progress_bar import ProgressBar
from regard.translator import Translator

Trained = Translator | Run | str | Path | Sequence[str | Path]
"""A model, the run or the directory that holds it, or several directories as an ensemble."""


def train(
    recipe: Config | Mapping[str, Any] | str | Path | None,
    pairs: Pairs,
    *,
    out: str | Path,
    dev: Pairs | None = None,
    changes: Mapping[str, Any] | None = None,
    format: str | None = None,
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> Run:
    """Train, and leave the model in a directory: `regard train`.

    Args:
        recipe: the name of one that comes with Regard, the path of a YAML file, its keys and values, or None for one
            that is chosen from the pairs.
        pairs: to learn from: the name of one file, the names of two parallel ones, or (source, target) of text.
        out: the directory of the run, new or empty.
        dev: pairs to validate on; None holds out 2 % of the others, at most 1000.
        changes: other values of the recipe, by their paths: {"training.max_epochs": 3}.
        format: how files are written, where their names do not say it.
        resume: go on with the run that is there.
        device: "auto", "cpu", "gpu", "cuda:1" …
        quiet: say nothing on standard error.

    Returns the run: `run.load()` is its model, `run.path` its directory.

    Raises TypeError for pairs that are none, UsageError and DataError for what the command refuses.
    """
    place, config = Path(out), parse(recipe, "recipe") if isinstance(recipe, Mapping) else recipe
    overrides = [f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in (changes or {}).items()]
    chosen, tell = pick_device(device), (lambda line: None) if quiet else _tell
    with TemporaryDirectory(prefix="regard-") as name:
        folder = Path(name)
        of = given(
            config,
            overrides,
            lambda data: given_pairs(pairs, data, folder, format),
            folder=folder,
            out=place,
            resume=resume,
        )
        validation = None if dev is None else given_pairs(dev, of.config.data, folder, format)
        for reason in of.reasons:
            tell(reason)
        bar = ProgressBar(quiet=quiet, metric=of.config.training.metric)
        fit(of.config, of.files, validation, place, resume=resume, device=chosen, listeners=[bar], tell=tell)
    return Run(place)


def evaluate(
    model: Trained,
    pairs: Pairs,
    metrics: str | Sequence[str] = ("bleu", "chrf"),
    *,
    group: bool = False,
    lengths: str = "auto",
    gold: str | Path | None = None,
    format: str | None = None,
) -> Evaluation:
    """Translate the sources of pairs and compare with their targets: `regard evaluate`.

    Args:
        model: a run, its directory, several directories as an ensemble, or a Translator.
        pairs: the name of one file, the names of two parallel ones, or (source, target) of text.
        metrics: names in `regard.metrics.METRICS`.
        group: pairs with the same source are one, with several right answers.
        lengths: what the length of a source counts: "words", "characters", or "auto".
        gold: a file of the right links, one line for each pair, from which `alignment` comes.
        format: how files are written, where their names do not say it.

    Raises ValueError for a metric that there is not, DataError for pairs that cannot be used.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        METRICS.choose(name)
    if lengths not in ("words", "characters", "auto"):
        raise ValueError(f"regard.evaluate: lengths is {lengths!r}; expected words, characters or auto.")
    translator = _translator(model)
    with _lines(model, pairs, format) as lines:
        judged = judged_pairs(with_references(lines, names), gold=None if gold is None else str(gold))
        examples = [_usable(line) for line in judged.lines]
    return evaluated(translator, examples, judged, names, lengths=lengths, group=group)


def align(
    model: Trained,
    pairs: Pairs,
    *,
    reverse: Trained | None = None,
    symmetrize: str = "grow-diag-final-and",
    units: str = "words",
    threshold: float | None = None,
    min_weight: float | None = None,
    format: str | None = None,
) -> list[Aligned]:
    """Link the words of pairs by forced decoding: `regard align`.

    Args:
        model: a run, its directory, several directories as an ensemble, or a Translator.
        pairs: the name of one file, the names of two parallel ones, or (source, target) of text.
        reverse: a model from the target to the source, to align both ways.
        symmetrize: what to make of both, a name in `regard.alignment.JOINS`.
        units: "words" (what stands between white space), "tokens", or "auto" (tokens in scripts without spaces).
        threshold: link all that is looked at with this weight; None for the most of each unit.
        min_weight: without a threshold, fainter looks are not links; the default of `regard.alignment.links` if None.
        format: how files are written, where their names do not say it.

    Returns for each pair its `links` (source, target), counted from 0, its `alignment` with the weights, and the
    `example` that it came from.

    Raises ValueError for a name that there is not, DataError for pairs that cannot be used.
    """
    how = symmetrization(symmetrize)
    if units not in UNITS:
        raise ValueError(f"regard.align: units is {units!r}; expected {', '.join(UNITS)}.")
    translator, backward = _translator(model), None if reverse is None else _translator(reverse)
    with _lines(model, pairs, format) as lines:
        judged = judged_pairs(lines)
        examples = [_usable(line) for line in judged.lines]
    return Aligner(translator, judged.segment, backward, how, units, threshold, min_weight)(examples)


def _translator(model: Trained) -> Translator:
    if isinstance(model, Translator):
        return model
    return model.load() if isinstance(model, Run) else load(model)


@contextmanager
def _lines(model: Trained, pairs: Pairs, format: str | None) -> Iterator[Iterator[Line]]:
    """The pairs, read as the run reads its own where it is one."""
    if isinstance(model, Translator):
        data = DataConfig()
    else:
        first = model if isinstance(model, Run | str | Path) else model[0]
        data = (first if isinstance(first, Run) else Run(Path(first))).config.data
    with TemporaryDirectory(prefix="regard-") as folder:
        yield given_pairs(pairs, data, Path(folder), format).records()


def _usable(line: Line) -> Example:
    if isinstance(line, BadLine):
        raise DataError(f"{line}. Correct it.")
    return line


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
