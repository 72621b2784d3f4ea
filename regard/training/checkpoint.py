"""The checkpoints of a run: `last` to resume from, `best` and `averaged` to publish."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from regard.errors import CheckpointError, RegardError, UsageError
from regard.files import sweep
from regard.training import tensorfile
from regard.training.averaging import chosen, mean
from regard.training.learner import Learner
from regard.training.progress import Progress
from regard.training.weights import apply, load_weights, save_weights

__all__ = ["Checkpoints", "apply", "load_weights", "save_weights"]


class Checkpoints:
    """A directory with `last.safetensors`, `best.safetensors` and `averaged.safetensors`, each complete or absent.

    `last` holds everything that the next updates depend on; `best` and `averaged` hold weights. `averaged` is the mean
    of several states. The states are files, `state-<step>.safetensors`: they take no memory, and remain after a kill.

    Args:
        directory: made if it does not exist. Only one run may write to it: hold its lock.
        every_steps: save `last` every so many updates; None for not at all.
        every_minutes: save `last` every so many minutes; None for not at all. It is also saved after each validation.
        average: number of validated states in the mean; 0 for no `averaged`.
        average_of: the last states or the best ones.
    """

    def __init__(
        self,
        directory: Path,
        *,
        every_steps: int | None = None,
        every_minutes: float | None = 5.0,
        average: int = 0,
        average_of: Literal["last", "best"] = "last",
    ) -> None:
        self.directory = directory
        self.every_steps = every_steps
        self.every_minutes = every_minutes
        self.average = average
        self.average_of: Literal["last", "best"] = average_of
        self.step: int | None = None  # the step of `last`, once it was loaded or saved here
        self._saved_at = time.monotonic()

    @property
    def last(self) -> Path:
        """The file to resume from."""
        return self.directory / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights with the best validation."""
        return self.directory / "best.safetensors"

    @property
    def averaged(self) -> Path:
        """The mean of several states; written at the end of the run."""
        return self.directory / "averaged.safetensors"

    def resume(self, learner: Learner) -> Progress:
        """Load `last` into the learner. A run that was killed before the first save starts from its beginning.

        Raises CheckpointError if `last` is incomplete or belongs to another learner.
        """
        self._tidy()
        return self.load(learner)

    def load(self, learner: Learner) -> Progress:
        """The same without removing temporary files: for a worker that does not hold the lock."""
        if not self.last.exists():
            return Progress()
        contents = tensorfile.read(self.last)
        try:
            progress = Progress.from_json(contents.metadata["progress"])
            learner.restore(contents.tensors)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{self.last} is no checkpoint to go on from. Start the run anew.") from error
        except CheckpointError as error:
            raise CheckpointError(f"{self.last}: {error}") from error
        self.step = progress.step
        return progress

    def start(self) -> Progress:
        """Start a new run. Raises UsageError if the directory holds a run."""
        self._tidy()
        if any(path.exists() for path in (self.last, self.best, self.averaged)):
            raise UsageError(f"{self.directory} holds a run already. Resume it, or choose another directory.")
        return Progress()

    def due(self, progress: Progress) -> bool:
        """Whether it is time to save `last`."""
        by_steps = self.every_steps is not None and progress.step % self.every_steps == 0
        minutes = (time.monotonic() - self._saved_at) / 60
        return by_steps or (self.every_minutes is not None and minutes >= self.every_minutes)

    def save(self, learner: Learner, progress: Progress) -> Path:
        """Write `last`, then remove the states that are not needed any more.

        Raises RegardError if it cannot be written; then the earlier `last` is intact.
        """
        tensorfile.write(self.last, learner.tensors(), {"kind": "checkpoint", "progress": progress.to_json()})
        self.step, self._saved_at = progress.step, time.monotonic()
        needed = {self._state(step) for step in self._chosen(progress)}
        for path in self.directory.glob("state-*.safetensors"):
            if path not in needed:
                path.unlink(missing_ok=True)
        return self.last

    def keep(self, learner: Learner, progress: Progress, scores: Mapping[str, float]) -> None:
        """After a validation: write its weights, if they are the best or part of the average."""
        finite = {name: score for name, score in scores.items() if math.isfinite(score)}  # JSON has no NaN
        metadata = {"kind": "weights", "step": progress.step, "scores": finite}
        if progress.improved:
            tensorfile.write(self.best, learner.published_tensors(), metadata)
        if progress.step in self._chosen(progress):
            tensorfile.write(self._state(progress.step), learner.published_tensors(), metadata)

    def finish(self, progress: Progress) -> None:
        """Write `averaged`, if the recipe asks for it and there are states."""
        if steps := self._chosen(progress):
            states = (tensorfile.read(self._state(step)).tensors for step in steps)
            tensorfile.write(self.averaged, mean(states), {"kind": "weights", "steps": steps})

    def _chosen(self, progress: Progress) -> list[int]:
        return chosen(progress.counted, self.average, self.average_of) if self.average else []

    def _state(self, step: int) -> Path:
        return self.directory / f"state-{step}.safetensors"

    def _tidy(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            sweep(self.directory)
        except OSError as error:
            raise RegardError(
                f"{self.directory} cannot be written ({error.strerror}). Choose another directory."
            ) from error
