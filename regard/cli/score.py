"""`regard score`: how probable are given pairs, and what does the model look at?"""

from regard.cli.options import (
    MAX_TOKENS,
    BadInput,
    BatchSize,
    Device,
    Json,
    MaxTokens,
    PairFormat,
    PairPaths,
    Quiet,
    RunPath,
    Threads,
    Units,
)
from regard.cli.report import reported


@reported
def command(
    run: RunPath,
    pairs: PairPaths,
    format: PairFormat = None,
    units: Units = "auto",
    json: Json = False,
    on_bad_input: BadInput = None,
    batch_size: BatchSize = None,
    max_tokens: MaxTokens = MAX_TOKENS,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Score given pairs by forced decoding, one line a pair.

    A line has, with tabs between: the natural logarithm of the probability of the target; the same per token, of which
    the end mark is one; the alignment (0-0 1-2: from 0, source first). A pair that is skipped has an empty line.

    Example: regard score runs/en-zh test.en test.zh > scores.tsv
    """
    from regard.cli.answers import refused_line, score_line
    from regard.cli.output import put
    from regard.cli.pairs import BadPairs, pair_lines
    from regard.cli.runs import data_config, open_runs
    from regard.cli.stream import answered, chunk_size, chunks, refuse_long
    from regard.cli.units import check_linking
    from regard.data.example import Example
    from regard.data.lines import BadLine

    check_linking(units)
    bad = BadPairs(on_bad_input)
    lines = pair_lines(pairs, data_config(run), format)
    translator = open_runs([run], device, threads, batch_size=batch_size)

    def answer(examples: list[Example]) -> list[str]:
        found = translator.score([one.source for one in examples], [one.target or "" for one in examples])
        counts = [len(translator.target_tokenizer.ids(alignment.target_text)) + 1 for alignment in found]
        return [
            score_line(example.line, alignment, count, units, json)
            for example, alignment, count in zip(examples, found, counts, strict=True)
        ]

    def refuse(line: BadLine) -> str:
        return refused_line(bad.add(line), json)

    for line in answered(refuse_long(chunks(lines, chunk_size(translator)), translator, max_tokens), answer, refuse):
        put([line])
    if not quiet:
        bad.tell()
