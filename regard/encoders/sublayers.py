"""What a transformer's encoder and decoder share: the way in, the feed-forward network, and what stands around both."""

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.positions import SinusoidalPositions


class TransformerInput(nn.Module):
    """From embedded tokens to the stream of features that the layers add to.

        x_p = dropout(W √e E y_p + PE(p))

    Source: Vaswani et al. 2017, arXiv:1706.03762, sections 3.4, 3.5 and 5.4. W is there only where the embedding has
    another size than the stream (as in Lan et al. 2020, arXiv:1909.11942, section 3.1), and PE only with sinusoidal
    positions: relative ones belong to the scores (Shaw et al. 2018, arXiv:1803.02155, section 3.1).

    Args:
        embedding_size: e, features of an embedded token.
        hidden_size: features of the stream.
        positions: "sinusoidal" or "relative".
        dropout: of the sum.
    """

    def __init__(
        self,
        embedding_size: int,
        hidden_size: int,
        *,
        positions: Literal["sinusoidal", "relative"] = "sinusoidal",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        same = embedding_size == hidden_size
        self.scale = math.sqrt(embedding_size)
        self.project = nn.Identity() if same else nn.Linear(embedding_size, hidden_size, bias=False)
        self.positions = SinusoidalPositions(hidden_size) if positions == "sinusoidal" else None
        self.dropout = dropout

    def forward(
        self, embedded: Float[Tensor, "batch length embedding"], start: int = 0
    ) -> Float[Tensor, "batch length hidden"]:
        """The features of positions start, start + 1, …"""
        features = self.project(embedded * self.scale)
        if self.positions is not None:
            features = self.positions(features, start)
        return F.dropout(features, self.dropout, self.training)


class FeedForward(nn.Module):
    """The same small network at every position.

        y = W₂ relu(W₁ x + b₁) + b₂

    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2. W₁, W₂ are `expand` and `contract`.

    Args:
        size: features of x and y.
        hidden_size: features between; 4 · size in the paper.
    """

    def __init__(self, size: int, hidden_size: int) -> None:
        super().__init__()
        self.expand = nn.Linear(size, hidden_size)
        self.contract = nn.Linear(hidden_size, size)

    def forward(self, features: Float[Tensor, "*axes size"]) -> Float[Tensor, "*axes size"]:
        """Each position on its own."""
        return self.contract(F.relu(self.expand(features)))


class Residual(nn.Module):
    """What stands around a sub-layer f: its input is added to its output, and normalised before or behind.

        post   y = norm(x + dropout(f(x)))     Vaswani et al. 2017, arXiv:1706.03762, sections 3.1 and 5.4
        pre    y = x + dropout(f(norm(x)))     Xiong et al. 2020, arXiv:2002.04745, which trains without warm-up

    In two halves, since sub-layers answer with more than their output: y = leave(x, f(enter(x))).

    Args:
        size: features of x.
        norm: "pre" or "post".
        dropout: of the output of f.
    """

    def __init__(self, size: int, *, norm: Literal["pre", "post"] = "pre", dropout: float = 0.0) -> None:
        super().__init__()
        self.normalize = nn.LayerNorm(size)
        self.pre = norm == "pre"
        self.dropout = dropout

    def enter(self, stream: Float[Tensor, "*axes size"]) -> Float[Tensor, "*axes size"]:
        """What the sub-layer reads."""
        return self.normalize(stream) if self.pre else stream

    def leave(
        self, stream: Float[Tensor, "*axes size"], output: Float[Tensor, "*axes size"]
    ) -> Float[Tensor, "*axes size"]:
        """The stream with the sub-layer's output in it."""
        stream = stream + F.dropout(output, self.dropout, self.training)
        return stream if self.pre else self.normalize(stream)
