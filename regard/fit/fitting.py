"""From a recipe and files of pairs to a run: builds what `train` needs, in the order in which it is needed."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from regard.build import build_model
from regard.config import Config, TrainingConfig
from regard.data.lines import readable_once
from regard.data.readers import PairFiles
from regard.errors import CheckpointError, UsageError
from regard.fit.parts import build_learner, build_plan
from regard.fit.publisher import Publisher
from regard.fit.resuming import restarted, resumed, shared
from regard.fit.subsets import Subset, split
from regard.fit.tokenizers import learn_tokenizers
from regard.fit.validator import Validator
from regard.model import EncoderDecoder
from regard.run import Run
from regard.training.checkpoint import Checkpoints
from regard.training.distributed import ALONE, World, launch
from regard.training.events import Listener
from regard.training.lock import lock
from regard.training.loop import train
from regard.training.metrics_file import MetricsFile
from regard.training.progress import Progress


def fit(
    config: Config,
    files: PairFiles,
    validation: PairFiles | None,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device | None = None,
    listeners: Sequence[Listener] = (),
    tell: Callable[[str], None] = lambda line: None,
    world: World = ALONE,
) -> Progress:
    """Train, and leave the model in `out`.

    Args:
        config: the recipe.
        files: pairs to learn from.
        validation: pairs to validate on; None holds out 2 % of the others, at most 1000.
        out: the run directory; of several workers, on a disk that all of them see, as the files.
        resume: go on with the run that is there. A run that torchrun starts again goes on in any case.
        device: where to train; the CPU when None.
        listeners: what is told of the run's events.
        tell: what says in one line what was read and built.
        world: the workers that call this alike; the first one alone writes, listens and tells.

    Raises the errors of `training.train`, of the readers, and UsageError when `out` holds a run and `resume` is off.
    """
    with ExitStack() as stack:
        resume = world.share(resume or restarted(out))  # asked of the first alone, before it takes the lock anew
        parts = prepare(
            config, files, validation, out, resume=resume, device=device, tell=tell, world=world, stack=stack
        )
        return _train(parts, resume, listeners if world.leads else (), world)


@dataclass(frozen=True)
class Parts:
    """What a run is made of before its first update.

    Args:
        run: its directory, with the recipe and the tokenisers.
        learn, held: the pairs to learn from and to validate on.
        model: with its first weights, on its device.
    """

    run: Run
    learn: Subset
    held: Subset
    model: EncoderDecoder


def prepare(
    config: Config,
    files: PairFiles,
    validation: PairFiles | None,
    out: Path,
    *,
    resume: bool,
    device: torch.device | None,
    tell: Callable[[str], None],
    world: World,
    stack: ExitStack,
) -> Parts:
    """Read the pairs and build the model; the arguments are those of `fit`. The run is held until the stack ends."""
    run, device = Run(out), device or torch.device("cpu")
    with world.first_ahead():
        if world.leads:
            run, files = _prepared(config, files, validation, run, resume, world, stack)
        config, (source, target) = run.config, run.tokenizers
        learn, held = split(config, files, validation, source, target, out / "cache")
    if world.leads:
        tell(f"{len(learn):,} pairs to learn from, {len(held):,} to validate on ({learn.corpus.report})")
    torch.manual_seed(config.training.seed)
    model = build_model(config.model, source.size, target.size).to(device)
    size = sum(parameter.numel() for parameter in model.parameters())
    if world.leads:
        tell(f"{size:,} parameters, vocabularies of {source.size:,} and {target.size:,}")
    return Parts(run, learn, held, model)


def refuse_other_runs(run: Run, resume: bool) -> None:
    """Raises UsageError where a new run would take the place of one that is there."""
    if not resume and run.config_file.exists():
        raise UsageError(f"{run.path} holds a run already. Resume it with --resume, or choose another --out.")


def _prepared(
    config: Config,
    files: PairFiles,
    validation: PairFiles | None,
    run: Run,
    resume: bool,
    world: World,
    stack: ExitStack,
) -> tuple[Run, PairFiles]:
    """The run with its recipe and tokenisers, held until the stack ends, and its pairs, pipes copied to files."""
    run.check_own()
    refuse_other_runs(run, resume)
    if run.checkpoints.exists() and not run.config_file.exists():
        raise CheckpointError(f"{run.path} holds checkpoints but no config.yaml. Restore it, or choose another --out.")
    files.check()
    if validation is not None:
        validation.check()
    if world.size > 1 and any(map(readable_once, [*files.paths, *(validation.paths if validation else ())])):
        raise UsageError("standard input and pipes are read once, by one worker. Give several workers files.")
    run.path.mkdir(parents=True, exist_ok=True)
    stack.enter_context(lock(run.path, launch()))
    files = files.spooled(Path(stack.enter_context(TemporaryDirectory(prefix="regard-"))))
    going_on = resume and run.config_file.exists()
    config = shared(config, run, world, resume=going_on)
    if going_on:
        return resumed(run, config), files
    run.create(config, *learn_tokenizers(config.data, files))
    return run, files


def updates_per_epoch(options: TrainingConfig, learn: Subset) -> int:
    """Updates of the first epoch; the others have about as many."""
    return -(-len(learn.plan(options.seed, 0)) // options.accumulate)


def total_updates(options: TrainingConfig, learn: Subset) -> int:
    """How many updates the limits allow, time and patience aside."""
    most = updates_per_epoch(options, learn) * options.max_epochs
    return min(most, options.max_steps or most)


def _train(parts: Parts, resume: bool, listeners: Sequence[Listener], world: World) -> Progress:
    """Build the parts of the loop and run it."""
    run, model, learn = parts.run, parts.model, parts.learn
    options = run.config.training
    learner = build_learner(options, model, total_updates(options, learn))
    average = options.average_last if options.average_last > 1 else 0
    checkpoints = Checkpoints(run.checkpoints, every_minutes=options.save_minutes, average=average)
    validate, planned = Validator(run.config, run, parts.held), build_plan(options)
    publisher = Publisher(run, model, learn, checkpoints)
    if world.leads:
        listeners = [*listeners, MetricsFile(run.path / "metrics.jsonl"), publisher]
    progress = train(
        learner,
        lambda epoch, start: learn.batches(options.seed, epoch, start, worker=world.rank, workers=world.size),
        planned,
        validate=validate,
        checkpoints=checkpoints,
        resume=resume,
        listeners=listeners,
        batches_per_epoch=lambda epoch: len(learn.plan(options.seed, epoch)),
        origin=learn.corpus.origin,
        world=world,
    )
    if world.leads and checkpoints.averaged.exists():
        publisher.publish_average(model, validate, planned.goal, progress)
    return progress
