"""A bag of tokens: what each token is, and nothing about where it stands."""

from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.memory import Memory
from regard.marks import UNKNOWN


class BagEncoder(nn.Module):
    """The embedding of each token; the summary is their mean.

        h(i) = E x(i),  summary = Σ_i h(i) / n,  n the number of known tokens

    For features, such as the tags of a word form: their order says nothing. Marks and unknown tokens say nothing
    either: their h is zero, and n does not count them. A source without a known token has a summary of zeros.

    Args:
        embedding: token numbers → vectors, an `nn.Embedding`.
        dropout: of the vectors.

    Masks: padding has no effect.
    """

    def __init__(self, embedding: Any, dropout: float = 0.0) -> None:
        super().__init__()
        self.output_size = self.state_size = embedding.embedding_dim
        self.embedding = embedding
        self.dropout = dropout

    def forward(self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the tokens. Raises ValueError for a source axis of length 0."""
        if source.size(1) == 0:
            raise ValueError(
                f"BagEncoder.forward: source has shape {tuple(source.shape)}; expected at least one position. "
                "Give an empty source its end mark."
            )
        known = mask & (source > UNKNOWN)
        values = F.dropout(self.embedding(source), self.dropout, self.training)
        values = values.masked_fill(~known.unsqueeze(-1), 0.0)
        summary = values.sum(1) / known.sum(1, keepdim=True).clamp(min=1)
        starts = torch.arange(mask.size(1), device=mask.device).expand_as(mask)
        return Memory(values, values, mask, summary, torch.stack([starts, starts + 1], -1))
