"""The report after training: how good the model is, where it is, what to type next, and warnings."""

import shlex
from pathlib import Path

from regard.cli.errors import say
from regard.run.card import examples
from regard.run.directory import Run
from regard.run.outcome import outcome
from regard.training.progress import Progress


def tell_finished(out: Path, progress: Progress) -> None:
    """Report in a few lines on standard error; warnings come last."""
    found, place = outcome(Run(out)), shlex.quote(str(out))
    say(f"trained {progress.step:,} steps in {progress.seconds / 60:.1f} minutes; {found}")
    say(f"the model is in {place}; its card is {shlex.quote(str(out / 'card.md'))}")
    example, _ = examples(Run(out).config.data.source)
    say(f"next: regard translate {place} < input > output, or regard view {place} {example}")
    for warning in found.warnings:
        say(f"warning: {warning}")
