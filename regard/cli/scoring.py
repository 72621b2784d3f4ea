"""Options of `regard evaluate`: what is scored, and which parts of a test set are scored apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import SIDES, GivenOptions, Linking, Weights, choose, refuse_without_effect
from regard.metrics import METRICS

METRICS_SHOWN = ("bleu", "chrf")
LENGTHS = ("words", "characters", "auto")

Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", "-m", metavar="NAME", help=f"{', '.join(METRICS)}; may repeat. [default: bleu, chrf]"),
]
Lengths = Annotated[
    str,
    typer.Option(
        metavar="words|characters|auto",
        help="The unit of source length; auto: characters if most sources are one word.",
    ),
]
By = Annotated[
    str,
    typer.Option(
        metavar="length|frequency|tag|label|COLUMN",
        help="What else is scored: each length of the source, words by how often training has them, each tag of an "
        "inflection, each label, or each value of a column of the file.",
    ),
]
Train = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="With --by frequency: the pairs that training reads; once for one file, twice for two parallel ones.",
    ),
]
Group = Annotated[
    bool, typer.Option("--group", help="Pairs with the same source count as one, with several references.")
]
Places = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Where each word is: name, start, end, word (seconds of a recording), or name, left, top, right, "
        "bottom, word (pixels of a picture), with tabs between.",
    ),
]
Outputs = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Score these lines, an output for each pair, in place of a run's; no RUN is given then."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the translations here.")]


@dataclass(frozen=True)
class Scoring:
    """What is scored."""

    metric: Metrics = None
    lengths: Lengths = "auto"
    by: By = "length"
    train: Train = None
    group: Group = False

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics."""
        return list(self.metric or METRICS_SHOWN)

    def check(self, chosen: GivenOptions) -> None:
        """Raises UsageError for a name that there is not, and for options that have no effect beside the others."""
        for name in self.metrics:
            choose("--metric", name, METRICS)
        choose("--lengths", self.lengths, LENGTHS)
        if self.by != "length":
            refuse_without_effect(chosen, ["lengths"], f"with --by {self.by}. Leave one out.")
        if self.by != "frequency":
            because = "without --by frequency, for which words are counted in it. Add it, or leave it out."
            refuse_without_effect(chosen, ["train"], because)


@dataclass(frozen=True)
class Looks:
    """What is known of where a model should look, and which of its weights are held against it."""

    weights: Weights = None
    places: Places = None

    def check(self, chosen: GivenOptions, linking: Linking) -> None:
        """Raises UsageError for values that are not possible, and for options without what they are for."""
        from regard.cli.align import check_linking

        check_linking("words", min_weight=linking.min_weight)
        choose("--join", linking.join, SIDES)
        if linking.gold:
            return
        names = ["words", "min_weight"]
        refuse_without_effect(chosen, names, "without --gold, whose links they are for. Add it, or leave them out.")
        if not self.places:
            refuse_without_effect(chosen, ["weights"], "without --gold or --places. Add one, or leave it out.")
