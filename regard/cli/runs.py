"""Trained runs, opened as the command line says, and the lines that they translate or score."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from regard.cli.options import Opening, choose
from regard.cli.search_options import Search
from regard.cli.searching import searching
from regard.cli.stdin import Answer, Refusal, answered, chunks, prompt, standard_input
from regard.cli.workers import set_up
from regard.data.example import Example
from regard.data.lines import STDIN, BadLine, Line, opened, read_lines, shown
from regard.data.readers import Locate, located
from regard.data.several_sources import SeveralSources
from regard.data.sources import Source, UnusableSource
from regard.errors import UsageError
from regard.translator import Translator

Item = TypeVar("Item")
CHUNK_BATCHES = 16
"""Batches at a time: enough to sort by length, and few enough that the user sees progress."""


@dataclass(frozen=True)
class Session:
    """Opened runs, and how lines are given to them.

    Args:
        translator: the models.
        opening: the options with which they were opened.
        workers: how many processes share the lines.
        locate: what a line says of a source → the source, see `PairFiles`.
        refusal: why a line that can be read gets no answer all the same; None where it gets one.
    """

    translator: Translator
    opening: Opening
    workers: int = 1
    locate: Locate | None = None
    refusal: Callable[[Example], str | None] = lambda _: None

    def chunks(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        """Lists of the items, of the size that suits the model."""
        return chunks(items, self._size)

    def typed(self) -> Iterator[list[Line]]:
        """The lines of standard input. A user at a terminal is asked for them."""
        if not self.opening.quiet:
            prompt()
        return map(self.placed, standard_input(self._size))

    def given(self, path: str) -> Iterator[list[Line]]:
        """The lines of a file, or of standard input."""
        return self.typed() if path == STDIN else self.chunks(located(line, self.locate, path) for line in _lines(path))

    def placed(self, lines: Iterable[Line]) -> list[Line]:
        """Lines of the command line or of standard input, with what they name where it stands."""
        return [located(line, self.locate, STDIN) for line in lines]

    def readable(self, parts: Iterable[Sequence[Line]]) -> Iterator[list[Line]]:
        """The same lines; a line that cannot be used, or has too many tokens on a side, becomes a BadLine."""
        for part in parts:
            yield [self._checked(line) for line in part]

    def answers(
        self,
        parts: Iterable[Sequence[Line]],
        answer: Callable[[list[Example]], Sequence[Answer]],
        refuse: Callable[[BadLine], Refusal],
    ) -> Iterator[Answer | Refusal]:
        """One result for each line, in order: from `answer` for a line that can be read, else from `refuse`."""
        return answered(self.readable(parts), answer, refuse)

    @property
    def _size(self) -> int:
        batches = CHUNK_BATCHES if self.translator.source.tokenizer else 1  # the frames of a recording take megabytes
        return batches * self.translator.options.batch_size * self.workers

    def _checked(self, line: Line) -> Line:
        if isinstance(line, BadLine):
            return line
        source, target = self.translator.source, self.translator.target_tokenizer
        try:
            read = _tokens(source, line.source) if line.source.strip() else 0
        except UnusableSource as error:
            return BadLine(line.line, str(error), line.file)
        longest = max(read, len(target.ids(line.target)) if line.target else 0)
        if longest > self.opening.max_tokens:
            reason = f"has {longest} tokens; at most {self.opening.max_tokens} are read (see --max-tokens)"
            return BadLine(line.line, reason, line.file)
        refusal = self.refusal(line)
        return line if refusal is None else BadLine(line.line, refusal, line.file)


def _tokens(source: Source, text: str) -> int:
    """Of its texts; recordings and pictures have none. Raises UnusableSource for one that cannot be read."""
    if isinstance(source, SeveralSources):
        return source.tokens(source.encode(text))
    length = len(source.encode(text))
    return length if source.tokenizer else 0


def _lines(path: str) -> Iterator[Line]:
    with opened(path) as stream:
        yield from read_lines(stream, shown(path))


def _latent_weights(paths: Sequence[Path], given: str | None) -> str | None:
    """The value of --weights. Raises UsageError for another, and where no run has several kinds of weights."""
    if given is None:
        return None
    from regard.model.latent import WEIGHTS
    from regard.run.directory import Run

    if not any(Run(path).config.model.decoder.sums_alignments for path in paths):
        raise UsageError(
            f"--weights is {given!r}, and {' and '.join(map(str, paths))} has weights of one kind; expected a run that "
            "sums over alignments (model.decoder.kind hard_attention). Leave it out."
        )
    return choose("--weights", given, WEIGHTS)


def open_runs(
    paths: Sequence[Path],
    opening: Opening,
    search: Search | None = None,
    nbest: int | None = None,
    weights: str | None = None,
) -> Session:
    """Open runs; several are an ensemble. The beam has at least `nbest` hypotheses, alignments have these `weights`.

    Raises CheckpointError for a run that cannot be read, UsageError for an impossible device or number.
    """
    from regard.model.build import pick_device
    from regard.run.directory import Run, load

    set_up(opening.threads)
    chosen, search = str(pick_device(opening.device)), search or Search()
    recipe = Run(paths[0]).config
    options = searching(recipe, opening, search, nbest)
    if (shown := _latent_weights(paths, weights)) is not None:
        options = replace(options, weights=shown)
    translator, of_sources = load(paths, options, chosen, shortlist=search.shortlist), recipe.data.source
    return Session(translator, opening, locate=None if of_sources.is_text else of_sources.locate)
