"""Hierarchical encoder: words → sentence vectors → document. One position of the memory for each sentence."""

from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention.pooling import AttentionPooling, Pooled
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder
from regard.marks import END, PAD


class PositionEncoding(nn.Module):
    """The sum of the word vectors of a sentence, weighed by where each word stands.

        s = Σ_j l_j ∘ x_j,   l_kj = (1 - j/J) - (k/d) (1 - 2j/J)   for word j of J and feature k of d, both from 1

    Source: Sukhbaatar et al. 2015, "End-To-End Memory Networks", arXiv:1503.08895, section 4.1. Each feature is a sum
    that grows or falls from word to word in its own way, so that order counts.

    Args:
        size: d.
    """

    slope: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output_size = size
        self.register_buffer("slope", torch.arange(1, size + 1) / size, persistent=False)

    def forward(
        self, words: Float[Tensor, "sentences words features"], mask: Bool[Tensor, "sentences words"]
    ) -> Float[Tensor, "sentences features"]:
        """One vector for each sentence; zeros for one without words."""
        lengths = mask.sum(1, keepdim=True).clamp(min=1)
        share = torch.arange(1, mask.size(1) + 1, device=mask.device) / lengths  # j/J
        falling = ((1 - share) * mask).to(words.dtype)
        turning = ((1 - 2 * share) * mask).to(words.dtype)
        words = words.masked_fill(~mask.unsqueeze(-1), 0.0)
        sums: Tensor = torch.einsum("nw,nwd->nd", falling, words)
        return sums - self.slope.to(words.dtype) * torch.einsum("nw,nwd->nd", turning, words)


class WordAttention(nn.Module):
    """The words of a sentence read both ways, and pooled by attention with a learned query.

        h_j = [GRU→(x)_j; GRU←(x)_j],   s = Σ_j α_j h_j,   α as in `AttentionPooling`

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", section 2.2, eq. 1 to 7.

    Args:
        size: features of a word.
        hidden_size: of one direction; a sentence has twice as many features.
        cell: "gru" or "lstm".
    """

    def __init__(self, size: int, hidden_size: int, cell: Literal["gru", "lstm"]) -> None:
        super().__init__()
        self.read = RecurrentEncoder(Vectors(size), hidden_size, cell=cell)
        self.output_size = self.read.output_size
        self.pool = AttentionPooling(self.output_size)

    def forward(
        self, words: Float[Tensor, "sentences words features"], mask: Bool[Tensor, "sentences words"]
    ) -> Pooled:
        """One vector for each sentence, with the weights of its words; zeros for one without words."""
        pooled: Pooled = self.pool(self.read(words, mask).values, mask)
        return pooled


