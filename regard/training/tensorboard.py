"""Writes the events of a run for TensorBoard, if it is installed."""

from pathlib import Path
from typing import Any

from regard.errors import UsageError
from regard.training.events import Ended, Event, Started, Trained, Validated


class TensorBoard:
    """A listener that writes loss, rate, norm, speed and validation scores as TensorBoard scalars.

    Args:
        directory: where its event files go. Raises UsageError when TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError("TensorBoard is not installed. Run: pip install 'regard[log]'.") from error
        self._make: Any = SummaryWriter
        self._directory = directory
        self._writer: Any = None

    def __call__(self, event: Event) -> None:
        """Write the event, if it holds scalars."""
        if isinstance(event, Started):
            self._writer = self._make(str(self._directory), purge_step=event.progress.step + 1)
        elif isinstance(event, Trained):
            for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second"):
                self._writer.add_scalar(f"train/{name}", getattr(event, name), event.step)
        elif isinstance(event, Validated):
            for name, score in event.scores.items():
                self._writer.add_scalar(f"validation/{name}", score, event.step)
        elif isinstance(event, Ended) and self._writer is not None:
            self._writer.close()
