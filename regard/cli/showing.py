"""Where `view` puts alignments: on the terminal one after the other, or in files all together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from regard.alignment.alignment import Alignment
from regard.alignment.io import save_json, save_npz
from regard.cli.stdout import check_directory, write
from regard.data.example import Example
from regard.data.lines import BadLine, Line
from regard.errors import UsageError
from regard.views.labels import visible
from regard.views.page import save_page
from regard.views.terminal import show

PICTURES = ("--png", "--svg", "--pdf")
ALTERNATIVES = 5
"""The most probable tokens of each step that a page and the raw numbers hold."""


def check_files(files: Mapping[str, Path], numbers: bool = False) -> None:
    """Before the work: raises UsageError for a file that could not be written after it, RegardError for pictures
    without matplotlib.
    """
    for option, path in files.items():
        check_directory(option, path)
        if option in PICTURES and path.suffix.lower() != f".{option[2:]}":
            raise UsageError(f"{option} is {path}; expected a name that ends in .{option[2:]}.")
    pictures = any(option in PICTURES for option in files)
    if numbers and not pictures:
        raise UsageError("--numbers writes weights into a picture. Add --png, --svg or --pdf, or leave it out.")
    if pictures:
        import regard.views.plotting  # noqa: F401 (says what to install)


def few_enough(parts: Iterable[Sequence[Line]], options: Collection[str]) -> Iterable[Sequence[Line]]:
    """The same lines; where these options ask for pictures all of them are read first. Raises UsageError for more than
    one picture holds."""
    asked = [option for option in PICTURES if option in options]
    if not asked:
        return parts
    from regard.views.figure import MOST_PANELS

    read = list(parts)
    count = sum(isinstance(line, Example) for part in read for line in part)
    if count > MOST_PANELS:
        raise UsageError(
            f"{asked[0]} holds at most {MOST_PANELS} sentences, and {count} are given. Give fewer, or take --html, "
            "which holds any number."
        )
    return read


def save(alignments: Sequence[Alignment], files: Mapping[str, Path], title: str, numbers: bool = False) -> None:
    """Write the files; with `numbers`, the cells of pictures hold their weights."""
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


def draw(alignment: Alignment) -> None:
    """One heat map on standard output, under both texts."""
    console = Console()
    with console.capture() as drawn:  # rich itself ends with code 1 when the reader of a pipe has gone
        for text in (alignment.source_text, alignment.target_text):
            console.print(Text(visible(text)), soft_wrap=True)
        show(alignment, console)
        console.print()
    write(drawn.get())


def argument_lines(sources: Sequence[str], targets: Sequence[str]) -> list[Example | BadLine]:
    """Texts of the command line, as lines of a file would be. Raises UsageError if targets do not fit the sources."""
    if targets and len(targets) != len(sources):
        raise UsageError(f"--target is given {len(targets)} times, for {len(sources)} texts. Give one for each text.")
    return list(_lines(sources, targets or [None] * len(sources)))


def _lines(sources: Sequence[str], targets: Sequence[str | None]) -> Iterator[Example | BadLine]:
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), 1):
        # What is no UTF-8 on the command line reaches Python as lone surrogates.
        if any("\ud800" <= character <= "\udfff" for character in source + (target or "")):
            yield BadLine(number, "is not valid UTF-8", "<arguments>")
        else:
            yield Example(source, target, "<arguments>", number)
