"""Options that several commands share, so that they are spelled alike, and the records in which commands take them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

MAX_TOKENS = 1000
"""A longer text is refused: what a decoder looked at takes outputs × sources × the beam of memory."""
SIDES = ("none", "source", "target", "both")

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `regard train` wrote.")]
RunsAndText = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN… [FILE | -]",
        help="A run, or several as an ensemble, trained with the same tokenisers; then the file to read, also .gz; "
        "without one, or with -, standard input.",
    ),
]
RunsAndPairs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN… SRC TGT | PAIRS | -",
        help="A run, or several as an ensemble; then two parallel files, or one .tsv, .csv or .jsonl; also .gz, or - "
        "for standard input.",
    ),
]
PairPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="SRC TGT | PAIRS | -",
        help="Two parallel files, or one .tsv, .csv or .jsonl; also .gz, or - for standard input.",
    ),
]
PairFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="parallel|tsv|csv|jsonl|bars",
        help="How pairs are written, where the name of the file does not say it; bars: source ||| target.",
    ),
]
Shortlisted = Annotated[
    bool,
    typer.Option(
        "--shortlist", help="Output only what the words of a source may become: faster; see `regard shortlist`."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write results as JSON, one object a line.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**63 - 1, metavar="N", help="Seed of everything random.")
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, gpu, cuda, cuda:1, mps.")]
Threads = Annotated[int | None, typer.Option(min=1, max=4096, metavar="N", help="CPU threads; all cores by default.")]
BeamSize = Annotated[
    int | None,
    typer.Option("--beam", min=1, metavar="N", help="Hypotheses per sentence; 1 is greedy. The recipe's by default."),
]
LengthNormalization = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="A",
        help="Let longer outputs win: α of Wu et al. 2016, eq. 14; 0 for none. The recipe's by default.",
    ),
]
CoveragePenalty = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="B",
        help="Let outputs win that look at every source word: β of Wu et al. 2016, eq. 15; 0 for none. The recipe's by "
        "default.",
    ),
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", min=1, metavar="N", help="Sentences at a time. The recipe's by default.")
]
MaxTokens = Annotated[int, typer.Option(min=1, metavar="N", help="Refuse a text of more tokens than this.")]
Units = Annotated[
    str,
    typer.Option(
        metavar="words|tokens|auto",
        help="What is aligned: what stands between white space, or tokens; auto: tokens in scripts without spaces, "
        "else words.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="WEIGHT",
        help="Link all that is looked at with this weight or more; by default each target unit has one link.",
    ),
]
MinWeight = Annotated[
    float | None,
    typer.Option(
        "--min-weight",
        metavar="WEIGHT",
        help="Below this weight nothing is linked; 0 links whatever was looked at. [default: 0.01]",
    ),
]
BadInput = Annotated[
    str | None,
    typer.Option(
        "--on-bad-input", metavar="error|skip", help="At a line that cannot be read: stop, or skip it. [default: error]"
    ),
]
GoldFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The right links, one line for each pair: 0-0 is sure, 1p2 possible."),
]
GoldFrom = Annotated[
    int, typer.Option("--gold-from", min=0, max=1, metavar="0|1", help="The number of the first word in --gold.")
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
        metavar="none|source|target|both",
        help="Hide the white space of these sides from the model; its words stay the units.",
    ),
]


@dataclass(frozen=True)
class Opening:
    """How runs are opened, and how much goes through them at once; every command that uses a run has these."""

    batch_size: BatchSize = None
    max_tokens: MaxTokens = MAX_TOKENS
    device: Device = "auto"
    threads: Threads = None
    quiet: Quiet = False


@dataclass(frozen=True)
class Search:
    """How outputs are looked for; what is None is as the recipe of the first run says."""

    beam: BeamSize = None
    length_normalization: LengthNormalization = None
    coverage_penalty: CoveragePenalty = None
    shortlist: Shortlisted = False


@dataclass(frozen=True)
class Reading:
    """How given pairs are read."""

    format: PairFormat = None
    on_bad_input: BadInput = None


@dataclass(frozen=True)
class Linking:
    """What counts as a word of given pairs and as a link, and what is right."""

    join: Join = "none"
    words: WordFiles = None
    gold: GoldFile = None
    gold_from: GoldFrom = 0
    min_weight: MinWeight = None


@dataclass(frozen=True)
class Sampling:
    """How outputs are drawn instead."""

    sample: Annotated[bool, typer.Option("--sample", help="Draw outputs instead of looking for the best.")] = False
    temperature: Annotated[
        float, typer.Option(metavar="T", help="With --sample: below 1 for likelier outputs, above 1 for others.")
    ] = 1.0
    top_k: Annotated[
        int, typer.Option(min=0, metavar="K", help="With --sample: draw from the K best tokens; 0 for all.")
    ] = 0
    top_p: Annotated[
        float, typer.Option(metavar="P", help="With --sample: draw from the best that hold this probability.")
    ] = 1.0
    seed: Seed = 1
