"""`regard train`: from pairs to a run directory."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import Device, Quiet, Reading, Seed, Threads, expand_records
from regard.cli.workers import again, set_up, working
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.data.readers import PairFiles
    from regard.run.given import Given
    from regard.training.distributed import World
    from regard.training.progress import Progress


@reported
@expand_records
def command(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[RECIPE] SRC TGT | PAIRS | -",
            help="A recipe, if you want one of your own: a name that `regard recipes` lists, or a .yaml file. Then two "
            "parallel files, or one .tsv, .csv or .jsonl; also .gz, or - for standard input.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The directory to write.")],
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The recipe, if it is not the first argument."),
    ] = None,
    dev: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Pairs to validate on, once for one file, twice for two; else 2 % are held out."
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="Change a value of the recipe: training.max_epochs=3; may repeat."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, as if it had not been stopped.")
    ] = False,
    *,
    reading: Reading,
    seed: Seed = None,
    device: Device = "auto",
    threads: Threads = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write RUN/tensorboard (needs regard[log]).")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Read the pairs, make a few updates, and say what training would take. Writes nothing."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train on pairs. Ctrl-C saves and says how to go on.

    Without a recipe, Regard chooses one from the pairs: the tokens, the size of the model and the length of training.
    It prints what it chose and why; RUN/config.yaml holds the result.

    Example: regard train multi30k-en-de train.en train.de --dev val.en --dev val.de --out runs/en-de

    Several processes: torchrun --nproc-per-node 2 -m regard train … shares every batch of the recipe, times two.
    """
    set_up(threads)
    from regard.cli.finished import tell_finished
    from regard.cli.pairs import pair_files, recipe_and_pairs
    from regard.run.given import given

    overrides = list(sets or [])
    overrides += [f"training.seed={seed}"] if seed is not None else []
    overrides += [f"data.on_bad_input={reading.on_bad_input}"] if reading.on_bad_input else []
    with working(device) as (world, name), TemporaryDirectory(prefix="regard-") as folder:
        if dry_run:
            _check_alone(world, resume)
        with world.first_before_others():
            recipe, pairs = recipe_and_pairs(arguments, recipe)
            task = given(
                recipe,
                overrides,
                lambda data: pair_files(pairs, data, reading.format),
                folder=Path(folder),
                out=out,
                resume=resume,
                workers=world.size,
            )
            validation = pair_files(dev, task.config.data, reading.format) if dev else None
        if world.is_first and not quiet:
            for reason in task.reasons:
                say(reason)
        if dry_run:
            from regard.cli.dry_run import report_dry_run
            from regard.model.build import pick_device

            report_dry_run(task.config, task.files, validation, out, pick_device(name))
            return
        progress = _fit(task, validation, out, name, world, resume=resume, tensorboard=tensorboard, quiet=quiet)
    if world.is_first and not quiet:
        tell_finished(out, progress)


def _fit(
    task: "Given",
    validation: "PairFiles | None",
    out: Path,
    device: str,
    world: "World",
    *,
    resume: bool,
    tensorboard: bool,
    quiet: bool,
) -> "Progress":
    """Train. A signal ends training after a save; then the command line that continues it is printed."""
    from regard.model.build import pick_device
    from regard.run.fit import fit
    from regard.training.interrupt import Interrupted
    from regard.training.progress_bar import ProgressBar
    from regard.training.tensorboard import TensorBoard

    bar = ProgressBar(quiet=quiet, metric=task.config.training.metric)
    try:
        return fit(
            task.config,
            task.files,
            validation,
            out,
            resume=resume,
            device=pick_device(device),
            listeners=[bar, *([TensorBoard(out / "tensorboard")] if tensorboard else [])],
            tell=(lambda line: None) if quiet else say,
            world=world,
        )
    except Interrupted:
        if world.is_first:
            say(f"regard: {_resuming(sys.argv[1:])}")
        raise


def _check_alone(world: "World", resume: bool) -> None:
    """Raises UsageError for what a dry run cannot measure."""
    if resume:
        raise UsageError("--dry-run begins a run to see what it takes; --resume goes on with one. Leave one out.")
    if world.size > 1:
        raise UsageError("--dry-run measures one process. Leave out torchrun.")


def _resuming(words: Sequence[str]) -> str:
    """The command line that continues this run: the given one, with --resume."""
    if "--resume" not in words:
        words = [words[0], "--resume", *words[1:]]  # at the end, it might stand behind a --
    piped = ", the same pairs on standard input," if "-" in words else ""
    return f"go on{piped} with: {shlex.join(again(words))}"
