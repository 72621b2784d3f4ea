"""The metric that decides what is best, and the limits that end a run."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from regard.errors import RegardError, UsageError
from regard.training.progress import Progress


@dataclass(frozen=True)
class Goal:
    """The metric that decides what is best, and its direction."""

    metric: str = "loss"
    higher_is_better: bool = False

    def gain(self, scores: Mapping[str, float]) -> float:
        """The score of the metric, signed so that more is better.

        Raises UsageError if `scores` does not have it, RegardError if it is not finite.
        """
        if self.metric not in scores:
            raise UsageError(
                f"the metric to train for is {self.metric!r}; validation gives {', '.join(scores)}. Choose one of them."
            )
        score = scores[self.metric]
        if not math.isfinite(score):
            raise RegardError(f"the validation's {self.metric} is {score}. Lower the learning rate or clip harder.")
        return score if self.higher_is_better else -score


@dataclass(frozen=True)
class Limits:
    """The limits of a run. It ends at the first that is reached; None is no limit.

    Args:
        max_epochs, max_steps: passes over the data, updates.
        max_minutes: time of training, over all resumptions; the step where it ends the run is not reproducible.
        patience: validations in a row that are not better than the best one before them.
    """

    max_epochs: int | None = None
    max_steps: int | None = None
    max_minutes: float | None = None
    patience: int | None = None

    def reached(self, progress: Progress) -> str | None:
        """The limit that is reached, in words; None to continue."""
        ends = (
            (self.max_epochs, progress.epoch, "epochs"),
            (self.max_steps, progress.step, "steps"),
            (self.max_minutes, progress.seconds / 60, "minutes"),
            (self.patience, _stale(progress), "validations without a gain"),
        )
        return next((f"{limit:g} {what}" for limit, now, what in ends if limit is not None and now >= limit), None)

    def share(self, progress: Progress, batches_per_epoch: Callable[[int], int] | None) -> float | None:
        """The finished fraction of the run, 0 to 1; None if it is not known. Patience is not counted."""
        shares = []
        if self.max_steps is not None:
            shares.append(progress.step / self.max_steps)
        if self.max_minutes is not None:
            shares.append(progress.seconds / 60 / self.max_minutes)
        if self.max_epochs is not None and batches_per_epoch is not None:
            part = progress.batch / max(batches_per_epoch(progress.epoch), 1)
            shares.append((progress.epoch + part) / self.max_epochs)
        return min(max(shares), 1.0) if shares else None


def _stale(progress: Progress) -> int:
    """Validations since the best one."""
    gains = progress.gains
    return len(gains) - 1 - gains.index(max(gains)) if gains else 0
