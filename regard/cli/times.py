"""`--times`: when each word was said, in files or on standard output."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from regard.cli.options import choose
from regard.errors import RegardError, UsageError

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.data.example import Example

LINES = "ctm"
"""The one format in which several recordings make one file."""
NAMES = (LINES, "srt", "textgrid")


@dataclass
class TimesWriter:
    """Writes the times of the words of recordings.

    Args:
        format: one of `NAMES`.
        out: a file for ctm, a folder for the others, where each recording has a file of its own name; None writes ctm
            to standard output, in place of the text.
        lines: of the ctm file, until it is written.
        names: of the files that are written.
    """

    format: str
    out: Path | None
    lines: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        choose("--times", self.format, NAMES)
        if self.out is None and self.format != LINES:
            raise UsageError(f"--times {self.format} writes a file for each recording. Give a folder: --out times")
        if self.out is not None and self.format == LINES:
            from regard.cli.stdout import check_directory

            check_directory("--out", self.out)
        elif self.out is not None and ((self.out.exists() and not self.out.is_dir()) or not self.out.parent.is_dir()):
            raise UsageError(f"--out is {self.out}; expected a folder, or the name of a new one where there is one.")

    def document(self, example: "Example", found: "Alignment", units: str) -> list[str]:
        """The name of the recording, and what its file says: plain values, as workers hand them on. None of an empty
        line."""
        from regard.alignment.shown import regrouped
        from regard.alignment.times import FORMATS, heard, times
        from regard.data.media_files import named
        from regard.data.rows import BETWEEN

        if not example.source.strip():
            return []
        number, alone = heard(found)
        length = float(alone.source[-1].end) if alone.source else 0.0
        path = named(example.source.split(BETWEEN)[number] if found.part_sources else example.source).path
        return [path, FORMATS[self.format](path, times(regrouped(found, units)), length)]

    def add(self, line: int, document: Sequence[str], texts: Sequence[str]) -> list[str]:
        """Keep or write the times of a line of input, nothing of one without; gives what goes to standard output."""
        if self.format == LINES and self.out is None:
            return document[1].splitlines() if document else [f";; line {line} has no recording"]
        if self.format == LINES:
            self.lines += document[1].splitlines() if document else []
        elif document:
            self._write(line, *document)
        return list(texts)

    def _write(self, line: int, path: str, content: str) -> None:
        from regard.alignment.times import ENDINGS
        from regard.files import write_whole

        assert self.out is not None, "checked before"
        name = PurePath(path).stem or "unnamed"
        while name in self.names:  # of another folder, or the same recording again
            name = f"{name}-{line}"
        self.names.add(name)
        try:
            self.out.mkdir(exist_ok=True)
        except OSError as error:
            raise RegardError(f"{self.out} cannot be made: {error.strerror}. Make room or name another.") from error
        write_whole(self.out / f"{name}{ENDINGS[self.format]}", content.encode())

    def finish(self) -> None:
        """Write the file of ctm."""
        if self.format == LINES and self.out is not None:
            from regard.files import write_whole

            write_whole(self.out, "".join(f"{line}\n" for line in self.lines).encode())
