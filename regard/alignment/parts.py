"""Where the parts of a source of several are, for what shows them apart."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from regard.alignment.alignment import Alignment, Layer, Unit
from regard.data.rows import BETWEEN

TOGETHER = "parts"
"""What is shown of all parts is called so."""


class Part(NamedTuple):
    """One of several parts.

    Args:
        name: what it is called.
        start: its first character in `Alignment.source_text`.
        text: it itself, or what a recording or a picture is called.
    """

    name: str
    start: int
    text: str


def parts(alignment: Alignment) -> list[Part]:
    """The parts of the source in their order; none where it is one."""
    found: list[Part] = []
    start = 0
    for name, text in zip(alignment.source_parts, alignment.source_text.split(BETWEEN), strict=False):
        found.append(Part(name, start, text))
        start += len(text) + len(BETWEEN)
    return found


def part_weights(alignment: Alignment) -> np.ndarray:
    """What each target unit looked at in each part, all its units together: float32 (target, parts). Divide the weights
    of a part by it, and they are those within the part.

    The end mark of the source is of the last text that can be looked at. Features beside the positions of another part
    cannot: they are text without a unit.

    (target, 0) for a source of one part.
    """
    return _by_part(alignment, alignment.weights, alignment.source_end)


def _by_part(alignment: Alignment, rows: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
    names = alignment.source_parts
    numbers = np.array(part_numbers(alignment), np.int64)
    shares = np.zeros((len(rows), len(names)), np.float32)
    for number in range(len(names)):
        shares[:, number] = rows[:, numbers == number].sum(1)
    if ends is not None and names:
        shares[:, _ending(alignment, numbers)] += ends
    return shares


def _ending(alignment: Alignment, numbers: np.ndarray) -> int:
    """The part that the end mark of the source belongs to."""
    seen = [
        number
        for number, part in enumerate(parts(alignment))
        if is_text(alignment, number) and (not part.text or number in numbers)
    ]
    return seen[-1] if seen else 0


def is_text(alignment: Alignment, number: int) -> bool:
    """Whether a part is a text."""
    return not alignment.part_sources or alignment.part_sources[number] is None


def part_at(alignment: Alignment, place: int) -> int:
    """The number of the part in which a character of the source stands."""
    return alignment.source_text.count(BETWEEN, 0, place)


def part_of(alignment: Alignment, unit: Unit) -> int:
    """The number of the part that a unit of the source belongs to."""
    return part_at(alignment, int(unit.start)) if unit.part is None else unit.part


def part_numbers(alignment: Alignment) -> list[int]:
    """Those of all units of the source."""
    return [part_of(alignment, unit) for unit in alignment.source]


def apart(alignment: Alignment) -> list[tuple[str, Alignment]]:
    """What views show of parts that are not all texts, each with its name: how each look was divided among them, and
    every part that can be looked at, as an alignment of its own. Any other alignment is itself, under the name ""."""
    if not alignment.part_sources:
        return [("", alignment)]
    numbers = np.array(part_numbers(alignment), np.int64)
    several = parts(alignment)
    seen = [
        (several[number].name, _alone(alignment, several[number], number, numbers))
        for number in np.unique(numbers).tolist()
    ]
    return [(TOGETHER, _division(alignment)), *seen]


def each_shown(alignment: Alignment) -> list[tuple[str, Alignment]]:
    """The layers of an alignment and the parts of each, by name; itself under the name "" where it has neither."""
    return [
        (", ".join(filter(None, (layer, part))), one)
        for layer, whole in alignment.each_layer
        for part, one in apart(whole)
    ]


def _division(alignment: Alignment) -> Alignment:
    """The same with the parts as the units of the source."""
    ends = [
        sum(map(len, alignment.source_parts[:number])) + number for number in range(1 + len(alignment.source_parts))
    ]
    units = [Unit(name, start, start + len(name)) for name, start in zip(alignment.source_parts, ends, strict=False)]
    row, count = alignment.target_end, len(alignment.source)
    end = None if row is None else _by_part(alignment, row[None, :count], row[count:] if len(row) > count else None)[0]
    return replace(
        alignment,
        source_text=" ".join(alignment.source_parts),
        source=tuple(units),
        source_kind="text",
        weights=part_weights(alignment),
        source_end=None,
        target_end=end,
        source_parts=(),
        part_sources=(),
        layers=(),
    )


def _alone(alignment: Alignment, part: Part, number: int, numbers: np.ndarray) -> Alignment:
    source, chosen = alignment.part_sources[number], np.flatnonzero(numbers == number)
    before = part.start if source is None else 0
    units = [alignment.source[place]._replace(part=None) for place in chosen]
    moved = tuple([unit._replace(start=unit.start - before, end=unit.end - before) for unit in units])
    ends = alignment.source_end is not None and number == _ending(alignment, numbers)
    columns = np.append(chosen, len(numbers)) if ends else chosen

    def look(whole: Alignment | Layer) -> dict[str, Any]:
        return {
            "weights": whole.weights[:, chosen],
            "source_end": whole.source_end if ends else None,
            "target_end": None if whole.target_end is None else whole.target_end[columns],
        }

    return replace(
        alignment,
        source_text=part.text,
        source=moved,
        source_kind="text" if source is None else source.kind,
        receptive_field=None if source is None else source.receptive_field,
        medium=None if source is None else source.medium,
        source_parts=(),
        part_sources=(),
        layers=tuple(layer._replace(**look(layer)) for layer in alignment.layers),
        **look(alignment),
    )
