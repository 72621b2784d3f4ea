"""What a part of the model, or a kind of source, brings to a recipe: a section with its keys, and how it is built.

`SOURCES`, `ENCODERS`, `DECODERS` and `OUTPUTS` list these sections by `kind`. To add one, write one file:

    class Pyramid(nn.Module): ...

    class PyramidConfig(EncoderConfig):
        hidden_size: int = Field(256, ge=1)

        def build(self, parts: EncoderParts) -> nn.Module:
            return Pyramid(parts.embedding, self.hidden_size)

The module receives sizes and finished parts. It never sees the section.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from regard.config.section import MOST_FEATURES, Section, check_name
from regard.errors import UsageError
from regard.registry import Table

if TYPE_CHECKING:
    from torch import nn

    from regard.data.batches import Vary
    from regard.data.sources import Source

HiddenSize = Annotated[int, Field(ge=1, le=MOST_FEATURES)]
NumLayers = Annotated[int, Field(ge=1, le=32)]
NumHeads = Annotated[int, Field(ge=1, le=1024, description="heads of a self-attention")]
FeedForwardSize = Annotated[
    int | None,
    Field(ge=1, le=4 * MOST_FEATURES, description="features within the feed-forward network; default 4 × hidden_size"),
]


class DropoutConfig(Section):
    """Probabilities of dropping a feature in training."""

    embedding: float = Field(0.0, ge=0, lt=1, description="of both embeddings")
    layers: float = Field(0.0, ge=0, lt=1, description="between the layers of a stack")
    context: float = Field(0.0, ge=0, lt=1, description="of the encoder's output, which the context is mixed from")
    output: float = Field(0.0, ge=0, lt=1, description="of the features before the output layer")


@dataclass(frozen=True)
class EncoderParts:
    """What an encoder is built from, besides its section.

    Args:
        embedding: the tensor of a batch → vectors, with an attribute `embedding_dim`: what the kind of source embeds
            with. Of texts an `nn.Embedding`, which may be shared with the decoder.
        dropout: the probabilities of the recipe: an encoder reads embedding, layers and context.
    """

    embedding: Any
    dropout: DropoutConfig


@dataclass(frozen=True)
class DecoderParts:
    """What a decoder is built from, besides its section.

    Args:
        tokens: the target vocabulary, `TargetTokens`, with its output layer; it has the dropout of both.
        memory_size: features of a position of the memory.
        summary_size: features of the memory's summary.
        attention: `attention(query_size)` builds the attention of the recipe; `key_size=`, which is `memory_size` if
            not given, and `output_size=` are as in `build_attention`. A decoder with several layers builds one for
            each.
        dropout: the probabilities of the recipe: a decoder reads layers.
    """

    tokens: Any
    memory_size: int
    summary_size: int
    attention: Callable[..., Any]
    dropout: DropoutConfig


class SourceConfig(Section):
    """The section of one kind of source: files → Batch."""

    file: ClassVar[str] = "source.json"
    """The name, in a run directory, of what `Source.save` writes: one of those that Regard uses."""
    axes: ClassVar[int] = 1
    """Along how many axes its positions lie: 1 for a sequence, 2 for rows and columns."""
    is_text: ClassVar[bool] = False
    """Whether what a file says is the source itself, and no name of a file."""

    kind: str = Field(description="an entry of the table of source kinds")

    def locate(self, said: str, path: str) -> str:
        """The source that a file of pairs means: what it says, with the name of a file made whole.

        Args:
            said: what stands there.
            path: of the file of pairs; "-" for standard input, where names are relative to the working directory.

        Raises `UnusableSource` for what means none. A text is what it says.
        """
        return said

    def column(self, given: str) -> str:
        """What to read of a table, as `PairFiles.source` takes it; `given` is `data.source_column`."""
        return given

    def limit(self, max_length: int) -> int | tuple[int, ...]:
        """Most positions of a source in training; `data.max_length` unless the kind has a measure of its own. Several
        numbers are those of each part."""
        return max_length

    def variation(self) -> "Vary | None":
        """What varies a source each time that training reads it, see `Varied`; None where nothing does."""
        return None

    def learn(self, sources: Callable[[], Iterable[str]]) -> "Source":
        """The source kind, with what it learns from the sources of all pairs; `sources()` reads them.

        What is wrong with all of them is a ValueError, which reaches the user. One that cannot be read is passed over
        here: `Source.encode` names it.
        """
        raise UsageError(f"source kind {self.kind!r} says no way to make it. Give its section a method `learn`.")

    def load(self, path: Path) -> "Source":
        """The same from what `Source.save` wrote. Raises CheckpointError for anything else."""
        raise UsageError(f"source kind {self.kind!r} says no way to load it. Give its section a method `load`.")


@dataclass(frozen=True)
class OutputParts:
    """What an output layer is built from, besides its section.

    Args:
        feature_size: features that it reads.
        size: entries of the target vocabulary.
        tied: the target embedding where `model.tie` wants its weight for this layer, else None.
        dropout: the probabilities of the recipe: an output layer reads output.
        memory_size: features of a position of the memory, for a layer that `copies`; else None.
    """

    feature_size: int
    size: int
    tied: Any
    dropout: DropoutConfig
    memory_size: int | None = None


class EncoderConfig(Section):
    """The section of one encoder: Batch → Memory."""

    axes: ClassVar[int] = 1
    """Along how many axes the positions lie that it reads, as in `SourceConfig`."""
    needs_sentences: ClassVar[bool] = False
    """Whether it reads sentences, so that `data.source.sentences` has to say how they are known."""
    needs_tokens: ClassVar[bool] = False
    """Whether it reads the numbers of tokens, so that it can read texts alone."""

    kind: str = Field(description="an entry of the table of encoders")

    @property
    def stride(self) -> int:
        """Input positions per position of the memory: n of them become ⌈n / stride⌉.

        An encoder that shortens its source overrides this. CTC and ensembles check it before they begin.
        """
        return 1

    @property
    def memory_positions(self) -> str:
        """What the memory has positions for, in words: the members of an ensemble have the same."""
        return f"one position for {self.stride} of its source"

    def build(self, parts: EncoderParts) -> "nn.Module":
        """The encoder, see `encoders.encoder.Encoder`. What its constructor says in a ValueError reaches the user."""
        raise UsageError(f"encoder {self.kind!r} says no way to build it. Give its section a method `build`.")


class DecoderConfig(Section):
    """The section of one decoder: Memory → tokens."""

    sums_alignments: ClassVar[bool] = False
    """Whether it has a `posterior` and a `viterbi`, so that `search.weights` counts."""
    edits: ClassVar[bool] = False
    """Whether its tokens are edits of the source, see `data.edits`: two more than the target vocabulary has."""

    kind: str = Field(description="an entry of the table of decoders")

    @property
    def attends(self) -> bool:
        """Whether it looks at the source with attention, so that `model.attention` counts."""
        return True

    @property
    def feature_size(self) -> int | None:
        """Features before the output layer where the section decides it; None where `model.readout_size` does."""
        return None

    def build(self, parts: DecoderParts) -> "nn.Module":
        """The decoder, see `decoders.decoder.Decoder`. What its constructor says in a ValueError reaches the user."""
        raise UsageError(f"decoder {self.kind!r} says no way to build it. Give its section a method `build`.")


class OutputConfig(Section):
    """The section of one output layer: features → log-probabilities."""

    copies: ClassVar[bool] = False
    """Whether it gives words of the source. Then a source has two numbers at each position, see `data.copying`."""

    kind: str = Field(description="an entry of the table of output layers")

    def build(self, parts: OutputParts) -> "nn.Module":
        """The layer, see `decoders.output.Output`. What its constructor says in a ValueError reaches the user."""
        raise UsageError(f"output layer {self.kind!r} says no way to build it. Give its section a method `build`.")


def section(table: Table, kind: str, base: type[Section]) -> type[Section]:
    """The section of a kind. Raises UsageError where an entry of another package is no section."""
    found = table[kind]
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UsageError(
            f"{table.kind} {kind!r} is {found!r}; expected a section, a class that inherits from "
            f"regard.config.{base.__name__}. Have its entry point name that class."
        )
    return found


def owners(table: Table, key: str) -> dict[str, Any]:
    """The kinds of Regard's own whose section has a key, and its default there. Imports no other package."""
    found = {}
    for kind in table.places:
        fields = table.own(kind).model_fields
        if key in fields and key != "kind":
            found[kind] = fields[key].default
    return found


def keys(table: Table) -> list[str]:
    """The keys of all kinds of Regard's own."""
    return list(dict.fromkeys(key for kind in table.places for key in table.own(kind).model_fields))


def chosen(table: Table, default: str, base: type[Section], value: Any, handler: Callable[[Any], Any]) -> Any:
    """The section that `kind` names, filled with the other keys: a validator of pydantic, once table, the kind where
    none is given, and the class that every section inherits from are filled in."""
    if isinstance(value, base) or not isinstance(value, Mapping):
        return handler(value)
    kind = handler({"kind": value.get("kind", default)}).kind
    check_name(table, kind)
    found = section(table, kind, base)
    return found.model_validate({**_meant(table, found, value), "kind": kind})


def _meant(table: Table, found: type[Section], values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Without keys of other kinds that stand at their default and so say nothing: runs of 0.1.0 hold the keys of all
    kinds."""
    return {
        key: value
        for key, value in values.items()
        if key in found.model_fields or value not in owners(table, key).values()
    }
