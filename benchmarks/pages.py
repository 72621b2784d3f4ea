"""What a benchmark prints, put into the page that reports it."""

from collections.abc import Sequence
from pathlib import Path

MARKS = ("<!-- measured -->", "<!-- end -->")


def put(lines: Sequence[str], page: Path) -> None:
    """Write lines between the marks of a page, in place of what is there. Raises ValueError for a page without them."""
    text = page.read_text(encoding="utf-8")
    if any(text.count(mark) != 1 for mark in MARKS):
        raise ValueError(f"put: {page} has not both marks, {' and '.join(MARKS)}, once. Add them where the table goes.")
    before, rest = text.split(MARKS[0])
    behind = rest.split(MARKS[1])[1]
    page.write_text("\n".join([before + MARKS[0], *lines, MARKS[1] + behind]), encoding="utf-8")


def report(lines: Sequence[str], page: Path | None) -> None:
    """Print the lines, and put them into the page where one is given."""
    print(*lines, sep="\n")
    if page:
        put(lines, page)
