"""The sections of Regard's own kinds of source, and of the target."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from regard.config.section import Section
from regard.config.stage import SourceConfig

if TYPE_CHECKING:
    from regard.data.text import TextSource

TokenizerName = Annotated[
    Literal["bpe", "characters", "symbols", "inflection"],
    Field(description="bpe: learned pieces; characters; symbols: between spaces; inflection: tags, then letters"),
]
VocabSize = Annotated[int, Field(ge=5, le=1_000_000, description="most entries that the tokeniser may learn")]


class SideConfig(Section):
    """How the text of one side becomes tokens."""

    tokenizer: TokenizerName = "bpe"
    vocab_size: VocabSize = 8000


class TextConfig(SourceConfig):
    """The keys of a source that is a text."""

    file: ClassVar[str] = "tokenizer.source.json"

    tokenizer: TokenizerName = "bpe"
    vocab_size: VocabSize = 8000

    def learn(self, sources: Callable[[], Iterable[str]]) -> "TextSource":
        """A tokeniser, learned from the texts."""
        from regard.data.text import TextSource
        from regard.data.tokenizer import Tokenizer

        return TextSource(Tokenizer.train(self.tokenizer, sources(), self.vocab_size))

    def load(self, path: Path) -> "TextSource":
        """The tokeniser in a file."""
        from regard.data.text import TextSource
        from regard.data.tokenizer import Tokenizer

        return TextSource(Tokenizer.load(path))
