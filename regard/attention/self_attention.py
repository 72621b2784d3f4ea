"""Self-attention: the positions of a sequence attend to the same sequence."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention.attention import Attended, Attention
from regard.attention.cache import Cache
from regard.check import expect_module, expect_sequence


class SelfAttention(nn.Module):
    """Every position of a sequence attends to the positions of the same sequence.

        y_i = Σ_j weights_ij x_j   with the queries, keys and values all x

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3. The attention inside makes
    it causal, relative or multi-head: `CausalWindow`, `RelativeScore`, `Heads`.

    Args:
        attention: built for queries and keys of the size of x.

    Masks: padding gets no weight, and its own context is zero.

    Cost: time O(batch·length·length·value), memory O(batch·length·(length + value)). Beside those of the
    parts, where target and source are length.

    On paper: one causal head over [1, 0], [0, 1] with scores q · k: the first sees itself, the second e to 1.

        >>> import torch
        >>> from regard.attention.attention import Attention
        >>> from regard.attention.dot import DotScore
        >>> from regard.attention.select import Softmax
        >>> from regard.attention.window import CausalWindow
        >>> attention = SelfAttention(Attention(DotScore(2, 2), Softmax(), CausalWindow()))
        >>> attention(torch.eye(2).unsqueeze(0), torch.ones(1, 2, dtype=torch.bool)).context
        tensor([[[1.0000, 0.0000],
                 [0.2689, 0.7311]]])
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, values: Float[Tensor, "batch length value"], mask: Bool[Tensor, "batch length"]) -> Attended:
        """Attend from every position to every position."""
        expect_sequence("SelfAttention.forward", values, mask, "value")
        expect_module("SelfAttention.forward", "values", values, self)
        source = self.attention.prepare(values, values, mask)
        padding = ~mask.unsqueeze(-1)
        query = values.masked_fill(padding, 0.0)
        attended: Attended = self.attention(query, source, self.attention.begin(source))
        heads = attended.heads
        return replace(
            attended,
            context=attended.context.masked_fill(padding, 0.0),
            weights=attended.weights.masked_fill(padding, 0.0),
            log_prob=attended.log_prob.masked_fill(~mask, 0.0),
            entropy=attended.entropy.masked_fill(~mask, 0.0),
            heads=None if heads is None else heads.masked_fill(padding.unsqueeze(1), 0.0),
        )

    def extend(self, values: Float[Tensor, "batch length value"], cache: Cache) -> tuple[Attended, Cache]:
        """Attend from the next positions to all positions so far; the same result as `forward` for these positions.

        The attention must be causal, and not `sequential`: its past weights would have another width at every step.

        Args:
            values: the positions after those of the cache, all of them real.
            cache: the positions before; `Cache.start` for none.

        Raises ValueError for a sequential attention.
        """
        if self.attention.sequential:
            raise ValueError(
                "SelfAttention.extend: the attention is sequential; expected one that forgets, since a source that "
                "grows gives its steps different widths. Choose another score or selection."
            )
        real = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
        grown = cache.append(self.attention.prepare(values, values, real))
        source = grown.source
        history = self.attention.begin(source)
        return self.attention(values, source, replace(history, step=history.step + cache.length)), grown
