"""`regard align`: the word alignment of given pairs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import (
    MAX_TOKENS,
    SIDES,
    BadInput,
    BatchSize,
    Device,
    GoldFile,
    Join,
    Json,
    MaxTokens,
    PairFormat,
    PairPaths,
    Quiet,
    RunPath,
    Threads,
    Threshold,
    Units,
    WordFiles,
)
from regard.cli.report import reported, say
from regard.errors import UsageError

SYMMETRIZATION = "grow-diag-final-and"


@reported
def command(
    run: RunPath,
    pairs: PairPaths,
    format: PairFormat = None,
    reverse: Annotated[
        Path | None, typer.Option(metavar="RUN", help="A run from the target to the source, to align both ways.")
    ] = None,
    symmetrize: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="What to make of both: intersection, union, grow-diag, grow-diag-final, grow-diag-final-and.",
        ),
    ] = None,
    units: Units = "words",
    join: Join = "none",
    words: WordFiles = None,
    threshold: Threshold = None,
    gold: GoldFile = None,
    json: Json = False,
    on_bad_input: BadInput = None,
    batch_size: BatchSize = None,
    max_tokens: MaxTokens = MAX_TOKENS,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Align the words of given pairs, one line a pair.

    A line has the links that forced decoding gives: 0-0 1-2, from 0, source first (Pharaoh). A word is what stands
    between white space. With --gold the alignment error rate is said at the end, on standard error.

    Example: regard align runs/en-de test.en test.de --reverse runs/de-en > links.txt
    """
    from regard.alignment import SYMMETRIZATIONS
    from regard.cli.aligner import Aligned, Aligner
    from regard.cli.answers import links_line
    from regard.cli.choices import choose
    from regard.cli.gold import Judge
    from regard.cli.output import put
    from regard.cli.pairs import BadPairs, pair_lines
    from regard.cli.runs import data_config, open_runs
    from regard.cli.stream import Line, answered, chunk_size, chunks, refuse_long
    from regard.cli.units import check_linking
    from regard.cli.words import segmentation

    check_linking(units, threshold)
    how = choose("--symmetrize", symmetrize or SYMMETRIZATION, SYMMETRIZATIONS)
    choose("--join", join, SIDES)
    if symmetrize and reverse is None:
        raise UsageError("--symmetrize makes one alignment of two directions; give the run of the other as --reverse.")
    if units != "words" and (reverse or words or join != "none"):
        raise UsageError(f"--units is {units!r}; expected words where --reverse, --join or --words is given.")
    bad = BadPairs(on_bad_input)
    lines: Iterable[Line] = pair_lines(pairs, data_config(run), format)
    if gold or words:
        lines = list(lines)
    judge = Judge(gold, len(list(lines))) if gold else None
    segment = segmentation(join, words, len(list(lines)) if words else 0)
    forward = open_runs([run], device, threads, batch_size=batch_size)
    backward = open_runs([reverse], device, threads, batch_size=batch_size) if reverse else None
    aligner = Aligner(forward, segment, backward, SYMMETRIZATIONS[how], units, threshold)
    for found in answered(refuse_long(chunks(lines, chunk_size(forward)), forward, max_tokens), aligner, bad.add):
        put([links_line(found, json)])
        if judge and isinstance(found, Aligned):
            judge.add([found])
    if not quiet:
        bad.tell()
    if judge:
        say(f"regard: {judge.verdict()}")
