"""Files with a line for each line of the input: how its output begins, and the phrases that it has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.search_options import Asking
from regard.errors import DataError, UsageError

if TYPE_CHECKING:
    from regard.data.example import Example
    from regard.translator import Translator


@dataclass(frozen=True)
class Beside:
    """The lines of one file.

    Args:
        option: that names the file.
        lines: its lines.
    """

    option: str
    lines: Sequence[str]

    @classmethod
    def read(cls, option: str, path: Path) -> "Beside":
        """Read it whole. Raises DataError for a line that cannot be read."""
        from regard.data.lines import BadLine, opened, texts

        found = list[str]()
        with opened(str(path)) as stream:
            for line in texts(stream, str(path)):
                if isinstance(line, BadLine):
                    raise DataError(f"{line}. Correct it; {option} takes text.")
                found.append(line)
        return cls(option, found)

    def of(self, example: "Example") -> str:
        """What stands beside a line. Raises DataError where the file has fewer lines than the input."""
        if example.line > len(self.lines):
            raise DataError(
                f"{self.option} has {len(self.lines)} lines; expected one for each line of the input. Add empty ones."
            )
        return self.lines[example.line - 1]


@dataclass(frozen=True)
class Wishes:
    """What is asked of the outputs.

    Args:
        prefixes, constraints: of each line; None where nothing is asked.
    """

    prefixes: Beside | None
    constraints: Beside | None

    @classmethod
    def read(cls, asking: Asking) -> "Wishes":
        """Read the files that are given."""
        files = (("--prefix", asking.prefixes), ("--constrain", asking.constraints))
        return cls(*(None if path is None else Beside.read(option, path) for option, path in files))

    def begun(self, examples: "Sequence[Example]") -> list[str] | None:
        """The prefixes of these lines."""
        return None if self.prefixes is None else [self.prefixes.of(each) for each in examples]

    def phrases(self, examples: "Sequence[Example]") -> list[list[str]] | None:
        """The phrases of these lines."""
        return None if self.constraints is None else [self.constraints.of(each).split("\t") for each in examples]

    def refusal(self, translator: "Translator") -> "Callable[[Example], str | None]":
        """Says why a line has no output: the vocabulary cannot write one of its phrases. Raises UsageError for phrases
        in greedy search, and for a model whose tokens are edits."""
        from regard.data.copying import CopySource
        from regard.data.edits import SCRIPTS
        from regard.search.asked import NO_BEAM, ONE_DIVISION

        asked = [option for option, each in (("--prefix", self.prefixes), ("--constrain", self.constraints)) if each]
        if asked and isinstance(translator.source, CopySource) and translator.source.edits:
            raise UsageError(f"{asked[0]} is given; expected none, since {SCRIPTS}")
        if self.constraints is not None and translator.options.diversity is not None:
            raise UsageError(f"--constrain is given and the beam has groups; {ONE_DIVISION}")
        if self.constraints is not None and translator.options.beam_size == 1:
            raise UsageError(f"--constrain is given and the search is greedy; {NO_BEAM} Give --beam 10.")

        def refuse(example: "Example") -> str | None:
            try:
                for phrases in self.phrases([example]) or []:
                    translator.phrases(example.source, phrases)
            except ValueError as error:
                return f"cannot have its phrases: {error}"
            return None

        return refuse
