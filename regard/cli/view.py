"""`regard view`: what did the model look at?"""

from pathlib import Path
from typing import Annotated

import typer

from regard.cli.options import Opening, RunPath, Search, Units
from regard.cli.report import reported, say
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
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page that needs nothing else.")] = None,
    png: Picture = None,
    svg: Picture = None,
    pdf: Picture = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write units, spans and weights.")] = None,
    npz: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the same for numpy.")] = None,
    search: Search,
    opening: Opening,
) -> None:
    """Translate sentences and show what each word looked at.

    Without a file, as heat maps here: in colour on a terminal that has it, in shades elsewhere, in plain ASCII with
    PYTHONIOENCODING=ascii. Several files may be asked for at once; each holds all sentences.

    Example: regard view runs/en-zh "Tom chases Jerry." --html alignment.html
    """
    from regard.alignment.alignment import Alignment
    from regard.analysis.units import regrouped
    from regard.cli.align import check_linking
    from regard.cli.effect import refuse_without_effect
    from regard.cli.runs import open_runs
    from regard.cli.showing import argument_lines, check_files, draw, save
    from regard.cli.stream import Refusals
    from regard.data.example import Example

    check_linking(units)
    wanted = {"--html": html, "--png": png, "--svg": svg, "--pdf": pdf, "--json": json, "--npz": npz}
    files = {option: path for option, path in wanted.items() if path is not None}
    check_files(files)
    if target:
        looking = ["beam", "length_normalization", "coverage_penalty", "shortlist"]
        refuse_without_effect(chosen, looking, "with --target, which is given and not looked for. Leave one out.")
    given = argument_lines(texts or [], target or [])
    session, refusals = open_runs([run], opening, search), Refusals()

    def answer(examples: list[Example]) -> list[Alignment]:
        sources = [example.source for example in examples]
        if target:
            found = session.translator.score(sources, [example.target or "" for example in examples])
        else:
            found = [best[0] for best in session.translator.translate(sources)]
        return [regrouped(alignment, units) for alignment in found]

    shown = []
    for found in session.answers(session.chunks(given) if given else session.typed(), answer, refusals.add):
        if isinstance(found, Alignment):
            if files:
                shown.append(found)
            else:
                draw(found)
    if shown:
        save(shown, files, f"{run.resolve().name}: what each word looked at")
        if not opening.quiet:
            say(f"regard: wrote {', '.join(str(path) for path in files.values())}")
    refusals.finish()
