"""Connectionist temporal classification in search: the scores of prefixes, and the best path."""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.logits import check
from regard.marks import BEGIN, BLANK, END
from regard.search.precision import LEAST, LOWEST, precise


@dataclass(frozen=True, slots=True)
class CtcPrefixes:
    """What hypotheses have come to, for the scores of the tokens that may continue them.

        ψ(g)   = log of the probability of all outputs that begin with g
        n_t(g) = log of the probability that the first t positions become g and that the last of them says a token
        b_t(g) = the same where the last of them is blank

    Source: Watanabe, Hori, Kim, Hershey & Hayashi 2017, "Hybrid CTC/Attention Architecture for End-to-End Speech
    Recognition", doi:10.1109/JSTSP.2017.2763455, algorithm 2. Its loop over positions, x_t being the probabilities,

        n_t = x_t(c) (n_(t-1) + φ_t)      φ_t = b_(t-1)(g) + n_(t-1)(g), without n if g ends with c
        b_t = x_t(blank) (b_(t-1) + n_(t-1))

    is linear in n and in b, so that each is a cumulative sum, in logarithms and in the numbers of `precise`. It is
    taken for the tokens that a search has chosen; those that it chooses from need ψ alone, Σ_t φ_t x_t(c).

    Args:
        probs: of the labels at each position of each source. Positions of padding are certain to be blank.
        sources: the source of each row.
        last: the last label of each row; 0 for none.
        nonblank, blank: n and b, from t = 0.
        log_prob: ψ.
    """

    probs: Float[Tensor, "sources positions labels"]
    sources: Int[Tensor, " rows"]
    last: Int[Tensor, " rows"]
    nonblank: Float[Tensor, "rows positions_and_one"]
    blank: Float[Tensor, "rows positions_and_one"]
    log_prob: Float[Tensor, " rows"]

    @classmethod
    def start(cls, log_probs: Float[Tensor, "batch positions labels"], lengths: Int[Tensor, " batch"]) -> "CtcPrefixes":
        """The empty prefix of every source.

        Args:
            log_probs: from `CtcHead`.
            lengths: real positions of each memory, `mask.sum(1)`.

        Raises RegardError where they are NaN.
        """
        padding = torch.arange(log_probs.size(1), device=lengths.device) >= lengths.unsqueeze(1)
        probs = precise(log_probs.detach()).exp()
        probs = probs.clamp(LEAST[probs.dtype], 1.0).masked_fill(padding.unsqueeze(2), 0.0)
        probs[..., BLANK].masked_fill_(padding, 1.0)
        blank = F.pad(probs[..., BLANK].log().cumsum(1), (1, 0))
        rows = torch.arange(len(probs), device=probs.device)
        check(probs.sum((1, 2)), rows)
        nothing = torch.full_like(blank, -torch.inf)
        return cls(probs, rows, torch.zeros_like(rows), nothing, blank, blank.new_zeros(len(rows)))

    def select(self, rows: Int[Tensor, " selected"]) -> "CtcPrefixes":
        """The given rows."""
        parts = (self.sources, self.last, self.nonblank, self.blank, self.log_prob)
        return CtcPrefixes(self.probs, *(part.index_select(0, rows) for part in parts))

    def join(self, other: "CtcPrefixes") -> "CtcPrefixes":
        """The rows of another behind these. Sources of which nobody makes use any more are left out."""
        positions = max(self.probs.size(1), other.probs.size(1))
        (one, first), (two, second) = (each._used(positions) for each in (self, other))
        sources = torch.cat([first, second + len(one.probs)])
        parts = (
            torch.cat([getattr(one, name), getattr(two, name)]) for name in ("last", "nonblank", "blank", "log_prob")
        )
        return CtcPrefixes(torch.cat([one.probs, two.probs]), sources, *parts)

    def extend(self, tokens: Int[Tensor, " rows"]) -> "CtcPrefixes":
        """Every row with a token more. A begin mark leaves its row as it is."""
        labels = tokens - END
        chosen, positions = labels.clamp(min=BLANK), torch.arange(self.probs.size(1), device=tokens.device)
        own = self.probs[self.sources[:, None], positions, chosen[:, None]]
        entering = torch.where((labels == self.last).unsqueeze(1), self.blank, self._whole())[:, :-1]
        nonblank = _recurrence(own, entering)
        blank = _recurrence(self.probs[..., BLANK][self.sources], nonblank[:, :-1])
        moved = (chosen, nonblank, blank, (entering + own.log()).logsumexp(1))
        stays = tokens == BEGIN
        parts = (
            torch.where(stays.view(-1, *[1] * (new.dim() - 1)), old, new)
            for old, new in zip((self.last, self.nonblank, self.blank, self.log_prob), moved, strict=True)
        )
        return CtcPrefixes(self.probs, self.sources, *parts)

    def scores(self, tokens: Int[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """log P(token | prefix): ψ(g · token) - ψ(g), and for the end mark log P(g alone) - ψ(g).

        Over all tokens with a label and the end mark they are the logarithms of a distribution, but for `LEAST`: it is
        the least that any token has, also behind a prefix that is too long for its source.
        """
        labels, whole = tokens - END, self._whole()
        positions = torch.arange(self.probs.size(1), device=tokens.device)
        probs = self.probs[self.sources[:, None, None], positions[:, None], labels.clamp(min=BLANK)[:, None, :]]
        largest = whole[:, :-1].amax(1, keepdim=True).clamp(min=LOWEST[whole.dtype])
        totals = torch.einsum("rt,rtc->rc", (whole[:, :-1] - largest).exp(), probs)
        again = torch.einsum("rt,rtc->rc", (self.blank[:, :-1] - largest).exp(), probs)
        found = torch.where(labels == self.last.unsqueeze(1), again, totals).log() + largest
        found = torch.where(tokens == END, whole[:, -1:], found) - self.log_prob.unsqueeze(1)
        least = log(LEAST[found.dtype])
        return found.nan_to_num(nan=least).clamp(least, 0.0).masked_fill(tokens < END, least)

    def _whole(self) -> Float[Tensor, "rows positions_and_one"]:
        """log of the probability that the first t positions become the prefix."""
        return torch.logaddexp(self.nonblank, self.blank)

    def _used(self, positions: int) -> tuple["CtcPrefixes", Int[Tensor, " rows"]]:
        """The sources that rows have, with so many positions, and which of them each row has."""
        used, rows = torch.unique(self.sources, return_inverse=True)
        more = positions - self.probs.size(1)
        probs = F.pad(self.probs[used], (0, 0, 0, more))
        probs[:, self.probs.size(1) :, BLANK] = 1.0
        blank = torch.cat([self.blank, self._whole()[:, -1:].expand(-1, more)], 1)
        nonblank = F.pad(self.nonblank, (0, more), value=-torch.inf)
        return CtcPrefixes(probs, self.sources, self.last, nonblank, blank, self.log_prob), rows


def _recurrence(
    factors: Float[Tensor, "rows positions"], entering: Float[Tensor, "rows positions"]
) -> Float[Tensor, "rows positions_and_one"]:
    """log y from y_0 = 0, y_t = f_t (y_(t-1) + e_t), which is F_t Σ_(τ ≤ t) e_τ / F_(τ-1) with F_t = f_1 · … · f_t.

    Args:
        factors: f; 0 at padding, which stands behind all others.
        entering: log e.
    """
    logs = factors.clamp(min=LEAST[factors.dtype]).log()  # a logarithm that is infinite would make all behind it NaN
    products = logs.cumsum(1)
    sums = (entering - (products - logs)).logcumsumexp(1)
    return F.pad((products + sums).masked_fill(factors == 0, -torch.inf), (1, 0), value=-torch.inf)


def best_path(log_probs: Float[Tensor, "batch positions labels"], lengths: Int[Tensor, " batch"]) -> list[list[int]]:
    """The output of the most probable labelling of each source, without an end mark: CTC's greedy search.

    Source: Graves et al. 2006, "Connectionist Temporal Classification", section 3.2.
    """
    labels = log_probs.argmax(2)
    before = F.pad(labels, (1, 0), value=BLANK)[:, :-1]
    real = torch.arange(labels.size(1), device=lengths.device) < lengths.unsqueeze(1)
    said = (labels != before) & (labels != BLANK) & real
    return [(row[kept] + END).tolist() for row, kept in zip(labels, said, strict=True)]
