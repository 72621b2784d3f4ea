"""Options of a search: how outputs are searched, drawn, and what is asked of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import Seed

BeamSize = Annotated[
    int | None,
    typer.Option("--beam", min=1, metavar="N", help="Hypotheses per sentence; 1 is greedy. The recipe's by default."),
]
LengthNormalization = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="A",
        help="Prefer longer outputs: α of Wu et al. 2016, eq. 14; 0 for none. The recipe's by default.",
    ),
]
CoveragePenalty = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="B",
        help="Prefer outputs that look at every source word: β of Wu et al. 2016, eq. 15; 0 for none. The recipe's by "
        "default.",
    ),
]
CtcWeight = Annotated[
    float | None,
    typer.Option(
        "--ctc-weight",
        min=0,
        max=1,
        metavar="W",
        help="Share of CTC in the score of an output, of a run that was trained with training.ctc: 0 for attention "
        "alone, 1 for CTC alone. The recipe's by default.",
    ),
]
NoRepeatNgram = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngram",
        min=0,
        metavar="N",
        help="No N tokens in a row come twice in an output; 0 for no such rule. The recipe's by default.",
    ),
]
MinLength = Annotated[
    int | None,
    typer.Option(
        "--min-length",
        min=0,
        metavar="N",
        help="At least N tokens before the end of an output. The recipe's by default.",
    ),
]
RepetitionPenalty = Annotated[
    float | None,
    typer.Option(
        "--repetition-penalty",
        min=1,
        metavar="P",
        help="Tokens that an output already has are chosen less often: θ of Keskar et al. 2019; 1 for no such rule. "
        "The recipe's by default.",
    ),
]
DiversityGroups = Annotated[
    int | None,
    typer.Option(
        "--diversity-groups",
        min=1,
        metavar="N",
        help="Divide the beam among N groups that avoid each other's tokens, so that the --nbest outputs differ more; "
        "1 for none. The recipe's by default.",
    ),
]
DiversityStrength = Annotated[
    float | None,
    typer.Option(
        "--diversity-strength",
        metavar="L",
        help="How much groups avoid each other: λ of Vijayakumar et al. 2018, above 0. The recipe's by default.",
    ),
]
PrefixFile = Annotated[
    Path | None,
    typer.Option(
        "--prefix",
        metavar="FILE",
        help="A line for each line of the input: what its output begins with, or nothing.",
    ),
]
ConstraintFile = Annotated[
    Path | None,
    typer.Option(
        "--constrain",
        metavar="FILE",
        help="A line for each line of the input: phrases that its output has, in any order, with tabs between them; or "
        "nothing. Needs a beam.",
    ),
]
Shortlisted = Annotated[
    bool,
    typer.Option(
        "--shortlist", help="Compute only the target words that a source may become: faster; see `regard shortlist`."
    ),
]


@dataclass(frozen=True)
class Search:
    """How outputs are searched. None: as in the recipe of the first run."""

    beam: BeamSize = None
    length_normalization: LengthNormalization = None
    coverage_penalty: CoveragePenalty = None
    ctc_weight: CtcWeight = None
    no_repeat_ngram: NoRepeatNgram = None
    min_length: MinLength = None
    repetition_penalty: RepetitionPenalty = None
    diversity_groups: DiversityGroups = None
    diversity_strength: DiversityStrength = None
    shortlist: Shortlisted = False


@dataclass(frozen=True)
class Asking:
    """What is asked of the output of each line. The names are those of parameters of `Translator.translate`."""

    prefixes: PrefixFile = None
    constraints: ConstraintFile = None


@dataclass(frozen=True)
class Sampling:
    """How outputs are drawn at random."""

    sample: Annotated[
        bool, typer.Option("--sample", help="Draw outputs at random instead of searching for the best.")
    ] = False
    temperature: Annotated[
        float,
        typer.Option(
            metavar="T", help="With --sample: below 1 for more probable outputs, above 1 for more varied ones."
        ),
    ] = 1.0
    top_k: Annotated[
        int, typer.Option(min=0, metavar="K", help="With --sample: draw from the K best tokens; 0 for all.")
    ] = 0
    top_p: Annotated[
        float, typer.Option(metavar="P", help="With --sample: draw from the best that hold this probability.")
    ] = 1.0
    seed: Seed = 1
    minimum_risk: Annotated[
        int | None,
        typer.Option(
            "--minimum-risk", min=1, metavar="N", help="With --sample: draw N outputs, and write the one most like all."
        ),
    ] = None
