"""`regard train --dry-run`: the data and the measured cost, as a table and a few lines on standard output."""

from pathlib import Path

import torch

from regard.cli.stdout import aligned_columns, put
from regard.config import Config
from regard.data.readers import PairFiles
from regard.run.dry_run import PERCENTILES, DryRun, SideFacts, dry_run
from regard.training.interrupt import Abandoned, Interrupted, Signals
from regard.training.progress_bar import duration


def report_dry_run(
    config: Config, files: PairFiles, validation: PairFiles | None, out: Path, device: torch.device
) -> None:
    """Run the dry run and print its results. Raises Interrupted for a SIGINT or SIGTERM."""
    with Signals() as signals:
        try:
            with signals.abandonable():
                found = dry_run(config, files, validation, out, device)
        except Abandoned as error:
            assert signals.received is not None
            raise Interrupted(signals.received, "nothing is left of the dry run.") from error
    put(_lines(found, config, device))


def _lines(found: DryRun, config: Config, device: torch.device) -> list[str]:
    training = config.training
    minutes = max((found.training_seconds + found.validation_seconds) / 60, 0.1)
    limit = training.max_epochs if training.max_steps is None else found.total_updates / found.updates
    where = "memory of the GPU" if device.type == "cuda" else "memory"
    return [
        f"pairs       {found.learn:,} to learn from, {found.held:,} to validate on ({found.report})",
        *aligned_columns(_table(found), "l" + "r" * (len(PERCENTILES) + 4)),
        f"model       {found.parameters:,} parameters",
        f"epoch       {found.batches:,} batches, {found.updates:,} updates; {found.padding:.1%} of the positions are "
        "padding",
        f"run         {limit:.3g} epochs, {found.total_updates:,} updates, {found.validations:,} validations at most",
        f"time        about {minutes:.1f} minutes at {found.tokens_per_second:,.0f} target tokens/s: training "
        f"{duration(found.training_seconds)}, validation {duration(found.validation_seconds)}",
        f"{where:<11} about {found.megabytes:,.0f} MB",
    ]


def _table(found: DryRun) -> list[list[str]]:
    """Lengths in tokens, a row for each side."""
    head = ["tokens    ", "mean", *(f"{share} %" for share in PERCENTILES), "longest", "vocabulary", "unknown %"]
    return [head, _row("source", found.source), _row("target", found.target)]


def _row(name: str, side: SideFacts) -> list[str]:
    lengths = [f"{side.mean:.1f}", *map(str, side.percentiles), str(side.longest)]
    if side.vocabulary is None:
        return [f"  {name}", *lengths, "-", "-"]
    return [f"  {name}", *lengths, f"{side.vocabulary:,}", f"{100 * side.unknown:.2f}"]
