"""Several parts in one memory: each is read by an encoder of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.data.batch import Sources
from regard.data.part_batch import PartBatch
from regard.encoders.memory import Memory
from regard.encoders.strides import real
from regard.marks import END, PAD

Read = Callable[[Any, Any], Memory]
"""`read(source, mask)`: what an encoder says of one part."""


class SeveralEncoder(nn.Module):
    """Reads each part of a source of several, and puts all into one memory.

        h(k, j)   what the encoder of part k says of position j,  f(k) its summary
        values    [P(k) h(k, j); f(m) …]   for each position j of each part k that is looked at, m the parts joined
        summary   [f(1); f(2); …]          of all parts

    The parts that are looked at stand one after another in the memory, so that one attention divides its look among
    all of them: the flat combination of Libovický & Helcl 2017, arXiv:1704.06567, section 3.2, with the projections
    P(k) shared by scores and contexts. A decoder that starts from tanh(W · summary) combines the encoders as Zoph &
    Knight 2016, arXiv:1601.00710, section 3.1, do. A part that is *joined* has no position: its summary stands beside
    every position of the others, so that each step knows it through its context, as features of a word form do.

    With `hierarchical` the memory says of each position to which part it belongs, for an attention with a `Hierarchy`,
    which looks at each part and then at what it found: the last features of a key are 1 for its part and 0 for the
    others.

    Args:
        encoders: of each part by its name, in the order of the source.
        joined: the names of the parts that are joined.
        hierarchical: mark the keys.

    Attributes:
        memories: how many of the parts that are looked at a decoder has to tell apart; 1 unless the keys are marked.

    The end mark stands behind each text of the source; its encoder reads it, but in the memory there is only one, that
    of the last text that is looked at, as the last position. P(k) is left out where one part is looked at. Spans of
    texts are those of the whole source; they leave out the marks between two parts, and joined parts. Of parts of
    several kinds (a `PartBatch`) they are those of each part as its encoder gives them, filled up with -1, with the
    number of the part behind them; that of the end mark begins at the last position of the source mask.

    Masks: padding has no effect. Raises ValueError for joined parts that are none, and unless one is looked at.
    """

    def __init__(self, encoders: Mapping[str, Any], joined: Sequence[str] = (), *, hierarchical: bool = False) -> None:
        super().__init__()
        attended = [name for name in encoders if name not in joined]
        if not attended or set(joined) - set(encoders):
            raise ValueError(
                f"SeveralEncoder: joined is {', '.join(joined)}; expected some of {', '.join(encoders)}, not all."
            )
        self.attended = tuple(name not in joined for name in encoders)
        self.encoders = nn.ModuleList(encoders.values())
        size = encoders[attended[0]].output_size
        beside = sum(encoders[name].state_size for name in encoders if name in joined)
        self.output_size = size + beside
        self.state_size = sum(encoder.state_size for encoder in encoders.values())
        self.memories = len(attended) if hierarchical else 1
        several = attended if len(attended) > 1 else []
        self.projections = nn.ModuleList(nn.Linear(encoders[name].output_size, size, bias=False) for name in several)

    @property
    def receptive_fields(self) -> tuple[tuple[int, int] | None, ...]:
        """Of each part what `Encoder` calls a receptive field; None where its encoder has none."""
        return tuple(getattr(encoder, "receptive_field", None) for encoder in self.encoders)

    def forward(self, source: Sources, mask: Bool[Tensor, "batch source"]) -> Memory:
        """Read the source. Raises ValueError for a source axis of length 0."""
        return self.read(source, mask, tuple(self.encoders))

    def read(self, source: Sources, mask: Bool[Tensor, "batch source"], encoders: Sequence[Read]) -> Memory:
        """The same with these encoders in the place of its own, such as faster ones over the same parameters."""
        if mask.size(1) == 0:
            raise ValueError(
                f"SeveralEncoder.forward: source has shape {tuple(mask.shape)}; expected at least one position. "
                "Give an empty source its end marks."
            )
        parts = divided(source) if isinstance(source, PartBatch) else split(source, mask, len(encoders))
        found = [(part, encoder(part.source, part.mask)) for part, encoder in zip(parts, encoders, strict=True)]
        looked = [pair for pair, attended in zip(found, self.attended, strict=True) if attended]
        joined = [memory.summary for (_, memory), attended in zip(found, self.attended, strict=True) if not attended]
        values = [memory.values for _, memory in looked]
        if self.projections:
            values = [project(each) for project, each in zip(self.projections, values, strict=True)]
        summary = torch.cat([memory.summary for _, memory in found], -1)
        memory, parts_of = _together(looked, values, joined, summary, mask.sum(1))
        if self.memories == 1:
            return memory
        marks = F.one_hot(parts_of, self.memories).to(memory.values.dtype) * memory.mask.unsqueeze(-1)
        return replace(memory, keys=torch.cat([memory.values, marks], -1))


@dataclass(frozen=True)
class Part:
    """One part of each source of a batch, as an encoder reads it.

    Args:
        source: what its kind gives: of a text the tokens with the end mark behind them.
        mask: which of its positions are real.
        start: where a text begins in the source of all texts; None where parts are of several kinds.
        number: which of these it is; None among texts alone.
        has_end: whether its last real position is an end mark.
    """

    source: Any
    mask: Any
    start: Int[Tensor, " batch"] | None = None
    number: int | None = None
    has_end: bool = True

    def is_mark(self, memory: Memory) -> Bool[Tensor, "batch positions"]:
        """Which positions of its memory cover the end mark alone, or nothing."""
        if not self.has_end:
            return torch.zeros_like(memory.mask)
        found: Tensor = memory.spans[..., 0] >= self.mask.sum(1, keepdim=True) - 1
        return found

    def places(self, memory: Memory, ends: int) -> Int[Tensor, "batch positions ends"]:
        """What the positions of its memory cover, in the spans of all parts, which have so many numbers."""
        if self.start is not None:
            last = self.mask.sum(1).view(-1, 1, 1) - 1
            return self.start.view(-1, 1, 1) + torch.minimum(memory.spans, last)
        filled = F.pad(memory.spans, (0, ends - 1 - memory.spans.size(-1)), value=-1)
        return F.pad(filled, (0, 1), value=self.number)


def divided(source: PartBatch) -> list[Part]:
    """The parts of sources of several kinds."""
    return [
        Part(values, mask, number=number, has_end=has_end)
        for number, (values, mask, has_end) in enumerate(zip(source.values, source.masks, source.has_end, strict=True))
    ]


def split(source: Int[Tensor, "batch source"], mask: Bool[Tensor, "batch source"], count: int) -> Iterator[Part]:
    """So many parts of each source, of which each ends with an end mark."""
    ends = (source == END) & mask
    number = ends.cumsum(1) - ends.long()
    for part in range(count):
        lengths, start = (mask & (number == part)).sum(1), (mask & (number < part)).sum(1)
        there = real(lengths, longest(lengths))
        places = start.unsqueeze(1) + torch.arange(there.size(1), device=source.device)
        tokens = source.gather(1, places.clamp(max=source.size(1) - 1))
        yield Part(tokens.masked_fill(~there, PAD), there, start)


def longest(lengths: Int[Tensor, " batch"]) -> int:
    """The width of a batch of these lengths, at least 1."""
    return max(1, int(lengths.max())) if len(lengths) else 1


def _together(
    looked: Sequence[tuple[Part, Memory]],
    values: Sequence[Float[Tensor, "batch _ value"]],
    beside: Sequence[Float[Tensor, "batch _"]],
    summary: Float[Tensor, "batch summary"],
    lengths: Int[Tensor, " batch"],
) -> tuple[Memory, Int[Tensor, "batch kept"]]:
    """One memory of several, and the number of the part of each position.

    Args:
        looked: the parts that are looked at, and what their encoders say of them.
        values: of each of them, projected.
        beside: what stands beside every position.
        summary: of all parts.
        lengths: of the sources.
    """
    keep, marks, spans = list[Tensor](), list[Tensor](), list[Tensor]()
    ends = 2 if looked[0][0].start is not None else 1 + max(memory.spans.size(-1) for _, memory in looked)
    last = max([number for number, (part, _) in enumerate(looked) if part.has_end], default=None)
    end = torch.stack([lengths - 1, lengths], -1).unsqueeze(1)  # where that of the source stands
    for number, (part, memory) in enumerate(looked):
        is_mark, places = part.is_mark(memory), part.places(memory, ends)
        first = torch.where(is_mark.unsqueeze(-1), end, places[..., :2])
        spans.append(torch.cat([first, places[..., 2:]], -1))
        marks.append(is_mark)
        keep.append(memory.mask if number == last else memory.mask & ~is_mark)
    mask, everything, covered = torch.cat(keep, 1), torch.cat(list(values), 1), torch.cat(spans, 1)
    parts = torch.cat([torch.full_like(each, number, dtype=torch.long) for number, each in enumerate(keep)], 1)
    if len(looked) > 1:
        counts = mask.sum(1)
        behind = torch.where(mask, torch.cat(marks, 1).long(), 2)  # the end mark behind all others, then padding
        order = behind.argsort(dim=1, stable=True)[:, : longest(counts)]
        everything, covered = (each.gather(1, _over(order, each)) for each in (everything, covered))
        parts, mask = parts.gather(1, order), real(counts, order.size(1))
    if beside:
        everything = torch.cat([everything, *(each.unsqueeze(1).expand(-1, mask.size(1), -1) for each in beside)], -1)
    everything = everything.masked_fill(~mask.unsqueeze(-1), 0.0)
    return Memory(everything, everything, mask, summary, covered), parts


def _over(order: Int[Tensor, "batch kept"], of: Tensor) -> Int[Tensor, "batch kept features"]:
    """The same order for every feature."""
    return order.unsqueeze(-1).expand(-1, -1, of.size(2))
