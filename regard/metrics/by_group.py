"""Quality by group: the tags of an inflection, the label, or whatever a column of the test set says."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from regard.metrics.score import References, Score, check


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group.

    Args:
        name: what its segments have in common.
        count: segments.
        score: of these segments only.
    """

    name: str
    count: int
    score: Score


def by_group(
    metric: Callable[[Sequence[str], References], Score],
    groups: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    references: References,
) -> list[GroupRow]:
    """A score for each group, by their names; numbers in names count as numbers.

    Args:
        metric: an entry of `METRICS`.
        groups: the names of the groups that each segment belongs to: one, several or none.
        hypotheses, references: of each segment.

    Raises ValueError for unequal numbers of segments.
    """
    check(hypotheses, references)
    if len(groups) != len(hypotheses):
        raise ValueError(
            f"by_group: groups has {len(groups)} segments and hypotheses has {len(hypotheses)}; expected the same "
            "number. Give the groups of each output."
        )
    members: dict[str, list[int]] = {}
    for place, names in enumerate(groups):
        for name in dict.fromkeys(names):
            members.setdefault(name, []).append(place)
    return [
        GroupRow(name, len(places), metric([hypotheses[at] for at in places], [references[at] for at in places]))
        for name, places in sorted(members.items(), key=lambda item: _natural(item[0]))
    ]


def _natural(name: str) -> list[tuple[int, str]]:
    """Task 2 before task 10."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", name)]
