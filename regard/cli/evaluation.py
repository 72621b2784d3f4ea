"""The quality of outputs: each metric with its signature, and all of them by the length of the source."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from regard.alignment.error_rate import AlignmentErrors
from regard.cli.output import aligned_columns
from regard.cli.stream import Line
from regard.data.example import Example
from regard.data.lines import BadLine
from regard.errors import DataError
from regard.metrics import METRICS, NEED_TEXT
from regard.metrics.by_length import LengthRow, by_length
from regard.metrics.score import Score

Unit = Literal["words", "characters"]


@dataclass(frozen=True)
class Segments:
    """What is translated, and what is right: for each source one text or several."""

    sources: list[str]
    references: list[list[str]]


def segments(examples: Sequence[Example], group: bool) -> Segments:
    """The pairs one by one; or each source once, in the order of the first of its pairs, with all of its targets."""
    if not group:
        return Segments([one.source for one in examples], [[one.target or ""] for one in examples])
    groups: dict[str, list[str]] = {}
    for one in examples:
        groups.setdefault(one.source, []).append(one.target or "")
    return Segments(list(groups), list(groups.values()))


def with_references(lines: Iterable[Line], metrics: Sequence[str]) -> Iterator[Line]:
    """The same lines; a pair without a reference becomes a BadLine where a metric means nothing for it."""
    needing = [name for name in metrics if name in NEED_TEXT]
    for line in lines:
        if needing and isinstance(line, Example) and not (line.target or "").strip():
            yield BadLine(line.line, f"has an empty reference, and {needing[0]} {NEED_TEXT[needing[0]]}", line.file)
        else:
            yield line


def length_unit(wanted: str, sources: Sequence[str]) -> Unit:
    """What a length counts; `auto` is characters where most sources are a single stretch."""
    if wanted != "auto":
        return cast(Unit, wanted)
    return "characters" if 2 * sum(len(source.split()) > 1 for source in sources) < len(sources) else "words"


@dataclass(frozen=True)
class Evaluation:
    """Scores of outputs.

    Args:
        segments: how many.
        scores: one for each metric.
        unit: what the lengths count.
        rows: for each metric, its scores by length; the same buckets in each.
        alignment: the errors of the alignment, where there is gold.
    """

    segments: int
    scores: list[Score]
    unit: Unit
    rows: list[list[LengthRow]]
    alignment: AlignmentErrors | None = None

    def record(self) -> dict[str, Any]:
        """For JSON."""
        buckets = [
            {"low": row[0].low, "high": row[0].high, "segments": row[0].count, "mean_length": row[0].mean_length}
            | {one.score.name: one.score.value for one in row if one.score}
            for row in zip(*self.rows, strict=True)
        ]
        record: dict[str, Any] = {"segments": self.segments, "scores": [asdict(score) for score in self.scores]}
        record |= {"unit": self.unit, "by_length": buckets}
        if self.alignment is not None:
            rates = {name: getattr(self.alignment, name) for name in ("error_rate", "precision", "recall")}
            record["alignment"] = rates | asdict(self.alignment)
        return record

    def table(self) -> list[str]:
        """For people: the scores with their signatures, then the quality by length."""
        overall = [[score.name, f"{score.value:.2f}", score.signature] for score in self.scores]
        rows = [[f"source {self.unit}", "segments", *(score.name for score in self.scores)]]
        for row in zip(*self.rows, strict=True):
            if row[0].count:
                last = "" if row[0].high is None else f" to {row[0].high}"
                values = ["" if one.score is None else f"{one.score.value:.2f}" for one in row]
                rows.append([f"{row[0].low}{last or ' and more'}", str(row[0].count), *values])
        return [*aligned_columns(overall, "lrl"), "", *aligned_columns(rows, "l" + "r" * (len(rows[0]) - 1))]


def evaluate(
    segments: Segments, outputs: Sequence[str], metrics: Sequence[str], lengths: str, alignment: AlignmentErrors | None
) -> Evaluation:
    """Score outputs. Raises DataError for references that a metric cannot use."""
    sources, references = segments.sources, segments.references
    if not any(text.strip() for texts in references for text in texts):
        raise DataError(
            "no reference holds text, so there is nothing to compare with. Check the files and their columns."
        )
    unit = length_unit(lengths, sources)
    try:
        scores = [METRICS[name](outputs, references) for name in metrics]
        rows = [by_length(METRICS[name], sources, outputs, references, unit=unit) for name in metrics]
    except ValueError as error:
        raise DataError(str(error)) from error
    return Evaluation(len(sources), scores, unit, rows, alignment)
