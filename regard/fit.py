"""Train a recipe on files of pairs: builds what `train` needs, in the order in which it is needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from regard.build import build_model
from regard.card import model_card
from regard.config import Config, DataConfig, TrainingConfig
from regard.data.batch import Batch
from regard.data.batches import BatchPlan, batches, plan
from regard.data.corpus import Corpus
from regard.data.files import write_whole
from regard.data.readers import PairFiles
from regard.data.shards import prepare
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError
from regard.metrics import METRICS
from regard.model import EncoderDecoder
from regard.run import Run, search_options
from regard.training import OPTIMIZERS
from regard.training.averaging import MovingAverage
from regard.training.checkpoint import Checkpoints
from regard.training.events import Event, Listener, Validated
from regard.training.learner import Learner
from regard.training.lock import lock
from regard.training.loop import train
from regard.training.metrics_file import MetricsFile
from regard.training.objective import CrossEntropy
from regard.training.plan import Plan, Validate
from regard.training.progress import Progress
from regard.training.schedules import Constant, Cosine, InverseSquareRoot, Linear, Plateau, Schedule
from regard.training.stopping import Goal, Limits
from regard.training.tensorfile import Contents
from regard.training.validation import mean_loss
from regard.training.weights import apply, load_weights
from regard.translator import Translator

HELD_OUT_SHARE, HELD_OUT_MOST = 0.02, 1000
LIMITS = {f"training.{key}" for key in ("max_epochs", "max_steps", "max_minutes", "patience")}


@dataclass(frozen=True)
class Subset:
    """Some or all pairs of a corpus, batched by length.

    Args:
        corpus: the whole.
        rows: the numbers of the pairs, int32; None for all, which then take no memory of their own.
        data: how they are put into batches.
    """

    corpus: Corpus
    rows: np.ndarray | None
    data: DataConfig

    def __len__(self) -> int:
        return len(self.corpus) if self.rows is None else len(self.rows)

    def first(self, count: int) -> list[int]:
        """Numbers of the first pairs."""
        return list(range(min(count, len(self)))) if self.rows is None else self.rows[:count].tolist()

    def plan(self, seed: int, epoch: int) -> BatchPlan:
        """The batches of an epoch: a function of corpus, rows, seed and epoch."""
        size = {f"max_{self.data.batch_by}": self.data.batch_size}
        source, target = self.corpus.source_lengths, self.corpus.target_lengths
        if self.rows is None:
            return plan(source, target, seed=seed, epoch=epoch, **size)
        order = plan(source[self.rows], target[self.rows], seed=seed, epoch=epoch, **size)
        return replace(order, pairs=self.rows[order.pairs])

    def batches(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on."""
        return batches(self.corpus, self.plan(seed, epoch), start)


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
            run = _resumed(run, config)
        else:
            run.create(config, *learn_tokenizers(config.data, files))
        source, target = run.tokenizers
        learn, held = _subsets(config, files, validation, source, target, out / "cache")
        tell(f"{len(learn):,} pairs to learn from, {len(held):,} to validate on ({learn.corpus.report})")
        torch.manual_seed(config.training.seed)
        model = build_model(config.model, source.size, target.size).to(device)
        size = sum(parameter.numel() for parameter in model.parameters())
        tell(f"{size:,} parameters, vocabularies of {source.size:,} and {target.size:,}")
        return _train(config, run, model, learn, held, resume, listeners)


def _resumed(run: Run, config: Config) -> Run:
    """The run to go on with; only the limits of its training may have changed, and are taken over.

    Raises UsageError that names what else has changed: the run would no longer be the one that was begun.
    """
    if run.weights_file.exists():
        run.verify()
    begun, wanted = _flat(run.config.model_dump()), _flat(config.model_dump())
    changed = {key for key in begun.keys() | wanted.keys() if begun.get(key) != wanted.get(key)}
    if fixed := sorted(changed - LIMITS):
        faults = ", ".join(f"{key} was {begun.get(key)!r} and is {wanted.get(key)!r}" for key in fixed)
        raise UsageError(
            f"{run.path} cannot be resumed with another recipe: {faults}. Give the same, or another --out."
        )
    return run.adopt(config) if changed else run


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as one key each: a.b.c."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def learn_tokenizers(data: DataConfig, files: PairFiles) -> tuple[Tokenizer, Tokenizer]:
    """The tokenisers of both sides, learned from the pairs; one for both where the recipe says so."""

    def texts(side: str) -> Iterator[str]:
        for example in files.read():
            if side != "target":
                yield example.source
            if side != "source":
                yield example.target or ""

    def learn(side: str, of: str) -> Tokenizer:
        chosen = data.target if side == "target" else data.source
        try:
            return Tokenizer.train(chosen.tokenizer, texts(of), chosen.vocab_size)
        except ValueError as error:
            raise UsageError(f"data.{side}: {error}") from error

    if data.joint:
        joint = learn("source", "both")
        return joint, joint
    return learn("source", "source"), learn("target", "target")


