"""`regard demo --corpus summary`: short news → headlines with names that training never saw, with copy and without."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from regard.data.embedded.news import all_news
from regard.run.directory import load
from regard.translator import Translator
from regard.views.page import save_page
from regard.views.terminal import show

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
SHOWN = 3


@dataclass(frozen=True)
class Row:
    """Of one model on one split: its scores, and the share of the names of the headlines that its outputs have."""

    scores: SplitScores
    names: float


def known(split: str, count: int | None) -> list[Known]:
    """The first news of a split."""
    return [Known(one.text, one.headline, {NAMES: one.names}) for one in islice(all_news(split), count)]


def compare_outputs(out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Train all, show what the first looks at and copies, and hold them side by side."""
    write_pairs(known, out / "corpus", small)
    say("short news of invented people and places; training sees the headlines, never where their words come from")
    for name, changes in OUTPUTS.items():
        say(f"training: {name}")
        train(demo_config(seed, small, "summary", changes), out, quiet, _run(name))
    console, translator = Console(), load(out / _run("copy"))
    texts = [one.source for one in known("names", SHOWN)]
    alignments = [best for best, *_ in translator.translate(texts, alternatives=ALTERNATIVES)]
    for alignment in alignments:
        show(alignment, console)
        console.print()
    save_page(alignments, out / "alignment.html", "Regard: what a headline was copied from")
    missing = draw(alignments, out / "alignment.png")
    most = SMALL_SOURCES if small else None
    rows = {
        name: {split: _row(load(out / _run(name)), split, known(split, most)) for split in SPLITS} for name in OUTPUTS
    }
    console.print(_table(rows))
    model = shlex.quote(str(out / _run("copy")))
    steps = [
        f"See it:   {out}/alignment.html (opens in any browser){'' if missing else f' and {out}/alignment.png'}",
        f'Try it:   regard view {model} "Zoidara won against Mexu by 7 points on Monday ."',
        "Your own: regard train summaries YOUR.tsv --out runs/mine",
        "          (a line: a text, a tab, its summary; see docs/copy.md)",
        *([f"Pictures: none yet. {missing}"] if missing else []),
    ]
    console.print("\n" + "\n".join(steps), soft_wrap=True, highlight=False, markup=False)


def _run(name: str) -> str:
    """The directory of a model."""
    return "model" if name == "copy" else name.replace(", ", "_").replace(" ", "_")


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
            shares = _shares(row.scores.pointing[NAMES][ATTENTION])
            right = f"{100 - row.scores.score.value:.1f}", f"{100 * row.names:.1f}"
            table.add_row(f"{split}: {about}" if first else "", name, *right, *shares)
        blind = rows["copy"][split].scores.pointing[NAMES]
        for rule, found in blind.items():
            if rule != ATTENTION:
                table.add_row("", f"blind: {rule}", "", "", *_shares(found))
        table.add_section()
    return table


def _shares(found: Pointing) -> tuple[str, str]:
    return f"{100 * found.pointing:.1f}", f"{100 * found.mass:.1f}"
