"""Options that several commands share, so that they are spelled alike."""

from pathlib import Path
from typing import Annotated

import typer

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `regard train` wrote.")]
RunPaths = Annotated[
    list[Path], typer.Argument(metavar="RUN…", help="One or more runs; several are an ensemble and share tokenisers.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write results as JSON, one object a line.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores by default.")]
BeamSize = Annotated[int | None, typer.Option("--beam", min=1, help="Hypotheses per sentence; 1 is greedy.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, help="Sentences at a time.")]
BadInput = Annotated[
    str | None, typer.Option("--on-bad-input", metavar="error|skip", help="Stop at a line that is no text, or skip it.")
]
