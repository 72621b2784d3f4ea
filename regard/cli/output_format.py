"""The output formats of `translate`, `score` and `align`: lines of text, n-best lists, links, JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.alignment.alignment import Alignment
from regard.alignment.io import to_record
from regard.alignment.pharaoh import format_links
from regard.alignment.shown import regrouped
from regard.analysis.align import Aligned
from regard.analysis.units import linked
from regard.cli.stdout import json_line
from regard.data.lines import BadLine, one_line
from regard.translator import Output

BAR = " ||| "


@dataclass(frozen=True)
class Writer:
    """Writes the outputs of one line of input.

    Args:
        nbest: several lines for one line of input: number of that line, from 1 ||| output ||| log-probability.
        align: append one more ||| and the links of the units, in the Pharaoh format.
        json: write JSON objects instead, each with units, spans and weights; lines count from 1.
        units: what is aligned; see `regrouped`.
        min_weight: nothing is linked below this weight; None for the default, `MIN_WEIGHT`.
    """

    nbest: bool
    align: bool
    json: bool
    units: str
    min_weight: float | None = None

    @property
    def aligns(self) -> bool:
        """Whether the lines say what was attended to; else texts and scores are enough."""
        return self.align or self.json

    def lines(self, line: int, found: Sequence[Alignment | Output]) -> list[str]:
        """The lines for the outputs of line number `line`, best first."""
        if self.json:
            return [self._json(line, rank, output) for rank, output in enumerate(found, 1)]
        return [self._text(line, output) for output in found]

    def refused(self, bad: BadLine) -> list[str]:
        """The lines for a line that is not translated."""
        if self.nbest and not self.json:
            return [f"{bad.line}{BAR}{BAR}-inf"]
        return [refused_line(bad, self.json)]

    def _json(self, line: int, rank: int, alignment: Alignment | Output) -> str:
        assert isinstance(alignment, Alignment)
        place = {"line": line, "rank": rank} if self.nbest else {"line": line}
        return json_line(place | to_record(regrouped(alignment, self.units)))

    def _text(self, line: int, output: Alignment | Output) -> str:
        text = one_line(output.target_text)
        if self.nbest:
            text = f"{line}{BAR}{text}{BAR}{output.score:.4f}"
        if self.align:
            assert isinstance(output, Alignment)
            text += BAR + format_links(linked(regrouped(output, self.units), None, self.min_weight))
        return text


def score_line(line: int, alignment: Alignment, tokens: int, json: bool, min_weight: float | None = None) -> str:
    """The line of `score` for a pair: log-probability, the same per token, links; or a JSON object."""
    if json:
        return json_line({"line": line, "tokens": tokens} | to_record(alignment))
    links = format_links(linked(alignment, None, min_weight))
    return f"{alignment.score:.4f}\t{alignment.score / tokens:.4f}\t{links}"


def links_line(found: Aligned | BadLine, json: bool) -> str:
    """The line of `align` for a pair: its links; or a JSON object with the units and the links."""
    if isinstance(found, BadLine):
        return refused_line(found, json)
    if not json:
        return format_links(found.links)
    units = {side: [unit.text for unit in getattr(found.alignment, side)] for side in ("source", "target")}
    return json_line({"line": found.example.line, **units, "links": sorted(found.links), "warning": found.warning})


def refused_line(bad: BadLine, json: bool) -> str:
    """The line in place of one that was not read: empty, or a JSON object."""
    return json_line({"line": bad.line, "error": f"the line {bad.reason}"}) if json else ""
