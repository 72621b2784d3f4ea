"""`regard view`: what did the model look at?"""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import Opening, RunPath, Search, Units
from regard.cli.spread import Chosen, spread

Picture = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw into this file (needs regard[plot]).")]


@reported
@spread
def command(
    chosen: Chosen,
    run: RunPath,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Sentences to translate; else standard input.")
    ] = None,
    *,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Take this for the translation, and show its alignment; once for each TEXT."),
    ] = None,
    units: Units = "auto",
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write each weight into its cell of the picture, in percent.")
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page that needs nothing else.")] = None,
    png: Picture = None,
    svg: Picture = None,
    pdf: Picture = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write units, spans, weights and probabilities.")
    ] = None,
    npz: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the same for numpy.")] = None,
    search: Search,
    opening: Opening,
) -> None:
    """Translate sentences and show what each word looked at.

    Without a file, as heat maps here: in colour on a terminal that has it, in shades elsewhere, in plain ASCII with
    PYTHONIOENCODING=ascii; as a list of what was looked at most where a map is wider than the terminal. The column
    "end" is what was looked at on the end of the source, the row "end" is what ended the output. Several files may be
    asked for at once; each holds all sentences.

    Example: regard view runs/en-zh "Tom chases Jerry." --html alignment.html
    """
    from regard.alignment.alignment import Alignment
    from regard.cli.align import check_linking
    from regard.cli.effect import refuse_without_effect
    from regard.cli.runs import open_runs
    from regard.cli.showing import ALTERNATIVES, argument_lines, check_files, draw, few_enough, save
    from regard.cli.stdin import Refusals
    from regard.data.example import Example

    check_linking(units)
    wanted = {"--html": html, "--png": png, "--svg": svg, "--pdf": pdf, "--json": json, "--npz": npz}
    files = {option: path for option, path in wanted.items() if path is not None}
    check_files(files, numbers)
    if target:
        looking = ["beam", "length_normalization", "coverage_penalty", "shortlist"]
        refuse_without_effect(chosen, looking, "with --target, which is given and not looked for. Leave one out.")
    given = argument_lines(texts or [], target or [])
    session, refusals = open_runs([run], opening, search), Refusals()
    alternatives = ALTERNATIVES if {"--html", "--json", "--npz"} & set(files) else 0

    def answer(examples: list[Example]) -> list[Alignment]:
        sources = [example.source for example in examples]
        if target:
            targets = [example.target or "" for example in examples]
            return session.translator.score(sources, targets, units=units, alternatives=alternatives)
        found = session.translator.translate(sources, units=units, alternatives=alternatives)
        return [best for best, *_ in found]

    shown = []
    parts = few_enough(session.chunks(given) if given else session.typed(), files)
    for found in session.answers(parts, answer, refusals.add):
        if isinstance(found, Alignment):
            if files:
                shown.append(found)
            else:
                draw(found)
    if shown:
        save(shown, files, f"{run.resolve().name}: what each word looked at", numbers)
        if not opening.quiet:
            say(f"regard: wrote {', '.join(str(path) for path in files.values())}")
    refusals.finish()
