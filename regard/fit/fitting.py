"""From a recipe and files of pairs to a run: builds what `train` needs, in the order in which it is needed."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from regard.build import build_model
from regard.config import Config
from regard.data.readers import PairFiles
from regard.errors import CheckpointError, UsageError
from regard.fit.parts import build_learner, build_plan
from regard.fit.publisher import Publisher, publish_average
from regard.fit.resuming import resumed
from regard.fit.subsets import Subset, split
from regard.fit.tokenizers import learn_tokenizers
from regard.fit.validator import Validator
from regard.model import EncoderDecoder
from regard.run import Run
from regard.training.checkpoint import Checkpoints
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
) -> Progress:
    """Train, and leave the model in `out`.

    Args:
        config: the recipe.
        files: pairs to learn from.
        validation: pairs to validate on; None holds out 2 % of the others, at most 1000.
        out: the run directory.
        resume: go on with the run that is there.
        device: where to train; the CPU when None.
        listeners: what is told of the run's events.
        tell: what says in one line what was read and built.

    Raises the errors of `training.train`, of the readers, and UsageError when `out` holds a run and `resume` is off.
    """
    run, device = Run(out), device or torch.device("cpu")
    resume_here = resume and run.config_file.exists()
    if not resume and run.config_file.exists():
        raise UsageError(f"{out} holds a run already. Resume it with --resume, or choose another --out.")
    if run.checkpoints.exists() and not run.config_file.exists():
        raise CheckpointError(f"{out} holds checkpoints but no config.yaml. Restore it, or choose another --out.")
    files.check()
    if validation is not None:
        validation.check()
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(lock(out))
        spool = Path(stack.enter_context(TemporaryDirectory(prefix="regard-")))
        files = files.spooled(spool)
        if resume_here:
            run = resumed(run, config)
        else:
            run.create(config, *learn_tokenizers(config.data, files))
        source, target = run.tokenizers
        learn, held = split(config, files, validation, source, target, out / "cache")
        tell(f"{len(learn):,} pairs to learn from, {len(held):,} to validate on ({learn.corpus.report})")
        torch.manual_seed(config.training.seed)
        model = build_model(config.model, source.size, target.size).to(device)
        size = sum(parameter.numel() for parameter in model.parameters())
        tell(f"{size:,} parameters, vocabularies of {source.size:,} and {target.size:,}")
        return _train(config, run, model, learn, held, resume, listeners)


def _train(
    config: Config,
    run: Run,
    model: EncoderDecoder,
    learn: Subset,
    held: Subset,
    resume: bool,
    listeners: Sequence[Listener],
) -> Progress:
    """Build the parts of the loop and run it."""
    options = config.training
    updates = -(-len(learn.plan(options.seed, 0)) // options.accumulate) * options.max_epochs
    learner = build_learner(options, model, min(updates, options.max_steps or updates))
    average = options.average_last if options.average_last > 1 else 0
    checkpoints = Checkpoints(run.checkpoints, every_minutes=options.save_minutes, average=average)
    validate, planned = Validator(config, run, held), build_plan(options)
    progress = train(
        learner,
        lambda epoch, start: learn.batches(options.seed, epoch, start),
        planned,
        validate=validate,
        checkpoints=checkpoints,
        resume=resume,
        listeners=[*listeners, MetricsFile(run.path / "metrics.jsonl"), Publisher(run, model, learn, checkpoints)],
        batches_per_epoch=lambda epoch: len(learn.plan(options.seed, epoch)),
        origin=learn.corpus.origin,
    )
    if checkpoints.averaged.exists():
        publish_average(run, model, checkpoints, validate, planned.goal)
    return progress
