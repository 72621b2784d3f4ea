"""`regard demo --corpus summary`: short news → headlines with names that training never saw, with copy and without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rich.table import Table

from regard.analysis.places import ATTENTION
from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.demo_compared import ComparedDemo, shares
from regard.data.embedded.news import all_news
from regard.translator import Translator

WITHOUT = ("model.output.kind=linear",)
OUTPUTS: Mapping[str, Sequence[str]] = {
    "copy": (),
    "no copy": WITHOUT,
    "no copy, in pieces": (*WITHOUT, "data.source.tokenizer=bpe", "data.source.vocab_size=600"),
}
"""What is compared, and what it changes of the recipe. The first is the demo's own model. A model of words cannot write
a name that it does not know; one of pieces can spell it."""
SPLITS = {"ordinary": "names of training", "names": "names never seen"}
NAMES = "names"


@dataclass(frozen=True)
class Row:
    """Of one model on one split: its scores, and the share of the names of the headlines that its outputs have."""

    scores: SplitScores
    names: float


def known(split: str, count: int | None) -> list[Known]:
    """The first news of a split."""
    return [Known(one.text, one.headline, {NAMES: one.names}) for one in islice(all_news(split), count)]


def _row(translator: Translator, split: str, given: Sequence[Known]) -> Row:
    outputs = [set(best.target_text.split()) for best, *_ in translator.outputs([one.source for one in given])]
    found = [
        word in said
        for one, said in zip(given, outputs, strict=True)
        for word, place in zip(one.text.split(), one.places[NAMES], strict=True)
        if place is not None
    ]
    return Row(score_split(translator, split, given), sum(found) / len(found))


def _table(rows: Mapping[str, Mapping[str, Row]]) -> Table:
    """A row for each split and each model; and what weights that see nothing would point at."""
    table = Table("test split", "model", "words right %", "names right %", "points at the name %", "weight on it %")
    table.title = "unseen news: copy helps with names never seen"
    for split, about in SPLITS.items():
        for name, splits in rows.items():
            row, first = splits[split], name == "copy"
            looks = shares(row.scores.pointing[NAMES][ATTENTION])
            right = f"{100 - row.scores.score.value:.1f}", f"{100 * row.names:.1f}"
            table.add_row(f"{split}: {about}" if first else "", name, *right, *looks)
        blind = rows["copy"][split].scores.pointing[NAMES]
        for rule, found in blind.items():
            if rule != ATTENTION:
                table.add_row("", f"blind: {rule}", "", "", *shares(found))
        table.add_section()
    return table


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f'Try it:   regard view {model} "Zoidara won against Mexu by 7 points on Monday ."',
        "Your own: regard train summaries YOUR.tsv --out runs/mine",
        "          (a line: a text, a tab, its summary; see docs/copy.md)",
    ]


DEMO = ComparedDemo(
    "summary",
    "short news of invented people and places; training sees the headlines, never where their words come from",
    known,
    OUTPUTS,
    tuple(SPLITS),
    ("names", 3),
    "Regard: what a headline was copied from",
    _row,
    _table,
    steps,
)
