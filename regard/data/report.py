"""Counts of the lines of a corpus that were used and left out."""

from dataclasses import dataclass


@dataclass
class Report:
    """Counts of lines. A reader changes them while it reads.

    Args:
        pairs: pairs that could be used.
        empty: lines with nothing on one side or on both; left out.
        bad: lines that cannot be used; left out because the user asked for it.
        too_long: pairs with more tokens than the limit; left out when the corpus was encoded.
        first_bad: the first bad line, for the message.
    """

    pairs: int = 0
    empty: int = 0
    bad: int = 0
    too_long: int = 0
    first_bad: str | None = None

    def __str__(self) -> str:
        left_out = [
            f"{count} {name}"
            for count, name in ((self.empty, "empty"), (self.bad, "bad"), (self.too_long, "too long"))
            if count
        ]
        first = f" (first bad: {self.first_bad})" if self.first_bad else ""
        return f"{self.pairs} pairs; left out: {', '.join(left_out) or 'none'}{first}"
