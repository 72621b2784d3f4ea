"""The largest weights of each target unit as a list, for maps that are wider than the terminal."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from regard.alignment.alignment import Alignment
from regard.alignment.inside import of_units
from regard.views.brush import Brush, anchored, wrapped
from regard.views.labels import END, WITHIN, label

MOST_LISTED = 3
MOST_SENTENCES = 20
LONGEST_LISTED = 24
LONGEST_SENTENCE = 60
SWATCH = 2
PERCENT = len(" 100,")


def listing(
    rows: Sequence[str], columns: Sequence[str], weights: np.ndarray, end_marks: bool, width: int, brush: Brush
) -> list[Text]:
    """A line for each row: the words with the largest weights, the end mark, and the rest, in percent.

    The numbers of a line have the same sum as the row. A word that is in the source several times gets a number, from
    1.

    Args:
        rows: the label before each line, short enough already.
        columns: the words of the source.
        weights: (rows, columns), with one column more if `end_marks`.
        end_marks: whether the last column is the end mark of the source.
        width: columns of the terminal.
    """
    gutter = max(map(cell_len, rows))
    between = f" {brush.vertical_line} "
    room = width - gutter - len(between)
    longest = LONGEST_SENTENCE if any(" " in column for column in columns) else LONGEST_LISTED
    names = _names(columns, min(longest, room - PERCENT - SWATCH), brush)
    names += [END] if end_marks else []
    lines = []
    for row, looks in zip(rows, weights, strict=True):
        for number, line in enumerate(wrapped(_entries(names, looks, len(columns), brush), room)):
            name = "" if number else row
            lines.append(Text(" " * (gutter - cell_len(name)) + anchored(name) + between).append_text(line))
    return lines


def word_lists(alignment: Alignment, width: int, brush: Brush) -> list[Text]:
    """For each sentence the words with the largest weights within it, in percent; of many sentences those that were
    looked at most."""
    looks = np.max([one.weights.max(0, initial=0.0) for _, one in alignment.each_layer], axis=0)
    shown = {*np.argsort(-looks, kind="stable")[:MOST_SENTENCES].tolist()}
    lines = wrapped([Text(word) for word in f"{WITHIN} (100 % each):".split(" ")], width)
    number = max(len(str(len(alignment.source))), 1)
    for unit, own in enumerate(of_units(alignment.inside, len(alignment.source))):
        words = [alignment.inside[place] for place in own] if unit in shown else []
        weights = np.array([[word.weight for word in words]])
        labels = [brush.printable(label(word)) for word in words]
        lines += listing([str(unit + 1).rjust(number)], labels, weights, False, width, brush) if words else []
    left = len(alignment.source) - len(shown)
    return [*lines, Text(f"and {left} sentences that were looked at less")] if left else lines


def _names(columns: Sequence[str], room: int, brush: Brush) -> list[str]:
    counts = Counter(columns)
    numbers = [f"#{place}" if counts[column] > 1 else "" for place, column in enumerate(columns, 1)]
    return [
        brush.shortened(column, max(room - len(number), 4)) + number
        for column, number in zip(columns, numbers, strict=True)
    ]


def _entries(names: Sequence[str], looks: np.ndarray, words: int, brush: Brush) -> list[Text]:
    """Name and percent of each entry; `others` is the rest of the row, from the rounded numbers."""
    percents = np.rint(100 * looks).astype(int).tolist()
    chosen = sorted(range(words), key=lambda place: -looks[place])[:MOST_LISTED]
    chosen += range(words, len(names))  # the end mark, if there is one
    chosen = [place for place in chosen if percents[place]]
    left = round(100 * float(looks.sum())) - sum(percents[place] for place in chosen)
    entries = [_entry(names[place], percents[place], float(looks[place]), brush) for place in chosen]
    if left > 0 or not entries:
        entries.append(Text(f"others {max(left, 0)}"))
    for entry in entries[:-1]:
        entry.append(",")
    return entries


def _entry(name: str, percent: int, weight: float, brush: Brush) -> Text:
    entry = Text()  # a text of its own: what is appended to a coloured one is coloured, too
    if brush.color:
        entry.append_text(brush.cell(weight, SWATCH - 1)).append(" ")
    return entry.append(f"{anchored(name)} {percent}")
