"""One entry of each table, from a package beside Regard: `test_extension.py` installs this file with the entry points
that CONTRIBUTING.md shows."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.history import History
from regard.attention.select import Selected, deterministic, masked_softmax
from regard.attention.source import Source
from regard.config import (
    DecoderConfig,
    DecoderParts,
    EncoderConfig,
    EncoderParts,
    OutputConfig,
    OutputParts,
    SourceConfig,
)
from regard.data.sources import Drawing, Span, UnusableSource, joined, padded
from regard.decoders.output import Readout, loss_of_logits
from regard.decoders.state import Rows, advanced, attend, unrolled
from regard.decoders.step import Advance, Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies
from regard.kernels.logits import best_of
from regard.metrics.score import Score, prepared


class DistanceScore(nn.Module):
    """score(q, k) = −scale · |q − W k|²"""

    sequential = False

    def __init__(self, query_size: int, key_size: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.project_key = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Tensor) -> Tensor:
        """W k, once per source."""
        return self.project_key(keys)

    def forward(self, query: Tensor, prepared: Tensor, history: History) -> Tensor:
        """Score every target position against every source position."""
        return -self.scale * (query.unsqueeze(2) - prepared.unsqueeze(1)).square().sum(-1)


class Sharp(nn.Module):
    """weights = softmax(2 · score)"""

    sequential = False

    def forward(self, scores: Tensor, visible: Tensor, history: History) -> Selected:
        """The weights of each target position."""
        return deterministic(masked_softmax(2 * scores, visible))


class HalvedWindow(nn.Module):
    """Every real position; the first has half the gain."""

    sequential = False

    def forward(self, query: Tensor, source: Source, history: History) -> tuple[Tensor, Tensor]:
        """The mask, and the gain."""
        gain = torch.ones_like(source.mask, dtype=query.dtype).index_fill(1, torch.tensor([0]), 0.5)
        return source.mask.unsqueeze(1), gain.unsqueeze(1)


class Frames(nn.Module):
    """Frames are features already."""

    embedding_dim = 2

    def forward(self, source: Tensor) -> Tensor:
        """The same."""
        return source


def existing(name: str) -> Path:
    """The file of that name."""
    if not Path(name).is_file():
        raise UnusableSource(f"names no file that is there ({Path(name).name})")
    return Path(name)


class TuneSource:
    """A file of letters as a recording of a tune: two frames of half a second each, of two features."""

    kind, has_end, shape, tokenizer = "tune", False, (2,), None
    dtype = np.dtype(np.float32)

    def __init__(self, loudness: float) -> None:
        self.loudness = loudness

    @property
    def digest(self) -> str:
        """Of what was learned."""
        return f"tune {self.loudness}"

    def encode(self, source: str) -> np.ndarray:
        """Two frames for each letter."""
        heard = np.repeat(np.frombuffer(existing(source).read_bytes(), np.uint8) - ord("a"), 2)
        return np.stack([heard, heard * heard], 1).astype(np.float32) / self.loudness

    def collate(self, values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Without marks."""
        return padded(values, lengths)

    def embed(self, size: int) -> nn.Module:
        """Nothing to do."""
        return Frames()

    def spans(self, source: str, values: Sequence[int] | np.ndarray, memory: np.ndarray) -> Sequence[Span]:
        """In seconds."""
        return joined([(0.5 * place, 0.5 * place + 0.5) for place in range(len(values))], memory)

    def draw(self, source: str, spans: Sequence[Span]) -> Drawing:
        """Named by the second in which they begin."""
        return Drawing(Path(source).stem, tuple([f"{start:.1f}s" for start, _ in spans]))

    def save(self, path: Path) -> None:
        """One number."""
        path.write_text(json.dumps(self.loudness))


class TuneConfig(SourceConfig):
    """The keys of `TuneSource`."""

    longest: float = Field(20.0, gt=0, description="seconds")

    def locate(self, said: str, path: str) -> str:
        """The file, beside the file of pairs."""
        return str(existing(str(Path(path).parent / said)))

    def limit(self, max_length: int) -> int:
        """In frames."""
        return int(2 * self.longest)

    def learn(self, sources: Callable[[], Iterable[str]]) -> TuneSource:
        """The largest letter."""
        return TuneSource(float(max(max(Path(name).read_bytes()) - ord("a") for name in sources())))

    def load(self, path: Path) -> TuneSource:
        """The number."""
        return TuneSource(json.loads(path.read_text()))


