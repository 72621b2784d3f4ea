"""`regard shortlist`: which target tokens may each source token become?"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import GivenOptions, Opening, Reading, RunPath, choose, expand_records, refuse_without_effect
from regard.cli.workers import set_up
from regard.errors import DataError, UsageError

if TYPE_CHECKING:
    from regard.data.batch import Batch
    from regard.data.corpus import Corpus
    from regard.run.directory import Run


@reported
@expand_records
def command(
    chosen: GivenOptions,
    run: RunPath,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SRC TGT | PAIRS | -]",
            help="Pairs to learn it from; by default the training pairs, from the cache of the run.",
        ),
    ] = None,
    *,
    reading: Reading,
    targets: Annotated[
        int, typer.Option(min=1, metavar="N", help="Keep at most N target tokens for a source token.")
    ] = 50,
    links: Annotated[
        int, typer.Option(min=1, metavar="N", help="Keep those that are linked with it N times or more.")
    ] = 2,
    common: Annotated[
        int, typer.Option(min=0, metavar="N", help="Allow the N most frequent target tokens everywhere.")
    ] = 300,
    opening: Opening,
) -> None:
    """Learn a shortlist: for each source token, the target tokens that the model aligns with it under forced decoding.

    The run keeps it. `regard translate RUN --shortlist` then computes only the target tokens that the source tokens may
    become, and the most frequent ones, which is faster. Many outputs differ a little, and are about as good.

    Example: regard shortlist runs/en-de && regard translate runs/en-de --shortlist < input.txt > output.txt
    """
    set_up(opening.threads)
    from regard.analysis.shortlist import Choice, collect
    from regard.data.edits import SCRIPTS
    from regard.model.build import pick_device
    from regard.run.directory import Run

    if not pairs:
        refuse_without_effect(
            chosen, ["format", "on_bad_input"], "without pairs: those of the run are encoded already."
        )
    refuse_without_effect(chosen, ["max_tokens"], "here: data.max_length of the recipe says what is too long.")
    opened = Run(run)
    choice = Choice(targets, links, common)
    corpus = given_corpus(opened, pairs or [], reading)
    model, _ = opened.load_model(pick_device(opening.device))
    source, target = opened.sides
    if opened.config.model.decoder.edits:
        raise UsageError(f"{run} needs no shortlist: {SCRIPTS}")
    if source.tokenizer is None:
        raise UsageError(f"{run} reads sources of kind {source.kind}; a shortlist is for texts, whose tokens it lists.")
    sizes = (source.tokenizer.size, target.size)
    batches = batches_of(corpus, opening.batch_size or opened.config.search.batch_size)
    try:
        found = collect(model, batches, sizes, joint=opened.config.data.joint, choice=choice)
    except ValueError as error:
        raise UsageError(f"{run} gives no shortlist: {error}") from error
    opened.save_shortlist(found, {"pairs": len(corpus), "choice": vars(choice)})
    if not opening.quiet:
        say(
            f"{len(corpus):,} pairs; {len(found.targets) / sizes[0]:.1f} targets of a source token: "
            f"{opened.shortlist_file}"
        )
        say(f"next: regard translate {run} --shortlist < input > output")


def given_corpus(run: "Run", paths: Sequence[str], reading: Reading) -> "Corpus":
    """The given pairs; without any, the largest corpus in the cache of the run, which is its training corpus.

    Raises UsageError if the cache is empty, and the errors of reading pairs.
    """
    from regard.cli.pairs import pair_files
    from regard.data.report import Report
    from regard.data.shards import encode

    data = run.config.data
    if not paths:
        corpora = list(_cached(run))
        if not corpora:
            raise UsageError(f"{run.path} holds no encoded pairs (they stand in its cache). Give the pairs.")
        return max(corpora, key=len)
    if reading.on_bad_input:
        how = choose("--on-bad-input", reading.on_bad_input, ("error", "skip"))
        data = data.model_copy(update={"on_bad_input": how})
    report = Report()
    examples = pair_files(paths, data, reading.format).read(report)
    return encode(examples, *run.sides, max_length=data.max_length, report=report)


def batches_of(corpus: "Corpus", size: int) -> "Iterator[Batch]":
    """The pairs, once each."""
    from regard.data.batches import batches, plan

    order = plan(corpus.source_lengths, corpus.target_lengths, max_sentences=size, seed=0, epoch=0)
    return batches(corpus, order)


def _cached(run: "Run") -> "Iterator[Corpus]":
    from regard.data.corpus import Corpus

    for directory in sorted((run.path / "cache").glob("*/index.json")):
        try:
            yield Corpus.open(directory.parent, run.sides[0])
        except DataError:  # incomplete, or of another version: training would encode it again
            continue
