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
        """The score, signed so that more is better. Raises UsageError when it is not among them."""
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
    """The ends of a run; the first that is reached counts.

    Args:
        max_epochs, max_steps: passes over the data, updates.
        max_minutes: time spent, over all sittings of a resumed run; where it falls is not repeatable.
        patience: validations in a row that are no better than the best before them.
    """

    max_epochs: int | None = None
    max_steps: int | None = None
    max_minutes: float | None = None
    patience: int | None = None

    def reached(self, progress: Progress) -> str | None:
        """The limit that ends the run here, in words; None to go on."""
        ends = (
            (self.max_epochs, progress.epoch, "epochs"),
            (self.max_steps, progress.step, "steps"),
            (self.max_minutes, progress.seconds / 60, "minutes"),
            (self.patience, _stale(progress), "validations without a gain"),
        )
        return next((f"{limit:g} {what}" for limit, now, what in ends if limit is not None and now >= limit), None)

    def share(self, progress: Progress, batches_per_epoch: Callable[[int], int] | None) -> float | None:
        """How much of the run is over, 0 to 1, as far as that can be known; patience is not counted."""
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
