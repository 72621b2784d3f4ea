"""What a beam ranks finished hypotheses by."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Length normalisation and coverage penalty.

        score(Y) = log P(Y) / lp(Y) + cp(Y)
        lp(Y)    = (5 + |Y|)^α / (5 + 1)^α
        cp(Y)    = β Σ_i log(min(Σ_j p_ij, 1))

    Source: Wu et al., arXiv:1609.08144, equation 14. |Y| counts the end mark; i runs over the real source positions,
    j over the output tokens, end mark included; p_ij is what token j looked at. The paper leaves log 0 open: a
    position that was never looked at counts as if it had the smallest normal float32, about 1e-38.

    Args:
        length_normalization: α, at least 0; 0 for none. A plain mean, log P / |Y|, is another rule, not this one.
        coverage_penalty: β, at least 0; 0 for none.
    """

    length_normalization: float = 0.0
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        for name in ("length_normalization", "coverage_penalty"):
            given = getattr(self, name)
            if not (math.isfinite(given) and given >= 0):
                raise ValueError(
                    f"Ranking: {name} is {given}; expected a finite number of at least 0. Give 0 for none."
                )

    def length_penalty(self, lengths: Int[np.ndarray, "*hypotheses"]) -> Float[np.ndarray, "*hypotheses"]:
        """lp, float64."""
        return ((5.0 + lengths) / 6.0) ** self.length_normalization

    def score(
        self,
        log_probs: Float[np.ndarray, "*hypotheses"],
        lengths: Int[np.ndarray, "*hypotheses"],
        coverage: Float[np.ndarray, "*hypotheses source"],
        source_lengths: Int[np.ndarray, "*hypotheses"],
    ) -> Float[np.ndarray, "*hypotheses"]:
        """Scores of hypotheses whose weights sum to `coverage` over their tokens."""
        scores = log_probs / self.length_penalty(lengths)
        if self.coverage_penalty == 0:
            return scores
        real = np.arange(coverage.shape[-1]) < source_lengths[..., None]
        covered = np.log(coverage.astype(np.float64).clip(np.finfo(np.float32).tiny, 1.0))
        return scores + self.coverage_penalty * np.where(real, covered, 0.0).sum(-1)

    def bound(
        self, log_probs: Float[np.ndarray, " live"], penalties: Float[np.ndarray, " live"]
    ) -> Float[np.ndarray, " live"]:
        """No way on from here can score more than this, so a search may stop on it without losing exactness; the
        penalties are lp at the limits.

        A further token adds a log-probability of at most 0; lp grows with the length, up to the limit, and a number
        that is not positive only rises when it is divided by more; cp is at most 0.
        """
        return log_probs / penalties
