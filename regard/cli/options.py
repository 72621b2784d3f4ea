"""Options that several commands share, the records in which a command takes them, and how what was given is checked."""

import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from regard.errors import UsageError

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
MAX_TOKENS = 1000
"""A longer text is refused: the weights of one text take memory for outputs × sources × hypotheses of the beam."""
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
        metavar="parallel|tsv|csv|jsonl|bars|kaldi|captions",
        help="The format of the pairs, if the name of the file does not say it; bars: source ||| target.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write results as JSON, one object a line.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**63 - 1, metavar="N", help="Seed of everything random.")
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, gpu, cuda, cuda:1, mps.")]
Threads = Annotated[int | None, typer.Option(min=1, max=4096, metavar="N", help="CPU threads; all cores by default.")]
Nbest = Annotated[
    int | None,
    typer.Option(
        "--nbest",
        min=1,
        metavar="N",
        help="The N best outputs, each as: line, from 1 ||| output ||| log-probability.",
    ),
]
Alternatives = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="With --json: the probability of each token, and the N most probable of its step; by default 0, or 100 "
        "where the outputs are labels.",
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
        help="What is aligned: words (text between white space) or tokens; auto: tokens in scripts without spaces, "
        "else words.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="WEIGHT",
        help="Link each pair of units with this weight or more; by default each target unit has one link.",
    ),
]
MinWeight = Annotated[
    float | None,
    typer.Option(
        "--min-weight",
        metavar="WEIGHT",
        help="Link nothing below this weight; 0 gives every target unit a link. [default: 0.01]",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="posterior|viterbi|prior",
        help="Of a run with exact hard attention, what is shown and linked: the probability of each position given the "
        "whole output, the most probable alignment, or the probability before each token is known. The recipe's by "
        "default.",
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
    typer.Option(metavar="FILE", help="The correct links, one line for each pair: 0-0 is sure, 1p2 possible."),
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
    """How runs are opened, and how many lines they get at a time. Every command that uses a run has these options."""

    batch_size: BatchSize = None
    max_tokens: MaxTokens = MAX_TOKENS
    device: Device = "auto"
    threads: Threads = None
    quiet: Quiet = False


@dataclass(frozen=True)
class Timing:
    """When words were said, and where that is written."""

    times: Annotated[
        str | None,
        typer.Option(
            metavar="ctm|srt|textgrid",
            help="Write when each word of a recording was said: ctm in place of the text, or to --out.",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="With --times: a file for ctm, a folder for the others."),
    ] = None


@dataclass(frozen=True)
class Reading:
    """How given pairs are read."""

    format: PairFormat = None
    on_bad_input: BadInput = None


@dataclass(frozen=True)
class Linking:
    """What a word and a link of given pairs are, and the file of correct links."""

    join: Join = "none"
    words: WordFiles = None
    gold: GoldFile = None
    gold_from: GoldFrom = 0
    min_weight: MinWeight = None


def choose(option: str, given: str, choices: Collection[str]) -> str:
    """The given name, if it is one of the choices. Otherwise raises UsageError with the choices and the nearest one."""
    if given not in choices:
        near = get_close_matches(given, list(choices), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"{option} is {given!r}; expected one of {', '.join(choices)}.{hint}")
    return given


class GivenOptions(dict[str, str]):
    """The options that the user gave on the command line: name of the parameter → how it is written."""


def refuse_without_effect(chosen: GivenOptions, names: Sequence[str], because: str) -> None:
    """Refuse options that change nothing: a user who gives one expects an effect.

    Args:
        chosen: the options that the user gave.
        names: parameters that have no effect here: "top_p".
        because: why they have no effect, and what to do; the rest of the sentence.

    Raises UsageError that names all of them in one sentence.
    """
    if given := [chosen[name] for name in names if name in chosen]:
        raise UsageError(f"{' and '.join(given)} {'has' if len(given) == 1 else 'have'} no effect {because}")


def expand_records(command: Callable[..., None]) -> Callable[..., None]:
    """The command as the command line sees it: every field of its records becomes an option.

    A record is a parameter whose type is a dataclass; its fields have the types and defaults of options. A parameter of
    the type `GivenOptions` is no option: it receives the options that the user gave.
    """
    parameters = inspect.signature(command).parameters
    records: dict[str, Any] = {
        name: given.annotation for name, given in parameters.items() if is_dataclass(given.annotation)
    }
    options = []
    for name, parameter in parameters.items():
        if parameter.annotation is GivenOptions:
            options.append(inspect.Parameter(name, _KEYWORD, annotation=typer.Context))
            continue
        record = records.get(name)
        options += [_option(field) for field in fields(record)] if record else [parameter.replace(kind=_KEYWORD)]

    @wraps(command)
    def run(**given: Any) -> None:
        for name, record in records.items():
            given[name] = record(**{field.name: given.pop(field.name) for field in fields(record)})
        for name in (name for name, parameter in parameters.items() if parameter.annotation is GivenOptions):
            given[name] = _chosen(given[name])
        command(**given)

    run.__dict__["__signature__"] = inspect.Signature(options)
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _chosen(context: Any) -> GivenOptions:
    """The options that the context of a command has from the command line."""
    sources = {each.name: context.get_parameter_source(each.name) for each in context.command.params}
    written = {each.name: max(each.opts, key=len) for each in context.command.params if each.opts}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    return GivenOptions({name: written[name] for name in given})


def _option(field: "Field[Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, _KEYWORD, default=default, annotation=field.type)
