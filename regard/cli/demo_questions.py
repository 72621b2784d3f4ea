"""`regard demo --corpus questions`: short stories → an answer, and which sentences it was read from. With three hops,
and with one."""

import shlex
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table

from regard.analysis.facts import ATTENTION, RULES, StoryScores, score_stories
from regard.cli.demo_media import put_steps, show_found
from regard.cli.view import ALTERNATIVES
from regard.data.embedded.stories import stories
from regard.files import write_whole
from regard.run.directory import load

if TYPE_CHECKING:
    from regard.config import Config

INTRODUCTION = "stories with a question; training sees the answer, never which sentences it follows from"
SPLITS = {"one": "one sentence", "two": "two sentences"}
"""The test splits, and how many sentences of a story an answer needs."""
SHOWN = (("one", 0), ("two", 2))
SMALL = 40
TITLE = "Regard: which sentences the answer was read from"


def write_pairs(folder: Path, small: bool) -> None:
    """The pairs to learn from and to validate on."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        lines = [f"{one.text}\t{one.answer}\n" for one in islice(stories(split), SMALL if small else None)]
        write_whole(folder / f"{split}.tsv", "".join(lines).encode())


def runs(config: "Config") -> "Mapping[str, Config]":
    """Name of the run → its recipe: that of the demo, and the same with one look."""
    once = config.model.decoder.model_copy(update={"hops": 1})
    model = config.model.model_copy(update={"decoder": once})
    return {"one_hop": config.model_copy(update={"name": f"{config.name}-one-hop", "model": model}), "model": config}


def show_questions(out: Path, small: bool) -> None:
    """Show two unseen stories, the page, the picture, the table of scores, and what to type next."""
    console, translator = Console(), load(out / "model")
    texts = [next(islice(stories(split), number, None)).text for split, number in SHOWN]
    alignments = [best for best, *_ in translator.translate(texts, alternatives=ALTERNATIVES)]
    missing = show_found(console, alignments, out, TITLE, texts=True)
    most = SMALL if small else None
    scores = {
        reads: {split: score_stories(load(out / run), list(islice(stories(split), most))) for split in SPLITS}
        for run, reads in (("model", "3 hops"), ("one_hop", "1 hop"))
    }
    console.print(_table(scores))
    model = shlex.quote(str(out / "model"))
    steps = [
        f'Try it:   regard view {model} "Mary went to the garden. Mary took the milk. Where is the milk?"',
        "Your own: regard train questions YOUR.tsv --out runs/mine",
        "          (a line: a story and its question, a tab, the answer; see docs/questions.md)",
    ]
    put_steps(console, out, steps, missing)


def _table(scores: Mapping[str, Mapping[str, StoryScores]]) -> Table:
    """Answers that were right; and which of the sentences that they follow from some look found."""
    columns = [Column(name, no_wrap=True) for name in ("answer needs", "read with", "looks")]
    table = Table(*columns, "right %", "found %", "weight on them %", title="unseen stories: the sentences needed")
    for split, needs in SPLITS.items():
        for reads, each in scores.items():
            for rule in RULES:
                first, look = rule == ATTENTION, each[split].looks[rule]
                named = needs if first else "", reads if first else "", rule if first else f"blind: {rule}"
                right = f"{each[split].right.value:.1f}" if first else ""
                table.add_row(*named, right, f"{100 * look.found:.1f}", f"{100 * look.mass:.1f}")
        table.add_section()
    return table
