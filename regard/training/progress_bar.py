"""The progress of a run on standard error: lines, and on a terminal a bar below them."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from regard.training.events import Ended, Event, Started, Updated, Validated

EVERY_SECONDS = 30.0
"""Seconds of training between two lines."""
WIDEST, NARROWEST, LEAST_BAR = 100, 10, 8


class ProgressBar:
    """A listener that prints the progress of a run.

    It prints a line after the first update, every 30 seconds, and for every validation. On a terminal, a bar below
    these lines moves with every update; it is at most as wide as the terminal, and leaves out the parts that do not
    fit.

    Args:
        quiet: print nothing.
        console: where to write instead of stderr.
        metric: the score that decides what is best; the lines name it.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None, metric: str = "loss") -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._metric = metric
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            console=self._console,
            expand=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._best: tuple[float, int] | None = None  # the score and its step
        self._last = 0.0  # seconds of the run at the last line
        self._sums = (0.0, 0, 0.0)  # loss, tokens and seconds since then
        self._started = False

    def __call__(self, event: Event) -> None:
        """Print the event."""
        if self._quiet:
            return
        if isinstance(event, Started):
            self._last, self._started = event.progress.seconds - EVERY_SECONDS, True
            if event.progress.counted:  # a gain is the score, with a minus sign if less is better
                best = max(event.progress.counted, key=lambda validation: validation.gain)
                self._best = abs(best.gain), best.step
            total = None if event.share is None else 1.0
            self._task = self._bar.add_task("training", total=total)
            self._bar.update(self._task, completed=event.share or 0.0)
            self._bar.start()
        elif not self._started:
            return
        elif isinstance(event, Updated):
            self._updated(event)
        elif isinstance(event, Validated):
            self._validated(event)
        elif isinstance(event, Ended):
            self._bar.stop()

    def _updated(self, event: Updated) -> None:
        nll, tokens, seconds = self._sums
        self._sums = nll + event.nll, tokens + event.tokens, seconds + event.update_seconds
        parts = [f"loss {self._sums[0] / max(self._sums[1], 1):.3f}"]
        parts += [f"{self._sums[1] / max(self._sums[2], 1e-9):,.0f} tokens/s"]
        if event.share:
            parts += [f"{duration(event.seconds * (1 - event.share) / event.share)} left"]
        place = f"epoch {event.epoch + 1} step {event.step}"
        if event.seconds - self._last >= EVERY_SECONDS:
            best = [f"best {self._metric} {self._best[0]:.4g}"] if self._best else []
            self._say(f"{place}: {', '.join([*parts, *best])}")
            self._last, self._sums = event.seconds, (0.0, 0, 0.0)
        if self._task is not None:
            room = max(min(self._console.width, WIDEST), NARROWEST) - LEAST_BAR - 1
            self._bar.update(self._task, completed=event.share or 0.0, description=fitted([place, *parts], room))

    def _validated(self, event: Validated) -> None:
        score = event.scores.get(self._metric)
        if score is not None and (event.best or self._best is None):
            self._best = score, event.step
        told = scores_in_words(event.scores, self._metric)
        if self._best is None:
            best = ""
        elif event.best:
            best = " (best so far)"
        else:
            best = f" (best {self._best[0]:.4g} at step {self._best[1]})"
        self._say(f"epoch {event.epoch + 1} step {event.step}: validation {told}{best}")

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def scores_in_words(scores: Mapping[str, float], metric: str) -> str:
    """The loss, and the metric if it is another one."""
    names = dict.fromkeys(("loss", metric))
    return ", ".join(f"{name} {scores[name]:.4g}" for name in names if name in scores)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03; without hours if there are none."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def fitted(parts: Sequence[str], room: int) -> str:
    """The first parts that fit into `room` characters, joined."""
    text = parts[0][: max(room, 0)]
    for part in parts[1:]:
        if len(text) + 2 + len(part) > room:
            break
        text += f"  {part}"
    return text
