"""`regard chat`: a run answers turn by turn, and remembers the last ones."""

import sys
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import Json, Opening, RunPath, expand_records
from regard.cli.search_options import Search
from regard.data.lines import BadLine, Line, one_line
from regard.data.turns import MARK, between, history
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.translator import Translator

QUIT = "/quit"
PROMPT = "> "


@reported
@expand_records
def command(
    run: RunPath,
    *,
    turns: Annotated[
        int,
        typer.Option(
            "--turns",
            min=1,
            max=1000,
            metavar="K",
            help="The last K turns are read, yours and the replies; 1 for none.",
        ),
    ] = 3,
    json: Json = False,
    search: Search,
    opening: Opening,
) -> None:
    """Talk with a run that was trained on dialogues. Its replies are on standard output, one for each line.

    An empty line begins a new conversation; /quit or Ctrl-D ends. On a terminal a prompt is on standard error. Through
    a pipe, each line is answered before the next one is read.

    Example: regard chat runs/dialogue --turns 5
    """
    from regard.cli.output_format import refused_line
    from regard.cli.runs import open_runs
    from regard.cli.stdin import Refusals, standard_input
    from regard.cli.stdout import put
    from regard.config.sources import TextConfig
    from regard.run.directory import Run

    section = Run(run).config.data.source
    if not isinstance(section, TextConfig):
        raise UsageError(f"{run} reads sources of kind {section.kind}, and a chat is text. Give a run over texts.")
    session, refusals = open_runs([run], opening, search), Refusals()
    talk = Conversation(session.translator, turns, section.turn_mark or MARK, opening.max_tokens, json)
    terminal = sys.stdin is not None and sys.stdin.isatty() and not opening.quiet
    if terminal:
        say(f"regard: an empty line begins a new conversation; {QUIT} or Ctrl-D ends")
        ask()
    for (line,) in standard_input(1):
        if not isinstance(line, BadLine) and line.source.strip() == QUIT:
            break
        answer = talk.answer(line)
        if isinstance(answer, BadLine):
            refusals.add(answer)
        put([refused_line(answer, json) if isinstance(answer, BadLine) else answer])
        if terminal:
            ask()
    refusals.finish()


class Conversation:
    """Replies to one line after another, and remembers the last turns and nothing else.

    Args:
        translator: the run.
        turns: how many of the last turns are the source of a reply.
        mark: what stands between two turns.
        most: tokens of a source. Of a longer one the first turns are left out.
        json: replies are JSON objects, with the history as the source.
    """

    def __init__(self, translator: "Translator", turns: int, mark: str, most: int, json: bool) -> None:
        self.translator, self.mark, self.most, self.json = translator, mark, most, json
        self.turns: deque[str] = deque(maxlen=turns)

    def answer(self, line: Line) -> str | BadLine:
        """What is written for a line; a line that cannot be answered, which is then no turn. An empty line begins a new
        conversation."""
        if isinstance(line, BadLine):
            return line
        if not line.source.strip():
            from regard.cli.stdout import json_line

            self.turns.clear()
            return json_line({"line": line.line, "target_text": ""}) if self.json else ""
        before = self.turns.copy()
        self.turns.extend(line.source.strip().split(between(self.mark)))
        while (tokens := len(self.translator.source.encode(self.source))) > self.most and len(self.turns) > 1:
            self.turns.popleft()
        if tokens > self.most:
            self.turns = before
            reason = f"has {tokens} tokens; at most {self.most} are read (see --max-tokens)"
            return BadLine(line.line, reason, line.file)
        return self._reply(line.line)

    @property
    def source(self) -> str:
        """What the next reply is written from."""
        return history(self.turns, self.mark)

    def _reply(self, number: int) -> str:
        from regard.alignment.io import to_record
        from regard.cli.stdout import json_line

        if self.json:
            best = self.translator.translate(self.source)[0][0]
            text, written = best.target_text, json_line({"line": number} | to_record(best))
        else:
            text = self.translator.outputs(self.source)[0][0].target_text
            written = one_line(text)
        if text.strip():
            self.turns.append(one_line(text).strip())
        return written


def ask() -> None:
    """The prompt, on standard error, so that standard output has replies alone."""
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
