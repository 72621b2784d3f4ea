"""`regard chat`: a conversation with a run, whose source is the last turns."""

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported
from regard.cli.options import Opening, RunPath, Search, expand_records
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.cli.runs import Session
    from regard.data.lines import Line

TURN = " <turn> "
"""Stands between two turns of a source."""


@reported
@expand_records
def command(
    run: RunPath,
    *,
    turns: Annotated[
        int,
        typer.Option(min=1, metavar="K", help="How many of the last turns, of both sides, the run reads for a reply."),
    ] = 3,
    search: Search,
    opening: Opening,
) -> None:
    """Talk with a run: a line in, a reply out.

    The run reads the last turns of both sides, joined by " <turn> ", so it should have been trained on such sources;
    fewer where these are too long together. A line that cannot be read, or is too long by itself, is reported and
    forgotten; its reply is empty. So is that of an empty line.

    Example: regard chat runs/dialogue --turns 3
    """
    from regard.cli.runs import open_runs
    from regard.cli.stdin import Refusals, prompt, standard_input
    from regard.cli.stdout import put
    from regard.data.example import Example
    from regard.data.lines import BadLine, one_line

    session, refusals = open_runs([run], opening, search), Refusals()
    if session.translator.source.kind != "text":
        raise UsageError(f"the sources of {run} are no texts. Talk with a run that reads them.")
    if not opening.quiet:
        prompt()
    history: deque[str] = deque(maxlen=turns)
    for (line,) in standard_input(1):
        asked, reply = _with_history(session, line, history), ""
        if isinstance(asked, BadLine):
            refusals.add(asked)
        elif isinstance(line, Example) and line.source.strip():
            ((best, *_),) = session.translator.outputs([asked.source])
            reply = one_line(best.target_text)
            history.extend((line.source, reply))
        put([reply])
    refusals.finish()


def _with_history(session: "Session", line: "Line", history: "deque[str]") -> "Line":
    """The line behind as many of the turns before it as can be read together; a BadLine if it alone cannot."""
    from regard.data.lines import BadLine

    if isinstance(line, BadLine):
        return line
    said = [*history, line.source][-(history.maxlen or 1) :]
    parts = ([replace(line, source=TURN.join(said[first:]))] for first in range(len(said)))
    found: Line = line
    for (found,) in session.readable(parts):
        if not isinstance(found, BadLine):
            break
    return found
