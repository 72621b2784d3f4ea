"""From the encoder's summary to the decoder's first state."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Bridge(nn.Module):
    """First hidden states, one per layer.

        s(0) = tanh(W summary + b)

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.2.2 (there without bias, from the backward
    state alone; here from the whole summary).

    Args:
        summary_size: features of `Memory.summary`.
        hidden_size: features of the decoder's state.
        num_layers: depth of the decoder.
    """

    def __init__(self, summary_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.project = nn.Linear(summary_size, hidden_size * num_layers)
        self.num_layers = num_layers

    def forward(self, summary: Float[Tensor, "batch summary"]) -> Float[Tensor, "batch layers hidden"]:
        """One hidden state per layer."""
        return torch.tanh(self.project(summary)).view(len(summary), self.num_layers, -1)
