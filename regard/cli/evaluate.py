"""`regard evaluate`: how good are the translations of a run?"""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import Json, Linking, Opening, Reading, RunsAndPairs, Search
from regard.cli.report import reported
from regard.cli.spread import spread
from regard.metrics import METRICS

METRICS_SHOWN = ["bleu", "chrf"]
LENGTHS = ("words", "characters", "auto")


@reported
@spread
def command(
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
            help="What the length of a source counts; auto: characters where most are one word.",
        ),
    ] = "auto",
    group: Annotated[
        bool, typer.Option("--group", help="Pairs with the same source are one, with several right answers.")
    ] = False,
    linking: Linking,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Keep the translations here.")] = None,
    json: Json = False,
    search: Search,
    opening: Opening,
) -> None:
    """Translate a test set and compare with its references.

    Printed are the scores, each with its signature, and the same by the length of the source. With --gold also the
    alignment error rate, of the links between source and reference under forced decoding. Several runs are an ensemble.

    Example: regard evaluate runs/en-zh test.en test.zh --metric bleu_zh --metric chrf
    """
    from regard.cli.aligner import Aligner
    from regard.cli.choices import choose
    from regard.cli.evaluation import evaluate, segments, with_references
    from regard.cli.gold import judged_pairs
    from regard.cli.output import check_directory, json_line, one_line, put
    from regard.cli.pairs import given_pairs, runs_and_pairs
    from regard.cli.runs import open_runs
    from regard.cli.stream import usable
    from regard.cli.units import check_linking
    from regard.cli.words import seen
    from regard.files import write_whole

    metrics = [choose("--metric", name, METRICS) for name in metric or METRICS_SHOWN]
    choose("--lengths", lengths, LENGTHS)
    check_linking("words", min_weight=linking.min_weight)
    if out:
        check_directory("--out", out)
    runs, pairs = runs_and_pairs(given)
    lines, bad = given_pairs(pairs, runs[0], reading)
    judged = judged_pairs(linking, with_references(lines, metrics))
    session = open_runs(runs, opening, search)
    examples = usable(session.readable(session.chunks(judged.lines)), bad.add)
    if judged.judge:
        aligner = Aligner(session.translator, judged.segment, min_weight=linking.min_weight)
        for part in session.chunks(examples):
            judged.judge.add(aligner(part))
    asked = segments([seen(judged.segment, example) for example in examples], group)
    parts = session.chunks(asked.sources)
    outputs = [
        one_line(best.target_text) for part in parts for best, *_ in session.translator.translate(part, units="tokens")
    ]
    if out:
        write_whole(out, "".join(f"{output}\n" for output in outputs).encode())
    result = evaluate(asked, outputs, metrics, lengths, judged.judge.errors() if judged.judge else None)
    put([json_line(result.record())] if json else result.table())
    if judged.judge and not json:
        put(["", judged.judge.verdict()])
    if not opening.quiet:
        bad.tell()
