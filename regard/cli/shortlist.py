"""`regard shortlist`: what may the words of a source become?"""

from typing import Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import Opening, Reading, RunPath
from regard.cli.spread import Chosen, spread


@reported
@spread
def command(
    chosen: Chosen,
    run: RunPath,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SRC TGT | PAIRS | -]",
            help="Pairs to learn it from; by default those that the run was trained on, from its cache.",
        ),
    ] = None,
    *,
    reading: Reading,
    targets: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many targets of a source token.")] = 50,
    links: Annotated[int, typer.Option(min=1, metavar="N", help="Each of them linked with it so often at least.")] = 2,
    common: Annotated[
        int, typer.Option(min=0, metavar="N", help="Allow the N most frequent target tokens everywhere.")
    ] = 300,
    opening: Opening,
) -> None:
    """Learn a shortlist, from what the model looks at when it is given the targets of pairs.

    It stays with the run. `regard translate RUN --shortlist` then computes no more than what the words of a sentence
    may become, and the most frequent words, which is faster. Many outputs differ a little, and are about as good.

    Example: regard shortlist runs/en-de && regard translate runs/en-de --shortlist < input.txt > output.txt
    """
    from regard.cli.machine import set_up

    set_up(opening.threads)
    from regard.analysis.shortlist import Choice, collect
    from regard.cli.effect import refuse_without_effect
    from regard.cli.shortlisting import batches_of, given_corpus
    from regard.errors import UsageError
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
