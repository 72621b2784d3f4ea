"""`regard demo --corpus spoken`: recordings of number words → text, and which seconds each word was heard in."""

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table

from regard.analysis.spoken import SpokenScores, name_of, score_spoken
from regard.cli.errors import say
from regard.cli.view import ALTERNATIVES
from regard.data.embedded.spoken import SIZES, Recording, recordings
from regard.files import write_whole
from regard.run.directory import load
from regard.views.page import save_page
from regard.views.terminal import show

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment

SHOWN = (("ordinary", 3), ("ordinary", 14), ("hard", 5))
SMALL_RECORDINGS = 40
SPLITS = {"ordinary": "as in training", "hard": "much noise, half from an unknown voice"}


def write_spoken(folder: Path, small: bool) -> None:
    """The pairs to learn from and to validate on. A recording is made from its name when it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        lines = [f"{name_of(split, number)}\t{one.text}\n" for number, one in enumerate(_some(split, small))]
        write_whole(folder / f"{split}.tsv", "".join(lines).encode())


def _some(split: str, small: bool) -> Iterator[Recording]:
    return islice(recordings(split), SMALL_RECORDINGS if small else None)


def show_spoken(out: Path, small: bool) -> None:
    """Show unseen recordings, the page, the picture, the tables of scores, and what to type next."""
    from regard.cli.demo import draw

    console, translator = Console(), load(out / "model")
    names = [name_of(split, number) for split, number in SHOWN]
    alignments: list[Alignment] = [best for best, *_ in translator.translate(names, alternatives=ALTERNATIVES)]
    for alignment in alignments:
        show(alignment, console)
        console.print()
    save_page(alignments, out / "alignment.html", "Regard: which seconds each word was heard in")
    missing = draw(alignments, out / "alignment.png")
    scores = [score_spoken(translator, split, range(SMALL_RECORDINGS if small else SIZES[split])) for split in SPLITS]
    for table in _tables(scores):
        console.print(table)
    model = shlex.quote(str(out / "model"))
    steps = [
        f"See and hear it: {out}/alignment.html (plays the recording){'' if missing else ' and alignment.png'}",
        f"Try it:          regard view {model} spoken:hard/7",
        "Your own:        regard train speech YOUR.tsv --out runs/mine",
        "                 (a line: the name of a sound file, a tab, its text; see docs/recordings.md)",
    ]
    steps += [f"Pictures:        none yet. {missing}"] if missing else []
    console.print("\n" + "\n".join(steps), soft_wrap=True, highlight=False, markup=False)


def _tables(scores: list[SpokenScores]) -> list[Table]:
    """Words that were right; and where the weights of each word stand, beside three blind rules."""
    words = Table("test split", "recordings", "words right %", title="unseen recordings")
    looked = Column("looks", no_wrap=True)
    places = Table("test split", looked, "points into the word %", "weight in the word %", "time error s")
    for split in scores:
        words.add_row(
            f"{split.name}: {SPLITS[split.name]}", str(split.recordings), f"{100 - split.word_error.value:.1f}"
        )
        for rule, found in split.pointing.items():
            looks = rule if rule == "attention" else f"blind: {rule}"
            shares = f"{100 * found.pointing:.1f}", f"{100 * found.mass:.1f}"
            places.add_row(split.name if rule == "attention" else "", looks, *shares, f"{found.distance:.3f}")
        places.add_section()
    say(f"words: {scores[0].word_error.signature}")
    return [words, places]
