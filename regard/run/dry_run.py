"""Estimates the time and the memory of training: reads the pairs and makes a few updates in a temporary directory."""

import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from regard.config import Config
from regard.data.batches import BatchPlan, collate
from regard.data.corpus import Side
from regard.data.pieces import BYTE_NAMES, FIRST_BYTE, FIRST_PIECE
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.tokenizer import Tokenizer
from regard.errors import RegardError
from regard.marks import UNKNOWN
from regard.run.directory import Run
from regard.run.fit import Parts, prepare, total_updates, updates_per_epoch
from regard.run.place import check_place
from regard.run.subsets import Subset
from regard.run.training_parts import build_learner
from regard.run.validation_metric import Validator
from regard.training.distributed import ALONE
from regard.training.learner import Learner
from regard.training.loop import update
from regard.training.progress import Progress
from regard.training.session import NotFinite
from regard.translator import Translator

PERCENTILES = (50, 95, 99)
WARM_UPDATES, MOST_UPDATES, MOST_SECONDS = 2, 20, 20.0
VALIDATION_PAIRS, VALIDATION_SAMPLE = 64, 10_000  # pairs to time a validation on, and to count unknown tokens in


@dataclass(frozen=True)
class SideFacts:
    """One side of the pairs to learn from; lengths in tokens, without marks.

    Args:
        mean, longest: of the lengths.
        percentiles: of the lengths, those of `PERCENTILES`.
        vocabulary: entries of the tokeniser; None for a source that is not text.
        unknown: share of the validation tokens that were unseen in training: unknown symbols, and the bytes of unseen
            characters.
    """

    mean: float
    percentiles: tuple[int, ...]
    longest: int
    vocabulary: int | None
    unknown: float


@dataclass(frozen=True)
class DryRun:
    """The counts and the measurements of a dry run.

    Args:
        learn, held: pairs to learn from and to validate on.
        report: how many lines were used and left out.
        source, target: the two sides.
        parameters: number of parameters of the model.
        batches, updates: of the first epoch.
        total_updates: most updates that the limits allow.
        padding: share of padding among the positions of an epoch's batches.
        validations: number of validations in these updates.
        tokens_per_second: target tokens in training, without validation.
        training_seconds, validation_seconds: of all updates, and of all validations.
        megabytes: peak memory of this process so far, or of the GPU. One more copy of the weights is not counted.
    """

    learn: int
    held: int
    report: Report
    source: SideFacts
    target: SideFacts
    parameters: int
    batches: int
    updates: int
    total_updates: int
    padding: float
    validations: int
    tokens_per_second: float
    training_seconds: float
    validation_seconds: float
    megabytes: float


def dry_run(
    config: Config, files: PairFiles, validation: PairFiles | None, out: Path, device: torch.device | None = None
) -> DryRun:
    """Do what `fit` does, up to a few updates on real batches; nothing stays on the disk.

    The arguments and the errors are those of `fit`. Time is measured on at most 20 updates. The time of an epoch is in
    proportion to the positions of its batches, padding included.
    """
    check_place(Run(out), resume=False)
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="regard-"))) / "run"
        parts = prepare(
            config,
            files,
            validation,
            place,
            resume=False,
            device=device,
            tell=lambda line: None,
            world=ALONE,
            stack=stack,
        )
        return _measured(parts)


