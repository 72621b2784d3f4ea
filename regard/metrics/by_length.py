"""Quality by length of the source, as in Bahdanau et al. 2015, figure 2."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from regard.metrics.score import References, Score, check

EDGES = (1, 6, 11, 16, 21, 26, 31, 41, 51, 61)


@dataclass(frozen=True, slots=True)
class LengthRow:
    """One bucket of lengths.

    Args:
        low, high: shortest and longest source in it; `high` is None for the last, which has no end.
        count: segments.
        mean_length: of their sources; the place of the bucket in a plot.
        score: of these segments only; None if there are none.
    """

    low: int
    high: int | None
    count: int
    mean_length: float
    score: Score | None


def by_length(
    metric: Callable[[Sequence[str], References], Score],
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: References,
    *,
    edges: Sequence[int] = EDGES,
    unit: Literal["words", "characters"] = "words",
) -> list[LengthRow]:
    """A score for each bucket of source lengths, in order.

    Args:
        metric: an entry of `METRICS`.
        sources, hypotheses, references: of each segment.
        edges: the shortest length of each bucket, ascending; sources shorter than the first go into the first.
        unit: what a length counts: words between white space, or characters without white space.

    Raises ValueError for unequal numbers of segments, or edges that do not ascend.
    """
    check(hypotheses, references)
    if len(sources) != len(hypotheses):
        raise ValueError(
            f"by_length: sources has {len(sources)} segments and hypotheses has {len(hypotheses)}; expected the same "
            "number. Give the source of each output."
        )
    if not edges or any(left >= right for left, right in pairwise(edges)):
        raise ValueError(f"by_length: edges is {list(edges)}; expected ascending lengths. Give, for example, 1 11 21.")
    lengths = [len(text.split()) if unit == "words" else len("".join(text.split())) for text in sources]
    buckets: list[list[int]] = [[] for _ in edges]
    for place, length in enumerate(lengths):
        buckets[max(0, bisect_right(edges, length) - 1)].append(place)
    rows = []
    for number, places in enumerate(buckets):
        score = None
        if places:
            score = metric([hypotheses[place] for place in places], [references[place] for place in places])
        mean = sum(lengths[place] for place in places) / max(1, len(places))
        last = edges[number + 1] - 1 if number + 1 < len(edges) else None
        rows.append(LengthRow(edges[number], last, len(places), mean, score))
    return rows
