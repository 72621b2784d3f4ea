"""A demo that trains some models on one embedded corpus of texts and holds them side by side."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from regard.alignment.pointing import Pointing
from regard.analysis.pointed import Known
from regard.cli.demo import demo_config, train
from regard.cli.demo_media import SMALL_SOURCES, put_steps, show_found, write_pairs
from regard.cli.errors import say
from regard.cli.view import ALTERNATIVES
from regard.run.directory import load
from regard.translator import Translator


@dataclass(frozen=True)
class ComparedDemo:
    """What differs between such demos.

    Args:
        corpus: its name, which is that of the recipe.
        introduction: what is said before training.
        known: split, how many (None for all) → its sources with their gold places.
        models: what is compared, and what it changes of the recipe; the first is the demo's own model.
        splits: what is tested on.
        shown: a split, and how many of its first sources are shown.
        title: of the page.
        score: a model, the name of a split, its sources → a row of the table.
        table: for each model and each split its row → the table.
        steps: what to type next, for a quoted run.
    """

    corpus: str
    introduction: str
    known: Callable[[str, int | None], Sequence[Known]]
    models: Mapping[str, Sequence[str]]
    splits: Sequence[str]
    shown: tuple[str, int]
    title: str
    score: Callable[[Translator, str, Sequence[Known]], Any]
    table: Callable[[Mapping[str, Mapping[str, Any]]], Table]
    steps: Callable[[str], Sequence[str]]

    def run(self, name: str) -> str:
        """The directory of a model."""
        return "model" if name == next(iter(self.models)) else name.replace(", ", "_").replace(" ", "_")


def compare(demo: ComparedDemo, out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Train all, show what the first looks at, and hold them side by side."""
    write_pairs(demo.known, out / "corpus", small)
    say(demo.introduction)
    for name, changes in demo.models.items():
        say(f"training: {name}")
        train(demo_config(seed, small, demo.corpus, changes), out, quiet, demo.run(name))
    console, translator = Console(), load(out / "model")
    texts = [one.source for one in demo.known(*demo.shown)]
    alignments = [best for best, *_ in translator.translate(texts, alternatives=ALTERNATIVES)]
    missing = show_found(console, alignments, out, demo.title)
    most = SMALL_SOURCES if small else None
    rows = {
        name: {split: demo.score(load(out / demo.run(name)), split, demo.known(split, most)) for split in demo.splits}
        for name in demo.models
    }
    console.print(demo.table(rows))
    put_steps(console, out, demo.steps(shlex.quote(str(out / "model"))), missing)


def shares(found: Pointing) -> tuple[str, str]:
    """How often the largest weight points into the place, and how much weight is in it, as cells of a table."""
    return f"{100 * found.pointing:.1f}", f"{100 * found.mass:.1f}"
