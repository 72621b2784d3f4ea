"""Names what no output can say: symbols of the validation targets that the target vocabulary lacks."""

from collections.abc import Iterator
from typing import NamedTuple

from regard.data.example import Example
from regard.data.lines import shown
from regard.data.readers import PairFiles
from regard.data.tokenizer import Tokenizer
from regard.marks import UNKNOWN


class Unsaid(NamedTuple):
    """A symbol that the vocabulary lacks, and where it stands."""

    symbol: str
    example: Example


def unsaid(pairs: PairFiles, target: Tokenizer) -> str | None:
    """A sentence about the pairs whose target has such a symbol; None where there are none, or where the tokeniser can
    spell any text."""
    if target.unspelt is not None:
        return None
    found = _each(pairs, target)
    first = next(found, None)
    if first is None:
        return None
    count = 1 + sum(1 for _ in found)
    pairs_have = "1 pair to validate on has" if count == 1 else f"{count:,} pairs to validate on have"
    return (
        f"{pairs_have} a target that the model cannot write, since its vocabulary lacks a symbol of it, first "
        f"{first.symbol[:60]!r} in {shown(first.example.file)}, line {first.example.line}"
    )


def _each(pairs: PairFiles, target: Tokenizer) -> Iterator[Unsaid]:
    """The first unknown symbol of each pair that has one."""
    for example in pairs.read():
        text = example.target or ""
        ids = target.ids(text)
        if UNKNOWN in ids:
            start, end = target.spans(text, ids)[ids.index(UNKNOWN)]
            yield Unsaid(text[start:end], example)
