"""What validation measures of the weights while it computes the loss, for `alignment.verdict`."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from regard.alignment.verdict import LEAST_UNITS, MeasureCount, prefers
from regard.data.batch import END, Batch
from regard.data.part_batch import PartBatch
from regard.decoders.step import Unrolled
from regard.encoders.memory import Memory
from regard.training.validation_loss import Watch

MOST_MOVED = 500
"""Of so many target tokens the weights are computed twice."""


def counting(count: MeasureCount) -> Watch:
    """A `watch` that adds the weights of each pair to the count, without the end of the output."""

    def watch(unrolled: Unrolled, batch: Batch) -> None:
        weights = unrolled.weights.numpy(force=True)
        assert unrolled.memory is not None
        rows, ends = _said(batch), _end_mark_last(unrolled.memory).tolist()
        positions = unrolled.memory.mask.sum(1).tolist()
        for row, (units, width, end) in enumerate(zip(rows, positions, ends, strict=True)):
            count.add(weights[row, :units, :width], end)

    return watch


def moving(count: MeasureCount, model: Any, most: int = MOST_MOVED) -> Watch:
    """A `watch` that runs the model once more on some pairs of texts, with the words of the source moved by one
    position, the first behind the last; and adds to the count where the largest weights were and are.

    Of words alone: end marks are not moved, and what is looked at there is left aside. Sources whose memory has other
    positions than their tokens are left out.

    Args:
        most: about so many target tokens, not more of a batch than its first rows.
    """
    left = most

    def watch(unrolled: Unrolled, batch: Batch) -> None:
        nonlocal left
        memory = unrolled.memory
        assert memory is not None
        if left <= 0 or isinstance(batch.source, PartBatch) or not _by_token(memory, batch.source):
            return
        rows = 1 + left // batch.targets.size(1)
        few = batch.map(lambda tensor: tensor[:rows])
        words_moved = moved(batch.source[: len(few.targets)], few.source_mask)
        after = model(replace(few, source=words_moved)).weights.numpy(force=True)
        before = unrolled.weights.numpy(force=True)
        words = (memory.mask.sum(1) - _end_mark_last(memory).long()).tolist()
        for row, (units, width) in enumerate(zip(_said(few), words, strict=False)):
            if min(units, width) < LEAST_UNITS:
                continue
            one, other = before[row, :units, :width], after[row, :units, :width]
            chosen = prefers(one) & prefers(other)
            count.add_moved(one[chosen].argmax(1), other[chosen].argmax(1))
            left -= units

    return watch


def moved(source: Tensor, mask: Tensor) -> Tensor:
    """The sources with each token one position before, and the first behind the last; end marks and padding stay.

    Args:
        source: (batch, source) or with more axes behind.
        mask: which positions are real, the last of them an end mark.
    """
    words = mask.sum(1, keepdim=True) - 1
    place = torch.arange(source.size(1), device=source.device).expand(source.shape[:2])
    place = torch.where(place < words, (place + 1) % words.clamp(min=1), place)
    return source.gather(1, place.reshape(*place.shape, *[1] * (source.dim() - 2)).expand(source.shape))


def _said(batch: Batch) -> list[int]:
    """Target tokens of each row, without the end mark."""
    found: list[int] = (batch.target_mask & (batch.targets != END)).sum(1).tolist()
    return found


def _end_mark_last(memory: Memory) -> Tensor:
    """Of each row of the memory whether the last position that may be looked at is an end mark alone. (batch,)"""
    source = memory.source
    if isinstance(source, PartBatch):
        last = (memory.mask.sum(1) - 1).clamp(min=0)
        ends = memory.spans[torch.arange(len(last), device=last.device), last, 0] == source.lengths.sum(1) - 1
        return ends & memory.mask.any(1) if any(source.has_end) else torch.zeros_like(ends)
    if source.is_floating_point() or memory.spans.size(-1) != 2:
        return memory.mask.new_zeros(len(memory.mask))
    last = (memory.mask.sum(1) - 1).clamp(min=0)
    start, stop = memory.spans[torch.arange(len(last), device=last.device), last].unbind(-1)
    tokens = source.reshape(*source.shape[:2], -1)[..., 0]
    return (tokens.gather(1, start.unsqueeze(1)).squeeze(1) == END) & (stop - start == 1) & memory.mask.any(1)


def _by_token(memory: Memory, source: Tensor) -> bool:
    """Whether the memory has a position for each token of the source."""
    if source.is_floating_point() or source.shape[:2] != memory.mask.shape:
        return False
    place = torch.arange(memory.mask.size(1), device=memory.mask.device)
    return bool((memory.spans == torch.stack([place, place + 1], -1))[memory.mask].all())
