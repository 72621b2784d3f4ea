"""`regard view`: heat maps of the alignment, on the terminal or in files."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import GivenOptions, Opening, RunPath, Units, Weights, expand_records, refuse_without_effect
from regard.cli.search_options import Search
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.data.example import Example
    from regard.data.lines import BadLine, Line
    from regard.translator import Translator

PICTURES = ("--png", "--svg", "--pdf")
ALTERNATIVES = 5
"""A page and the raw numbers hold so many of the most probable tokens of each step."""
Picture = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw into this file (needs regard[plot]).")]


@reported
@expand_records
def command(
    chosen: GivenOptions,
    run: RunPath,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Sentences to translate; else standard input.")
    ] = None,
    *,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Take this for the translation, and show its alignment; once for each TEXT."),
    ] = None,
    units: Units = "auto",
    weights: Weights = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write each weight into its cell of the picture, in percent.")
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page that needs nothing else.")] = None,
    png: Picture = None,
    svg: Picture = None,
    pdf: Picture = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write units, spans, weights and probabilities.")
    ] = None,
    npz: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the same for numpy.")] = None,
    search: Search,
    opening: Opening,
) -> None:
    """Translate sentences and show what each word looked at.

    Without a file, prints heat maps: in colour if the terminal has colours, else in shades, in ASCII with
    PYTHONIOENCODING=ascii. If a map is wider than the terminal, prints a list of the largest weights. The column "end"
    is the end of the source, the row "end" is the end of the output. Several files can be written at once; each
    holds all sentences.

    Example: regard view runs/en-zh "Tom chases Jerry." --html alignment.html
    """
    from regard.alignment.alignment import Alignment
    from regard.cli.align import check_linking
    from regard.cli.runs import open_runs
    from regard.cli.stdin import Refusals

    check_linking(units)
    wanted = {"--html": html, "--png": png, "--svg": svg, "--pdf": pdf, "--json": json, "--npz": npz}
    files = {option: path for option, path in wanted.items() if path is not None}
    check_files(files, numbers)
    if target:
        searching = ["beam", "length_normalization", "coverage_penalty", "shortlist"]
        refuse_without_effect(chosen, searching, "with --target, which is given and not searched. Leave one out.")
    given = argument_lines(texts or [], target or [])
    session, refusals = open_runs([run], opening, search, weights=weights), Refusals()
    alternatives = ALTERNATIVES if {"--html", "--json", "--npz"} & set(files) else 0
    answer = _answerer(session.translator, bool(target), units, alternatives)
    kept = []
    parts = few_enough(session.chunks(session.placed(given)) if given else session.typed(), files)
    for found in session.answers(parts, answer, refusals.add):
        if isinstance(found, Alignment):
            if files:
                kept.append(found)
            else:
                draw(found)
    if kept:
        save(kept, files, f"{run.resolve().name}: what each word looked at", numbers)
        if not opening.quiet:
            say(f"regard: wrote {', '.join(str(path) for path in files.values())}")
    refusals.finish()


def _answerer(
    translator: "Translator", forced: bool, units: str, alternatives: int
) -> "Callable[[list[Example]], list[Alignment]]":
    """What computes the alignments of some examples: of their best outputs, or if `forced` of their own targets."""

    def answer(examples: "list[Example]") -> "list[Alignment]":
        sources = [example.source for example in examples]
        if forced:
            targets = [example.target or "" for example in examples]
            return translator.score(sources, targets, units=units, alternatives=alternatives)
        found = translator.translate(sources, units=units, alternatives=alternatives)
        return [best for best, *_ in found]

    return answer


def check_files(files: Mapping[str, Path], numbers: bool = False) -> None:
    """Check, before the work, that these files can be written after it.

    Raises UsageError for a file that cannot be written, and RegardError for pictures without matplotlib.
    """
    from regard.cli.stdout import check_directory

    for option, path in files.items():
        check_directory(option, path)
        if option in PICTURES and path.suffix.lower() != f".{option[2:]}":
            raise UsageError(f"{option} is {path}; expected a name that ends in .{option[2:]}.")
    pictures = any(option in PICTURES for option in files)
    if numbers and not pictures:
        raise UsageError("--numbers writes weights into a picture. Add --png, --svg or --pdf, or leave it out.")
    if pictures:
        import regard.views.plotting  # noqa: F401 (says what to install)


def few_enough(parts: "Iterable[Sequence[Line]]", options: Collection[str]) -> "Iterable[Sequence[Line]]":
    """The same lines. If these options ask for pictures, all lines are read first.

    Raises UsageError if there are more than one picture can hold.
    """
    asked = [option for option in PICTURES if option in options]
    if not asked:
        return parts
    from regard.data.example import Example
    from regard.views.figure import MOST_PANELS

    read = list(parts)
    count = sum(isinstance(line, Example) for part in read for line in part)
    if count > MOST_PANELS:
        raise UsageError(
            f"{asked[0]} holds at most {MOST_PANELS} sentences, and {count} are given. Give fewer, or take --html, "
            "which holds any number."
        )
    return read


def save(alignments: "Sequence[Alignment]", files: Mapping[str, Path], title: str, numbers: bool = False) -> None:
    """Write the files; with `numbers`, the cells of pictures hold their weights."""
    from regard.alignment.io import save_json, save_npz
    from regard.views.page import save_page

    for option, path in files.items():
        if option in PICTURES:
            from regard.views.figure import save_figure

            save_figure(alignments, path, title=title, numbers=numbers)
        elif option == "--html":
            save_page(alignments, path, title)
        elif option == "--json":
            save_json(path, alignments)
        else:
            save_npz(path, alignments)


def draw(alignment: "Alignment") -> None:
    """One heat map on standard output, under both texts."""
    from rich.console import Console
    from rich.text import Text

    from regard.cli.stdout import write
    from regard.views.labels import source_line, visible
    from regard.views.terminal import show

    console = Console()
    with console.capture() as drawn:  # rich itself ends with code 1 when the reader of a pipe has gone
        for text in (source_line(alignment), visible(alignment.target_text)):
            console.print(Text(text), soft_wrap=True)
        show(alignment, console)
        console.print()
    write(drawn.get())


def argument_lines(sources: Sequence[str], targets: Sequence[str]) -> "list[Example | BadLine]":
    """Texts of the command line, as lines of a file would be. Raises UsageError if targets do not fit the sources."""
    if targets and len(targets) != len(sources):
        raise UsageError(f"--target is given {len(targets)} times, for {len(sources)} texts. Give one for each text.")
    return list(_lines(sources, targets or [None] * len(sources)))


def _lines(sources: Sequence[str], targets: Sequence[str | None]) -> "Iterator[Example | BadLine]":
    from regard.data.example import Example
    from regard.data.lines import BadLine

    for number, (source, target) in enumerate(zip(sources, targets, strict=True), 1):
        # Bytes of the command line that are no UTF-8 reach Python as lone surrogates.
        if any("\ud800" <= character <= "\udfff" for character in source + (target or "")):
            yield BadLine(number, "is not valid UTF-8", "<arguments>")
        else:
            yield Example(source, target, "<arguments>", number)
