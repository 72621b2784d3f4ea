"""The counters of a run: everything in its state that is neither a tensor nor an option."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

LARGEST_NUMBER = 2.0**53


@dataclass(frozen=True)
class Validation:
    """The step of a validation, and its score, signed so that more is better."""

    step: int
    gain: float


@dataclass(frozen=True)
class Progress:
    """Counters of a run after some update: the state of the loop that is not in the learner.

    Args:
        step: updates made.
        epoch: the current epoch, from 0.
        batch: batches of this epoch that are done.
        tokens: target tokens seen.
        seconds: time of training, over all resumptions.
        validations: every validation so far; schedule, early stopping and averaging are functions of those that count.
        recent_nll, recent_tokens: sums since the last logged step, whose mean is the logged loss.
        restart: validations that do not count any more, since the model was another one: those of a linear start.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    validations: tuple[Validation, ...] = ()
    recent_nll: float = 0.0
    recent_tokens: int = 0
    restart: int = 0

    @property
    def counted(self) -> tuple[Validation, ...]:
        """The validations that count."""
        return self.validations[self.restart :]

    @property
    def gains(self) -> tuple[float, ...]:
        """Their scores, more is better."""
        return tuple(validation.gain for validation in self.counted)

    @property
    def validated(self) -> int:
        """The step of the last validation."""
        return self.validations[-1].step if self.validations else 0

    @property
    def improved(self) -> bool:
        """Whether the last validation that counts is better than all before it."""
        *before, last = self.gains
        return all(last > gain for gain in before)

    def after_update(self, batches: int, nll: float, tokens: int, seconds: float) -> "Progress":
        """One more update, over so many batches."""
        return replace(
            self,
            step=self.step + 1,
            batch=self.batch + batches,
            tokens=self.tokens + tokens,
            seconds=self.seconds + seconds,
            recent_nll=self.recent_nll + nll,
            recent_tokens=self.recent_tokens + tokens,
        )

    def after_epoch(self) -> "Progress":
        """The beginning of the next epoch."""
        return replace(self, epoch=self.epoch + 1, batch=0)

    def after_validation(self, gain: float, seconds: float) -> "Progress":
        """One more validation, at this step."""
        validations = (*self.validations, Validation(self.step, gain))
        return replace(self, validations=validations, seconds=self.seconds + seconds)

    def restarted(self) -> "Progress":
        """From here on no validation so far counts."""
        return replace(self, restart=len(self.validations))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; floats are stored exactly."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Progress":
        """The record that `to_json` was made from. Raises KeyError, TypeError or ValueError for anything else."""
        validations = tuple(Validation(**validation) for validation in values["validations"])
        progress = Progress(**{**values, "validations": validations})
        records: list[Progress | Validation] = [progress, *validations]
        for record in records:
            for field in fields(record):
                _check(getattr(record, field.name), field.type)
        return progress


def _check(value: Any, kind: Any) -> None:
    """Raises TypeError for another type, ValueError for a number that no run can have."""
    if kind in (int, float):
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        if not abs(value) < LARGEST_NUMBER or (kind is int and value < 0):
            raise ValueError("no run has such a number")
