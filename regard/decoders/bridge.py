"""From the encoder's summary to the decoder's first state."""

from typing import Literal

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


class Handover(nn.Module):
    """The summary itself as the first hidden state of every layer.

        s(0) = summary

    Source: Sutskever, Vinyals & Le 2014, arXiv:1409.3215, section 2 (there layer by layer; here the summary is that
    of the encoder's last layer).

    Args:
        summary_size: features of `Memory.summary`.
        hidden_size: features of the decoder's state; the same.
        num_layers: depth of the decoder.

    Raises ValueError if the sizes differ.
    """

    def __init__(self, summary_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        if summary_size != hidden_size:
            raise ValueError(
                f"Handover: summary_size is {summary_size} and hidden_size is {hidden_size}; expected the same, since "
                "the summary is the first state. Make the decoder as wide as the encoder's output, or use a bridge."
            )
        self.num_layers = num_layers

    def forward(self, summary: Float[Tensor, "batch summary"]) -> Float[Tensor, "batch layers hidden"]:
        """The same hidden state for each layer."""
        return summary.unsqueeze(1).expand(-1, self.num_layers, -1).contiguous()


Start = Literal["bridge", "summary"]


def first_state(start: Start, summary_size: int, hidden_size: int, num_layers: int) -> Bridge | Handover:
    """What makes the first state: a layer over the summary, or the summary itself."""
    kind = Bridge if start == "bridge" else Handover
    return kind(summary_size, hidden_size, num_layers)
