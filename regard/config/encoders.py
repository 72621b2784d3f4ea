"""The sections of Regard's own encoders."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from regard.config.stage import EncoderConfig, EncoderParts, FeedForwardSize, HiddenSize, NumHeads, NumLayers
from regard.config.transformer import MAX_DISTANCE, check_sizes

if TYPE_CHECKING:
    from torch import nn


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
