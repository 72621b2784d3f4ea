"""`regard evaluate`: how good are the translations of a run?"""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import (
    MAX_TOKENS,
    SIDES,
    BadInput,
    BatchSize,
    BeamSize,
    CoveragePenalty,
    Device,
    GoldFile,
    Join,
    Json,
    LengthNormalization,
    MaxTokens,
    PairFormat,
    PairPaths,
    Quiet,
    RunPath,
    Threads,
    WordFiles,
)
from regard.cli.report import reported

METRICS_SHOWN = ["bleu", "chrf"]
LENGTHS = ("words", "characters", "auto")


@reported
def command(
    run: RunPath,
    pairs: PairPaths,
    format: PairFormat = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="NAME", help="bleu and chrf by default; bleu_zh, wer … May repeat."),
    ] = None,
    lengths: Annotated[
        str, typer.Option(metavar="words|characters|auto", help="What the length of a source counts.")
    ] = "auto",
    group: Annotated[
        bool, typer.Option("--group", help="Pairs with the same source are one, with several right answers.")
    ] = False,
    gold: GoldFile = None,
    join: Join = "none",
    words: WordFiles = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Keep the translations here.")] = None,
    json: Json = False,
    on_bad_input: BadInput = None,
    beam: BeamSize = None,
    length_normalization: LengthNormalization = None,
    coverage_penalty: CoveragePenalty = None,
    batch_size: BatchSize = None,
    max_tokens: MaxTokens = MAX_TOKENS,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Translate a test set and compare with its references.

    Printed are the scores, each with its signature, and the same by the length of the source. With --gold also the
    alignment error rate, of the links between source and reference under forced decoding.

    Example: regard evaluate runs/en-zh test.en test.zh --metric bleu_zh --metric chrf
    """
    from regard.cli.aligner import Aligner
    from regard.cli.choices import choose
    from regard.cli.evaluation import evaluate, segments
    from regard.cli.gold import Judge
    from regard.cli.output import check_directory, json_line, one_line, put
    from regard.cli.pairs import BadPairs, pair_lines
    from regard.cli.runs import data_config, open_runs
    from regard.cli.stream import chunk_size, chunks, refuse_long, usable
    from regard.cli.words import seen, segmentation
    from regard.data.files import write_whole
    from regard.metrics import METRICS

    metrics = [choose("--metric", name, METRICS) for name in metric or METRICS_SHOWN]
    choose("--lengths", lengths, LENGTHS)
    choose("--join", join, SIDES)
    if out:
        check_directory("--out", out)
    bad = BadPairs(on_bad_input)
    lines = list(pair_lines(pairs, data_config(run), format))
    judge = Judge(gold, len(lines)) if gold else None
    segment = segmentation(join, words, len(lines))
    translator = open_runs(
        [run],
        device,
        threads,
        beam=beam,
        batch_size=batch_size,
        length_normalization=length_normalization,
        coverage_penalty=coverage_penalty,
    )
    size = chunk_size(translator)
    examples = usable(refuse_long(chunks(lines, size), translator, max_tokens), bad.add)
    if judge:
        for part in chunks(examples, size):
            judge.add(Aligner(translator, segment)(part))
    asked = segments([seen(segment, example) for example in examples], group)
    parts = chunks(asked.sources, size)
    outputs = [one_line(best.target_text) for part in parts for best, *_ in translator.translate(part)]
    if out:
        write_whole(out, "".join(f"{output}\n" for output in outputs).encode())
    result = evaluate(asked, outputs, metrics, lengths, judge.errors() if judge else None)
    put([json_line(result.record())] if json else result.table())
    if judge and not json:
        put(["", judge.verdict()])
    if not quiet:
        bad.tell()
