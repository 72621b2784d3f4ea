"""The sections of Regard's own output layers."""

from typing import TYPE_CHECKING

from regard.config.stage import OutputConfig, OutputParts

if TYPE_CHECKING:
    from torch import nn


class LinearOutputConfig(OutputConfig):
    """`LinearOutput` has no keys of its own."""

    def build(self, parts: OutputParts) -> "nn.Module":
        """One matrix over the features."""
        from regard.decoders.output import LinearOutput

        return LinearOutput(parts.feature_size, parts.size, dropout=parts.dropout.output, tied=parts.tied)


class LabelOutputConfig(OutputConfig):
    """`LabelOutput` has no keys of its own."""

    def build(self, parts: OutputParts) -> "nn.Module":
        """One matrix for the label, then the end."""
        from regard.decoders.label_output import LabelOutput

        if parts.tied is not None:
            raise ValueError("output layer label has a matrix of its own; expected model.tie: none")
        return LabelOutput(parts.feature_size, parts.size, dropout=parts.dropout.output)
