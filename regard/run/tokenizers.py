"""The tokenisers of a run, learned from its pairs."""

from collections.abc import Iterator

from regard.config import DataConfig
from regard.data.readers import PairFiles
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError


def learn_tokenizers(data: DataConfig, files: PairFiles) -> tuple[Tokenizer, Tokenizer]:
    """The tokenisers of both sides, learned from the pairs; one for both where the recipe says so."""

    def texts(side: str) -> Iterator[str]:
        for example in files.read():
            if side != "target":
                yield example.source
            if side != "source":
                yield example.target or ""

    def learn(side: str, of: str) -> Tokenizer:
        chosen = data.target if side == "target" else data.source
        try:
            return Tokenizer.train(chosen.tokenizer, texts(of), chosen.vocab_size)
        except ValueError as error:
            raise UsageError(f"data.{side}: {error}") from error

    if data.joint:
        joint = learn("source", "both")
        return joint, joint
    return learn("source", "source"), learn("target", "target")
