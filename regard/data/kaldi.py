"""A data folder of Kaldi: wav.scp or feats.scp, text, and segments where there are such.

    wav.scp, feats.scp   id path
    text                 id words
    segments             id id-of-the-recording start end      seconds; an end of -1 is that of the recording

Kaldi runs an entry with a `|` in a shell; here it is refused, and nothing of it is run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regard.data.example import Example
from regard.data.lines import BadLine, opened, texts
from regard.data.media_files import Named, part_of
from regard.data.sources import UnusableSource
from regard.errors import DataError

SCPS = ("wav.scp", "feats.scp")
TEXT, SEGMENTS = "text", "segments"


def files_of(scp: str) -> list[str]:
    """All that is read of the folder. Raises DataError where there is no text."""
    folder = Path(scp).parent
    if not (folder / TEXT).is_file():
        raise DataError(
            f"{folder}: there is no file named text beside {Path(scp).name}; expected an id and words a line."
        )
    segments = folder / SEGMENTS
    cut = Path(scp).name == SCPS[0] and segments.is_file()
    return [scp, str(folder / TEXT), *([str(segments)] if cut else [])]


def kaldi_records(scp: str, max_line_bytes: int) -> Iterator[Example | BadLine]:
    """The utterances in the order of `text`. Keeps the ids and paths in memory. An entry that cannot be used becomes a
    BadLine with its own file and line, in the place of the utterance that needs it."""
    paths = files_of(scp)
    entries = {each.id: each for each in _entries(scp, max_line_bytes)}
    if len(paths) == 3:
        entries = {each.id: each for each in _cut(paths[2], entries, max_line_bytes)}
    for number, line in _lines(paths[1], max_line_bytes):
        if isinstance(line, BadLine):
            yield line
            continue
        name, _, words = line.partition(" ")
        if not name:
            yield Example("", "", paths[1], number)
        elif name not in entries:
            yield BadLine(
                number,
                f"has an id that {Path(paths[-1 if len(paths) == 3 else 0]).name} has not ({name[:60]})",
                paths[1],
            )
        elif (fault := entries[name].fault) is not None:
            yield fault
        else:
            yield Example(str(entries[name].named), words.strip(), paths[1], number)


@dataclass(frozen=True)
class _Entry:
    """What an id names, or why it names nothing."""

    id: str
    named: Named
    fault: BadLine | None = None


def _entries(scp: str, max_line_bytes: int) -> Iterator[_Entry]:
    for number, line in _lines(scp, max_line_bytes):
        if isinstance(line, BadLine):
            continue  # its utterance is missing, and named where it is needed
        name, _, path = line.partition(" ")
        path, reason = path.strip(), None
        if "|" in path:
            reason = f"names a command, which would be run in a shell ({path[:60]}); write what it puts out to a file"
        elif not path:
            reason = "names no file"
        yield _Entry(name, Named(path), None if reason is None else BadLine(number, reason, scp))


def _cut(path: str, recordings: dict[str, _Entry], max_line_bytes: int) -> Iterator[_Entry]:
    for number, line in _lines(path, max_line_bytes):
        fields = [] if isinstance(line, BadLine) else line.split()
        if len(fields) != 4:
            continue
        name, recording, start, end = fields
        found = recordings.get(recording)
        reason: str | None = None
        part: tuple[float | None, float | None] = None, None
        if found is None:
            reason = f"has the id of a recording that wav.scp has not ({recording[:60]})"
        elif found.fault is None:
            try:
                first = part_of({"offset": start})[0] or 0.0
                last = None if end == "-1" else part_of({"offset": end})[0] or 0.0
                if last is not None and last <= first:
                    raise UnusableSource(f"ends at {end} s and begins at {start} s")
                part = first, None if last is None else last - first
            except UnusableSource as error:
                reason = str(error)
        fault = found.fault if found and found.fault else None if reason is None else BadLine(number, reason, path)
        yield _Entry(name, Named(found.named.path if found else "", *part), fault)


def _lines(path: str, max_line_bytes: int) -> Iterator[tuple[int, str | BadLine]]:
    """Lines with one space between the id and the rest."""
    with opened(path) as stream:
        for number, line in enumerate(texts(stream, path, max_line_bytes), 1):
            yield number, line if isinstance(line, BadLine) else " ".join(line.strip().split(maxsplit=1))
