"""When a run validates, reports and ends, and the types of the functions that it receives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from regard.data.batch import Batch
from regard.training.stopping import Goal, Limits

Feed = Callable[[int, int], Iterable[Batch]]  # (epoch, number of the first batch) → the batches from there on
Validate = Callable[[nn.Module], dict[str, float]]  # scores of a model
Origin = Callable[[int], tuple[str, int]]  # row of the corpus → file and line


@dataclass(frozen=True)
class Plan:
    """When a run validates, reports and ends; counts are of updates.

    Args:
        limits: when the run ends.
        goal: the metric of the validation that decides what is best.
        accumulate: batches per update; the last update of an epoch may have fewer.
        log_every: updates between two `Trained` events.
        validate_every: updates between two validations; None for one at the end of each epoch.
    """

    limits: Limits
    goal: Goal = Goal()  # noqa: RUF009 (frozen)
    accumulate: int = 1
    log_every: int = 20
    validate_every: int | None = None
