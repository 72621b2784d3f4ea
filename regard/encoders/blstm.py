"""One LSTM layer that reads both ways."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.encoders.recurrent import reverse


class Blstm(nn.Module):
    """One bidirectional LSTM layer over rows of different lengths.

        h→(i) = cell(x(i), h→(i-1)),  h←(i) = cell(x(i), h←(i+1)),  h(i) = [h→(i); h←(i)]

    Source: Graves & Schmidhuber 2005, doi:10.1016/j.neunet.2005.06.042. Each direction is a plain `nn.LSTM` over the
    padded batch, the backward one over rows that are turned round within their own lengths: the same numbers as packed
    sequences, which a CPU takes several times as long over.

    Args:
        input_size: features of a position.
        hidden_size: features of one direction; `output_size` is twice that.

    Masks: padding has no effect; what comes out there means nothing.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.output_size = 2 * hidden_size
        self.forwards = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.backwards = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(
        self, inputs: Float[Tensor, "batch positions input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch positions output"]:
        """The states of all positions."""
        backwards = reverse(self.backwards(reverse(inputs, lengths))[0], lengths)
        return torch.cat([self.forwards(inputs)[0], backwards], -1)
