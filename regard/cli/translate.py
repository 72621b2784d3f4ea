"""`regard translate`: one line of output for each line of a file or of standard input."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from regard.cli.beside import Wishes
from regard.cli.errors import reported
from regard.cli.options import (
    Alternatives,
    GivenOptions,
    Json,
    MinWeight,
    Nbest,
    Opening,
    RunsAndText,
    Timing,
    Units,
    Weights,
    expand_records,
    refuse_without_effect,
)
from regard.cli.search_options import Asking, Sampling, Search
from regard.cli.workers import assist, dismissing, expect_fresh_input, shared, working
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.cli.output_format import Writer
    from regard.cli.times import TimesWriter
    from regard.data.example import Example
    from regard.search.options import SamplingOptions
    from regard.translator import Output, Translator

    Draw = Callable[[Translator, Sequence[str], Sequence[int]], Sequence[Alignment]]
MOST_LABELS = 100
"""JSON has the probability of each label, up to so many."""


@reported
@expand_records
def command(
    chosen: GivenOptions,
    given: RunsAndText,
    *,
    nbest: Nbest = None,
    align: Annotated[
        bool, typer.Option("--align", help="Add the links: output ||| 0-0 1-2, from 0, source first (Pharaoh).")
    ] = False,
    units: Units = "auto",
    min_weight: MinWeight = None,
    weights: Weights = None,
    json: Json = False,
    alternatives: Alternatives = None,
    asking: Asking,
    timing: Timing,
    sampling: Sampling,
    search: Search,
    opening: Opening,
) -> None:
    """Translate a file or standard input, one line out for each line in.

    A line that cannot be read (not UTF-8, too long) is reported on standard error, its output line is empty, and the
    exit code is 3. Several runs are an ensemble: their probabilities are averaged.

    Example: regard translate runs/en-zh input.txt --align > output.txt

    A line names a recording by its path, or a part of one by a JSON record:
    {"audio_filepath": "talk.flac", "offset": 12.5, "duration": 3.2}

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
            _check_effects(chosen, align, json, sampling.sample, timing.times is not None)
            timed, wishes = _timed(chosen, timing), Wishes.read(asking)
            drawn = _sampling_options(sampling) if sampling.sample else None
            session = open_runs(runs, replace(opening, device=device), search, nbest, weights)
            session = replace(session, workers=world.size)
            session = replace(session, refusal=wishes.refusal(session.translator))
        writer, refusals = Writer(nbest is not None, align, json, units, min_weight), Refusals()
        if timed is not None and session.translator.source.kind == "text":
            raise UsageError(
                f"--times says when words were said, and the sources of {runs[0]} are texts. Leave it out."
            )
        if alternatives is None:
            alternatives = MOST_LABELS if json and session.translator.target_tokenizer.kind == "label" else 0
        draws = None if drawn is None else _drawer(drawn, sampling.minimum_risk, alternatives)
        answer = _answerer(session.translator, writer, nbest or 1, draws, alternatives, timed, wishes)
        if not world.is_first:
            return assist(world, answer)
        together = shared(world, answer)
        with dismissing(world):
            nothing: list[str] = []
            found = session.answers(
                session.given(path), together, lambda bad: (writer.refused(refusals.add(bad)), nothing)
            )
            for number, (lines, document) in enumerate(found, 1):
                put(lines if timed is None else timed.add(number, document, lines))
        if timed is not None:
            timed.finish()
    refusals.finish()


