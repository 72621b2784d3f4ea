"""The sections of Regard's own decoders."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from regard.config.stage import DecoderConfig, DecoderParts, FeedForwardSize, HiddenSize, NumHeads, NumLayers
from regard.config.transformer import MAX_DISTANCE, check_sizes

if TYPE_CHECKING:
    from torch import nn

Cell = Annotated[Literal["gru", "lstm"], Field(description="what a recurrent layer is made of")]
Start = Annotated[
    Literal["bridge", "summary"],
    Field(description="the first state: a layer over the encoder's summary, or the summary itself"),
]


class BahdanauDecoderConfig(DecoderConfig):
    """The keys of `BahdanauDecoder`."""

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    start: Start = "bridge"
    readout: Literal["deep", "state"] = Field(
        "deep", description="what the output layer reads: the paper's deep output, or the new state itself"
    )

    @property
    def feature_size(self) -> int | None:
        """With `readout: state`, that of the state."""
        return self.hidden_size if self.readout == "state" else None

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder that looks with the state before."""
        from regard.decoders.bahdanau import BahdanauDecoder

        return BahdanauDecoder(
            parts.tokens,
            parts.attention(self.hidden_size),
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            start=self.start,
            readout=self.readout,
            layer_dropout=parts.dropout.layers,
        )


class LuongDecoderConfig(DecoderConfig):
    """The keys of `LuongDecoder`."""

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    start: Start = "bridge"
    input_feeding: bool = Field(False, description="give the attentional vector to the next step")

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder that looks with the new state."""
        from regard.decoders.luong import LuongDecoder

        return LuongDecoder(
            parts.tokens,
            parts.attention(self.hidden_size),
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            start=self.start,
            input_feeding=self.input_feeding,
            layer_dropout=parts.dropout.layers,
        )


class ConditionalDecoderConfig(DecoderConfig):
    """The keys of `ConditionalDecoder`."""

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = Field(1, description="1, of two cells")
    start: Start = "bridge"

    @model_validator(mode="after")
    def _one_layer(self) -> "ConditionalDecoderConfig":
        if self.num_layers != 1:
            raise ValueError(f"num_layers is {self.num_layers}; expected 1 for the conditional decoder")
        return self

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder with the attention between two cells."""
        from regard.decoders.conditional import ConditionalDecoder

        return ConditionalDecoder(
            parts.tokens,
            parts.attention(self.hidden_size),
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            cell=self.cell,
            start=self.start,
        )


class HardAttentionDecoderConfig(DecoderConfig):
    """The keys of `HardAttentionDecoder`."""

    sums_alignments: ClassVar[bool] = True

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    start: Start = "bridge"
    order: Literal[0, 1] = Field(0, description="1: a position depends on the one of the token before; 0: it does not")
    monotonic: bool = Field(False, description="the alignment never goes back")
    moves: int = Field(5, ge=1, le=1024, description="of order 1: moves of at most so many positions are told apart")

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder that sums over all hard alignments."""
        from regard.decoders.hard_attention import HardAttentionDecoder

        return HardAttentionDecoder(
            parts.tokens,
            parts.attention(self.hidden_size),
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            start=self.start,
            order=self.order,
            monotonic=self.monotonic,
            moves=self.moves,
            layer_dropout=parts.dropout.layers,
        )


class EditTransducerDecoderConfig(DecoderConfig):
    """The keys of `EditTransducerDecoder`."""

    edits: ClassVar[bool] = True

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    start: Start = "bridge"

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder of edits, with a pointer in the place of an attention."""
        from regard.decoders.edit_transducer import EditTransducerDecoder

        return EditTransducerDecoder(
            parts.tokens,
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            start=self.start,
            layer_dropout=parts.dropout.layers,
        )


