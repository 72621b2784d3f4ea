"""The sections of Regard's own encoders."""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from regard.config.stage import EncoderConfig, EncoderParts, FeedForwardSize, HiddenSize, NumHeads, NumLayers
from regard.config.transformer import MAX_DISTANCE, check_sizes

if TYPE_CHECKING:
    from torch import nn

Strides = Annotated[tuple[Annotated[int, Field(ge=1, le=16)], ...], Field(min_length=1, max_length=32)]


class RecurrentEncoderConfig(EncoderConfig):
    """The keys of `RecurrentEncoder`."""

    cell: Literal["gru", "lstm"] = Field("gru", description="what a layer is made of")
    hidden_size: HiddenSize = Field(256, description="features of one direction")
    num_layers: NumLayers = 1
    bidirectional: bool = Field(True, description="read backwards too")
    layer_norm: bool = Field(False, description="normalise the encoder's output")
    source_bridging: bool = Field(False, description="put the embeddings beside the states in the memory")
    summary: Literal["last", "mean"] = Field("last", description="what a recurrent decoder starts from")

    def build(self, parts: EncoderParts) -> "nn.Module":
        """A recurrent encoder."""
        from regard.encoders.recurrent import RecurrentEncoder

        return RecurrentEncoder(
            parts.embedding,
            self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            bidirectional=self.bidirectional,
            summary=self.summary,
            layer_norm=self.layer_norm,
            source_bridging=self.source_bridging,
            embedding_dropout=parts.dropout.embedding,
            layer_dropout=parts.dropout.layers,
            output_dropout=parts.dropout.context,
        )


class TransformerEncoderConfig(EncoderConfig):
    """The keys of `TransformerEncoder`."""

    hidden_size: HiddenSize = Field(256, description="features of a position")
    num_layers: NumLayers = 1
    num_heads: NumHeads = 4
    feed_forward_size: FeedForwardSize = None
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="normalise before a sub-layer or behind it")

    @model_validator(mode="before")
    @classmethod
    def _summary(cls, values: Any) -> Any:
        """The summary of a transformer is the mean; a recipe may say so, and runs of 0.1.0 do."""
        if isinstance(values, Mapping) and values.get("summary") == "mean":
            return {key: value for key, value in values.items() if key != "summary"}
        return values

    @model_validator(mode="after")
    def _sizes(self) -> "TransformerEncoderConfig":
        check_sizes(self.hidden_size, self.num_heads, self.positions)
        return self

    def build(self, parts: EncoderParts) -> "nn.Module":
        """A transformer's encoder."""
        from regard.attention.build import build_self_attention
        from regard.encoders.transformer import TransformerEncoder, TransformerEncoderLayer

        distance = MAX_DISTANCE if self.positions == "relative" else None
        layers = [
            TransformerEncoderLayer(
                build_self_attention(self.hidden_size, num_heads=self.num_heads, max_distance=distance),
                hidden_size=self.hidden_size,
                feed_forward_size=self.feed_forward_size or 4 * self.hidden_size,
                norm=self.norm,
                dropout=parts.dropout.layers,
            )
            for _ in range(self.num_layers)
        ]
        return TransformerEncoder(
            parts.embedding,
            layers,
            hidden_size=self.hidden_size,
            positions=self.positions,
            norm=self.norm,
            embedding_dropout=parts.dropout.embedding,
            output_dropout=parts.dropout.context,
        )


class BagEncoderConfig(EncoderConfig):
    """`BagEncoder` has no keys: a token is its embedding, wherever it stands."""

    needs_tokens: ClassVar[bool] = True

    def build(self, parts: EncoderParts) -> "nn.Module":
        """A bag of tokens."""
        from regard.encoders.bag import BagEncoder

        return BagEncoder(parts.embedding, parts.dropout.embedding)


class BlstmpEncoderConfig(EncoderConfig):
    """The keys of `BlstmpEncoder`, which shortens its source: for recordings, and for long texts in small pieces."""

    hidden_size: HiddenSize = Field(160, description="features of one direction")
    projection_size: HiddenSize = Field(160, description="features of a position behind each layer")
    strides: Strides = Field((2, 2, 1), description="of every so many positions each layer keeps one; one per layer")

    @property
    def stride(self) -> int:
        """Of all layers."""
        return prod(self.strides)

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over what embeds the source."""
        from regard.encoders.blstmp import BlstmpEncoder
        from regard.encoders.embedded import EmbeddedEncoder

        encoder = BlstmpEncoder(
            parts.embedding.embedding_dim,
            self.hidden_size,
            self.projection_size,
            strides=self.strides,
            layer_dropout=parts.dropout.layers,
            output_dropout=parts.dropout.context,
        )
        return EmbeddedEncoder(parts.embedding, encoder, parts.dropout.embedding)


class VggBlstmpEncoderConfig(EncoderConfig):
    """The keys of `VggBlstmpEncoder`: convolutions over time and frequency below a projected BLSTM."""

    channels: tuple[HiddenSize, ...] = Field((64, 128), description="of the convolutions of each block")
    pools: Strides = Field((2, 2), description="of each block, over time and frequency")
    hidden_size: HiddenSize = Field(160, description="features of one direction")
    projection_size: HiddenSize = Field(160, description="features of a position behind each layer")
    strides: Strides = Field((1, 1, 1), description="of every so many positions each layer keeps one; one per layer")

    @property
    def stride(self) -> int:
        """Of all pools and layers."""
        return prod(self.pools) * prod(self.strides)

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over what embeds the source."""
        from regard.encoders.embedded import EmbeddedEncoder
        from regard.encoders.vgg import Vgg, VggBlstmpEncoder

        encoder = VggBlstmpEncoder(
            Vgg(parts.embedding.embedding_dim, channels=self.channels, pools=self.pools),
            self.hidden_size,
            self.projection_size,
            strides=self.strides,
            layer_dropout=parts.dropout.layers,
            output_dropout=parts.dropout.context,
        )
        return EmbeddedEncoder(parts.embedding, encoder, parts.dropout.embedding)