class Vectors(nn.Identity):
    """What is embedded already, for an encoder that begins with an embedding."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding_dim = size


class HierarchicalEncoder(nn.Module):
    """Reads the words of each sentence, then the sentences. A sentence is what stands before an end mark.

        s_i = words(x_i1 … x_iJ),   h_i = sentences(s)_i

    Source: Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", section 2.2, where both
    levels are recurrent; Sukhbaatar et al. 2015, arXiv:1503.08895, section 4.1, where s_i is a `PositionEncoding` and
    h_i = s_i + T(i), with T a vector for each place, counted from the last sentence ("temporal encoding").

    Args:
        embedding: token numbers → vectors.
        words: a `WordAttention` or a `PositionEncoding`.
        sentences: reads the vectors of the sentences in their order, a `RecurrentEncoder` over `Vectors`; None adds T.
        places: how many sentences T tells apart; all that stand before them share the vector of the first.
        place_noise: in training T counts empty sentences, too, which are nowhere: up to this share of those that are
            there, at places drawn by chance ("random noise", Sukhbaatar et al. 2015, section 4.1, where it is 0.1). So
            T learns places that few stories have.
        question: the last sentence is a question. It is then the summary, and no position that can be attended to; its
            words are read, but not by `sentences`.
        embedding_dropout, output_dropout: of the word vectors, of the memory.

    The memory has one position for each sentence; its span covers the words of the sentence and its end mark. Without
    a question the summary is that of `sentences`, or the mean of the h_i. With a `WordAttention` the memory has the
    weights α of the words, too, as its `inside`: α_ij says how much of s_i is word j. A `PositionEncoding` weighs each
    feature in another way, also by less than nothing, and has no such share.
    """

    def __init__(
        self,
        embedding: Any,
        words: WordAttention | PositionEncoding,
        sentences: RecurrentEncoder | None,
        *,
        places: int = 50,
        place_noise: float = 0.0,
        question: bool = False,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.words, self.sentences = words, sentences
        self.places = nn.Embedding(places, words.output_size) if sentences is None else None
        self.place_noise = place_noise
        self.question = question
        self.output_size = words.output_size if sentences is None else sentences.output_size
        self.state_size = words.output_size if question else self.output_size
        self.dropouts = (embedding_dropout, output_dropout)

    def forward(self, source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source, which ends with an end mark. Raises ValueError for a source axis of length 0."""
        if source.size(1) == 0:
            raise ValueError(
                f"HierarchicalEncoder.forward: source has shape {tuple(source.shape)}; expected at least one position. "
                "Give an empty source its end mark."
            )
        real, spans, vectors, inside = self._sentences(source, mask)
        seen = real
        if self.question:
            counts = real.sum(1, keepdim=True)
            seen = real & (torch.arange(real.size(1), device=real.device) < counts - 1)
        story = vectors.masked_fill(~seen.unsqueeze(-1), 0.0)
        if self.sentences is not None:
            read = self.sentences(story, seen)
            values, summary = read.values, read.summary
        else:
            values = self._placed(story, seen)
            summary = values.sum(1) / seen.sum(1, keepdim=True).clamp(min=1)
        if self.question:
            summary = vectors.masked_fill(~(real & ~seen).unsqueeze(-1), 0.0).sum(1)
        values = F.dropout(values, self.dropouts[1], self.training)
        return Memory(values, values, seen, summary, spans, real=real, inside=inside)

    def _sentences(self, source: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Which sentences are real (batch, sentences), their spans, their vectors (batch, sentences, features), and the
        share of each word in the vector of its sentence (batch, source), where that is known."""
        ends = (source == END) & mask
        numbers = (ends.cumsum(1) - ends.long()).masked_fill(~mask, 0)
        place = torch.arange(source.size(1), device=source.device).expand_as(source)
        before = F.pad(ends, (1, -1))
        starts = torch.where(before | (place == 0), place, 0).cummax(1).values
        within, word = place - starts, mask & ~ends
        real = torch.arange(int(numbers.max()) + 1, device=source.device) <= numbers.amax(1, keepdim=True)
        lengths = torch.zeros_like(real, dtype=torch.long).scatter_add(1, numbers, mask.long())
        spans = torch.stack([lengths.cumsum(1) - lengths, lengths.cumsum(1)], -1).masked_fill(~real.unsqueeze(-1), 0)
        shape = (*real.shape, int(within.masked_fill(~word, 0).max()) + 1)
        rows = torch.arange(len(source), device=source.device).unsqueeze(1).expand_as(source)
        at = (rows[word], numbers[word], within[word])
        tokens = source.new_full(shape, PAD).index_put(at, source[word])[real]
        said = mask.new_zeros(shape).index_put(at, word[word])[real]
        embedded = F.dropout(self.embedding(tokens), self.dropouts[0], self.training)
        read = self.words(embedded, said)
        pooled = read.vector if isinstance(read, Pooled) else read
        vectors = pooled.new_zeros(*real.shape, pooled.size(-1)).index_put(real.nonzero(as_tuple=True), pooled)
        if not isinstance(read, Pooled):
            return real, spans, vectors, None
        # Both list the words in the same order: sentence by sentence, as they stand in the source.
        inside = read.weights.new_zeros(source.shape).index_put(word.nonzero(as_tuple=True), read.weights[said])
        return real, spans, vectors, inside

    def _placed(self, story: Tensor, seen: Tensor) -> Tensor:
        """The sentences with the vectors of their places, counted from the last; zeros elsewhere."""
        assert self.places is not None
        places = torch.arange(seen.size(1), device=seen.device)
        back = seen.sum(1, keepdim=True) - 1 - places
        if self.training and self.place_noise:
            back = back + empty_behind(seen, self.place_noise)
        back = back.clamp(0, self.places.num_embeddings - 1)
        return (story + self.places(back)).masked_fill(~seen.unsqueeze(-1), 0.0)


def empty_behind(seen: Bool[Tensor, "batch sentences"], share: float) -> Int[Tensor, "batch sentences"]:
    """How many empty sentences come behind each one, where some are put between them by chance.

    Of a story with n sentences they are 0 to ⌈share · n⌉, each number as probable as another, and each as probable
    behind one sentence as behind another, or before all of them.
    """
    counts = seen.sum(1)
    most = (share * counts).ceil()
    width = int(most.max()) if len(most) else 0
    number = (torch.rand(len(seen), device=seen.device) * (most + 1)).floor().clamp(max=most)
    gaps = (torch.rand(len(seen), width, device=seen.device) * (counts + 1).unsqueeze(1)).floor()
    drawn = torch.arange(width, device=seen.device) < number.unsqueeze(1)
    places = torch.arange(seen.size(1), device=seen.device)
    # An empty sentence in gap g stands before sentence g, so behind all that come earlier.
    return ((gaps.unsqueeze(1) > places.unsqueeze(1)) & drawn.unsqueeze(1)).sum(2)
