"""`regard score`: the log-probability and the alignment of given pairs."""

from regard.cli.errors import reported
from regard.cli.options import Json, MinWeight, Opening, Reading, RunsAndPairs, Units, Weights, expand_records
from regard.cli.search_options import CtcWeight, Search


@reported
@expand_records
def command(
    given: RunsAndPairs,
    *,
    reading: Reading,
    units: Units = "auto",
    min_weight: MinWeight = None,
    weights: Weights = None,
    json: Json = False,
    ctc_weight: CtcWeight = None,
    opening: Opening,
) -> None:
    """Score given pairs by forced decoding, one line a pair.

    A line has three columns, separated by tabs: the natural logarithm of the probability of the target; the same per
    token, where the end mark is a token too; the alignment (0-0 1-2: from 0, source first). The line of a skipped pair
    is empty. Of a run that was trained with CTC it is the score of a search: see --ctc-weight.

    Example: regard score runs/en-zh test.en test.zh > scores.tsv
    """
    from regard.cli.align import check_linking
    from regard.cli.output_format import refused_line, score_line
    from regard.cli.pairs import given_pairs, runs_and_pairs
    from regard.cli.runs import open_runs
    from regard.cli.stdout import put
    from regard.data.copying import target_ids
    from regard.data.example import Example
    from regard.data.lines import BadLine

    check_linking(units, min_weight=min_weight)
    runs, pairs = runs_and_pairs(given)
    lines, bad = given_pairs(pairs, runs[0], reading)
    session = open_runs(runs, opening, Search(ctc_weight=ctc_weight), weights=weights)

    def answer(examples: list[Example]) -> list[str]:
        translator = session.translator
        sources, targets = [one.source for one in examples], [one.target or "" for one in examples]
        found = translator.score(sources, targets, units=units)
        ids = target_ids(translator.source, translator.target_tokenizer)
        counts = [len(ids(*pair)) + 1 for pair in zip(sources, targets, strict=True)]
        parts = zip(examples, found, counts, strict=True)
        return [score_line(example.line, alignment, count, json, min_weight) for example, alignment, count in parts]

    def refuse(line: BadLine) -> str:
        return refused_line(bad.add(line), json)

    for line in session.answers(session.chunks(lines), answer, refuse):
        put([line])
    if not opening.quiet:
        bad.tell()
