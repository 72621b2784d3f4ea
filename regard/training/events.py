"""The events that the loop sends to its listeners."""

from collections.abc import Callable
from dataclasses import dataclass

from regard.training.progress import Progress


@dataclass(frozen=True)
class Started:
    """A run starts, or continues at `progress`. `share`: the finished fraction of the run, if it is known."""

    progress: Progress
    share: float | None


@dataclass(frozen=True)
class Updated:
    """One update was made.

    Args:
        step, epoch: of this update.
        nll: its loss in nats, summed over its target tokens, without smoothing.
        tokens: its target tokens.
        update_seconds: how long it took.
        seconds: time of training so far, over all resumptions.
        share: the finished fraction of the run, if it is known.
    """

    step: int
    epoch: int
    nll: float
    tokens: int
    update_seconds: float
    seconds: float
    share: float | None


@dataclass(frozen=True)
class Trained:
    """Some updates were made.

    Args:
        step, epoch: of the last of them.
        loss: nats per target token over all updates since the last such event, without smoothing.
        learning_rate, gradient_norm: of the last update; the norm before clipping.
        tokens: target tokens seen so far.
        tokens_per_second: target tokens per second of updating.
        seconds: time of training so far, over all resumptions.
        share: the finished fraction of the run, if it is known.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    tokens_per_second: float
    seconds: float
    share: float | None


@dataclass(frozen=True)
class Validated:
    """The model was validated; `best`: it is better than at all validations before."""

    step: int
    epoch: int
    seconds: float
    scores: dict[str, float]
    best: bool


@dataclass(frozen=True)
class Saved:
    """A checkpoint to resume from was written."""

    step: int


@dataclass(frozen=True)
class Failed:
    """An update was not finite; `lines`: file and line of every pair in it, or ("row", number in the corpus)."""

    step: int
    message: str
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Ended:
    """The run ended, for any reason."""


Event = Started | Updated | Trained | Validated | Saved | Failed | Ended
Listener = Callable[[Event], None]
