"""Recurrent encoder: what stands around each source token, read from both sides."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from regard.encoders.memory import Memory

CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}

RunLayer = Callable[[nn.Module, Tensor], Tensor]
"""`run(layer, inputs)`: the states of one layer in one direction, from zeros."""


def run_layer(layer: nn.Module, inputs: Float[Tensor, "batch source input"]) -> Float[Tensor, "batch source hidden"]:
    """As PyTorch runs it."""
    states: Tensor = layer(inputs)[0]
    return states


class RecurrentEncoder(nn.Module):
    """Stacked GRU or LSTM, forwards or both ways.

        h→(i) = cell(x(i), h→(i-1)),  h←(i) = cell(x(i), h←(i+1)),  h(i) = [h→(i); h←(i)]

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, section 3.2 and appendix A.2.1.

    Args:
        embedding: source → vectors, such as token numbers through `nn.Embedding`; may be shared with the decoder.
        hidden_size: features of one direction; `state_size` is twice that when bidirectional. The summary has
            `state_size` features, the memory `output_size`: as many, or more with `source_bridging`.
        num_layers: depth; each layer reads both directions of the layer below.
        cell: "gru" or "lstm".
        bidirectional: read backwards too.
        summary: "last" joins the last state of each direction; "mean" averages the real positions.
        layer_norm: normalise the states (Ba et al. 2016, arXiv:1607.06450).
        source_bridging: put x(i) itself beside h(i) in the memory, so that the decoder can tell what stands at i from
            what stands around it (Kuang et al. 2018, arXiv:1711.05380, section 3.1).
        embedding_dropout, layer_dropout, output_dropout: of the input, between layers, of the memory.

    Masks: the backward direction starts at the last real token of each row, so padding has no effect.
    """

    def __init__(
        self,
        embedding: Any,
        hidden_size: int,
        *,
        num_layers: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        bidirectional: bool = True,
        summary: Literal["last", "mean"] = "last",
        layer_norm: bool = False,
        source_bridging: bool = False,
        embedding_dropout: float = 0.0,
        layer_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.state_size = directions * hidden_size
        self.output_size = self.state_size + (embedding.embedding_dim if source_bridging else 0)
        sizes = [embedding.embedding_dim] + [self.state_size] * (num_layers - 1)
        self.embedding = embedding
        self.forwards = nn.ModuleList(CELLS[cell](size, hidden_size, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(
            CELLS[cell](size, hidden_size, batch_first=True) for size in sizes if bidirectional
        )
        self.normalize = nn.LayerNorm(self.state_size) if layer_norm else nn.Identity()
        self.summary = summary
        self.source_bridging = source_bridging
        self.dropouts = (embedding_dropout, layer_dropout, output_dropout)

    def forward(
        self, source: Shaped[Tensor, "batch source ..."], mask: Bool[Tensor, "batch source"], run: RunLayer = run_layer
    ) -> Memory:
        """Read the source; `run` says how a layer is run. Raises ValueError for a source axis of length 0."""
        if source.size(1) == 0:
            raise ValueError(
                f"RecurrentEncoder.forward: source has shape {tuple(source.shape)}; expected at least one position. "
                "Give an empty source its end mark."
            )
        lengths = mask.sum(1)
        states, embedded = self._states(source, lengths, run)
        states = self.normalize(states).masked_fill(~mask.unsqueeze(-1), 0.0)
        if self.summary == "last":
            summary = self.last(states, lengths)
        else:
            summary = states.sum(1) / lengths.clamp(min=1).unsqueeze(1)
        return self.store(states, embedded, summary, mask)

    def store(
        self, states: Tensor, embedded: Tensor | None, summary: Tensor, mask: Bool[Tensor, "batch source"]
    ) -> Memory:
        """The memory of these states, which are zero at padding; `embedded` stands beside them, if it is there."""
        if embedded is not None:
            states = torch.cat([states, embedded.masked_fill(~mask.unsqueeze(-1), 0.0)], -1)
        values = F.dropout(states, self.dropouts[2], self.training)
        starts = torch.arange(mask.size(1), device=mask.device).expand_as(mask)
        return Memory(values, values, mask, summary, torch.stack([starts, starts + 1], -1))

    def _states(self, source: Tensor, lengths: Tensor, run: RunLayer) -> tuple[Tensor, Tensor | None]:
        """The states of the last layer, and the embedded source where the memory has it beside them."""
        embedding_dropout, layer_dropout, _ = self.dropouts
        states = embedded = F.dropout(self.embedding(source), embedding_dropout, self.training)
        for depth, forwards in enumerate(self.forwards):
            if depth:
                states = F.dropout(states, layer_dropout, self.training)
            outputs = [run(forwards, states)]
            if self.backwards:
                outputs.append(reverse(run(self.backwards[depth], reverse(states, lengths)), lengths))
            states = torch.cat(outputs, -1)
        return states, embedded if self.source_bridging else None

    def last(
        self, states: Float[Tensor, "batch source value"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch value"]:
        """The last state of each direction: the end of the sentence forwards, its beginning backwards."""
        ends = (lengths - 1).clamp(min=0)
        last = states[torch.arange(ends.size(0), device=ends.device), ends]
        if not self.backwards:
            return last
        half = self.state_size // 2
        return torch.cat([last[:, :half], states[:, 0, half:]], -1)


def reverse(
    states: Float[Tensor, "batch source features"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch source features"]:
    """The real positions of each row in reverse order; padding stays behind them. Its own inverse on real positions."""
    positions = torch.arange(states.size(1), device=states.device)
    mirrored = (lengths.unsqueeze(1) - 1 - positions).clamp(min=0)
    order = torch.where(positions < lengths.unsqueeze(1), mirrored, positions)
    return states.gather(1, order.unsqueeze(-1).expand_as(states))
