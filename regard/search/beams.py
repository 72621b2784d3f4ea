"""Beam search, exact in its stopping."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.data.batch import BEGIN, END
from regard.output.logits import check, top
from regard.search.choices import Choices, StepFunction, best
from regard.search.hypothesis import Hypothesis
from regard.search.limits import DEFAULT_LIMIT, LengthLimit
from regard.search.ranking import Ranking
from regard.search.trail import End, Trail


def beam(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    size: int,
    nbest: int = 1,
    length_normalization: float = 0.0,
    coverage_penalty: float = 0.0,
    limit: LengthLimit = DEFAULT_LIMIT,
) -> list[list[Hypothesis]]:
    """The best outputs that a beam of the given size finds.

    At every step each sentence keeps its most probable hypotheses. One that ends takes its place in the beam with it,
    so that a beam of 1 is greedy search whatever the ranking. A sentence is done when no hypothesis that still goes on
    can beat the worst of its n best finished ones by `Ranking.bound`; then all its rows leave the batch. An empty place
    has no row. Ties go to the lower slot, then to the lower token.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        size: hypotheses per sentence, at most. Their rows of the state stand side by side.
        nbest: how many to return, at most `size`.
        length_normalization, coverage_penalty: α and β of `Ranking`, which ranks what has ended.
        limit: the longest output. What has not ended there is cut, and stands behind all that has.

    Returns up to `nbest` different hypotheses per sentence, best first. Raises ValueError for arguments out of range,
    RegardError where the logits are NaN or infinite.
    """
    if not 1 <= nbest <= size:
        raise ValueError(f"beam: nbest is {nbest} and size is {size}; expected 1 ≤ nbest ≤ size. Widen the beam.")
    ranking = Ranking(length_normalization, coverage_penalty)
    harvest = Harvest(ranking, limit(source_lengths), source_lengths, nbest)
    front, trail, length = _start(source_lengths, size), Trail(), 0
    while front.sentences.numel():
        slots = front.filled()
        found = best(step, front.tokens.flatten()[slots], state, size)
        parents, front, weights = _expand(front, slots, found, track=coverage_penalty > 0)
        trail.add(front.sentences, parents, front.tokens, weights)
        length += 1
        front, done = harvest.gather(front, length)
        staying = (~done).nonzero().squeeze(1)
        rows = _back(slots, front.tokens).gather(1, parents)[staying].flatten()
        front = front.select(staying)
        state = found.state.select(rows[front.filled()]) if staying.numel() else None
    ends = harvest.best()
    hypotheses = iter(trail.hypotheses([end for group in ends for end in group], source_lengths))
    return [[next(hypotheses) for _ in group] for group in ends]


@dataclass(frozen=True)
class Front:
    """The hypotheses that still go on, `slots` side by side for each sentence.

    Args:
        sentences: numbers of the sentences in the batch, ascending.
        tokens: the last token of each hypothesis.
        log_probs: float64; -inf for an empty slot.
        coverage: sum of the weights so far, kept only for a coverage penalty (else of width 0).
        free: slots of each sentence that no finished hypothesis has taken.
    """

    sentences: Int[Tensor, " live"]
    tokens: Int[Tensor, "live slots"]
    log_probs: Float[Tensor, "live slots"]
    coverage: Float[Tensor, "live slots source"]
    free: Int[Tensor, " live"]

    def filled(self) -> Int[Tensor, " rows"]:
        """The slots that hold a hypothesis, counted through all sentences."""
        return (self.log_probs.flatten() > -torch.inf).nonzero().squeeze(1)

    def select(self, rows: Int[Tensor, " selected"]) -> "Front":
        """The given sentences."""
        return Front(
            self.sentences[rows], self.tokens[rows], self.log_probs[rows], self.coverage[rows], self.free[rows]
        )


def _start(source_lengths: Int[Tensor, " batch"], size: int) -> Front:
    """One hypothesis per sentence, the begin mark; the other slots are empty."""
    sentences = torch.arange(source_lengths.numel(), device=source_lengths.device)
    tokens = sentences.new_full((sentences.numel(), size), BEGIN)
    log_probs = torch.full_like(tokens, -torch.inf, dtype=torch.float64)
    log_probs[:, 0] = 0.0
    coverage = torch.zeros(*tokens.shape, 0, device=tokens.device)
    return Front(sentences, tokens, log_probs, coverage, torch.full_like(sentences, size))


def _expand(
    front: Front, slots: Int[Tensor, " rows"], found: Choices, *, track: bool
) -> tuple[Int[Tensor, "live slots"], Front, Float[Tensor, "rows_of_all source"]]:
    """Continue every hypothesis and keep the best of each sentence.

    Returns the slots that they continue, the new front, and what each slot looked at.
    """
    live, size = front.tokens.shape
    check(found.log_probs[:, 0], front.sentences.repeat_interleave(size)[slots])
    width = found.tokens.size(1)
    totals = _spread(front.log_probs.flatten()[slots].unsqueeze(1) + found.log_probs, slots, live * size, -torch.inf)
    log_probs, places = top(totals.view(live, size * width), size)
    choices = _spread(found.tokens, slots, live * size, END)
    parents, tokens = places // width, choices.view(live, size * width).gather(1, places)
    taken = torch.arange(size, device=places.device) >= front.free.unsqueeze(1)
    weights = _spread(found.weights, slots, live * size, 0.0)
    coverage = front.coverage
    if track:
        looked = weights.detach().float().view(live, size, -1)
        coverage = looked + coverage if coverage.size(2) else looked
        coverage = coverage.gather(1, parents.unsqueeze(2).expand_as(coverage))
    front = Front(front.sentences, tokens, log_probs.masked_fill(taken, -torch.inf), coverage, front.free)
    return parents, front, weights


def _spread(rows: Tensor, slots: Int[Tensor, " rows"], count: int, empty: float | int) -> Tensor:
    """A row for every slot."""
    return rows if len(rows) == count else rows.new_full((count, rows.size(1)), empty).index_copy_(0, slots, rows)


def _back(slots: Int[Tensor, " rows"], tokens: Int[Tensor, "live slots"]) -> Int[Tensor, "live slots"]:
    """The row of each slot; that of an empty one means nothing."""
    rows = torch.zeros_like(tokens).flatten()
    rows[slots] = torch.arange(len(slots), device=slots.device)
    return rows.view_as(tokens)


class Harvest:
    """Where the hypotheses of each sentence end, and when a sentence has all that it needs."""

    def __init__(
        self, ranking: Ranking, limits: Int[Tensor, " batch"], source_lengths: Int[Tensor, " batch"], nbest: int
    ) -> None:
        self.ranking = ranking
        self.limits = limits
        self.source_lengths = source_lengths
        self.nbest = nbest
        self.whole: list[list[End]] = [[] for _ in range(limits.numel())]
        self.cut: list[list[End]] = [[] for _ in range(limits.numel())]

    def gather(self, front: Front, length: int) -> tuple[Front, Bool[Tensor, " live"]]:
        """Take out what has ended or reached its limit; what goes on, and which sentences are done."""
        limits, alive = self.limits[front.sentences], front.log_probs > -torch.inf
        ended = alive & (front.tokens == END)
        cut = alive & ~ended & (limits <= length).unsqueeze(1)
        lengths = torch.full_like(front.tokens, length)
        scores = self.ranking.score(front.log_probs, lengths, front.coverage, self.source_lengths[front.sentences])
        for row, slot in (ended | cut).nonzero().tolist():
            sentence = int(front.sentences[row])
            kind = self.whole if ended[row, slot] else self.cut
            end = End(sentence, length, slot, float(front.log_probs[row, slot]), float(scores[row, slot]))
            kind[sentence].append(end)
        log_probs = front.log_probs.masked_fill(ended | cut, -torch.inf)
        to_beat = [self._to_beat(sentence) for sentence in front.sentences.tolist()]
        bounds = self.ranking.bound(log_probs, limits).amax(1)
        done = bounds <= bounds.new_tensor(to_beat)
        return replace(front, log_probs=log_probs, free=front.free - ended.sum(1)), done

    def best(self) -> list[list[End]]:
        """Of each sentence, what has ended, by score, the earlier before its equals; then the cut, if there is room."""
        pairs = zip(self.whole, self.cut, strict=True)
        return [[*_by_score(whole), *_by_score(cut)][: self.nbest] for whole, cut in pairs]

    def _to_beat(self, sentence: int) -> float:
        """The worst score of the n best; anything does as long as they are fewer."""
        ranked = _by_score(self.whole[sentence])
        return ranked[self.nbest - 1].score if len(ranked) >= self.nbest else -torch.inf


def _by_score(ends: list[End]) -> list[End]:
    return sorted(ends, key=lambda end: -end.score)