class FixedDecoderConfig(DecoderConfig):
    """The keys of `FixedDecoder`."""

    cell: Cell = "gru"
    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    start: Start = "bridge"
    context: Literal["start", "every"] = Field("start", description="the source at the start or at every step")

    @property
    def attends(self) -> bool:
        """It does not."""
        return False

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder without attention."""
        from regard.decoders.fixed import FixedDecoder

        return FixedDecoder(
            parts.tokens,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            cell=self.cell,
            start=self.start,
            context=self.context,
            layer_dropout=parts.dropout.layers,
        )


class TransformerDecoderConfig(DecoderConfig):
    """The keys of `TransformerDecoder`."""

    hidden_size: HiddenSize = 256
    num_layers: NumLayers = 1
    num_heads: NumHeads = 4
    feed_forward_size: FeedForwardSize = None
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="normalise before a sub-layer or behind it")

    @model_validator(mode="after")
    def _sizes(self) -> "TransformerDecoderConfig":
        check_sizes(self.hidden_size, self.num_heads, self.positions)
        return self

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A transformer's decoder; each layer looks at the source with an attention of its own."""
        from regard.attention.build import build_self_attention
        from regard.decoders.transformer import TransformerDecoder, TransformerDecoderLayer

        distance = MAX_DISTANCE if self.positions == "relative" else None
        layers = [
            TransformerDecoderLayer(
                build_self_attention(self.hidden_size, num_heads=self.num_heads, causal=True, max_distance=distance),
                parts.attention(self.hidden_size, output_size=self.hidden_size),
                memory_size=parts.memory_size,
                hidden_size=self.hidden_size,
                feed_forward_size=self.feed_forward_size or 4 * self.hidden_size,
                norm=self.norm,
                dropout=parts.dropout.layers,
            )
            for _ in range(self.num_layers)
        ]
        return TransformerDecoder(
            parts.tokens, layers, hidden_size=self.hidden_size, positions=self.positions, norm=self.norm
        )


class PoolingDecoderConfig(DecoderConfig):
    """The keys of `PoolingDecoder`: classification."""

    pool: Literal["attention", "self_attentive", "max", "gated"] = Field(
        "attention",
        description="attention: one look, as model.attention says; self_attentive: several; max: the largest value of "
        "each feature; gated",
    )
    hops: int = Field(4, ge=1, le=1024, description="self_attentive: how many looks")
    hop_size: HiddenSize | None = Field(
        None, description="self_attentive: width of the layer inside; default that of a position of the memory"
    )

    @property
    def attends(self) -> bool:
        """With that of `model.attention`."""
        return self.pool == "attention"

    @property
    def looks(self) -> int | None:
        """How many looks stand side by side; None where `model.attention` says."""
        return None if self.attends else self.hops if self.pool == "self_attentive" else 1

    @model_validator(mode="after")
    def _hops(self) -> "PoolingDecoderConfig":
        given = sorted({"hops", "hop_size"} & self.model_fields_set)
        default = {key: type(self).model_fields[key].default for key in given}
        if self.pool != "self_attentive" and any(getattr(self, key) != value for key, value in default.items()):
            raise ValueError(f"{given[0]} belongs to pool self_attentive; expected no such key for {self.pool}")
        return self

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A pooling of the memory, and what names its label."""
        from regard.attention import POOLINGS
        from regard.decoders.pooling import PoolingDecoder

        options: dict[str, Any] = {}
        if self.pool == "attention":
            options = {"attention": parts.attention(parts.memory_size)}
        elif self.pool == "self_attentive":
            options = {"hops": self.hops, "hidden_size": self.hop_size}
        return PoolingDecoder(parts.tokens, POOLINGS[self.pool](parts.memory_size, **options))


class MemoryNetworkDecoderConfig(DecoderConfig):
    """The keys of `MemoryNetworkDecoder`."""

    hidden_size: HiddenSize = Field(256, description="features of a query")
    hops: int = Field(3, ge=1, le=32, description="how many times the memory is read before each token")
    tying: Literal["adjacent", "layer_wise"] = Field(
        "adjacent", description="what a hop mixes is what the next compares with; or all hops do the same"
    )
    linear_start: bool = Field(
        False,
        description="learn without the softmax of the hops until a validation is no gain, or half of training is over",
    )

    @property
    def feature_size(self) -> int:
        """The output layer reads the last query."""
        return self.hidden_size

    def build(self, parts: DecoderParts) -> "nn.Module":
        """A decoder that looks several times before it answers, each time with an attention of its own."""
        from regard.attention.linear_start import LinearStart
        from regard.decoders.memory_network import MemoryNetworkDecoder

        attentions = [parts.attention(self.hidden_size, key_size=self.hidden_size) for _ in range(self.hops)]
        for attention in attentions if self.linear_start else ():
            attention.select = LinearStart(attention.select)
        return MemoryNetworkDecoder(
            parts.tokens,
            attentions,
            memory_size=parts.memory_size,
            summary_size=parts.summary_size,
            hidden_size=self.hidden_size,
            tying=self.tying,
        )
