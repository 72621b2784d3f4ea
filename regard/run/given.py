"""What is trained: the recipe that was named, or one chosen from the pairs, and the pairs as it reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regard.config import Config, DataConfig, adapted, load_recipe
from regard.config.recipes import find
from regard.data.lines import readable_once
from regard.data.readers import PairFiles
from regard.errors import UsageError
from regard.run.choose import choose
from regard.run.directory import Run
from regard.run.place import check_place
from regard.run.resume import restarted

Read = Callable[[DataConfig], PairFiles]


@dataclass(frozen=True)
class Given:
    """What to train on what.

    Args:
        config: the recipe.
        files: the pairs to learn from.
        reasons: where the recipe was chosen from the pairs, what was chosen and why, a line each.
    """

    config: Config
    files: PairFiles
    reasons: Sequence[str] = ()


def given(
    recipe: Config | str | Path | None,
    overrides: Sequence[str],
    read: Read,
    *,
    folder: Path,
    out: Path,
    resume: bool = False,
    workers: int = 1,
) -> Given:
    """The recipe and its pairs, for a run that can begin or go on in its directory.

    Args:
        recipe: itself, the path of its file, or the name of one that comes with Regard; None chooses one.
        overrides: `a.b=c`, over that.
        read: gives the pairs as a recipe says that they are read.
        folder: where pairs are kept that can be read only once, and are read to choose a recipe.
        out: the directory of the run.
        resume: go on with it; where no recipe is named, with its own.
        workers: how many call this alike.

    Raises UsageError for a recipe that is none, and what `check_place` and `choose` raise.
    """
    run, resume = Run(out), resume or restarted(out)
    check_place(run, resume=resume)
    if isinstance(recipe, Config):
        config = adapted(recipe.model_dump(mode="json"), overrides, "recipe")
    elif recipe is not None:
        config = load_recipe(find(str(recipe)), overrides)
    elif resume and run.config_file.exists():
        config = load_recipe(run.config_file, overrides)
    else:
        return _chosen(overrides, read, folder, workers)
    return Given(config, read(config.data))


def _chosen(overrides: Sequence[str], read: Read, folder: Path, workers: int) -> Given:
    reading = adapted({}, [override for override in overrides if override.startswith("data.")], "recipe")
    files = read(reading.data)
    if workers > 1 and any(map(readable_once, files.paths)):
        raise UsageError("standard input and pipes are read once, by one worker. Give several workers files.")
    files = files.spooled(folder)
    choice = choose(files)
    config = adapted(choice.values, overrides, "the recipe chosen from the pairs")
    if config.data.columns and not files.columns:
        data = config.data
        files = replace(files, columns=data.columns or (), source=data.source_column, target=data.target_column)
    first = "recipe chosen from the pairs; name another with --recipe, or change it with --set:"
    return Given(config, files, [first, *(f"  {reason}" for reason in choice.reasons)])
