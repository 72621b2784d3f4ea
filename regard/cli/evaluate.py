"""`regard evaluate`: metrics of a run on a test set, quality of its parts, and alignment error rate."""

from typing import TYPE_CHECKING

from regard.cli.errors import reported
from regard.cli.options import (
    GivenOptions,
    Json,
    Linking,
    Opening,
    Reading,
    RunsAndPairs,
    expand_records,
    refuse_without_effect,
)
from regard.cli.scoring import Looks, Out, Outputs, Scoring
from regard.cli.search_options import Search

if TYPE_CHECKING:
    from regard.analysis.evaluate import Evaluation

OF_OUTPUTS = ("given", "outputs", "metric", "lengths", "by", "train", "format", "on_bad_input", "json", "quiet")
"""The options that say something about outputs in a file."""


@reported
@expand_records
def command(
    chosen: GivenOptions,
    given: RunsAndPairs,
    *,
    reading: Reading,
    scoring: Scoring,
    linking: Linking,
    looks: Looks,
    outputs: Outputs = None,
    out: Out = None,
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
    scoring.check(chosen)
    if outputs:
        from regard.cli.evaluate_outputs import scored_outputs

        others = [name for name in chosen if name not in OF_OUTPUTS]
        refuse_without_effect(chosen, others, "with --outputs, which no run makes. Leave one out.")
        return _put(scored_outputs(outputs, given, reading, scoring), scoring.by, json)
    from regard.cli.evaluate_runs import scored_runs
    from regard.cli.stdout import check_directory
    from regard.files import write_whole

    looks.check(chosen, linking)
    if out:
        check_directory("--out", out)
    found = scored_runs(given, reading, scoring, linking, looks, search, opening)
    if out:
        write_whole(out, "".join(f"{output}\n" for output in found.result.outputs).encode())
    _put(found.result, scoring.by, json, found.verdict)
    if not opening.quiet:
        found.tell()


def _put(result: "Evaluation", by: str, json: bool, verdict: str | None = None) -> None:
    """The scores of the whole, then those of its parts, links and places."""
    from regard.cli.evaluate_tables import place_table, tables
    from regard.cli.stdout import json_line, put

    if json:
        return put([json_line(result.record())])
    put(tables(result, by))
    if verdict:
        put(["", verdict])
    if result.places:
        put(["", *place_table(result.places)])
