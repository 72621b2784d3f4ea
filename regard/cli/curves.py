"""`regard curves`: loss and metrics of one run or of several, over steps or time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regard.alignment.table import MEASURES
from regard.cli.errors import reported, say
from regard.cli.options import choose

if TYPE_CHECKING:
    from regard.views.chart import Panel

AXES = ("steps", "minutes")
LOSS = "loss, nats per target token"
ASIDE = ("loss", "perplexity", *MEASURES)
"""Scores of a validation without a panel of their own. The perplexity, for instance, follows from the loss."""
LARGEST = 1e300
"""Larger numbers cannot be drawn; Regard writes none."""

Events = Sequence[Mapping[str, Any]]


@reported
def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Runs, also ones that still train.")],
    over: Annotated[str, typer.Option(metavar="steps|minutes", help="The horizontal axis.")] = "steps",
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw into this file, .png, .svg or .pdf (needs regard[plot]).")
    ] = None,
) -> None:
    """Draw loss and metric of runs over steps or time.

    For one run: the loss in training and in validation. For several: the loss in validation. The numbers come from
    RUN/metrics.jsonl.

    Example: regard curves runs/a runs/b --over minutes
    """

    choose("--over", over, AXES)
    if png is not None:
        from regard.cli.stdout import check_directory
        from regard.views.plotting import checked_path

        check_directory("--png", checked_path(png))
    panels, best = panels_of(read(runs), over)
    if png is not None:
        from regard.views.panels import save_panels

        save_panels(panels, png, over)
        say(f"regard: wrote {png}")
    else:
        _show(panels, best, over)


def read(runs: Sequence[Path]) -> dict[str, Events]:
    """The events of each run by its name, or by its path if two have the same name.

    Reports and leaves out a run without events. Raises CheckpointError for a path that is no run, and if no run has
    events.
    """
    from regard.errors import CheckpointError
    from regard.training.metrics_file import read_metrics

    names = [run.resolve().name for run in runs]
    found: dict[str, Events] = {}
    for run, name in zip(runs, names, strict=True):
        if not run.is_dir():
            raise CheckpointError(f"{run} is not a directory. Give the directory that `regard train` wrote.")
        events = [event for event in read_metrics(run / "metrics.jsonl") if event.get("event") in _KINDS]
        if events:
            found[str(run) if names.count(name) > 1 else name] = events
        elif len(runs) > 1:
            say(f"regard: {run} has no metrics yet, and is left out")
    if not found:
        raise CheckpointError(
            f"{runs[0]} has no metrics yet (metrics.jsonl): the first come after 20 updates. "
            "Wait for them, or give the directory that `regard train` wrote."
        )
    return found


_KINDS = ("trained", "validated")


def panels_of(runs: Mapping[str, Events], over: str) -> "tuple[list[Panel], list[str]]":
    """A panel for the loss and one for each metric; and a line for each run with its best validation."""
    from regard.views.chart import Panel

    losses: dict[str, list[tuple[float, float]]] = {}
    metrics: dict[str, dict[str, list[tuple[float, float]]]] = {}
    best = []
    for name, events in runs.items():
        validated = [event for event in events if event["event"] == "validated"]
        trained = _points(events, "trained", over, "loss")
        measured = _points(validated, "validated", over, "scores", "loss")
        if len(runs) == 1:
            losses |= {"training": trained, "validation": measured}
        else:
            losses[name] = measured or trained
        for metric in dict.fromkeys(key for event in validated for key in _scores(event) if key not in ASIDE):
            metrics.setdefault(metric, {})[name] = _points(validated, "validated", over, "scores", metric)
        best.append(f"{name}: {_best(events)}")
    shown = {LOSS: losses} | metrics
    panels = [
        Panel(title, {name: points for name, points in lines.items() if points}) for title, lines in shown.items()
    ]
    return [panel for panel in panels if panel.series], best


def _points(events: Events, kind: str, over: str, *path: str) -> list[tuple[float, float]]:
    """The points of one line, without those that are no numbers."""
    points = []
    for event in events:
        x, y = event.get("step") if over == "steps" else event.get("seconds"), event
        for key in path:
            y = y.get(key) if isinstance(y, Mapping) else None  # type: ignore[assignment]
        if event["event"] == kind and _is_number(x) and _is_number(y):
            points.append((float(x) if over == "steps" else float(x) / 60, float(y)))  # type: ignore[arg-type]
    return sorted(points)


def _scores(event: Mapping[str, Any]) -> Mapping[str, Any]:
    scores = event.get("scores")
    return scores if isinstance(scores, Mapping) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _best(events: Events) -> str:
    """The last validation that was better than all before it."""
    steps = [event["step"] for event in events if _is_number(event.get("step"))]
    found = [event for event in events if event["event"] == "validated" and event.get("best") is True]
    so_far = f"{max(steps):,} steps" if steps else "no step"
    if not found:
        return f"{so_far}, no validation yet"
    scores = {name: value for name, value in _scores(found[-1]).items() if name not in ASIDE[1:] and _is_number(value)}
    told = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    return f"{so_far}; best validation at step {found[-1].get('step')}: {told}"


def _show(panels: "Sequence[Panel]", best: Sequence[str], xlabel: str) -> None:
    from rich.console import Console

    from regard.cli.stdout import write
    from regard.views.chart import show_panels
    from regard.views.labels import visible

    console = Console()
    with console.capture() as drawn:  # rich itself ends with code 1 when the reader of a pipe has gone
        show_panels(panels, xlabel, console)
        for line in best:
            console.print(visible(line), soft_wrap=True, highlight=False, markup=False)
    write(drawn.get())
