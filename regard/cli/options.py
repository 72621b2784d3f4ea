"""Options that several commands share, so that they are spelled alike."""

from pathlib import Path
from typing import Annotated

import typer

MAX_TOKENS = 1000
"""A longer text is refused: what a decoder looked at takes outputs × sources × the beam of memory."""
SIDES = ("none", "source", "target", "both")

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `regard train` wrote.")]
RunPaths = Annotated[
    list[Path], typer.Argument(metavar="RUN…", help="One or more runs; several are an ensemble and share tokenisers.")
]
PairPaths = Annotated[
    list[str],
    typer.Argument(metavar="SRC TGT | PAIRS | -", help="Two parallel files, or one .tsv or .jsonl; also .gz, or -."),
]
PairFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="parallel|tsv|jsonl|bars",
        help="When the file's name does not say it; bars: source ||| target.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write results as JSON, one object a line.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Seed of everything random.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 …")]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="CPU threads; all cores by default.")]
BeamSize = Annotated[
    int | None, typer.Option("--beam", min=1, metavar="N", help="Hypotheses per sentence; 1 is greedy.")
]
LengthNormalization = Annotated[
    float | None,
    typer.Option(min=0, metavar="A", help="α of Wu et al. 2016, eq. 14; 0 for none. The recipe's by default."),
]
CoveragePenalty = Annotated[
    float | None,
    typer.Option(min=0, metavar="B", help="β of Wu et al. 2016, eq. 15; 0 for none. The recipe's by default."),
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, metavar="N", help="Sentences at a time.")]
MaxTokens = Annotated[int, typer.Option(min=1, metavar="N", help="Refuse a text of more tokens than this.")]
Units = Annotated[
    str,
    typer.Option(
        metavar="words|tokens|auto",
        help="Align what stands between white space, or tokens; auto: words, and tokens where words are not spaced.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="WEIGHT", help="Link all that is looked at with this weight; else the most of each unit."),
]
BadInput = Annotated[
    str | None, typer.Option("--on-bad-input", metavar="error|skip", help="Stop at a line that is no text, or skip it.")
]
GoldFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Gold alignment of the pairs: 0-0 is sure, 1p2 possible; from 0.")
]
WordFiles = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="The pairs again, with white space between the words to align; once for one file, twice for two.",
    ),
]
Join = Annotated[
    str,
    typer.Option(
        metavar="source|target|both", help="Hide the white space of this side from the model; its words stay the units."
    ),
]
