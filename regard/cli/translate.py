"""`regard translate`: standard input to standard output, a line for a line."""

from typing import Annotated

import typer

from regard.cli.options import (
    MAX_TOKENS,
    BatchSize,
    BeamSize,
    CoveragePenalty,
    Device,
    Json,
    LengthNormalization,
    MaxTokens,
    Quiet,
    RunPaths,
    Seed,
    Threads,
    Units,
)
from regard.cli.report import reported
from regard.errors import UsageError


@reported
def command(
    runs: RunPaths,
    beam: BeamSize = None,
    nbest: Annotated[
        int | None,
        typer.Option("--nbest", min=1, metavar="N", help="The N best: line from 0 ||| output ||| log-probability."),
    ] = None,
    align: Annotated[
        bool, typer.Option("--align", help="Add the alignment: output ||| 0-0 1-2, from 0, source first (Pharaoh).")
    ] = False,
    units: Units = "auto",
    json: Json = False,
    sample: Annotated[bool, typer.Option("--sample", help="Draw outputs instead of looking for the best.")] = False,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="With --sample: below 1 the best win, above 1 others.")
    ] = 1.0,
    top_k: Annotated[
        int, typer.Option(min=0, metavar="K", help="With --sample: draw from the K best tokens; 0 for all.")
    ] = 0,
    top_p: Annotated[
        float, typer.Option(metavar="P", help="With --sample: draw from the best that hold this probability.")
    ] = 1.0,
    seed: Seed = 1,
    length_normalization: LengthNormalization = None,
    coverage_penalty: CoveragePenalty = None,
    batch_size: BatchSize = None,
    max_tokens: MaxTokens = MAX_TOKENS,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Translate standard input, one line out for each line in.

    A line that is no text (not UTF-8, too long) is named on standard error and has an empty line in its place; the
    exit code is then 3. Several runs are an ensemble: their probabilities are averaged.

    Example: regard translate runs/en-zh --align < input.txt > output.txt
    """
    from regard.cli.answers import Writer, sampling_options
    from regard.cli.output import put
    from regard.cli.runs import open_runs
    from regard.cli.stream import Refusals, answered, chunk_size, prompt, refuse_long, standard_input
    from regard.cli.units import check_linking
    from regard.data.example import Example

    check_linking(units)
    if sample and (nbest or beam):
        raise UsageError("--sample draws one output; --beam and --nbest look for the best ones. Leave one out.")
    drawn = sampling_options(1 if seed is None else seed, temperature, top_k, top_p) if sample else None
    translator = open_runs(
        runs,
        device,
        threads,
        beam=beam,
        batch_size=batch_size,
        length_normalization=length_normalization,
        coverage_penalty=coverage_penalty,
    )
    writer, refusals = Writer(nbest is not None, align, json, units), Refusals()

    def answer(examples: list[Example]) -> list[list[str]]:
        sources = [example.source for example in examples]
        if drawn is None:
            found = translator.translate(sources, nbest or 1)
        else:
            found = [[one] for one in translator.sample(sources, drawn, [example.line for example in examples])]
        return [writer.lines(example.line, outputs) for example, outputs in zip(examples, found, strict=True)]

    if not quiet:
        prompt()
    chunks = standard_input(chunk_size(translator))
    for lines in answered(
        refuse_long(chunks, translator, max_tokens), answer, lambda bad: writer.refused(refusals.add(bad))
    ):
        put(lines)
    refusals.finish()
