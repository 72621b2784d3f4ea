"""The inputs of training: the named recipe, or one chosen from the pairs, and the pairs as it reads them."""

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
    """The inputs of training.

    Args:
        config: the recipe.
        files: the pairs to learn from.
        reasons: if the recipe was chosen from the pairs, the choices and their reasons, a line each.
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
    """The recipe and its pairs, for a run that can begin or be resumed in its directory.

    Args:
        recipe: a Config, the path of a file, or the name of a recipe of Regard; None chooses one.
        overrides: `a.b=c`, changes of the recipe.
        read: reads the pairs as a recipe says.
        folder: for a copy of pairs that can be read only once, if they are read to choose a recipe.
        out: the directory of the run.
        resume: continue the run; without a named recipe, with its own.
        workers: number of workers that call this together.

    Raises UsageError for a wrong recipe, and the errors of `check_place` and `choose`.
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
    if config.data.columns and not files.columns:  # the recipe names the columns of a table
        files = replace(read(config.data), paths=files.paths, format=files.format, names=files.names)
    first = "recipe chosen from the pairs; name another with --recipe, or change it with --set:"
    keys = ", ".join(override.partition("=")[0] for override in overrides)
    changed = [f"of these you changed: {keys}"] if keys else []  # what the lines above say of them may not be so
    return Given(config, files, [first, *(f"  {reason}" for reason in [*choice.reasons, *changed])])