class PyramidalEncoderConfig(EncoderConfig):
    """The keys of `PyramidalEncoder`, in which each layer reads neighbours of the one below as one."""

    hidden_size: HiddenSize = Field(128, description="features of one direction")
    joins: Strides = Field((1, 2, 2), description="how many neighbours each layer reads as one; one per layer")

    @property
    def stride(self) -> int:
        """Of all layers."""
        return prod(self.joins)

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over what embeds the source."""
        from regard.encoders.embedded import EmbeddedEncoder
        from regard.encoders.pyramidal import PyramidalEncoder

        encoder = PyramidalEncoder(
            parts.embedding.embedding_dim,
            self.hidden_size,
            joins=self.joins,
            layer_dropout=parts.dropout.layers,
            output_dropout=parts.dropout.context,
        )
        return EmbeddedEncoder(parts.embedding, encoder, parts.dropout.embedding)


class GridEncoderConfig(EncoderConfig):
    """The keys of `GridEncoder`, which reads pictures: convolutions, and a position for each cell of the last."""

    axes: ClassVar[int] = 2

    channels: tuple[HiddenSize, ...] = Field((32, 64, 128, 128, 256), description="of the convolution of each block")
    strides: Strides = Field((2, 2, 2, 1, 1), description="of each block; a cell has as many pixels as their product")
    groups: int = Field(8, ge=1, le=1_024, description="channels are normalised in so many groups")
    coordinates: bool = Field(False, description="two more features of a cell: where in the picture it is")

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over what embeds the source."""
        from regard.encoders.embedded import EmbeddedEncoder
        from regard.encoders.grid import GridEncoder

        encoder = GridEncoder(
            parts.embedding.embedding_dim,
            channels=self.channels,
            strides=self.strides,
            groups=self.groups,
            coordinates=self.coordinates,
            output_dropout=parts.dropout.context,
        )
        return EmbeddedEncoder(parts.embedding, encoder, parts.dropout.embedding)


class HierarchicalEncoderConfig(EncoderConfig):
    """The keys of `HierarchicalEncoder`, which reads words, then sentences: for long texts and for questions."""

    needs_sentences: ClassVar[bool] = True

    words: Literal["attention", "positions"] = Field(
        "attention", description="a sentence from its words: recurrent with attention pooling, or a weighed sum"
    )
    sentences: Literal["recurrent", "places"] = Field(
        "recurrent", description="what a sentence knows of the others: all of them, or how many come behind it"
    )
    cell: Literal["gru", "lstm"] = Field("gru", description="what a recurrent level is made of")
    hidden_size: HiddenSize = Field(128, description="features of one direction of a recurrent level")
    places: int = Field(
        50, ge=1, le=100_000, description="sentences that `places` tells apart, counted from the last; the first share"
    )
    place_noise: float = Field(
        0.0, ge=0, le=1, description="of `places`: in training up to this share of empty sentences is counted, too"
    )
    question: bool = Field(False, description="the last sentence is a question: what looks, and not looked at")

    @model_validator(mode="after")
    def _placed(self) -> "HierarchicalEncoderConfig":
        if self.place_noise and self.sentences != "places":
            raise ValueError(
                f"place_noise is {self.place_noise}, which belongs to sentences: places; expected 0 for "
                f"{self.sentences}"
            )
        return self

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over the words of a text."""
        from regard.encoders.hierarchical import HierarchicalEncoder, PositionEncoding, Vectors, WordAttention
        from regard.encoders.recurrent import RecurrentEncoder

        size = parts.embedding.embedding_dim
        attends = self.words == "attention"
        words = WordAttention(size, self.hidden_size, self.cell) if attends else PositionEncoding(size)
        above = None
        if self.sentences == "recurrent":
            above = RecurrentEncoder(Vectors(words.output_size), self.hidden_size, cell=self.cell)
        return HierarchicalEncoder(
            parts.embedding,
            words,
            above,
            places=self.places,
            place_noise=self.place_noise,
            question=self.question,
            embedding_dropout=parts.dropout.embedding,
            output_dropout=parts.dropout.context,
        )


class LinearEncoderConfig(EncoderConfig):
    """The keys of `LinearEncoder`, which reads grids of a pretrained network: each cell alone, in fewer features."""

    axes: ClassVar[int] = 2

    hidden_size: HiddenSize = Field(256, description="features of a position")
    layer_norm: bool = Field(True, description="normalise the features of a position")
    coordinates: bool = Field(False, description="two more features of a cell: where in the picture it is")

    def build(self, parts: EncoderParts) -> "nn.Module":
        """Over what embeds the source."""
        from regard.encoders.embedded import EmbeddedEncoder
        from regard.encoders.linear import LinearEncoder

        encoder = LinearEncoder(
            parts.embedding.embedding_dim,
            self.hidden_size,
            layer_norm=self.layer_norm,
            coordinates=self.coordinates,
            output_dropout=parts.dropout.context,
        )
        return EmbeddedEncoder(parts.embedding, encoder, parts.dropout.embedding)
