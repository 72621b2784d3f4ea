"""The tables of `regard evaluate`, as text."""

from collections.abc import Mapping, Sequence

from regard.alignment.pointing import Pointing
from regard.analysis.evaluate import Evaluation
from regard.analysis.places import ATTENTION
from regard.cli.stdout import aligned_columns
from regard.metrics.by_frequency import FrequencyRow, named
from regard.metrics.by_group import GroupRow


def tables(result: Evaluation, by: str) -> list[str]:
    """The scores of the whole, then those of its parts, as lines with an empty one between two tables."""
    found = [_overall(result)]
    if result.unit is not None:
        found.append(_by_length(result))
    if result.words is not None:
        found.append(_by_frequency(result.words))
    if result.groups is not None:
        found.append(_by_group("rarest source word" if result.words else by, result.groups))
    return [line for table in found if table for line in ["", *table]][1:]


def place_table(found: Mapping[str, Pointing]) -> list[str]:
    """Where the weights of each word stand: those of the model, then those of the rules that see nothing."""
    seconds = "diagonal" in found  # boxes have no order
    distance = "time error s" if seconds else "distance px"
    rows = [["weights", "words", "point into it %", "weight inside %", distance, "overlap %"]]
    for name, one in found.items():
        shares = [f"{100 * share:.1f}" for share in (one.pointing, one.mass, one.overlap)]
        rule = name if name == ATTENTION else f"blind: {name}"
        rows.append(
            [rule, str(one.targets), shares[0], shares[1], f"{one.distance:.{3 if seconds else 1}f}", shares[2]]
        )
    return aligned_columns(rows, "lrrrrr")


def _overall(result: Evaluation) -> list[str]:
    """The scores with their signatures."""
    return aligned_columns([[score.name, _shown(score.value), score.signature] for score in result.scores], "lrl")


def _by_length(result: Evaluation) -> list[str]:
    """The quality by the length of the source."""
    rows = [[f"source {result.unit}", "segments", *(score.name for score in result.scores)]]
    for row in zip(*result.rows, strict=True):
        if row[0].count:
            last = "" if row[0].high is None else f" to {row[0].high}"
            values = ["" if one.score is None else _shown(one.score.value) for one in row]
            rows.append([f"{row[0].low}{last or ' and more'}", str(row[0].count), *values])
    return aligned_columns(rows, "l" + "r" * (len(rows[0]) - 1))


def _by_frequency(found: Sequence[FrequencyRow]) -> list[str]:
    """How many words of the references are right, by how often training has them."""
    rows = [["times in training", "reference words", "precision", "recall", "F1"]]
    for row in found:
        if row.references or row.outputs:
            values = ["" if one is None else _shown(one) for one in (row.precision, row.recall, row.f1)]
            rows.append([named(row.low, row.high), str(row.references), *values])
    return aligned_columns(rows, "lrrrr")


def _by_group(by: str, groups: Sequence[Sequence[GroupRow]]) -> list[str]:
    """The scores of each group."""
    if not groups[0]:
        return []
    rows = [[by, "segments", *(each[0].score.name for each in groups)]]
    rows += [[row[0].name, str(row[0].count), *(_shown(one.score.value) for one in row)] for row in _columns(groups)]
    return aligned_columns(rows, "l" + "r" * (1 + len(groups)))


def _columns(groups: Sequence[Sequence[GroupRow]]) -> list[tuple[GroupRow, ...]]:
    return list(zip(*groups, strict=True))


def _shown(value: float) -> str:
    return f"{value:.2f}"
