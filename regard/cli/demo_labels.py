"""`regard demo --corpus labels`: texts → one of six labels, by three ways to pool, and whether each finds the cue."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from regard.alignment.pointing import Pointing
from regard.analysis.places import ATTENTION
from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.demo import demo_config, draw, train
from regard.cli.demo_media import SMALL_SOURCES, write_pairs
from regard.cli.errors import say
from regard.cli.view import ALTERNATIVES
from regard.data.embedded.cues import LENGTHS, cued_texts
from regard.run.directory import load
from regard.views.page import save_page
from regard.views.terminal import show

POOLS: Mapping[str, Sequence[str]] = {
    "attention": (),
    "max": ("model.decoder.pool=max",),
    "mean": ("model.attention.select=uniform",),
}
"""What is compared, and what it changes of the recipe. The first is the demo's own model."""
SPLITS = ("ordinary", "long")
CUE = "cue"
SHOWN = 3


def known(split: str, count: int | None) -> list[Known]:
    """The first texts of a split."""
    return [Known(one.text, one.label, {CUE: [one.place]}) for one in islice(cued_texts(split), count)]


def compare_poolings(out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Train each, show what the first looks at, and hold all side by side."""
    write_pairs(known, out / "corpus", small)
    say("texts with one word that gives their label away; training sees text and label, never which word it is")
    for name, changes in POOLS.items():
        say(f"training: {name} pooling")
        train(demo_config(seed, small, "labels", changes), out, quiet, _run(name))
    console, translator = Console(), load(out / _run("attention"))
    texts = [one.source for one in known("ordinary", SHOWN)]
    alignments = [best for best, *_ in translator.translate(texts, alternatives=ALTERNATIVES)]
    for alignment in alignments:
        show(alignment, console)
        console.print()
    save_page(alignments, out / "alignment.html", "Regard: which word gave the label away")
    missing = draw(alignments, out / "alignment.png")
    most = SMALL_SOURCES if small else None
    scores = {
        name: [score_split(load(out / _run(name)), split, known(split, most), "accuracy") for split in SPLITS]
        for name in POOLS
    }
    console.print(_table(scores))
    model = shlex.quote(str(out / _run("attention")))
    steps = [
        f"See it:   {out}/alignment.html (opens in any browser){'' if missing else f' and {out}/alignment.png'}",
        f'Try it:   regard view {model} "nobody knew about the violin"',
        "Your own: regard train labels YOUR.tsv --out runs/mine",
        "          (a line: a text, a tab, its label; see docs/labels.md)",
        *([f"Pictures: none yet. {missing}"] if missing else []),
    ]
    console.print("\n" + "\n".join(steps), soft_wrap=True, highlight=False, markup=False)


def _run(name: str) -> str:
    """The directory of a model."""
    return "model" if name == "attention" else name


def _table(scores: Mapping[str, Sequence[SplitScores]]) -> Table:
    """A row for each way to pool and each split; and what weights that see nothing would point at."""
    title = f"unseen texts: pooling finds the cue (texts of training have {_words('train')} words)"
    table = Table("pooling", "words", "label right %", "points at the cue %", "weight on it %", title=title)
    for name, splits in scores.items():
        for split in splits:
            found = split.pointing[CUE][ATTENTION]
            table.add_row(name, _words(split.name), f"{split.score.value:.1f}", *_shares(found))
        table.add_section()
    for split in scores["attention"]:
        table.add_row("blind: uniform", _words(split.name), "", *_shares(split.pointing[CUE]["uniform"]))
    return table


def _words(split: str) -> str:
    return "–".join(map(str, LENGTHS[split]))


def _shares(found: Pointing) -> tuple[str, str]:
    return f"{100 * found.pointing:.1f}", f"{100 * found.mass:.1f}"
