"""Learns both sides from the pairs, before the model: the tokenisers, or what another kind of source learns."""

from collections.abc import Iterator
from functools import partial

from regard.config import Config, DataConfig
from regard.data.copying import copied_from
from regard.data.readers import PairFiles
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError


def learn_sides(data: DataConfig, files: PairFiles) -> tuple[Source, Tokenizer]:
    """The kind of source and the tokeniser of the targets, learned from the pairs.

    With `data.joint`, both sides have the same tokeniser. Raises UsageError if it cannot be learned as the recipe says.
    """

    def texts(side: str) -> Iterator[str]:
        for example in files.read():
            if side != "target":
                yield example.source
            if side != "source":
                yield example.target or ""

    def learned(of: str) -> Source:
        try:
            return data.source.learn(partial(texts, of))
        except ValueError as error:
            raise UsageError(f"data.source: {error}") from error

    if data.joint:
        source = learned("both")
        assert source.tokenizer is not None, "the recipe lets texts alone be joint"
        return source, source.tokenizer
    source = learned("source")
    try:
        return source, Tokenizer.train(data.target.tokenizer, texts("target"), data.target.vocab_size)
    except ValueError as error:
        raise UsageError(f"data.target: {error}") from error


def paired(config: Config, source: Source, target: Tokenizer) -> tuple[Source, Tokenizer]:
    """Both sides as the model reads them: a source that its output layer copies from knows the target vocabulary."""
    return copied_from(source, target) if config.model.output.copies else source, target