class StridedEncoder(nn.Module):
    """memory = GRU([x(2i); x(2i+1)]); the summary is its mean."""

    def __init__(self, embedding: nn.Module, hidden_size: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.rnn = nn.GRU(2 * int(embedding.embedding_dim), hidden_size, batch_first=True)
        self.output_size = self.state_size = hidden_size

    def forward(self, source: Tensor, mask: Tensor) -> Memory:
        """Read the source two positions at a time."""
        embedded = self.embedding(source).masked_fill(~mask.unsqueeze(-1), 0.0)
        pairs = nn.functional.pad(embedded, (0, 0, 0, embedded.size(1) % 2)).unflatten(1, (-1, 2)).flatten(2)
        lengths = mask.sum(1, keepdim=True)
        starts = 2 * torch.arange(pairs.size(1), device=mask.device).expand(len(mask), -1)
        real = starts < lengths
        values = self.rnn(pairs)[0].masked_fill(~real.unsqueeze(-1), 0.0)
        summary = values.sum(1) / real.sum(1, keepdim=True).clamp(min=1)
        return Memory(values, values, real, summary, torch.stack([starts, torch.minimum(starts + 2, lengths)], -1))


class StridedConfig(EncoderConfig):
    """The keys of `StridedEncoder`."""

    hidden_size: int = Field(16, ge=1)

    def build(self, parts: EncoderParts) -> nn.Module:
        """From what embeds the source, and a size."""
        return StridedEncoder(parts.embedding, self.hidden_size)


class ConvolutionalEncoder(nn.Module):
    """memory = tanh(convolution(E x)); the summary is its mean."""

    def __init__(self, embedding: nn.Embedding, hidden_size: int, width: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.convolution = nn.Conv1d(embedding.embedding_dim, hidden_size, width, padding=width // 2)
        self.output_size = self.state_size = hidden_size

    def forward(self, source: Tensor, mask: Tensor) -> Memory:
        """Read the source."""
        real = mask.unsqueeze(-1)
        embedded = self.embedding(source).masked_fill(~real, 0.0)
        values = torch.tanh(self.convolution(embedded.mT).mT).masked_fill(~real, 0.0)
        summary = values.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        starts = torch.arange(source.size(1), device=source.device).expand_as(source)
        return Memory(values, values, mask, summary, torch.stack([starts, starts + 1], -1))


class ConvolutionalConfig(EncoderConfig):
    """The keys of `ConvolutionalEncoder`."""

    hidden_size: int = Field(16, ge=1)
    width: Literal[1, 3, 5] = 3

    def build(self, parts: EncoderParts) -> nn.Module:
        """From the embedding and two sizes."""
        return ConvolutionalEncoder(parts.embedding, self.hidden_size, self.width)


@dataclass(frozen=True)
class CellState:
    """One row per hypothesis."""

    hidden: Tensor
    memory: Tensor
    history: History
    rows: Rows

    def select(self, rows: Tensor) -> "CellState":
        """The state of the given rows, in the given order."""
        return CellState(self.hidden[rows], self.memory[rows], self.history.select(rows), self.rows.select(rows))


class CellDecoder(nn.Module):
    """s(t) = cell(E y(t-1), s(t-1)), features = tanh(W [s(t); c(t)])"""

    def __init__(self, tokens: TargetTokens, attention: Attention, sizes: tuple[int, int, int], cell: str) -> None:
        super().__init__()
        memory_size, summary_size, hidden_size = sizes
        self.tokens = tokens
        self.attention = attention
        self.first = nn.Linear(summary_size, hidden_size)
        self.cell = (nn.LSTMCell if cell == "lstm" else nn.GRUCell)(tokens.embedding_size, hidden_size)
        self.combine = nn.Linear(hidden_size + memory_size, tokens.feature_size)

    @property
    def carries(self) -> bool:
        """What was looked at reaches later steps only through the attention's own memory."""
        return self.attention.sequential

    def begin(self, memory: Memory, temperature: float = 1.0) -> tuple[Source, CellState]:
        """Project the keys and make the first state."""
        source = self.attention.prepare(memory.keys, memory.values, memory.mask)
        hidden = torch.tanh(self.first(memory.summary))
        history = self.attention.begin(source, temperature=temperature)
        return source, CellState(hidden, torch.zeros_like(hidden), history, Rows.start(memory.mask))

    def advance(self, tokens: Tensor, state: CellState, source: Source) -> Advance:
        """Features of the next token."""
        hidden, memory = self._move(self.tokens.embed(tokens), state.hidden, state.memory)
        looked = attend(self.attention, hidden, source, state.history, state.rows)
        features = self._features(hidden, looked.context.squeeze(1))
        return advanced(features, CellState(hidden, memory, looked.history, state.rows), [looked])

    def forward(self, inputs: Tensor, source: Source, state: CellState) -> Unrolled:
        """All steps of a known target."""
        hidden, memory, states = state.hidden, state.memory, []
        for embedded in self.tokens.embed(inputs).unbind(1):
            hidden, memory = self._move(embedded, hidden, memory)
            states.append(hidden)
        queries = torch.stack(states, 1)
        looked = self.attention(queries, source, state.history)
        return unrolled(self._features(queries, looked.context), [looked])

    def _move(self, embedded: Tensor, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.cell, nn.LSTMCell):
            return self.cell(embedded, (hidden, memory))
        return self.cell(embedded, hidden), memory

    def _features(self, hidden: Tensor, context: Tensor) -> Tensor:
        return torch.tanh(self.combine(torch.cat([hidden, context], -1)))


class CellConfig(DecoderConfig):
    """The keys of `CellDecoder`."""

    cell: Literal["gru", "lstm"] = "gru"
    hidden_size: int = Field(16, ge=1)

    def build(self, parts: DecoderParts) -> nn.Module:
        """From the tokens, an attention and three sizes."""
        if self.hidden_size == 13:
            raise ValueError("CellDecoder: hidden_size is 13; expected a luckier number")
        sizes = (parts.memory_size, parts.summary_size, self.hidden_size)
        return CellDecoder(parts.tokens, parts.attention(self.hidden_size), sizes, self.cell)


class MixtureOutput(nn.Module):
    """p(y) = Σ(k) π(k) softmax(O(k) f)(y),  π = softmax(P f)"""

    def __init__(self, feature_size: int, size: int, components: int) -> None:
        super().__init__()
        self.feature_size, self.size = feature_size, size
        self.prior = nn.Linear(feature_size, components)
        self.parts = nn.ModuleList(nn.Linear(feature_size, size) for _ in range(components))

    def begin(self, memory: Memory) -> None:
        """It reads features alone."""

    def logits(self, read: Readout) -> Tensor:
        """Log-probabilities."""
        each = torch.stack([part(read.features).log_softmax(-1) for part in self.parts], -1)
        return (each + self.prior(read.features).log_softmax(-1).unsqueeze(-2)).logsumexp(-1)

    def topk(self, read: Readout, width: int, barred: int | None = None) -> tuple[Tensor, Tensor]:
        """From all logits."""
        return best_of(self.logits(read), width, barred)

    def loss(
        self, read: Readout, targets: Tensor, mask: Tensor, smoothing: float = 0.0, agreement: float = 0.0
    ) -> CrossEntropies:
        """From all logits."""
        return loss_of_logits(self.logits(read), targets, mask, smoothing, agreement)


class MixtureConfig(OutputConfig):
    """The keys of `MixtureOutput`."""

    components: int = Field(2, ge=1)

    def build(self, parts: OutputParts) -> nn.Module:
        """From three sizes."""
        if parts.tied is not None:
            raise ValueError("MixtureOutput: tied is an embedding; expected none, since each part has its own weight")
        return MixtureOutput(parts.feature_size, parts.size, self.components)


def first_letters(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """Per cent of the outputs that begin as one of their references does."""
    hypotheses, references = prepared(hypotheses, references)
    right = sum(said[:1] in {text[:1] for text in texts} for said, texts in zip(hypotheses, references, strict=True))
    return Score("first letters", 100.0 * right / len(hypotheses), "any reference", higher_is_better=True)
