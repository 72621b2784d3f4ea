"""`regard align`: the word alignment of given pairs."""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import (
    SIDES,
    Json,
    Linking,
    Opening,
    PairPaths,
    Reading,
    RunPath,
    Threshold,
    Units,
    Weights,
    choose,
    expand_records,
)
from regard.errors import UsageError

SYMMETRIZATION = "grow-diag-final-and"


def check_linking(units: str, threshold: float | None = None, min_weight: float | None = None) -> None:
    """Raises UsageError for a value that is not possible."""
    from regard.alignment.linking import MIN_WEIGHT
    from regard.alignment.shown import UNITS

    choose("--units", units, UNITS)
    if threshold is not None and not 0 < threshold <= 1:
        raise UsageError(f"--threshold is {threshold}; expected above 0 and at most 1, for example 0.3.")
    if min_weight is not None and not 0 <= min_weight <= 1:
        raise UsageError(f"--min-weight is {min_weight}; expected from 0 to 1, for example {MIN_WEIGHT}.")
    if threshold is not None and min_weight is not None:
        raise UsageError(
            "--threshold links all from a weight on, --min-weight is the floor of one link a unit. Leave one out."
        )


@reported
@expand_records
def command(
    run: RunPath,
    pairs: PairPaths,
    *,
    reading: Reading,
    reverse: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A run from the target to the source, to align both ways.")
    ] = None,
    symmetrize: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="With --reverse, how to join both: intersection, union, grow-diag, grow-diag-final, "
            f"{SYMMETRIZATION} (default), or agreement: where the mean of both weights is at least --threshold (0.3).",
        ),
    ] = None,
    units: Units = "words",
    threshold: Threshold = None,
    weights: Weights = None,
    linking: Linking,
    json: Json = False,
    opening: Opening,
) -> None:
    """Align the words of given pairs, one line a pair.

    A line has the links of forced decoding: 0-0 1-2, from 0, source first (Pharaoh). Words are separated by white
    space. A word whose largest weight is on the end of the source has no link. With --gold, the alignment error rate
    follows at the end, on standard error; and a warning if the weights explain nothing.

    Example: regard align runs/en-de test.en test.de --reverse runs/de-en > links.txt
    """
    from regard.alignment import JOINS
    from regard.alignment.symmetrize import symmetrization
    from regard.alignment.table import AGREEMENT
    from regard.analysis.align import Aligned, Aligner
    from regard.analysis.doubts import Doubts
    from regard.analysis.gold import judged_pairs
    from regard.cli.output_format import links_line
    from regard.cli.pairs import given_pairs
    from regard.cli.runs import open_runs
    from regard.cli.stdout import put

    check_linking(units, threshold, linking.min_weight)
    how = choose("--symmetrize", symmetrize or SYMMETRIZATION, JOINS)
    if symmetrize and reverse is None:
        raise UsageError("--symmetrize makes one alignment of two directions; give the run of the other as --reverse.")
    if how == AGREEMENT and linking.min_weight is not None:
        raise UsageError(f"--min-weight has no effect with --symmetrize {AGREEMENT}; expected --threshold, or neither.")
    if units != "words" and (reverse or linking.words or linking.join != "none"):
        raise UsageError(f"--units is {units!r}; expected words where --reverse, --join or --words is given.")
    lines, bad = given_pairs(pairs, run, reading)
    choose("--join", linking.join, SIDES)
    judged = judged_pairs(lines, linking.join, linking.words, linking.gold, linking.gold_from, units)
    session = open_runs([run], opening, weights=weights)
    backward = open_runs([reverse], opening, weights=weights).translator if reverse else None
    aligner = Aligner(
        session.translator, judged.segment, backward, symmetrization(how), units, threshold, linking.min_weight
    )
    doubts = Doubts()
    for found in session.answers(session.chunks(judged.lines), aligner, bad.add):
        put([links_line(found, json)])
        if isinstance(found, Aligned):
            doubts.add(found)
            if judged.judge:
                judged.judge.add([found])
    if not opening.quiet:
        bad.tell()
        for warning in doubts.warnings():
            say(f"regard: warning: {warning}")
    if judged.judge:
        say(f"regard: {judged.judge.verdict()}")
