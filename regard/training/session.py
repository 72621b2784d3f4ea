"""What happens between two updates: count, report, validate, save, stop."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from regard.data.batch import Batch
from regard.errors import DataError, RegardError
from regard.training.checkpoint import Checkpoints
from regard.training.distributed import OtherWorkerFailed, World
from regard.training.events import Ended, Event, Failed, Listener, Saved, Started, Trained, Updated, Validated
from regard.training.interrupt import Abandoned, Interrupted, Signals
from regard.training.learner import Learner
from regard.training.plan import Origin, Plan, Validate
from regard.training.progress import Progress
from regard.training.randomness import undisturbed

SHOWN = 20  # lines that a message names
LINEAR_SHARE = 0.5
"""A linear start is over after this share of training, also if it still gains."""


@dataclass(frozen=True)
class Update:
    """One update: the unsmoothed loss summed over its target tokens, their number, rate, norm before clipping."""

    nll: float
    tokens: int
    learning_rate: float
    gradient_norm: float


class NotFinite(Exception):
    """A number of an update is not finite; the weights are as they were before it."""

    def __init__(self, step: int, finding: str, batches: Sequence[Batch]) -> None:
        super().__init__(finding)
        self.step = step
        self.finding = finding
        self.rows = [row for batch in batches for row in batch.order.tolist()]


class Session:
    """A run within one process, from its start or resumption to its end.

    It changes nothing that an update reads: its methods take a `Progress` and return a new one. Each worker has a
    session, with the same progress at every moment. The first worker validates, saves and reports; the others wait for
    the results.

    The arguments are those of `train`. If a run was stopped at a step where a validation was due, the validation is
    done when it is resumed. So the validations are those of a run that was never stopped.
    """

    def __init__(
        self,
        learner: Learner,
        plan: Plan,
        validate: Validate | None,
        checkpoints: Checkpoints | None,
        listeners: Sequence[Listener],
        batches_per_epoch: Callable[[int], int] | None,
        signals: Signals,
        world: World,
    ) -> None:
        if validate is None and checkpoints is not None and checkpoints.average:
            raise ValueError(
                "train: checkpoints.average is set and validate is None; expected a validation to average at."
            )
        self.learner = learner
        self.plan = plan
        self.validate = validate
        self.checkpoints = checkpoints
        self.listeners = listeners
        # Planning the batches sorts the corpus, so their number is computed once an epoch.
        self.batches_per_epoch = batches_per_epoch and lru_cache(maxsize=1)(batches_per_epoch)
        self.signals = signals
        self.world = world
        self.clock = time.monotonic()
        self.busy = (0.0, 0)  # seconds of updating and tokens since the last Trained event

    def begin(self, resume: bool) -> Progress:
        """The progress at which the run starts or continues."""
        if resume and self.checkpoints is None:
            raise ValueError("train: resume is True and checkpoints is None; expected Checkpoints to resume from.")
        progress = Progress()
        with self.world.first_before_others():
            if self.checkpoints is not None and self.world.is_first:
                progress = self.checkpoints.resume(self.learner) if resume else self.checkpoints.start()
            elif self.checkpoints is not None and resume:
                progress = self.checkpoints.load(self.learner)
        self.world.barrier()  # the first worker may save only after all workers have read
        self.learner.put_back(progress)
        self.learner.model.train()
        self.tell(Started(progress, self._share(progress)))
        return self.pause(progress) if progress.step else progress

    def count(self, progress: Progress, done: Update, batches: int) -> Progress:
        """Count one update; report it every `log_every` updates."""
        seconds = self._count_time()
        self.busy = (self.busy[0] + seconds, self.busy[1] + done.tokens)
        progress = progress.after_update(batches, done.nll, done.tokens, seconds)
        step, share = progress.step, self._share(progress)
        self.tell(Updated(step, progress.epoch, done.nll, done.tokens, seconds, progress.seconds, share))
        if step % self.plan.log_every:
            return progress
        self.tell(
            Trained(
                step=step,
                epoch=progress.epoch,
                loss=progress.recent_nll / progress.recent_tokens,
                learning_rate=done.learning_rate,
                gradient_norm=done.gradient_norm,
                tokens=progress.tokens,
                tokens_per_second=self.busy[1] / max(self.busy[0], 1e-9),
                seconds=progress.seconds,
                share=share,
            )
        )
        self.busy = (0.0, 0)
        return replace(progress, recent_nll=0.0, recent_tokens=0)

    def pause(self, progress: Progress, *, end_of_epoch: bool = False, end: bool = False) -> Progress:
        """Between two updates: validate and save when it is due; end if a signal has come."""
        every = self.plan.validate_every
        due = end or (end_of_epoch if every is None else progress.step % every == 0)
        validated = progress.validated
        if self.validate is not None and due and validated != progress.step:
            progress = self._validate_on_first(progress)
        progress, received = self._synchronize(progress)
        self._save(progress, at_once=end or received is not None, again=validated != progress.validated)
        if received:
            if self.checkpoints is None:
                raise Interrupted(received, f"step {progress.step} is not saved.")
            self.world.barrier()  # torchrun ends all workers when one ends, so wait until it is saved
            saved = f"step {progress.step} is saved in {self.checkpoints.last}; resume to go on."
            raise Interrupted(received, saved)
        return progress

    def end_epoch(self, progress: Progress) -> Progress:
        """After the last batch of an epoch."""
        if not progress.batch:
            raise DataError(f"epoch {progress.epoch} has no batches. Give at least one pair to learn from.")
        return self.pause(progress, end_of_epoch=True).after_epoch()

    def finish(self, progress: Progress) -> Progress:
        """At a limit: validate and save."""
        progress = self.pause(progress, end=True)
        if self.checkpoints is not None and self.world.is_first:
            self.checkpoints.finish(progress)
        return progress

    def failure(self, error: NotFinite, origin: Origin | None) -> RegardError:
        """The error for an update that is not finite: its step, and the lines of its batch."""
        found = self.world.gather([error.finding, error.rows])
        if not found:
            return OtherWorkerFailed("a number is not finite; the first worker says which.")
        finding = next(finding for finding, _ in found if finding)
        lines = tuple(origin(row) if origin else ("row", row) for _, rows in found for row in rows)
        message = (
            f"{finding} at step {error.step}, so training stopped and nothing of it was saved; its batch holds "
            f"{_listed(lines)}. Lower the learning rate, clip harder, or look at these lines."
        )
        self.tell(Failed(error.step, message, lines))
        return RegardError(message)

    def close(self) -> None:
        """Tell every listener that the run has ended."""
        self.tell(Ended())

    def tell(self, event: Event) -> None:
        """Call every listener with the event."""
        for listener in self.listeners:
            try:
                listener(event)
            except OSError:
                if self.signals.received != signal.SIGHUP:
                    raise  # after SIGHUP a listener writes to a closed terminal; go on, since the run must be saved

    def _validate_on_first(self, progress: Progress) -> Progress:
        """The first worker validates; all workers get the new progress."""
        with self.world.first_before_others():
            if self.world.is_first:
                progress = self._validated(progress)
        if self.world.size > 1:
            progress = Progress.from_json(self.world.broadcast(progress.to_json()))
        self.learner.put_back(progress)
        return progress

    def _synchronize(self, progress: Progress) -> tuple[Progress, signal.Signals | None]:
        """Give all workers the same time and the same signal, so that they stop at the same step."""
        seconds = progress.seconds if self.world.is_first else 0.0
        seconds, number = self.world.max(seconds, float(self.signals.received or 0))
        if number:
            self.signals.received = signal.Signals(int(number))
        return replace(progress, seconds=seconds), self.signals.received if number else None

    def _validated(self, progress: Progress) -> Progress:
        """Validate. A signal stops it; then the progress does not change."""
        assert self.validate is not None
        try:
            with self.learner.published() as model, undisturbed(model), self.signals.abandonable():
                scores = self.validate(model)
        except Abandoned:
            return progress
        progress = progress.after_validation(self.plan.goal.gain(scores), self._count_time())
        if self.checkpoints is not None:
            self.checkpoints.keep(self.learner, progress, scores)
        self.tell(Validated(progress.step, progress.epoch, progress.seconds, scores, progress.improved))
        return progress.restarted() if self._ends_linear_start(progress) else progress

    def _ends_linear_start(self, progress: Progress) -> bool:
        """Whether the selections that were left out are to be put back: they have to come before the end."""
        begun = self.learner.linear and not progress.restart
        return bool(begun) and (not progress.improved or (self._share(progress) or 0.0) >= LINEAR_SHARE)

    def _save(self, progress: Progress, *, at_once: bool, again: bool) -> None:
        """Save if it is due or `at_once`. A step that is already saved is only saved `again`."""
        if self.checkpoints is None or not self.world.is_first:
            return
        if again or (self.checkpoints.step != progress.step and (at_once or self.checkpoints.due(progress))):
            self.checkpoints.save(self.learner, replace(progress, seconds=progress.seconds + self._uncounted()))
            self.tell(Saved(progress.step))

    def _share(self, progress: Progress) -> float | None:
        return self.plan.limits.share(progress, self.batches_per_epoch)

    def _uncounted(self) -> float:
        """Seconds since the clock was last read."""
        return time.monotonic() - self.clock

    def _count_time(self) -> float:
        """Seconds since the clock was last read; reads it."""
        seconds = self._uncounted()
        self.clock += seconds
        return seconds


def _listed(lines: tuple[tuple[str, int], ...]) -> str:
    files: dict[str, list[int]] = {}
    for file, line in sorted(lines)[:SHOWN]:
        files.setdefault(file, []).append(line)
    listed = "; ".join(f"{file}: {', '.join(map(str, numbers))}" for file, numbers in files.items())
    return listed + (f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")
