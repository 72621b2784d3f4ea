"""Learns both sides from the pairs, before the model: the tokenisers, or what another kind of source learns."""

from collections.abc import Iterator
from functools import partial

from regard.config import DataConfig
from regard.data.readers import PairFiles
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.run.initial import NOTHING, Known


def learn_sides(data: DataConfig, files: PairFiles, known: Known = NOTHING) -> tuple[Source, Tokenizer]:
    """The kind of source and the tokeniser of the targets, learned from the pairs where they are not known.

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
        source = known.source or learned("both")
        assert source.tokenizer is not None, "the recipe lets texts alone be joint"
        return source, source.tokenizer
    source = known.source or learned("source")
    if known.target is not None:
        return source, known.target
    try:
        return source, Tokenizer.train(data.target.tokenizer, texts("target"), data.target.vocab_size)
    except ValueError as error:
        raise UsageError(f"data.target: {error}") from error