def _answerer(
    translator: "Translator",
    writer: "Writer",
    nbest: int,
    draw: "Draw | None",
    alternatives: int,
    timed: "TimesWriter | None",
    wishes: "Wishes",
) -> "Callable[[list[Example]], list[tuple[list[str], list[str]]]]":
    """What translates some examples, by search or, with `draw`, at random: the output lines of each, and its times."""

    def look(examples: "list[Example]") -> "Sequence[Sequence[Alignment | Output]]":
        sources = [example.source for example in examples]
        if draw is not None:
            return [[one] for one in draw(translator, sources, [example.line for example in examples])]
        asked: dict[str, Any] = {"prefixes": wishes.begun(examples), "constraints": wishes.phrases(examples)}
        if writer.aligns or timed is not None:
            return translator.translate(sources, nbest, **asked, units="tokens", alternatives=alternatives)
        return translator.outputs(sources, nbest, **asked)

    def answer(examples: "list[Example]") -> list[tuple[list[str], list[str]]]:
        found = list(zip(examples, look(examples), strict=True))
        lines = [writer.lines(example.line, outputs) for example, outputs in found]
        if timed is None:
            return [(each, []) for each in lines]
        spoken = [timed.document(example, cast("Alignment", best), writer.units) for example, (best, *_) in found]
        return list(zip(lines, spoken, strict=True))

    return answer


def _drawer(sampling: "SamplingOptions", count: int | None, alternatives: int) -> "Draw":
    """What draws an output for each source, or the best of `count`."""

    def draw(translator: "Translator", sources: "Sequence[str]", places: "Sequence[int]") -> "Sequence[Alignment]":
        if count is None:
            return translator.sample(sources, sampling, places, units="tokens", alternatives=alternatives)
        from regard.analysis.minimum_risk import minimum_risk

        return minimum_risk(translator, sources, count, sampling, places, units="tokens", alternatives=alternatives)

    return draw


def _timed(chosen: GivenOptions, timing: Timing) -> "TimesWriter | None":
    """What writes times. Raises UsageError for options that do not go together."""
    from regard.cli.times import TimesWriter

    if timing.times is None:
        refuse_without_effect(chosen, ["out"], "without --times, whose files it is for. Add it, or write > output.txt")
        return None
    refuse_without_effect(chosen, ["nbest"], "with --times, which are of the best output. Leave one out.")
    if timing.out is None:
        because = "with --times ctm on standard output, in place of the text. Give --out FILE, or leave it out."
        refuse_without_effect(chosen, ["json", "align", "alternatives"], because)
    return TimesWriter(timing.times, timing.out)


def _sampling_options(given: Sampling) -> "SamplingOptions":
    """How to draw outputs. Raises UsageError for an impossible number."""
    from regard.search.options import SamplingOptions

    temperature, top_p = given.temperature, given.top_p
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(f"--temperature is {temperature}; expected above 0. For the best output leave --sample out.")
    if not 0 < top_p <= 1:
        raise UsageError(f"--top-p is {top_p}; expected above 0 and at most 1. Give 1 to draw from all tokens.")
    return SamplingOptions(1 if given.seed is None else given.seed, temperature, given.top_k, top_p)


def _check_effects(chosen: GivenOptions, align: bool, json: bool, sample: bool, times: bool) -> None:
    """Raises UsageError for options that have no effect beside the others."""
    if sample:
        searching = ["nbest", "beam", "length_normalization", "coverage_penalty"]
        searching += ["diversity_groups", "diversity_strength", "prefixes", "constraints"]
        refuse_without_effect(chosen, searching, "with --sample, which draws one output. Leave one out.")
    else:
        drawing = ["temperature", "top_k", "top_p", "seed", "minimum_risk"]
        refuse_without_effect(chosen, drawing, "without --sample. Add it, or leave them out.")
    if not json:
        refuse_without_effect(chosen, ["alternatives"], "without --json, which writes them. Add it, or leave it out.")
    if not align:
        refuse_without_effect(chosen, ["min_weight"], "without --align, which writes links. Add it, or leave it out.")
    if json:
        refuse_without_effect(chosen, ["align"], "with --json, which has all weights. Leave one out.")
    elif not align and not times:
        refuse_without_effect(
            chosen, ["units", "weights"], "without --align or --json or --times. Add one, or leave it out."
        )
