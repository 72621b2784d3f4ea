"""Which arguments are runs, recipes, and files of pairs; and what happens to lines that are no pairs."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from regard.cli.errors import say
from regard.cli.options import Reading, choose
from regard.config import DataConfig
from regard.config.recipes import find, names_recipe
from regard.data.example import Example
from regard.data.folders import holds_pairs
from regard.data.lines import STDIN, BadLine
from regard.data.readers import Format, PairFiles
from regard.errors import DataError, UsageError
from regard.run import pairs as fit_pairs

if TYPE_CHECKING:
    from regard.analysis.grouping import Grouping
    from regard.analysis.places import GoldPlaces


def pair_files(paths: Sequence[str], data: DataConfig, format: str | None = None) -> PairFiles:
    """One file of pairs or two parallel ones, read as the recipe says."""
    if format is not None:
        choose("--format", format, get_args(Format))
    return fit_pairs.pair_files(paths, data, format)


def given_pairs(paths: Sequence[str], run: Path, reading: Reading) -> tuple[Iterator[Example | BadLine], "BadPairs"]:
    """The lines of these files, read as the run read its training pairs, and the counter of bad lines.

    Raises CheckpointError if `run` is no run; and, before the first line, DataError for files that are missing, empty
    or of unequal length.
    """
    from regard.run.directory import Run

    bad = BadPairs(reading.on_bad_input)
    return pair_files(paths, Run(run).config.data, reading.format).records(), bad


def given_groups(
    by: str, train: Sequence[str] | None, paths: Sequence[str], run: Path | None, reading: Reading
) -> "Grouping | None":
    """What pairs have in common, for scores of each group; None for scores by length.

    Args:
        by: what is asked for, see `grouping`.
        train: the files of the pairs that training reads, if they are given.
        paths: the files of the pairs that are scored.
        run: how both are read; None without a run.
        reading: as the user asks.

    Raises UsageError for what the run does not have, DataError for what the files do not have, and CheckpointError if
    `run` is no run.
    """
    from regard.analysis.grouping import grouping
    from regard.run.directory import Run

    if by == "length":
        return None
    data = Run(run).config.data if run else None
    files = pair_files(paths, data or DataConfig(), reading.format)
    learned = pair_files(train, data or DataConfig(), reading.format) if train else None
    if learned and reading.on_bad_input:
        skip = BadPairs(reading.on_bad_input).skip
        learned = replace(learned, on_bad_input="skip" if skip else "error")
    return grouping(by, data, files, learned)


def given_places(path: str | None, run: Path, pairs: Sequence[str]) -> "GoldPlaces | None":
    """The gold places of a file, if one is given. Raises UsageError for a run over texts, DataError for a bad line.

    Names in it are relative to its folder, and ids belong to the archive that those of the pairs belong to.
    """
    from regard.run.directory import Run

    if path is None:
        return None
    section = Run(run).config.data.source
    if section.is_text:
        raise UsageError(
            f"--places has seconds or boxes, and {run} reads texts. Give --gold with links, or leave it out."
        )
    if section.kind == "several":
        raise UsageError(
            f"--places has seconds or boxes of sources of one part, and {run} reads several. Leave it out."
        )
    from regard.analysis.places import GoldPlaces

    beside = STDIN if path == STDIN else str(Path(path).with_name(Path(pairs[0]).name))
    return GoldPlaces(path, lambda said, _: section.locate(said, beside))


def runs_and_text(given: Sequence[str]) -> tuple[list[Path], str]:
    """Which arguments are runs, and which is the file to read: "-" if none is given.

    Raises UsageError for more than one file, DataError for one that cannot be read.
    """
    runs = [Path(given[0]), *(Path(path) for path in takewhile(_may_be_run, given[1:]))]
    files = list(given[len(runs) :])
    if len(files) > 1:
        raise UsageError(f"{len(files)} files are given after {runs[-1]}; expected one, or - for standard input.")
    for path in files:
        if path != STDIN and not os.path.exists(path):
            raise DataError(f"{path} is neither a run nor a file. Check its name.")
    return runs, files[0] if files else STDIN


def runs_and_pairs(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Which arguments are runs and which are pairs: the first is a run, and so are the directories after it.

    Raises UsageError if no pairs follow.
    """
    runs = [Path(given[0]), *(Path(path) for path in takewhile(_may_be_run, given[1:]))]
    if pairs := list(given[len(runs) :]):
        return runs, pairs
    raise UsageError(f"no pairs are given after {runs[-1]}. Give two parallel files, one .tsv, .csv or .jsonl, or -.")


def _may_be_run(path: str) -> bool:
    return os.path.isdir(path) and not holds_pairs(path)


def recipe_and_pairs(given: Sequence[str], recipe: str | None) -> tuple[str | None, list[str]]:
    """The recipe, if one is given, and the pairs. The first argument may be a recipe if no option names one.

    Raises UsageError if no pairs are left, and for a first argument that can only be a recipe but is none.
    """
    pairs = list(given)
    alone = Path(pairs[0])
    might_be = alone.name == pairs[0] and not alone.suffix and pairs[0] != STDIN and not alone.exists()
    if recipe is None and (len(pairs) == 3 or names_recipe(pairs[0]) or might_be):
        recipe = pairs.pop(0)
        find(recipe)
    if pairs:
        return recipe, pairs
    raise UsageError(f"no pairs are given after {recipe}. Give two parallel files, one .tsv, .csv or .jsonl, or -.")


class BadPairs:
    """What to do with a line that is no pair: stop with a DataError, or count and skip it.

    Args:
        on_bad_input: "error", "skip", or None for "error".
    """

    def __init__(self, on_bad_input: str | None) -> None:
        self.skip = choose("--on-bad-input", on_bad_input or "error", ("error", "skip")) == "skip"
        self.count = 0
        self.first: BadLine | None = None

    def add(self, line: BadLine) -> BadLine:
        """Count one line, and return it for the output in its place. Raises DataError unless lines are skipped."""
        if not self.skip:
            raise DataError(f"{line}. Correct it, or leave such lines out with --on-bad-input skip.")
        self.first = self.first or line
        self.count += 1
        return line

    def tell(self) -> None:
        """Report how many lines were skipped, if any."""
        if self.count:
            say(f"regard: {self.count} line(s) skipped; the first: {self.first}")
