"""From tokens to what a reader calls a unit: characters that came in one piece, words, or any given segmentation.

Two sides, two rules. Weights over source tokens are parts of one whole, so the columns of a merged unit are SUMMED: a
row still says how one look was divided. The rows of target tokens are looks of their own, so the rows of a merged unit
are AVERAGED: the result is again one look, that sums to what its rows sum to.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment, Layer, Prediction, Unit, Word
from regard.alignment.inside import moved, of_units
from regard.alignment.parts import part_of
from regard.data.sources import Drawing
from regard.data.text import written

Span = tuple[int, int]
"""First character of the raw text, and the one after the last."""
Stretch = tuple[int | float, ...]
"""The same of any source, in the measure of its kind."""
Draw = Callable[[Sequence[Stretch]], Drawing]


def align(
    source_text: str,
    target_text: str,
    source_spans: Sequence[Stretch],
    target_spans: Sequence[Span],
    weights: np.ndarray,
    score: float,
    *,
    draw: Draw | None = None,
    source_kind: str = "text",
    layers: Mapping[str, np.ndarray] | None = None,
    p_gen: np.ndarray | None = None,
    copied: np.ndarray | None = None,
    inside: Sequence[Word] = (),
) -> Alignment:
    """An alignment of tokens. Neighbours with the same span (the bytes of one character) become one unit.

    Args:
        source_text, target_text: both sides as the user reads them.
        source_spans, target_spans: of each token, or position of the memory, without the end marks.
        weights: (target, source), as a `Hypothesis` has them; the row and the column of the end marks may follow, and
            become `target_end` and `source_end`.
        score: natural logarithm of the probability of the output.
        draw: `Source.draw` of this source: what its units are called, and it itself; None for what `source_text` says
            at the spans.
        source_kind: what the source is.
        layers: name of each layer → its weights, where there are several to show; of the same shape.
        p_gen: (target,), of a model that copies, as `Copied` has it; the entry of the end mark may follow, and is left
            out.
        copied: (target, source), likewise with the end marks; None with p_gen None.
        inside: the words that each position of the source was pooled of, their `unit` its number; left out where
            neighbours become one unit.

    Raises ValueError if weights and spans do not fit.
    """
    rows, columns = len(target_spans), len(source_spans)
    if weights.ndim != 2 or weights.shape[0] - rows not in (0, 1) or weights.shape[1] - columns not in (0, 1):
        raise ValueError(
            f"align: weights have shape {weights.shape}; expected ({rows}, {columns}), or one more for an end mark. "
            "Give one span for each token."
        )
    source, source_share = _distinct(source_spans)
    target, target_share = _distinct(target_spans)
    both = source_share, target_share
    drawn = None if draw is None else draw(source)
    return Alignment(
        source_text if drawn is None else drawn.text,
        target_text,
        _units(source_text, source) if drawn is None else _named(drawn.units, source),
        _units(target_text, target),
        score=float(score),
        source_kind=source_kind,
        medium=None if drawn is None else drawn.medium,
        source_parts=() if drawn is None else drawn.parts,
        layers=tuple(Layer(name, **look(layer, (rows, columns), *both)) for name, layer in (layers or {}).items()),
        **look(weights, (rows, columns), *both),
        p_gen=None if p_gen is None else _merge(p_gen[:rows, None], None, target_share)[:, 0],
        copied=None if copied is None else _merge(copied[:rows, :columns], source_share, target_share),
        inside=tuple(inside) if source_share is None else (),
    )


def look(
    weights: np.ndarray,
    units: tuple[int, int],
    source_share: np.ndarray | None = None,
    target_share: np.ndarray | None = None,
) -> dict[str, Any]:
    """The look of an `Alignment` or a `Layer` over merged units.

    Args:
        weights: (target, source); the row and the column of the end marks may follow.
        units: how many rows and columns are none of an end mark.
        source_share, target_share: as in `_merge`.
    """
    rows, columns = units
    ends = weights[:rows, columns:], weights[rows:]  # the column of the source's end, the row of the output's
    return {
        "weights": _merge(weights[:rows, :columns], source_share, target_share),
        "source_end": _merge(ends[0], None, target_share)[:, 0] if ends[0].shape[1] else None,
        "target_end": _ending(ends[1], columns, source_share) if len(ends[1]) else None,
    }


def whole(look: Alignment | Layer) -> np.ndarray:
    """Its weights with the column and the row of the end marks, where it has such."""
    weights = look.weights
    if look.source_end is not None:
        weights = np.concatenate([weights, look.source_end[:, None]], 1)
    return weights if look.target_end is None else np.concatenate([weights, look.target_end[None]])


def seen_around(field: tuple[int, int], spans: Sequence[Stretch], positions: np.ndarray) -> tuple[float, ...] | None:
    """A receptive field in the measure of the source, see `Alignment`.

    Args:
        field: how many input positions before and behind a memory position its convolutions see.
        spans: of the memory positions, in the measure of the source.
        positions: the same in input positions, int (memory, 2), or (memory, 4) for boxes; an end mark may follow.

    None without a position.
    """
    if not len(spans):
        return None
    lengths = [each[:, each.shape[1] // 2 :] - each[:, : each.shape[1] // 2] for each in (np.array(spans), positions)]
    scale = np.median(lengths[0] / np.maximum(lengths[1][: len(spans)], 1), axis=0)  # at the edges it may differ
    return tuple(np.concatenate([max(distance, 0) * scale for distance in field]).round(6).tolist())


def words(alignment: Alignment) -> Alignment:
    """The alignment of what stands between white space on both sides."""
    source = source_words(alignment) if alignment.source_kind == "text" else None
    return regroup(alignment, source, word_spans(alignment.target_text))


def word_spans(text: str) -> list[Span]:
    """Where the words of a text are: what stands between white space."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def source_words(alignment: Alignment) -> list[Span]:
    """Where the words of a source are that is a text; of several texts without those that no unit is a part of."""
    found = word_spans(alignment.source_text)
    if not alignment.source_parts:
        return found
    looked_at = {part_of(alignment, unit.start) for unit in alignment.source}
    return [span for span in found if part_of(alignment, span[0]) in looked_at]


