"""`regard demo --corpus labels`: texts → one of six labels, by three ways to pool, and whether each finds the cue."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from rich.table import Table

from regard.analysis.places import ATTENTION
from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.demo_compared import ComparedDemo, shares
from regard.data.embedded.cues import LENGTHS, cued_texts

CUE = "cue"


def known(split: str, count: int | None) -> list[Known]:
    """The first texts of a split."""
    return [Known(one.text, one.label, {CUE: [one.place]}) for one in islice(cued_texts(split), count)]


def _table(scores: Mapping[str, Mapping[str, SplitScores]]) -> Table:
    """A row for each way to pool and each split; and what weights that see nothing would point at."""
    title = f"unseen texts: pooling finds the cue (texts of training have {_words('train')} words)"
    table = Table("pooling", "words", "label right %", "points at the cue %", "weight on it %", title=title)
    for name, splits in scores.items():
        for split in splits.values():
            found = split.pointing[CUE][ATTENTION]
            table.add_row(name, _words(split.name), f"{split.score.value:.1f}", *shares(found))
        table.add_section()
    for split in scores["attention"].values():
        table.add_row("blind: uniform", _words(split.name), "", *shares(split.pointing[CUE]["uniform"]))
    return table


def _words(split: str) -> str:
    return "–".join(map(str, LENGTHS[split]))


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f'Try it:   regard view {model} "nobody knew about the violin"',
        "Your own: regard train labels YOUR.tsv --out runs/mine",
        "          (a line: a text, a tab, its label; see docs/labels.md)",
    ]


DEMO = ComparedDemo(
    "labels",
    "texts with one word that gives their label away; training sees text and label, never which word it is",
    known,
    {"attention": (), "max": ("model.decoder.pool=max",), "mean": ("model.attention.select=uniform",)},
    ("ordinary", "long"),
    ("ordinary", 3),
    "Regard: which word gave the label away",
    partial(score_split, metric="accuracy"),
    _table,
    steps,
)
