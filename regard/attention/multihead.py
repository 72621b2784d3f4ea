"""Several heads, with any score: projections of query, keys and values."""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.history import History
from regard.attention.source import Source
from regard.check import expect_features, expect_shape


class Heads(nn.Module):
    """Projections into heads and back; `Attention` does in each head what it does with one.

        context = W_O [head_1; …; head_n],   head_i = attention(W_Q,i q, W_K,i k, W_V,i v)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; no biases. W_Q, W_K, W_V, W_O are `project_query`,
    `project_key`, `project_value`, `project_output`, the heads side by side. For the score, heads are rows of a
    batch. So parameters of the score (v of the additive one) are shared by the heads; only projections differ.

    Args:
        query_size: features of a query; must be a multiple of `num_heads`. A head's query and key have
            query_size / num_heads features.
        key_size: features of a key.
        value_size: features of a value; must be a multiple of `num_heads`.
        num_heads: number of heads.
        output_size: features of the context; `value_size` if not given.

    Cost: time O(batch·(target·(query·query + value·value) + source·(key·query + value·value))), memory
    O(batch·(target + source)·(query + value)). The parts inside see batch·heads rows of query/heads features.

    Two heads with projections that change nothing: each looks with its half of the query at its half of the keys.

        >>> import torch
        >>> from regard.attention.build import build_attention
        >>> attention = build_attention(2, 2, score="dot", num_heads=2)
        >>> for weight in attention.parameters():
        ...     _ = weight.data.copy_(torch.eye(2))
        >>> keys = torch.tensor([[[0.0, 3.0], [1.0, 1.0]]]).log1p()
        >>> source = attention.prepare(keys, torch.eye(2).unsqueeze(0), torch.ones(1, 2, dtype=torch.bool))
        >>> attended = attention(torch.ones(1, 1, 2), source, attention.begin(source))
        >>> attended.heads.squeeze(2).detach()  # 1 : 2 and 4 : 2
        tensor([[[0.3333, 0.6667],
                 [0.6667, 0.3333]]])
    """

    def __init__(
        self, query_size: int, key_size: int, value_size: int, num_heads: int, *, output_size: int | None = None
    ) -> None:
        super().__init__()
        output_size = value_size if output_size is None else output_size
        expect_features(
            "Heads",
            {"query_size": query_size, "key_size": key_size, "value_size": value_size, "output_size": output_size},
        )
        if num_heads < 1:
            raise ValueError(f"Heads: num_heads is {num_heads}; expected 1 or more. Give the number of looks.")
        for name, size in (("query_size", query_size), ("value_size", value_size)):
            if size % num_heads:
                raise ValueError(
                    f"Heads: num_heads is {num_heads} and {name} is {size}; expected a multiple of num_heads. "
                    "Choose a number that divides both sizes."
                )
        self.num_heads = num_heads
        self.project_query = nn.Linear(query_size, query_size, bias=False)
        self.project_key = nn.Linear(key_size, query_size, bias=False)
        self.project_value = nn.Linear(value_size, value_size, bias=False)
        self.project_output = nn.Linear(value_size, output_size, bias=False)

    def split_query(self, query: Float[Tensor, "batch target query"]) -> Float[Tensor, "batch heads target head"]:
        """The query of each head."""
        return self._split("query", query, self.project_query)

    def split_keys(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch heads source head"]:
        """The keys of each head."""
        return self._split("keys", keys, self.project_key)

    def split_values(self, values: Float[Tensor, "batch source value"]) -> Float[Tensor, "batch heads source head"]:
        """The values of each head."""
        return self._split("values", values, self.project_value)

    def merge(self, contexts: Float[Tensor, "batch heads target head"]) -> Float[Tensor, "batch target output"]:
        """One context of the contexts of all heads."""
        return self.project_output(contexts.transpose(1, 2).flatten(2))

    def fold_source(self, source: Source) -> Source:
        """The heads as rows of the batch."""
        mask = source.mask.repeat_interleave(self.num_heads, 0)
        return Source(source.prepared.flatten(0, 1), source.values.flatten(0, 1), mask)

    def fold_history(self, history: History) -> History:
        """The heads as rows of the batch, each with noise of its own."""
        step, seed, temperature = (
            each.repeat_interleave(self.num_heads, 0) for each in (history.step, history.seed, history.temperature)
        )
        # The seeds of a row's heads are consecutive; seeds of two rows are far apart.
        heads = (step.new_ones(self.num_heads).cumsum(0) - 1).repeat(history.step.size(0))
        return History(step, history.previous.flatten(0, 1), history.total.flatten(0, 1), seed + heads, temperature)

    def unfold_history(self, folded: History, before: History) -> History:
        """The heads as an axis again."""
        batch = before.step.size(0)
        previous, total = (each.view(batch, self.num_heads, -1) for each in (folded.previous, folded.total))
        return replace(before, step=folded.step[:: self.num_heads], previous=previous, total=total)

    def _split(self, name: str, features: Tensor, projection: nn.Linear) -> Tensor:
        axes = ("batch", "length", projection.in_features)
        expect_shape("Heads", name, features, axes, "Build the heads with the sizes of what they are given.")
        return projection(features).view(*features.shape[:2], self.num_heads, -1).transpose(1, 2).contiguous()