def regroup(
    alignment: Alignment, source_spans: Sequence[Span] | None, target_spans: Sequence[Span] | None
) -> Alignment:
    """The same looks over another segmentation of the texts.

    A unit that lies in several of the given spans is shared among them in proportion to its characters; white space
    does not count, so that " dog" belongs to "dog". A unit of nothing but white space belongs to the span after it
    (to the last span, at the end). What a unit says about characters outside all spans is left out.

    Args:
        alignment: of text to text, or of another source, whose units stay.
        source_spans, target_spans: the new units of each side, in order; None leaves a side as it is.

    Where it is known what words a unit of the source was pooled of, its weight is divided among new units by the
    weights of these words, and not by characters: a new word has the weight of its sentence times its own within.

    Raises ValueError for new units of a source that is no text.
    """
    if source_spans is not None and alignment.source_kind != "text":
        raise ValueError(
            f"regroup: source_spans are given for a source of kind {alignment.source_kind!r}; expected None: only a "
            "text has words."
        )
    source, target = alignment.source, alignment.target
    source_share = target_share = None
    if source_spans is not None:
        source_share = _source_shares(alignment, source_spans)
        source = _units(alignment.source_text, source_spans)
    if target_spans is not None:
        target_share = shares(target, target_spans, alignment.target_text)
        target = _units(alignment.target_text, target_spans)
    p_gen, copied = alignment.p_gen, alignment.copied
    if p_gen is not None:
        p_gen = _merge(p_gen[:, None], None, target_share)[:, 0]
    if copied is not None:
        copied = _merge(copied, source_share, target_share)
    units, both = (len(alignment.target), len(alignment.source)), (source_share, target_share)
    predictions = alignment.predictions
    if target_share is not None:
        predictions = tuple(_moved(prediction, target_share) for prediction in predictions)
    return replace(
        alignment,
        source=source,
        target=target,
        predictions=predictions,
        p_gen=p_gen,
        copied=copied,
        inside=alignment.inside if source_spans is None else (),
        layers=tuple(Layer(layer.name, **look(whole(layer), units, *both)) for layer in alignment.layers),
        **look(whole(alignment), units, *both),
    )


