"""`regard evaluate`: metrics of a run on a test set, quality by length, and alignment error rate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import (
    SIDES,
    GivenOptions,
    Json,
    Linking,
    Opening,
    Reading,
    RunsAndPairs,
    Weights,
    choose,
    expand_records,
    refuse_without_effect,
)
from regard.cli.search_options import Search
from regard.marks import UNKNOWN
from regard.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regard.alignment.pointing import Pointing
    from regard.analysis.evaluate import Evaluation
    from regard.data.example import Example
    from regard.data.tokenizer import Tokenizer
    from regard.metrics.by_group import GroupRow

METRICS_SHOWN = ["bleu", "chrf"]
LENGTHS = ("words", "characters", "auto")
OF_OUTPUTS = ("given", "outputs", "metric", "lengths", "by", "format", "on_bad_input", "json", "quiet")
"""The options that say something about outputs in a file."""


@reported
@expand_records
def command(
    chosen: GivenOptions,
    given: RunsAndPairs,
    *,
    reading: Reading,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="NAME", help=f"{', '.join(METRICS)}; may repeat. [default: bleu, chrf]"),
    ] = None,
    lengths: Annotated[
        str,
        typer.Option(
            metavar="words|characters|auto",
            help="The unit of source length; auto: characters if most sources are one word.",
        ),
    ] = "auto",
    by: Annotated[
        str,
        typer.Option(
            metavar="length|tag|label|COLUMN",
            help="What else is scored: each length of the source, each tag of an inflection, each label, or each value "
            "of a column of the file.",
        ),
    ] = "length",
    group: Annotated[
        bool, typer.Option("--group", help="Pairs with the same source count as one, with several references.")
    ] = False,
    linking: Linking,
    weights: Weights = None,
    places: Annotated[
        str | None,
        typer.Option(
            "--places",
            metavar="FILE",
            help="Where each word is: name, start, end, word (seconds of a recording), or name, left, top, right, "
            "bottom, word (pixels of a picture), with tabs between.",
        ),
    ] = None,
    outputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score these lines, an output for each pair, in place of a run's; no RUN is given then.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the translations here.")
    ] = None,
    json: Json = False,
    search: Search,
    opening: Opening,
) -> None:
    """Translate a test set and compare with its references.

    Prints the scores, each with its signature, and the same by the length of the source, or as --by says. With --gold,
    also the alignment error rate: links between source and reference, under forced decoding. With --places, also how
    often the weights of a word point into its place, beside blind rules. Several runs are an ensemble. With --outputs,
    the lines of a file are scored, and no run is needed.

    Example: regard evaluate runs/en-zh test.en test.zh --metric bleu_zh --metric chrf
    """
    from regard.analysis.evaluate import evaluated, with_references
    from regard.analysis.gold import judged_pairs
    from regard.cli.align import check_linking
    from regard.cli.evaluate_outputs import scored_outputs
    from regard.cli.pairs import given_groups, given_pairs, given_places, runs_and_pairs
    from regard.cli.runs import open_runs
    from regard.cli.stdin import usable
    from regard.cli.stdout import check_directory, put
    from regard.files import write_whole

    metrics = [choose("--metric", name, METRICS) for name in metric or METRICS_SHOWN]
    choose("--lengths", lengths, LENGTHS)
    if by != "length":
        refuse_without_effect(chosen, ["lengths"], f"with --by {by}. Leave one out.")
    if outputs:
        others = [name for name in chosen if name not in OF_OUTPUTS]
        refuse_without_effect(chosen, others, "with --outputs, which no run makes. Leave one out.")
        _put_scores(scored_outputs(outputs, given, reading, metrics, by=by, lengths=lengths), by, json)
        return
    check_linking("words", min_weight=linking.min_weight)
    choose("--join", linking.join, SIDES)
    if not linking.gold:
        names = ["words", "min_weight"]
        refuse_without_effect(chosen, names, "without --gold, whose links they are for. Add it, or leave them out.")
        if not places:
            refuse_without_effect(chosen, ["weights"], "without --gold or --places. Add one, or leave it out.")
    if out:
        check_directory("--out", out)
    runs, pairs = runs_and_pairs(given)
    groups = given_groups(by, pairs, runs[0], reading)
    lines, bad = given_pairs(pairs, runs[0], reading)
    judged = judged_pairs(with_references(lines, metrics), linking.join, linking.words, linking.gold, linking.gold_from)
    gold_places = given_places(places, runs[0], pairs)
    session = open_runs(runs, opening, search, weights=weights)
    examples = usable(session.readable(session.chunks(judged.lines)), bad.add)
    result = evaluated(
        session.translator,
        examples,
        judged,
        metrics,
        lengths=lengths,
        group=group,
        min_weight=linking.min_weight,
        places=gold_places,
        by=groups,
    )
    if out:
        write_whole(out, "".join(f"{output}\n" for output in result.outputs).encode())
    _put_scores(result, by, json)
    if judged.judge and not json:
        put(["", judged.judge.verdict()])
    if result.places and not json:
        put(["", *place_table(result.places)])
    if not opening.quiet:
        bad.tell()
        _tell_unseen(session.translator.target_tokenizer, examples)


def _put_scores(result: "Evaluation", by: str, json: bool) -> None:
    """The scores of the whole, then those of its parts."""
    from regard.cli.stdout import json_line, put

    put([json_line(result.record())] if json else table(result))
    if result.groups and not json:
        put(["", *group_table(by, result.groups)])


def _tell_unseen(target: "Tokenizer", examples: "Sequence[Example]") -> None:
    """Name the labels that no output can be."""
    if target.kind != "label":
        return
    unseen = [one for one in examples if UNKNOWN in target.ids(one.target or "")]
    if unseen:
        count = f"{len(unseen)} reference(s) with a label that training did not see count as wrong"
        first = f"{(unseen[0].target or '')[:60]!r} ({unseen[0].file}, line {unseen[0].line})"
        say(f"regard: {count}; the first: {first}")


def place_table(found: "Mapping[str, Pointing]") -> list[str]:
    """Where the weights of each word stand: those of the model, then those of the rules that see nothing."""
    from regard.analysis.places import ATTENTION
    from regard.cli.stdout import aligned_columns

    seconds = "diagonal" in found  # boxes have no order
    distance = "time error s" if seconds else "distance px"
    rows = [["weights", "words", "point into it %", "weight inside %", distance, "overlap %"]]
    for name, one in found.items():
        shares = [f"{100 * share:.1f}" for share in (one.pointing, one.mass, one.overlap)]
        rule = name if name == ATTENTION else f"blind: {name}"
        rows.append(
            [rule, str(one.targets), shares[0], shares[1], f"{one.distance:.{3 if seconds else 1}f}", shares[2]]
        )
    return aligned_columns(rows, "lrrrrr")


def group_table(by: str, groups: "Sequence[Sequence[GroupRow]]") -> list[str]:
    """The scores of each group."""
    from regard.cli.stdout import aligned_columns

    rows = [[by, "segments", *(each[0].score.name for each in groups)]] if groups[0] else []
    rows += [
        [row[0].name, str(row[0].count), *(f"{one.score.value:.2f}" for one in row)]
        for row in zip(*groups, strict=True)
    ]
    return aligned_columns(rows, "l" + "r" * (1 + len(groups)))


def table(result: "Evaluation") -> list[str]:
    """The scores with their signatures, then the quality by length, as tables of text."""
    from regard.cli.stdout import aligned_columns

    overall = [[score.name, f"{score.value:.2f}", score.signature] for score in result.scores]
    if result.unit is None:
        return aligned_columns(overall, "lrl")
    rows = [[f"source {result.unit}", "segments", *(score.name for score in result.scores)]]
    for row in zip(*result.rows, strict=True):
        if row[0].count:
            last = "" if row[0].high is None else f" to {row[0].high}"
            values = ["" if one.score is None else f"{one.score.value:.2f}" for one in row]
            rows.append([f"{row[0].low}{last or ' and more'}", str(row[0].count), *values])
    return [*aligned_columns(overall, "lrl"), "", *aligned_columns(rows, "l" + "r" * (len(rows[0]) - 1))]