def _measured(parts: Parts) -> DryRun:
    options, learn, held = parts.run.config.training, parts.learn, parts.held
    plan, total = learn.plan(options.seed, 0), total_updates(options, learn)
    updates = updates_per_epoch(options, learn)
    learner, positions = build_learner(options, parts.model, total, parts.links), _positions(learn, plan)
    seconds, tried, tokens = _try_updates(learner, learn, plan, positions, options.accumulate)
    training = seconds * positions.sum() / tried * total / updates
    validations = -(-total // (options.validate_every or updates))
    validation = validations * _validation_seconds(parts)
    if options.max_minutes is not None and training + validation > 60 * options.max_minutes:
        share = 60 * options.max_minutes / (training + validation)
        training, validation = share * training, share * validation
    real = sum(int(_lengths(learn, side).sum()) + len(learn) for side in ("source", "target"))
    return DryRun(
        learn=len(learn),
        held=len(held),
        report=learn.corpus.report,
        source=_facts(learn, held, "source", parts.run.sides[0].tokenizer),
        target=_facts(learn, held, "target", parts.run.sides[1]),
        parameters=sum(parameter.numel() for parameter in parts.model.parameters()),
        batches=len(plan),
        updates=updates,
        total_updates=total,
        padding=1 - real / float(positions.sum()),
        validations=validations,
        tokens_per_second=tokens / seconds,
        training_seconds=training,
        validation_seconds=validation,
        megabytes=_peak_megabytes(learner.device),
    )


def _lengths(subset: Subset, side: str) -> np.ndarray:
    """Tokens of each text of a side, without marks."""
    lengths: np.ndarray = getattr(subset.corpus, f"{side}_lengths")
    return lengths if subset.rows is None else lengths[subset.rows]


def _positions(learn: Subset, plan: BatchPlan) -> np.ndarray:
    """Positions of each batch of the epoch, in order: both sides, with marks and padding."""
    rows = np.diff(plan.starts)
    corpus = learn.corpus
    widths = [
        np.maximum.reduceat(lengths[plan.pairs].astype(np.int64), plan.starts[:-1]) + 1
        for lengths in (corpus.source_lengths, corpus.target_lengths)
    ]
    return (rows * (widths[0] + widths[1]))[plan.turn]


def _try_updates(
    learner: Learner, learn: Subset, plan: BatchPlan, positions: np.ndarray, accumulate: int
) -> tuple[float, int, int]:
    """Seconds, positions and target tokens of some updates. The largest batch comes first, to measure its memory."""
    learner.model.train()
    numbers = cycle(range(len(plan)))
    chosen = [[int(positions.argmax())] * accumulate]
    chosen += [[next(numbers) for _ in range(accumulate)] for _ in range(WARM_UPDATES + MOST_UPDATES - 1)]
    seconds, tried, tokens = 0.0, 0, 0
    for step, batches in enumerate(chosen):
        started = time.monotonic()
        try:
            done = update(learner, [collate(learn.corpus, plan[each]) for each in batches], Progress(step=step))
        except NotFinite as error:
            raise RegardError(
                f"{error.finding} at step {error.step} of the dry run. Lower the learning rate, or clip harder."
            ) from error
        if step >= WARM_UPDATES:
            seconds += time.monotonic() - started
            tried += int(positions[batches].sum())
            tokens += done.tokens
            if seconds > MOST_SECONDS:
                break
    return seconds, tried, tokens


def _validation_seconds(parts: Parts) -> float:
    """Seconds of one validation. References take the place of outputs: an untrained model's can have any length."""
    config, held = parts.run.config, parts.held
    rows = held.first(min(VALIDATION_PAIRS, config.training.validate_pairs))
    some = Subset(held.corpus, np.array(rows, np.int32), held.data)
    loss = config.model_copy(update={"training": config.training.model_copy(update={"metric": "loss"})})
    validator = Validator(loss, parts.run, some, parts.texts[: len(rows)])
    seconds = _timed(lambda: validator(parts.model)) * len(held) / len(rows)
    if config.training.metric == "loss":
        return seconds
    translator = Translator([parts.model], *parts.run.sides, validator.options)
    decoded = min(config.training.validate_pairs, len(held))
    targets = [several[0] for several in validator.references]
    return seconds + _timed(lambda: translator.score(validator.sources, targets)) * decoded / len(rows)


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _facts(learn: Subset, held: Subset, side: str, tokenizer: Tokenizer | None) -> SideFacts:
    lengths = _lengths(learn, side)
    percentiles = tuple(map(int, np.percentile(lengths, PERCENTILES, method="nearest")))
    measured = float(lengths.mean()), percentiles, int(lengths.max())
    if tokenizer is None:
        return SideFacts(*measured, None, 0.0)
    texts: Side = getattr(held.corpus, side)
    tokens = texts.take(np.array(held.first(VALIDATION_SAMPLE)))
    tokens = tokens.reshape(len(tokens), -1)[:, 0]  # of a source that can be copied, a position has two numbers
    unknown = tokens == UNKNOWN
    if tokenizer.size >= FIRST_PIECE and tokenizer.tokens(range(FIRST_BYTE, FIRST_PIECE)) == list(BYTE_NAMES):
        unknown = unknown | ((tokens >= FIRST_BYTE) & (tokens < FIRST_PIECE))
    return SideFacts(*measured, tokenizer.size, float(unknown.mean()))


def _peak_megabytes(device: torch.device) -> float:
    """Peak memory so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, kilobytes elsewhere
