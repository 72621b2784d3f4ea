"""Transformer encoder: what stands around each source token, found by attending to all of them."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.attention import Attention
from regard.attention.self_attention import SelfAttention
from regard.encoders.memory import Memory
from regard.encoders.sublayers import FeedForward, Residual, TransformerInput


class TransformerEncoderLayer(nn.Module):
    """Every position attends to all positions; then comes a feed-forward network.

        x ← residual(x, self-attention),  x ← residual(x, feed-forward)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.1.

    Args:
        attention: what the layer attends with; its queries, keys and contexts have `hidden_size` features.
        hidden_size: features of a position.
        feed_forward_size: features within the feed-forward network.
        norm: "pre" or "post", see `Residual`.
        dropout: of the output of each sub-layer.

    Masks: padding is not attended to; what comes out at padded positions means nothing.
    """

    def __init__(
        self,
        attention: Attention,
        *,
        hidden_size: int,
        feed_forward_size: int,
        norm: Literal["pre", "post"] = "pre",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.self_attention = SelfAttention(attention)
        self.feed_forward = FeedForward(hidden_size, feed_forward_size)
        self.around_attention = Residual(hidden_size, norm=norm, dropout=dropout)
        self.around_feed_forward = Residual(hidden_size, norm=norm, dropout=dropout)

    def forward(
        self, states: Float[Tensor, "batch source hidden"], mask: Bool[Tensor, "batch source"]
    ) -> Float[Tensor, "batch source hidden"]:
        """The states of the next layer."""
        looked = self.self_attention(self.around_attention.enter(states), mask)
        states = self.around_attention.leave(states, looked.context)
        moved = self.feed_forward(self.around_feed_forward.enter(states))
        return self.around_feed_forward.leave(states, moved)


class TransformerEncoder(nn.Module):
    """A stack of layers that attend to the whole source.

        x(0) = TransformerInput(source),  x(l) = layer_l(x(l-1)),  memory = x(L), with "pre" norm(x(L))

    Source: Vaswani et al. 2017, arXiv:1706.03762; the last norm Xiong et al. 2020, arXiv:2002.04745, table 1.

    Args:
        embedding: source → vectors, such as token numbers through `nn.Embedding`; may be shared with the decoder.
        layers: of `hidden_size`, all with the same `norm`.
        hidden_size: features of a position; the memory and its summary, the mean of the real positions, have as many.
        positions: "sinusoidal", or "relative" where the scores of the layers know distances.
        norm: that of the layers.
        embedding_dropout, output_dropout: of the input, and of the memory.

    Masks: padding changes nothing; the memory is zero there.
    """

    def __init__(
        self,
        embedding: Any,
        layers: Sequence[TransformerEncoderLayer],
        *,
        hidden_size: int,
        positions: Literal["sinusoidal", "relative"] = "sinusoidal",
        norm: Literal["pre", "post"] = "pre",
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_size = self.state_size = hidden_size
        self.embedding = embedding
        self.enter = TransformerInput(
            embedding.embedding_dim, hidden_size, positions=positions, dropout=embedding_dropout
        )
        self.layers = nn.ModuleList(layers)
        self.normalize = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()
        self.output_dropout = output_dropout

    def forward(self, source: Shaped[Tensor, "batch source ..."], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source. Raises ValueError for a source axis of length 0."""
        if source.size(1) == 0:
            raise ValueError(
                f"TransformerEncoder.forward: source has shape {tuple(source.shape)}; expected at least one position. "
                "Give an empty source its end mark."
            )
        states = self.enter(self.embedding(source))
        for layer in self.layers:
            states = layer(states, mask)
        states = self.normalize(states).masked_fill(~mask.unsqueeze(-1), 0.0)
        summary = states.sum(1) / mask.sum(1).clamp(min=1).unsqueeze(1)
        values = F.dropout(states, self.output_dropout, self.training)
        starts = torch.arange(mask.size(1), device=mask.device).expand_as(mask)
        return Memory(values, values, mask, summary, torch.stack([starts, starts + 1], -1))
