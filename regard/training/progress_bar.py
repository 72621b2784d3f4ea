"""The bar on the terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from regard.training.events import Ended, Event, Started, Trained, Validated


class ProgressBar:
    """A listener that shows epoch, step, loss, tokens/s, time left and the last validation on stderr.

    Silent where stderr is no terminal.

    Args:
        quiet: silent everywhere.
        console: where to draw instead of stderr.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[validation]}"),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """Draw the event."""
        if isinstance(event, Started):
            total = None if event.share is None else 1.0
            self._task = self._bar.add_task("training", total=total, numbers="", validation="")
            self._bar.update(self._task, completed=event.share or 0.0)
            self._bar.start()
        elif self._task is None:
            return
        elif isinstance(event, Trained):
            self._bar.update(
                self._task,
                completed=event.share or 0.0,
                description=f"epoch {event.epoch + 1} step {event.step}",
                numbers=f"loss {event.loss:.3f} · {event.tokens_per_second:,.0f} tokens/s",
            )
        elif isinstance(event, Validated):
            scores = " ".join(f"{name} {score:.4g}" for name, score in event.scores.items())
            self._bar.update(self._task, validation=f"validation {scores}{' (best)' if event.best else ''}")
        elif isinstance(event, Ended):
            self._bar.stop()
