"""`regard translate`: one line of output for each line of a file or of standard input."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported
from regard.cli.options import (
    GivenOptions,
    Json,
    MinWeight,
    Opening,
    RunsAndText,
    Sampling,
    Search,
    Units,
    expand_records,
    refuse_without_effect,
)
from regard.cli.workers import assist, dismissing, expect_fresh_input, shared, working
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.cli.output_format import Writer
    from regard.data.example import Example
    from regard.search.options import SamplingOptions
    from regard.translator import Output, Translator


@reported
@expand_records
def command(
    chosen: GivenOptions,
    given: RunsAndText,
    *,
    nbest: Annotated[
        int | None,
        typer.Option(
            "--nbest",
            min=1,
            metavar="N",
            help="The N best outputs, each as: line, from 1 ||| output ||| log-probability.",
        ),
    ] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Add the links: output ||| 0-0 1-2, from 0, source first (Pharaoh).")
    ] = False,
    units: Units = "auto",
    min_weight: MinWeight = None,
    json: Json = False,
    alternatives: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="With --json: the probability of each token, and the N most probable of its step."
        ),
    ] = 0,
    sampling: Sampling,
    search: Search,
    opening: Opening,
) -> None:
    """Translate a file or standard input, one line out for each line in.

    A line that cannot be read (not UTF-8, too long) is reported on standard error, its output line is empty, and the
    exit code is 3. Several runs are an ensemble: their probabilities are averaged.

    Example: regard translate runs/en-zh input.txt --align > output.txt

    Several processes: torchrun --nproc-per-node 2 -m regard translate … shares the lines; the output is the same.
    """
    from regard.cli.align import check_linking
    from regard.cli.output_format import Writer
    from regard.cli.pairs import runs_and_text
    from regard.cli.runs import open_runs
    from regard.cli.stdin import Refusals
    from regard.cli.stdout import put

    with working(opening.device) as (world, device):
        with world.first_before_others():
            runs, path = runs_and_text(given)
            expect_fresh_input()
            check_linking(units, min_weight=min_weight)
            _check_effects(chosen, align, json, sampling.sample)
            drawn = _sampling_options(sampling) if sampling.sample else None
            session = replace(open_runs(runs, replace(opening, device=device), search, nbest), workers=world.size)
        writer, refusals = Writer(nbest is not None, align, json, units, min_weight), Refusals()
        answer = _answerer(session.translator, writer, nbest or 1, drawn, alternatives)
        if not world.is_first:
            return assist(world, answer)
        together = shared(world, answer)
        with dismissing(world):
            for lines in session.answers(session.given(path), together, lambda bad: writer.refused(refusals.add(bad))):
                put(lines)
    refusals.finish()


def _answerer(
    translator: "Translator", writer: "Writer", nbest: int, drawn: "SamplingOptions | None", alternatives: int
) -> "Callable[[list[Example]], list[list[str]]]":
    """What translates some examples, by search or, with `drawn`, at random: the output lines of each example."""

    def look(examples: "list[Example]") -> "Sequence[Sequence[Alignment | Output]]":
        sources = [example.source for example in examples]
        if drawn is not None:
            places = [example.line for example in examples]
            each = translator.sample(sources, drawn, places, units="tokens", alternatives=alternatives)
            return [[one] for one in each]
        if writer.aligns:
            return translator.translate(sources, nbest, units="tokens", alternatives=alternatives)
        return translator.outputs(sources, nbest)

    def answer(examples: "list[Example]") -> list[list[str]]:
        found = look(examples)
        return [writer.lines(example.line, outputs) for example, outputs in zip(examples, found, strict=True)]

    return answer


def _sampling_options(given: Sampling) -> "SamplingOptions":
    """How to draw outputs. Raises UsageError for an impossible number."""
    from regard.search.options import SamplingOptions

    temperature, top_p = given.temperature, given.top_p
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(f"--temperature is {temperature}; expected above 0. For the best output leave --sample out.")
    if not 0 < top_p <= 1:
        raise UsageError(f"--top-p is {top_p}; expected above 0 and at most 1. Give 1 to draw from all tokens.")
    return SamplingOptions(1 if given.seed is None else given.seed, temperature, given.top_k, top_p)


def _check_effects(chosen: GivenOptions, align: bool, json: bool, sample: bool) -> None:
    """Raises UsageError for options that have no effect beside the others."""
    if sample:
        searching = ["nbest", "beam", "length_normalization", "coverage_penalty"]
        refuse_without_effect(chosen, searching, "with --sample, which draws one output. Leave one out.")
    else:
        drawing = ["temperature", "top_k", "top_p", "seed"]
        refuse_without_effect(chosen, drawing, "without --sample. Add it, or leave them out.")
    if not json:
        refuse_without_effect(chosen, ["alternatives"], "without --json, which writes them. Add it, or leave it out.")
    if not align:
        refuse_without_effect(chosen, ["min_weight"], "without --align, which writes links. Add it, or leave it out.")
    if json:
        refuse_without_effect(chosen, ["align"], "with --json, which has all weights. Leave one out.")
    elif not align:
        refuse_without_effect(chosen, ["units"], "without --align or --json. Add one, or leave it out.")
