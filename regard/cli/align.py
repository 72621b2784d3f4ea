"""`regard align`: the word alignment of given pairs."""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import Json, Linking, Opening, PairPaths, Reading, RunPath, Threshold, Units
from regard.cli.report import reported, say
from regard.cli.spread import spread
from regard.errors import UsageError

SYMMETRIZATION = "grow-diag-final-and"


@reported
@spread
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
            help="With --reverse, what to make of both: intersection, union, grow-diag, grow-diag-final, "
            f"{SYMMETRIZATION} (default).",
        ),
    ] = None,
    units: Units = "words",
    threshold: Threshold = None,
    linking: Linking,
    json: Json = False,
    opening: Opening,
) -> None:
    """Align the words of given pairs, one line a pair.

    A line has the links that forced decoding gives: 0-0 1-2, from 0, source first (Pharaoh). A word is what stands
    between white space; one that looked at the end of the source most has no link. With --gold the alignment error rate
    is said at the end, on standard error.

    Example: regard align runs/en-de test.en test.de --reverse runs/de-en > links.txt
    """
    from regard.alignment import SYMMETRIZATIONS
    from regard.cli.aligner import Aligned, Aligner, links_line
    from regard.cli.choices import choose
    from regard.cli.gold import judged_pairs
    from regard.cli.output import put
    from regard.cli.pairs import given_pairs
    from regard.cli.runs import open_runs
    from regard.cli.units import check_linking

    check_linking(units, threshold, linking.min_weight)
    how = choose("--symmetrize", symmetrize or SYMMETRIZATION, SYMMETRIZATIONS)
    if symmetrize and reverse is None:
        raise UsageError("--symmetrize makes one alignment of two directions; give the run of the other as --reverse.")
    if units != "words" and (reverse or linking.words or linking.join != "none"):
        raise UsageError(f"--units is {units!r}; expected words where --reverse, --join or --words is given.")
    lines, bad = given_pairs(pairs, run, reading)
    judged = judged_pairs(linking, lines, units)
    session = open_runs([run], opening)
    backward = open_runs([reverse], opening).translator if reverse else None
    aligner = Aligner(
        session.translator, judged.segment, backward, SYMMETRIZATIONS[how], units, threshold, linking.min_weight
    )
    for found in session.answers(session.chunks(judged.lines), aligner, bad.add):
        put([links_line(found, json)])
        if judged.judge and isinstance(found, Aligned):
            judged.judge.add([found])
    if not opening.quiet:
        bad.tell()
    if judged.judge:
        say(f"regard: {judged.judge.verdict()}")
