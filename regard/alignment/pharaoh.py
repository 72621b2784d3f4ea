"""The Pharaoh format: one line per pair, `0-0 1-2`, source unit first. In gold files `1p2` is a possible link.

Numbers count from 0; the older files that count from 1 are read and written with `one_based=True`.
"""

import re
from collections.abc import Iterable

from regard.alignment.linking import Gold, Links
from regard.errors import DataError

LINK = re.compile(r"([0-9]{1,7})([-p])([0-9]{1,7})")


def format_links(found: Iterable[tuple[int, int]], *, one_based: bool = False) -> str:
    """One line, without its end; sorted by source, then by target."""
    return " ".join(f"{source + one_based}-{target + one_based}" for source, target in sorted(found))


def format_gold(gold: Gold, *, one_based: bool = False) -> str:
    """One line, without its end: sure links as `0-0`, the others as `1p2`."""
    every = sorted(gold.sure | gold.possible)
    return " ".join(f"{s + one_based}{'-' if (s, t) in gold.sure else 'p'}{t + one_based}" for s, t in every)


def parse_links(line: str, file: str, number: int, *, one_based: bool = False) -> Links:
    """The links of one line. Raises DataError, with file and line, for anything but `0-0 1-2`."""
    gold = parse_gold(line, file, number, one_based=one_based)
    if gold.possible != gold.sure:
        raise DataError(
            f"{file}:{number}: a possible link (written with p) stands where only links like 0-0 can. "
            "Give such a file as the gold standard."
        )
    return gold.sure


def parse_gold(line: str, file: str, number: int, *, one_based: bool = False) -> Gold:
    """The sure and possible links of one line. Raises DataError, with file and line, for anything else.

    Args:
        line: `0-0 1p2`, or nothing.
        file, number: where the line stands, counted from 1, for the message.
        one_based: the numbers count from 1.
    """
    sure, possible = set(), set()
    for word in line.split():
        match = LINK.fullmatch(word)
        if match is None:
            raise DataError(
                f"{file}:{number}: {word[:40]!r} is no link; expected source-target, such as 0-0, or 0p0 for a "
                "possible one. Correct the line."
            )
        source, kind, target = int(match[1]) - one_based, match[2], int(match[3]) - one_based
        if source < 0 or target < 0:
            raise DataError(
                f"{file}:{number}: {word} holds a 0, but the numbers were said to count from 1. "
                "Read the file as counting from 0."
            )
        possible.add((source, target))
        if kind == "-":
            sure.add((source, target))
    return Gold(frozenset(sure), frozenset(possible))
