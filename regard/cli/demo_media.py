"""A demo on an embedded corpus of recordings or pictures: its pairs, and what is shown when it is trained."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table

from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.errors import say
from regard.cli.view import ALTERNATIVES
from regard.files import write_whole
from regard.run.directory import load
from regard.views.page import save_page
from regard.views.terminal import show

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.alignment.pointing import Pointing

SMALL_SOURCES = 40


@dataclass(frozen=True)
class MediaDemo:
    """What differs between such demos.

    Args:
        things: what the sources are called.
        introduction: what is said before training.
        known: split, how many (None for all) → its sources with their gold places.
        splits: what is tested on, with what is special about it.
        shown: some of their sources.
        title: of the page.
        measure, measured: a third score of pointing: what it is called, and what is written of it.
        steps: what to type next, for a quoted run.
    """

    things: str
    introduction: str
    known: Callable[[str, int | None], Sequence[Known]]
    splits: Mapping[str, str]
    shown: tuple[str, ...]
    title: str
    measure: str
    measured: "Callable[[Pointing], str]"
    steps: Callable[[str], Sequence[str]]


def write_pairs(known: Callable[[str, int | None], Sequence[Known]], folder: Path, small: bool) -> None:
    """The pairs to learn from and to validate on. A source that is no text is made from its name when it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        lines = [f"{one.source}\t{one.text}\n" for one in known(split, SMALL_SOURCES if small else None)]
        write_whole(folder / f"{split}.tsv", "".join(lines).encode())


def show_media(demo: MediaDemo, out: Path, small: bool) -> None:
    """Show unseen sources, the page, the picture, the tables of scores, and what to type next."""
    console, translator = Console(), load(out / "model")
    alignments = [best for best, *_ in translator.translate(demo.shown, alternatives=ALTERNATIVES)]
    missing = show_found(console, alignments, out, demo.title)
    most = SMALL_SOURCES if small else None
    scores = [score_split(translator, split, demo.known(split, most)) for split in demo.splits]
    for table in _tables(demo, scores):
        console.print(table)
    put_steps(console, out, demo.steps(shlex.quote(str(out / "model"))), missing)


def show_found(console: Console, alignments: "list[Alignment]", out: Path, title: str, *, texts: bool = False) -> str:
    """Heat maps of some alignments, with `texts` under their sources, and the page and the picture of all. Returns what
    to install for a picture; "" where there is one."""
    from regard.cli.demo import draw

    for alignment in alignments:
        if texts:
            console.print(alignment.source_text, highlight=False, markup=False)
        show(alignment, console)
        console.print()
    save_page(alignments, out / "alignment.html", title)
    return draw(alignments, out / "alignment.png")


def put_steps(console: Console, out: Path, steps: Sequence[str], missing: str) -> None:
    """Where to see it, what to type next, and what is missing for a picture."""
    seen = f"See it:   {out}/alignment.html (opens in any browser){'' if missing else f' and {out}/alignment.png'}"
    told = [seen, *steps, *([f"Pictures: none yet. {missing}"] if missing else [])]
    console.print("\n" + "\n".join(told), soft_wrap=True, highlight=False, markup=False)


def _tables(demo: MediaDemo, scores: Sequence[SplitScores]) -> list[Table]:
    """Words that were right; and where the weights of each word stand, beside blind rules."""
    words = Table("test split", demo.things, "words right %", title=f"unseen {demo.things}")
    names = (Column(name, no_wrap=True) for name in ("test split", "words", "looks"))
    places = Table(*names, "points into the place %", "weight in the place %", demo.measure)
    for split in scores:
        words.add_row(f"{split.name}: {demo.splits[split.name]}", str(split.sources), f"{100 - split.score.value:.1f}")
        for group, rules in split.pointing.items():
            for rule, found in rules.items():
                first = rule == "attention"
                shares = f"{100 * found.pointing:.1f}", f"{100 * found.mass:.1f}"
                named = split.name if first else "", group if first else "", rule if first else f"blind: {rule}"
                places.add_row(*named, *shares, demo.measured(found))
            places.add_section()
    say(f"words: {scores[0].score.signature}")
    return [words, places]
