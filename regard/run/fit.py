"""From a recipe and files of pairs to a trained run: builds everything that `training.train` needs, in order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from regard.config import Config, EncoderConfig, TrainingConfig
from regard.data.batches import collate
from regard.data.copying import target_ids
from regard.data.lines import STDIN, readable_once
from regard.data.readers import PairFiles
from regard.data.shards import place
from regard.encoders import ENCODERS
from regard.errors import UsageError
from regard.files import unfinished
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.run import digests, guidance
from regard.run.directory import Run, paired
from regard.run.initial import begin, freeze, known_sides
from regard.run.labels import unseen
from regard.run.own_files import check_own
from regard.run.place import check_place
from regard.run.publish import Publisher
from regard.run.resume import limits_changed, restarted, shared
from regard.run.sides import learn_sides
from regard.run.start import missing, tidy, undone
from regard.run.subsets import Subset, joined, limits_of, split
from regard.run.training_parts import build_learner, build_plan
from regard.run.unsaid import unsaid
from regard.run.validation_metric import Validator
from regard.training.checkpoint import Checkpoints
from regard.training.distributed import ALONE, World, launch_name
from regard.training.events import Listener
from regard.training.guided import GivenLinks
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
    """Train, and write the model into `out`.

    Args:
        config: the recipe.
        files: pairs to learn from.
        validation: pairs to validate on; None holds out 2 % of the others, at most 1000.
        out: the run directory. With several workers, it and the files must be on a disk that all workers can read.
        resume: continue the run in `out`. A run whose workers torchrun has restarted is always continued.
        device: where to train; None for the CPU.
        listeners: functions that receive the events of the run.
        tell: receives one line about what was read, and one about what was built.
        world: the workers that train together. They call this with the same arguments; only the first one writes, calls
            the listeners and `tell`.

    Raises the errors of `training.train` and of the readers. Raises UsageError if `out` holds a run and `resume` is
    off, or if the run to resume began with another recipe or other pairs. If it fails before the first update, it
    removes everything that it wrote.
    """
    with ExitStack() as stack:
        resume = world.broadcast(resume or restarted(out))  # the first worker decides, before it takes the lock
        parts = prepare(
            config, files, validation, out, resume=resume, device=device, tell=tell, world=world, stack=stack
        )
        return _train(parts, resume, listeners if world.is_first else (), world)


@dataclass(frozen=True)
class Parts:
    """The parts of a run before its first update.

    Args:
        run: its directory, with the recipe and the tokenisers.
        learn, held: the pairs to learn from and to validate on.
        model: the model with its initial weights, on its device.
        texts: source and target of the validation pairs that are decoded, as in the files; on the first worker only.
        links: what attention is to follow; None where the recipe does not have it guided.
    """

    run: Run
    learn: Subset
    held: Subset
    model: EncoderDecoder
    texts: Sequence[tuple[str, str]]
    links: GivenLinks | None


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
    """Read the pairs and build the model; the arguments are those of `fit`.

    The lock of the run is held until `stack` ends. If this fails, it removes everything that it wrote.
    """
    run, device = Run(out), device or torch.device("cpu")
    with ExitStack() as beginning:
        with world.first_before_others():
            if world.is_first:
                found = _begun(config, files, validation, run, resume, world, tell, stack, beginning)
            else:
                files = joined(run.config, files, validation)
                found = (run, *split(run.config, files, validation, *run.sides, run.cache), [])
        run, learn, held, texts = found
        guided = run.config.training.guided_alignment.weight > 0
        links = guidance.load(run.cache) if guided else None
        if world.is_first:
            tell(f"{len(learn):,} pairs to learn from, {len(held):,} to validate on ({learn.corpus.report})")
            for line in unseen(learn, held, run.sides[1]):
                tell(line)
        config, (source, target) = run.config, run.sides
        torch.manual_seed(config.training.seed)
        ctc = config.training.ctc > 0
        model = build_model(config.model, source, target.size, barred=target.unspelt, ctc=ctc)
        if not Checkpoints(run.checkpoints).last.exists():
            begin(config, model, source, target, tell if world.is_first else lambda line: None)
        freeze(model, config.training.freeze)
        model = model.to(device)
        size = sum(parameter.numel() for parameter in model.parameters())
        with world.first_before_others():
            if ctc and world.is_first:
                _check_stride(config.model.encoder, model, learn, device)
        if world.is_first:
            text = source.tokenizer
            entries = (
                f"a vocabulary of {target.size:,}"
                if text is None
                else f"vocabularies of {text.size:,} and {target.size:,}"
            )
            tell(f"{size:,} parameters, {entries}")
    return Parts(run, learn, held, model, texts, links)


def _check_stride(section: EncoderConfig, model: EncoderDecoder, learn: Subset, device: torch.device) -> None:
    """Raises UsageError for an encoder of another package that shortens otherwise than it says: CTC would leave pairs
    out, or keep some that it cannot align."""
    if section.kind in ENCODERS.places:
        return
    batch = collate(learn.corpus, np.array(learn.first(1))).to(device)
    model.eval()
    with torch.no_grad():
        found = int(model.encode(batch.source, batch.source_mask).lengths)
    model.train()
    length = int(batch.source_mask.sum())
    if found != (expected := -(-length // section.stride)):
        raise UsageError(
            f"encoder {section.kind!r} makes {found} positions of {length}, and expected are {expected}, by the stride "
            f"{section.stride} that its section says and training.ctc counts with. Override `stride` there."
        )


def _begun(
    config: Config,
    files: PairFiles,
    validation: PairFiles | None,
    run: Run,
    resume: bool,
    world: World,
    tell: Callable[[str], None],
    stack: ExitStack,
    beginning: ExitStack,
) -> tuple[Run, Subset, Subset, Sequence[tuple[str, str]]]:
    """Begin or continue the run. Its lock is held until `stack` ends; a failure before `beginning` ends is undone."""
    check_own(run.path)
    check_place(run, resume=resume)
    _check_readable(files, validation, world)
    new = missing(run.path)
    stack.enter_context(lock(run.path, launch_name()))
    beginning.enter_context(undone(run.path, new))
    check_place(run, resume=resume)  # again: another process may have begun a run before the lock was taken
    going_on = resume and run.config_file.exists()
    config = shared(config, run, world, resume=going_on)
    changed = going_on and limits_changed(run, config)
    with _spooled(files, validation, run.cache) as (files, validation):
        files = joined(config, files, validation)
        if going_on:
            sides = run.sides
        else:
            known = known_sides(config.training.init, config.data)
            sides = paired(config, *learn_sides(config.data, files, known))
        learn, held = split(config, files, validation, *sides, run.cache)
        decoded = held.first(config.training.validate_pairs) if config.training.metric != "loss" else []
        texts = digests.texts(validation or files, held.corpus, decoded, target_ids(*sides)) if decoded else []
        if links := guidance.guiding_links(config, files, learn, *sides, tell):
            guidance.save(links, run.cache)
        if validation and not going_on and (remark := unsaid(validation, sides[1])):
            tell(remark)
        limits = limits_of(config)
        asked = [place(each, *sides, **limits) for each in (files, validation) if each is not None]
    given = digests.described(learn.corpus, held.corpus if validation else None)
    if not going_on:
        learn.check()
        held.check()
        digests.save(run.pairs_file, given)
        run.create(config, *sides)  # writes the recipe last: a directory with a recipe is a run
    elif not digests.check_same(run.pairs_file, given):
        tell(f"{run.path} does not say which pairs it was begun with, so whether these are the same is not checked")
    tidy(run.path, asked)
    return run.adopt(config) if changed else run, learn, held, texts


def _check_readable(files: PairFiles, validation: PairFiles | None, world: World) -> None:
    """Called before anything is written. Raises DataError for files that cannot be read, UsageError for a pipe that
    would have to be read twice."""
    files.check()
    if validation is not None:
        validation.check()
    paths = [*files.paths, *(validation.paths if validation else ())]
    if world.size > 1 and any(map(readable_once, paths)):
        raise UsageError("standard input and pipes are read once, by one worker. Give several workers files.")
    if paths.count(STDIN) > 1:
        raise UsageError("standard input is read once: it cannot hold the pairs to learn from and --dev. Give files.")


@contextmanager
def _spooled(
    files: PairFiles, validation: PairFiles | None, cache: Path
) -> Iterator[tuple[PairFiles, PairFiles | None]]:
    """The pairs, with pipes copied to files inside the `with`. After a kill, the next start removes the copies."""
    if not any(map(readable_once, [*files.paths, *(validation.paths if validation else ())])):
        yield files, validation
        return
    with unfinished(cache / "pipes") as directory:
        yield files.spooled(directory), validation and validation.spooled(directory)


def updates_per_epoch(options: TrainingConfig, learn: Subset) -> int:
    """Updates of the first epoch; other epochs have about the same number."""
    return -(-len(learn.plan(options.seed, 0)) // options.accumulate)


def total_updates(options: TrainingConfig, learn: Subset) -> int:
    """Most updates that `max_epochs` and `max_steps` allow."""
    most = updates_per_epoch(options, learn) * options.max_epochs
    return min(most, options.max_steps or most)


def _train(parts: Parts, resume: bool, listeners: Sequence[Listener], world: World) -> Progress:
    """Build the parts of the loop and run it."""
    run, model, learn = parts.run, parts.model, parts.learn
    options = run.config.training
    learner = build_learner(options, model, total_updates(options, learn), parts.links)
    average = options.average_last if options.average_last > 1 else 0
    checkpoints = Checkpoints(run.checkpoints, every_minutes=options.save_minutes, average=average)
    validate, planned = Validator(run.config, run, parts.held, parts.texts), build_plan(options)
    publisher = Publisher(run, model, learn, checkpoints)
    if world.is_first:
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
    if world.is_first and checkpoints.averaged.exists():
        publisher.publish_average(model, validate, planned.goal, progress)
    return progress
