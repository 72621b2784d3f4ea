"""What each position of the memory says by itself: a token, or nothing."""

from jaxtyping import Float
from torch import Tensor, nn

from regard.check import expect_features
from regard.encoders.memory import Memory
from regard.marks import END


class CtcHead(nn.Module):
    """A linear layer that labels every position, for connectionist temporal classification.

        log_probs_t = log softmax(W v_t + b)

    Source: Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist Temporal Classification", section 3. A labelling
    becomes an output when equal neighbours are made one and the blanks are left out.

    Labels: the blank is 0, `marks.BLANK`; token t has the label t - `END`. Padding and the begin mark have none, nor
    has the end mark: the end of the positions is the end of the output.

    Args:
        value_size: features of a position; the `output_size` of the encoder.
        vocab_size: entries of the target vocabulary; there are `END` labels fewer.
    """

    def __init__(self, value_size: int, vocab_size: int) -> None:
        super().__init__()
        expect_features("CtcHead", {"value_size": value_size, "vocab_size - 2": vocab_size - END})
        self.output = nn.Linear(value_size, vocab_size - END)

    def forward(self, memory: Memory) -> Float[Tensor, "batch source labels"]:
        """Log-probabilities of the labels; what stands at padding means nothing."""
        return self.output(memory.values).log_softmax(-1)
