"""The sections of Regard's own output layers."""

from typing import TYPE_CHECKING, ClassVar

from regard.config.stage import OutputConfig, OutputParts

if TYPE_CHECKING:
    from torch import nn


class LinearOutputConfig(OutputConfig):
    """`LinearOutput` has no keys of its own."""

    def build(self, parts: OutputParts) -> "nn.Module":
        """One matrix over the features."""
        from regard.decoders.output import LinearOutput

        return LinearOutput(parts.feature_size, parts.size, dropout=parts.dropout.output, tied=parts.tied)


class CopyOutputConfig(OutputConfig):
    """`PointerGenerator` has no keys of its own."""

    copies: ClassVar[bool] = True

    def build(self, parts: OutputParts) -> "nn.Module":
        """One matrix over the features, a pointer to the source, and what decides between them."""
        from regard.decoders.output import LinearOutput
        from regard.decoders.pointer_generator import PointerGenerator

        generate = LinearOutput(parts.feature_size, parts.size, dropout=parts.dropout.output, tied=parts.tied)
        assert parts.memory_size is not None, "a layer that copies is built after the encoder"
        return PointerGenerator(generate, parts.memory_size)


class LabelOutputConfig(OutputConfig):
    """`LabelOutput` has no keys of its own."""

    def build(self, parts: OutputParts) -> "nn.Module":
        """One matrix for the label, then the end."""
        from regard.decoders.label_output import LabelOutput

        if parts.tied is not None:
            raise ValueError("output layer label has a matrix of its own; expected model.tie: none")
        return LabelOutput(parts.feature_size, parts.size, dropout=parts.dropout.output)
