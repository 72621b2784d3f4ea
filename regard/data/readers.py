"""Files of pairs, read as a stream of Examples in constant memory.

    parallel   two files, line by line
    tsv        one pair a line; columns by number or by name
    csv        the same with commas and quotes; the first line names the columns, unless the recipe does
               (of both, a first line that has the names of the recipe is a heading and no pair)
    jsonl      one object a line: {"src": …, "tgt": …} or {"translation": {"en": …, "zh": …}}, or with other keys
    bars       one pair a line: source ||| target, the format of fast_align and awesome-align

If the sources are files, a line of TSV, CSV or JSONL can name a part of a file, and a line of JSONL can have several
texts, see `manifests`. Two more formats are then read:

    kaldi      wav.scp or feats.scp, with text and segments beside it
    captions   one JSON file: COCO's annotations, or Karpathy's splits

Each but kaldi may be compressed with gzip; "-" is standard input.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from regard.data.captions import caption_records
from regard.data.example import Example
from regard.data.joined_pairs import Joining
from regard.data.kaldi import files_of, kaldi_records
from regard.data.lines import (
    MAX_LINE_BYTES,
    STDIN,
    BadLine,
    Line,
    copied,
    count_lines,
    failures_named,
    opened,
    readable_once,
    shown,
    texts,
)
from regard.data.manifests import manifest_row, tabbed, table_row
from regard.data.media_files import states_of
from regard.data.report import Report
from regard.data.rows import (
    BETWEEN,
    WIDER,
    Row,
    UnusableRow,
    bars_row,
    csv_fields,
    csv_row,
    is_heading,
    json_row,
    tsv_row,
)
from regard.data.sources import UnusableSource
from regard.errors import DataError, UsageError

Locate = Callable[[str, str], str]
"""`locate(written, path)`: the source, from what is written for it in the file `path`. Raises UnusableSource."""
Format = Literal["parallel", "tsv", "csv", "jsonl", "bars", "kaldi", "captions"]
ENDINGS: dict[str, Format] = {".tsv": "tsv", ".txt": "tsv", ".csv": "csv", ".jsonl": "jsonl"}
OF_MEDIA: dict[str, Format] = {".scp": "kaldi", ".json": "captions"}
"""Where sources are files."""


@dataclass(frozen=True)
class PairFiles:
    """Files of pairs and how to read them. Nothing is opened before `check`, `records` or `read`.

    Args:
        paths: one file of pairs or two parallel files; "-" is standard input. Pipes can be read only once: see
            `spooled`.
        format: None chooses it: two paths are parallel; one path by its ending without `.gz`: .tsv and .txt are TSV,
            .csv is CSV, .jsonl is JSONL; pipes are TSV.
        columns: names for the columns of a TSV or CSV file, if it has more than two.
        source: the column or key of the source text; several are joined by one space: "tags+lemma". A nested key is
            written with all its keys: "translation.en".
        target: the same for the target text.
        on_bad_input: "error" stops at the first line that cannot be used; "skip" counts such lines and continues.
        max_line_bytes: a longer line cannot be used.
        names: names of the files in messages, if not their paths.
        locate: gives the source for what is written in the file, see `Locate` and `SourceConfig.locate`. None for
            texts: the source is what is written.
        split: the splits to read of a file of captions that has several: "val", "train+restval".
        joining: joins pairs to longer ones, see `Joining`; None leaves them as they are.

    Raises UsageError if these do not fit together.
    """

    paths: tuple[str, ...]
    format: Format | None = None
    columns: tuple[str, ...] = ()
    source: str | None = None
    target: str | None = None
    on_bad_input: Literal["error", "skip"] = "error"
    max_line_bytes: int = MAX_LINE_BYTES
    names: tuple[str, ...] = ()
    locate: Locate | None = None
    split: str | None = None
    joining: Joining | None = None

    def __post_init__(self) -> None:
        if len(self.paths) not in (1, 2) or self.paths.count(STDIN) > 1:
            raise UsageError(
                f"Pairs come from one file or from two parallel ones; {len(self.paths)} are given: "
                f"{', '.join(map(shown, self.paths))}. Give one or two, standard input at most once."
            )
        if (self.kind == "parallel") != (len(self.paths) == 2):
            raise UsageError(
                f"Format {self.kind!r} does not fit {len(self.paths)} file(s). Give two if parallel, else one."
            )
        if self.kind in OF_MEDIA.values() and self.locate is None:
            raise UsageError(
                f"{self.paths[0]}: names recordings or pictures, and the sources of the recipe are texts. Set "
                "data.source.kind in a recipe."
            )
        chosen = self.kind not in ("tsv", "csv", "jsonl") and (self.source or self.target)
        if (self.columns and self.kind not in ("tsv", "csv")) or chosen:
            raise UsageError(
                "Columns choose from a TSV or CSV file, source and target from a TSV, CSV or JSONL file; "
                f"this is {self.kind}."
            )
        if self.kind in ENDINGS.values() and not self._headed:
            self._row(self.columns)

    @property
    def kind(self) -> Format:
        """The format that is used. Raises UsageError if it is not given and the ending of the file does not tell it."""
        if self.format is not None:
            return self.format
        if len(self.paths) == 2:
            return "parallel"
        ending = Path(self.paths[0].removesuffix(".gz")).suffix
        if ending in OF_MEDIA:
            return OF_MEDIA[ending]
        if ending not in ENDINGS and not readable_once(self.paths[0]):
            raise UsageError(
                f"{self.paths[0]}: the ending {ending!r} tells no format; {', '.join(ENDINGS)} do, also with .gz. "
                "Rename the file, or give --format: tsv, csv, jsonl, or bars for source ||| target."
            )
        return ENDINGS.get(ending, "tsv")

    def check(self) -> None:
        """Check the files before the pairs are read.

        Raises DataError for a missing or empty file, and for parallel files with different numbers of lines. Standard
        input and other pipes are not checked, since they can be read only once.
        """
        if any(map(readable_once, self.paths)):
            return
        for name, path in zip(self._names, self.paths, strict=True):
            with opened(path) as stream, failures_named(name):
                if not stream.peek(1):
                    raise DataError(f"{name}: the file is empty. Give a file with at least one pair.")
        self._files()
        if self.kind == "parallel":
            left, right = map(count_lines, self.paths)
            if left != right:
                raise self._unequal(left, right)

    def records(self) -> Iterator[Example | BadLine]:
        """Every line in order, with empty ones: as a pair, or as a BadLine with the reason why it cannot be used."""
        self.check()
        return self._records()

    def read(self, report: Report | None = None) -> Iterator[Example]:
        """The pairs to learn from. Empty lines are counted in `report` and left out; bad lines too, or they end it.

        Raises DataError for what `check` finds, for a bad line if `on_bad_input` is "error", and at the end if there
        was no pair.
        """
        self.check()
        return self.checked(report if report is not None else Report())

    def checked(self, report: Report) -> Iterator[Example]:
        """The same as `read`, for files for which `check` was called already."""
        return self._usable(self._records(), report)

    def _records(self) -> Iterator[Example | BadLine]:
        if self.kind == "kaldi":
            found = kaldi_records(self.paths[0], self.max_line_bytes)
        elif self.kind == "captions":
            found = caption_records(self.paths[0], self._names[0], self.split)
        else:
            found = self._parallel() if self.kind == "parallel" else self._rows()
        found = found if self.locate is None else map(self._located, found)
        return found if self.joining is None else self.joining(found)

    def _located(self, record: Line) -> Line:
        """The pair, with the source that `locate` gives."""
        copied = bool(self.names)  # of a pipe
        return located(record, self.locate, STDIN if copied else self.paths[0])

    def _usable(self, records: Iterator[Example | BadLine], report: Report) -> Iterator[Example]:
        for record in records:
            if isinstance(record, BadLine):
                if self.on_bad_input == "error":
                    raise DataError(f"{record}. Correct it, or leave such lines out with --on-bad-input skip.")
                report.bad += 1
                report.first_bad = report.first_bad or str(record)
            elif record.source.strip() and record.target and record.target.strip():
                report.pairs += 1
                yield record
            else:
                report.empty += 1
        if not report.pairs:
            names = " and ".join(self._names)
            if not report.bad + report.empty:
                raise DataError(f"{names}: the file is empty. Give a file with at least one pair.")
            raise DataError(f"{names}: no line holds a pair that can be used ({report}). Check the format.")

    def _parallel(self) -> Iterator[Example | BadLine]:
        left_name, right_name = self._names
        with opened(self.paths[0]) as left, opened(self.paths[1]) as right:
            pairs = zip_longest(
                texts(left, left_name, self.max_line_bytes), texts(right, right_name, self.max_line_bytes)
            )
            for number, (source, target) in enumerate(pairs, 1):
                if source is None or target is None:
                    longer = number + sum(1 for _ in pairs)
                    counts = (number - 1, longer) if source is None else (longer, number - 1)
                    raise self._unequal(*counts)
                if isinstance(source, BadLine):
                    yield source
                elif isinstance(target, BadLine):
                    yield target
                else:
                    yield Example(source, target, left_name, number)

    def _rows(self) -> Iterator[Example | BadLine]:
        name, row = self._names[0], None if self._headed else self._row(self.columns)
        with opened(self.paths[0]) as stream:
            for number, text in enumerate(texts(stream, name, self.max_line_bytes), 1):
                if isinstance(text, BadLine):
                    yield text
                    continue
                if row is None:
                    row = self._row(self._header(text))
                    continue
                if number == 1 and is_heading(text, self.columns, csv_fields if self.kind == "csv" else tabbed):
                    continue
                try:
                    source, target = row(text) if text.strip() else ("", "")
                except (UnusableRow, UnusableSource) as error:
                    wider = number == 1 and text.count(BETWEEN) > 1 and not (self.columns or self.source)
                    yield BadLine(number, f"{error}{WIDER if wider else ''}", name)
                    continue
                for one in (target,) if isinstance(target, str) else target:
                    yield Example(source, one, name, number)

    @property
    def _headed(self) -> bool:
        """Whether the first line names the columns."""
        return self.kind == "csv" and not self.columns

    def _header(self, line: str) -> tuple[str, ...]:
        try:
            return tuple(name.strip() for name in csv_fields(line))
        except UnusableRow as error:
            raise DataError(f"{self._names[0]}, line 1: the line {error}; expected the names of columns.") from error

    def _row(self, columns: Sequence[str]) -> Row:
        if self.kind == "bars":
            return bars_row
        if self.kind == "jsonl":
            read_json = json_row if self.locate is None else manifest_row
            return read_json(self.source, self.target)
        if self.locate is not None and columns:
            return table_row(columns, self.source, self.target, csv_fields if self.kind == "csv" else tabbed)
        read = csv_row if self.kind == "csv" else tsv_row
        return read(columns, self.source, self.target)

    @property
    def _names(self) -> tuple[str, ...]:
        return self.names or tuple(map(shown, self.paths))

    def _files(self) -> Sequence[str]:
        """All files that are read."""
        return files_of(self.paths[0]) if self.kind == "kaldi" else self.paths

    def _unequal(self, left: int, right: int) -> DataError:
        return DataError(
            f"Parallel files must have as many lines as each other: {self._names[0]} has {left}, "
            f"{self._names[1]} has {right}. Find where they part, or align them again."
        )

    def spooled(self, directory: Path) -> "PairFiles":
        """The same pairs, with standard input and other pipes copied to files, since they can be read only once.

        A copy is named by the digest of its content. So the same input gives the same file, and its encoded corpus is
        found in the cache.
        """
        if not any(map(readable_once, self.paths)):
            return self
        paths = tuple(copied(path, directory) if readable_once(path) else path for path in self.paths)
        return replace(self, paths=paths, format=self.kind, names=self._names)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that an encoded corpus of these files depends on: their state and that of the files that their
        sources name, and how they are read."""
        stats = [(os.path.abspath(path), os.stat(path)) for path in self._files()]
        of_media = {} if self.locate is None else {"split": self.split, "media": self._states()}
        joining = {} if self.joining is None else {"joining": asdict(self.joining)}
        return {
            "files": [[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats],
            "format": self.kind,
            "columns": list(self.columns),
            "sides": [self.source, self.target],
            "on_bad_input": self.on_bad_input,
            "max_line_bytes": self.max_line_bytes,
            **of_media,
            **joining,
        }

    def _states(self) -> str:
        """A digest of what sources name, and of the size and the time of change of each file."""
        digest = hashlib.sha256()
        for record in self._records():
            state = None if isinstance(record, BadLine) else (record.source, *states_of(record.source))
            digest.update(repr(state).encode(errors="surrogatepass"))
        return digest.hexdigest()


def located(line: Line, locate: Locate | None, path: str) -> Line:
    """The line with the source that `locate` gives, or the BadLine that says why there is none.

    Args:
        locate: see `PairFiles`.
        path: the file of the line.
    """
    if locate is None or isinstance(line, BadLine) or not line.source.strip():
        return line
    try:
        return replace(line, source=locate(line.source, path))
    except UnusableSource as error:
        return BadLine(line.line, str(error), line.file)