def _subsets(
    config: Config, files: PairFiles, validation: PairFiles | None, source: Tokenizer, target: Tokenizer, cache: Path
) -> tuple[Subset, Subset]:
    """The pairs to learn from and the pairs to validate on."""
    data = config.data
    corpus = prepare(files, source, target, max_length=data.max_length, cache=cache)
    if validation is not None:
        other = prepare(validation, source, target, max_length=data.max_length, cache=cache)
        return Subset(corpus, None, data), Subset(other, None, data)
    if len(corpus) < 2:
        raise UsageError("One pair is too few to hold any out for validation. Give more, or give --dev.")
    count = max(1, min(HELD_OUT_MOST, int(len(corpus) * HELD_OUT_SHARE)))
    held = np.zeros(len(corpus), dtype=bool)
    held[np.random.default_rng(config.training.seed).choice(len(corpus), count, replace=False)] = True
    learn, rest = (np.flatnonzero(chosen).astype(np.int32) for chosen in (~held, held))
    return Subset(corpus, learn, data), Subset(corpus, rest, data)


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
    learner = Learner(
        model,
        CrossEntropy(options.label_smoothing),
        OPTIMIZERS[options.optimizer](model, options.learning_rate, options.weight_decay),
        build_schedule(options, min(updates, options.max_steps or updates)),
        options.clip,
        MovingAverage(model, options.moving_average) if options.moving_average else None,
    )
    average = options.average_last if options.average_last > 1 else 0
    checkpoints = Checkpoints(run.checkpoints, every_minutes=options.save_minutes, average=average)
    validate, planned = Validator(config, run, held), _plan(options)
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
        _publish_average(run, model, checkpoints, validate, planned.goal)
    return progress


def _publish_average(run: Run, model: EncoderDecoder, checkpoints: Checkpoints, validate: Validate, goal: Goal) -> None:
    """Use the average of the last states, unless the best of them was better by itself."""
    averaged, best = load_weights(checkpoints.averaged), load_weights(checkpoints.best)
    apply(model, averaged.tensors)
    scores = validate(model)
    if goal.gain(scores) >= goal.gain(best.metadata["scores"]):
        run.publish(Contents(averaged.tensors, averaged.metadata | {"scores": scores}))


class Validator:
    """Scores of a model on the held-out pairs: the loss, and where the recipe asks for it a metric of decoded text."""

    def __init__(self, config: Config, run: Run, held: Subset) -> None:
        self.metric = config.training.metric
        self.held = held
        self.source_tokenizer, self.target_tokenizer = run.tokenizers
        self.options = search_options(config.search)
        rows = held.first(config.training.validate_pairs)
        corpus = held.corpus
        self.sources = [self.source_tokenizer.decode(corpus.source[row].tolist()) for row in rows]
        self.references = [self.target_tokenizer.decode(corpus.target[row].tolist()) for row in rows]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """The loss, the perplexity, and the metric."""
        scores = mean_loss(model, self.held.batches(0, 0))
        if self.metric == "loss":
            return scores
        assert isinstance(model, EncoderDecoder)
        greedy = replace(self.options, beam_size=1)
        translator = Translator([model], self.source_tokenizer, self.target_tokenizer, greedy)
        outputs = [found[0].target_text for found in translator.translate(self.sources)]
        score = METRICS[self.metric](outputs, [[reference] for reference in self.references])
        return scores | {self.metric: score.value}


class Publisher:
    """Keeps `model.safetensors` at the best weights so far, so that a run can be used while it trains."""

    def __init__(self, run: Run, model: EncoderDecoder, learn: Subset, checkpoints: Checkpoints) -> None:
        self.run = run
        self.size = sum(parameter.numel() for parameter in model.parameters())
        self.learn = learn
        self.checkpoints = checkpoints

    def __call__(self, event: Event) -> None:
        """Publish what has just been kept as the best."""
        if isinstance(event, Validated) and event.best:
            self.run.publish(load_weights(self.checkpoints.best))
            card = model_card(self.run.config, self.size, len(self.learn), event)
            write_whole(self.run.path / "card.md", card.encode())


def _plan(options: TrainingConfig) -> Plan:
    # A metric says its direction with every score.
    higher = options.metric != "loss" and METRICS[options.metric](["a"], [["a"]]).higher_is_better
    return Plan(
        Limits(options.max_epochs, options.max_steps, options.max_minutes, options.patience),
        Goal(options.metric, higher),
        accumulate=options.accumulate,
        validate_every=options.validate_every,
    )


def build_schedule(options: TrainingConfig, total_steps: int) -> Schedule:
    """The learning rate of a recipe; cosine and linear end at the last update that the limits allow."""
    rate, schedule = options.learning_rate, options.schedule
    warmup, least = schedule.warmup_steps, schedule.min_rate
    if schedule.kind == "cosine":
        return Cosine(rate, total_steps, warmup, least)
    if schedule.kind == "linear":
        return Linear(rate, total_steps, warmup, least)
    if schedule.kind == "plateau":
        return Plateau(rate, schedule.patience, schedule.factor, warmup, least)
    if schedule.kind == "inverse_sqrt":
        return InverseSquareRoot(rate, max(1, warmup))
    return Constant(rate, warmup)