def _source_shares(alignment: Alignment, spans: Sequence[Span]) -> np.ndarray:
    """Which part of each source unit lies in each span: by its words where their weights are known, else by
    characters."""
    found = shares(alignment.source, spans, alignment.source_text)
    by_unit = of_units(alignment.inside, len(found)) if alignment.inside else []
    for row, unit, own in zip(found, alignment.source, by_unit, strict=False):
        start, there = int(unit.start), np.flatnonzero(row).tolist()
        words = [moved(alignment.inside[number], -start) for number in own]
        near = [(spans[place][0] - start, spans[place][1] - start) for place in there]
        weights = np.array([word.weight for word in words])
        if weights.any():
            row[there] = weights @ shares(words, near, alignment.source_text[start : int(unit.end)])
    return found


def _ending(row: np.ndarray, columns: int, source_share: np.ndarray | None) -> np.ndarray:
    """The row (1, source + 1 or source) that wrote the end of the output over other units, the end mark last."""
    return np.concatenate([_merge(row[:, :columns], source_share, None), row[:, columns:]], axis=1)[0].astype(
        np.float32
    )


def _moved(prediction: Prediction, target_share: np.ndarray) -> Prediction:
    """A prediction as a part of that new unit which has most of its old one."""
    units, groups = target_share.shape
    unit = groups if prediction.unit >= units else int(target_share[prediction.unit].argmax()) if groups else 0
    return prediction._replace(unit=unit)


def _merge(weights: np.ndarray, source_share: np.ndarray | None, target_share: np.ndarray | None) -> np.ndarray:
    """Sum columns, average rows. Shares are (old unit, new unit), None for a side that stays as it is; a new unit
    without an old one gets zeros."""
    if source_share is None and target_share is None:
        return weights.astype(np.float32)
    merged = weights.astype(np.float64)
    if target_share is not None:
        total = target_share.sum(0)
        merged = (target_share / np.where(total > 0, total, 1.0)).T @ merged
    if source_share is not None:
        merged = merged @ source_share
    return merged.astype(np.float32)


def shares(units: Sequence[Unit] | Sequence[Word], spans: Sequence[Span], text: str) -> np.ndarray:
    """Which part of each unit lies in each span, by visible characters."""
    if not spans or not units:
        return np.zeros((len(units), len(spans)))
    visible = np.array([not character.isspace() for character in text], dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(visible)])  # visible characters before each place
    places = np.array([(unit.start, unit.end) for unit in units], dtype=np.int64)
    groups = np.array(spans, dtype=np.int64)
    start = np.maximum(places[:, None, 0], groups[None, :, 0])
    end = np.maximum(np.minimum(places[:, None, 1], groups[None, :, 1]), start)
    total = before[places[:, 1]] - before[places[:, 0]]
    found = (before[end] - before[start]) / np.maximum(total, 1)[:, None]
    for blank in np.flatnonzero(total == 0):
        after = np.flatnonzero(groups[:, 1] > places[blank, 0])
        found[blank, after[0] if after.size else -1] = 1.0
    return found


def _distinct(spans: Sequence[Stretch]) -> tuple[Sequence[Stretch], np.ndarray | None]:
    """Neighbours with the same span taken as one, and which part of each token lies in each: None if none are."""
    starts = [place for place, span in enumerate(spans) if not place or span != spans[place - 1]]
    if len(starts) == len(spans):
        return spans, None
    share = np.zeros((len(spans), len(starts)))
    for unit, (start, end) in enumerate(pairwise([*starts, len(spans)])):
        share[start:end, unit] = 1.0
    return [spans[start] for start in starts], share


def _units(text: str, spans: Sequence[Stretch]) -> tuple[Unit, ...]:
    """Named by the text that they cover."""
    whole = [(int(start), int(end)) for start, end in spans]
    return tuple([Unit(written(text, start, end), start, end) for start, end in whole])


def _named(names: Sequence[str], spans: Sequence[Stretch]) -> tuple[Unit, ...]:
    if any(len(span) == 4 for span in spans):
        boxes = [(float(left), float(top), float(right), float(bottom)) for left, top, right, bottom in spans]
        return tuple([Unit(name, 0.0, 0.0, box) for name, box in zip(names, boxes, strict=True)])
    return tuple([Unit(name, start, end) for name, (start, end) in zip(names, spans, strict=True)])
