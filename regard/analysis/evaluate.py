"""The quality of outputs: each metric with its signature, and all of them by the length of the source."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar, cast

from regard.alignment.error_rate import AlignmentErrors
from regard.alignment.pointing import Pointing
from regard.analysis.align import Aligner
from regard.analysis.gold import JudgedPairs
from regard.analysis.grouping import Grouping
from regard.analysis.places import GoldPlaces, mean_pointed, pointed
from regard.analysis.words import seen
from regard.data.example import Example
from regard.data.lines import BadLine, Line, one_line
from regard.errors import DataError
from regard.metrics import METRICS, NEED_TEXT
from regard.metrics.by_frequency import FrequencyRow
from regard.metrics.by_group import GroupRow, by_group
from regard.metrics.by_length import LengthRow, by_length
from regard.metrics.score import Score
from regard.translator import Translator

Item = TypeVar("Item")
Unit = Literal["words", "characters"]
PART_BATCHES = 16


@dataclass(frozen=True)
class Segments:
    """Sources and their references, one or several for each source.

    Args:
        groups: the groups that each belongs to; None where nothing is scored by group.
    """

    sources: list[str]
    references: list[list[str]]
    groups: list[Sequence[str]] | None = None


def segments(examples: Sequence[Example], group: bool, groups: Sequence[Sequence[str]] | None = None) -> Segments:
    """The pairs one by one; or each source once, in the order of the first of its pairs, with all of its targets and
    the groups of them all. `groups` are those of each pair."""
    if not group:
        each = None if groups is None else list(groups)
        return Segments([one.source for one in examples], [[one.target or ""] for one in examples], each)
    targets: dict[str, list[str]] = {}
    joined: dict[str, list[str]] = {}
    for one, names in zip(examples, groups or [()] * len(examples), strict=True):
        targets.setdefault(one.source, []).append(one.target or "")
        joined.setdefault(one.source, []).extend(names)
    return Segments(list(targets), list(targets.values()), None if groups is None else list(joined.values()))


def with_references(lines: Iterable[Line], metrics: Sequence[str]) -> Iterator[Line]:
    """The same lines; a pair with an empty reference becomes a BadLine if a metric needs text."""
    needing = [name for name in metrics if name in NEED_TEXT]
    for line in lines:
        if needing and isinstance(line, Example) and not (line.target or "").strip():
            yield BadLine(line.line, f"has an empty reference, and {needing[0]} {NEED_TEXT[needing[0]]}", line.file)
        else:
            yield line


def length_unit(wanted: str, sources: Sequence[str]) -> Unit:
    """The unit of lengths; `auto`: characters if most sources have no spaces."""
    if wanted != "auto":
        return cast(Unit, wanted)
    return "characters" if 2 * sum(len(source.split()) > 1 for source in sources) < len(sources) else "words"


@dataclass(frozen=True)
class Evaluation:
    """Scores of outputs.

    Args:
        segments: how many.
        scores: one for each metric.
        unit: the unit of the lengths; None if the sources are no texts: the length of a name says nothing.
        rows: for each metric, its scores by length; the same buckets in each. Empty without a unit.
        alignment: the alignment errors, if there are gold links.
        outputs: the translations, one for each source.
        places: where the weights and those of blind rules point, by the names of these, if there are gold places.
        groups: for each metric, its scores by group; the same groups in each. None where nothing is scored so.
        words: the words of the references by how often training has them; None where this is not asked.
    """

    segments: int
    scores: list[Score]
    unit: Unit | None
    rows: list[list[LengthRow]]
    alignment: AlignmentErrors | None = None
    outputs: tuple[str, ...] = ()
    places: Mapping[str, Pointing] | None = None
    groups: list[list[GroupRow]] | None = None
    words: list[FrequencyRow] | None = None

    def record(self) -> dict[str, Any]:
        """The scores as a JSON object."""
        buckets = [
            {"low": row[0].low, "high": row[0].high, "segments": row[0].count, "mean_length": row[0].mean_length}
            | {one.score.name: one.score.value for one in row if one.score}
            for row in zip(*self.rows, strict=True)
        ]
        record: dict[str, Any] = {"segments": self.segments, "scores": [asdict(score) for score in self.scores]}
        record |= {"unit": self.unit, "by_length": buckets}
        if self.groups is not None:
            record["groups"] = [
                {"name": row[0].name, "segments": row[0].count} | {one.score.name: one.score.value for one in row}
                for row in zip(*self.groups, strict=True)
            ]
        if self.words is not None:
            record["words"] = [row.record() for row in self.words]
        if self.alignment is not None:
            rates = {name: getattr(self.alignment, name) for name in ("error_rate", "precision", "recall")}
            record["alignment"] = rates | asdict(self.alignment)
        if self.places is not None:
            record["places"] = {name: asdict(found) for name, found in self.places.items()}
        return record


def evaluated(
    translator: Translator,
    examples: Sequence[Example],
    judged: JudgedPairs,
    metrics: Sequence[str],
    *,
    lengths: str = "auto",
    group: bool = False,
    min_weight: float | None = None,
    places: GoldPlaces | None = None,
    by: Grouping | None = None,
) -> Evaluation:
    """Translate the sources of pairs, force their targets if there are gold links, and score both.

    Args:
        translator: the model.
        examples: the pairs.
        judged: their words, and the gold links.
        metrics: names in `METRICS`.
        lengths: the unit of source length; see `length_unit`.
        group: pairs with the same source count as one, with several references. Those of a source that is no text do
            in any case: the same recording is heard once.
        min_weight: smaller weights are no links; the default of `links` if None.
        places: gold seconds or boxes of words, of recordings or pictures.
        by: the groups of each pair, for scores by group in place of those by length.

    Raises DataError for references that a metric cannot use, and for gold places that do not fit the targets.
    """
    if judged.judge:
        aligner = Aligner(translator, judged.segment, min_weight=min_weight)
        for part in _parts(examples, translator):
            judged.judge.add(aligner(part))
    text = translator.source.kind == "text"
    shown = [seen(judged.segment, example) for example in examples]
    if not text:
        shown = [replace(one, source=example.source) for one, example in zip(shown, examples, strict=True)]
    asked = segments(shown, group or not text, None if by is None else [by.of(example) for example in examples])
    parts = _parts(asked.sources, translator)
    outputs = [one_line(best.target_text) for part in parts for best, *_ in translator.outputs(part)]
    errors = judged.judge.errors() if judged.judge else None
    result = evaluate(asked, outputs, metrics, length_unit(lengths, asked.sources) if text and not by else None, errors)
    result = with_words(result, asked, by)
    return result if places is None else replace(result, places=_pointed(translator, examples, places))


def with_words(result: Evaluation, asked: Segments, by: Grouping | None) -> Evaluation:
    """The same, with the words of the references by frequency, where these are grouped so."""
    if by is None or by.training is None:
        return result
    return replace(result, words=by.training.scored(result.outputs, asked.references))


def _pointed(translator: Translator, examples: Sequence[Example], places: GoldPlaces) -> Mapping[str, Pointing]:
    gold = [places.of(example) for example in examples]
    found: list[Mapping[str, Pointing]] = []
    for part in _parts(list(zip(examples, gold, strict=True)), translator):
        sources, targets = [one.source for one, _ in part], [one.target or "" for one, _ in part]
        alignments = translator.score(sources, targets, units="words")
        found += [pointed(alignment, each) for alignment, (_, each) in zip(alignments, part, strict=True)]
    return mean_pointed(found)


def _parts(items: Sequence[Item], translator: Translator) -> Iterator[Sequence[Item]]:
    """Parts of the segments, since the weights of a part stay in memory until its end."""
    size = PART_BATCHES * translator.options.batch_size
    return (items[start : start + size] for start in range(0, len(items), size))


def evaluate(
    segments: Segments,
    outputs: Sequence[str],
    metrics: Sequence[str],
    unit: Unit | None,
    alignment: AlignmentErrors | None,
) -> Evaluation:
    """Score outputs; with a unit also by the length of the source, with groups also by these.

    Raises DataError for references that a metric cannot use.
    """
    sources, references = segments.sources, segments.references
    if not any(text.strip() for texts in references for text in texts):
        raise DataError(
            "no reference holds text, so there is nothing to compare with. Check the files and their columns."
        )
    try:
        scores = [METRICS[name](outputs, references) for name in metrics]
        rows = [by_length(METRICS[name], sources, outputs, references, unit=unit) for name in metrics if unit]
        groups = None
        if segments.groups is not None:
            groups = [by_group(METRICS[name], segments.groups, outputs, references) for name in metrics]
    except ValueError as error:
        raise DataError(str(error)) from error
    return Evaluation(len(sources), scores, unit, rows, alignment, tuple(outputs), groups=groups)
