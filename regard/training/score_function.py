"""The loss for attention that samples one position: the score-function gradient (REINFORCE)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.data.batch import Batch
from regard.training.objective import Loss, cross_entropies, expect_smoothing


class ScoreFunction(nn.Module):
    """Cross-entropy along sampled choices, and the score-function gradient of these choices.

        ℓ(t)  = -log p(y(t) | choices up to t)                    with label smoothing, as in `CrossEntropy`
        C(t)  = Σ over u ≥ t: ℓ(u) - b                            the cost of choice t; no gradient
        total = Σ over real tokens: ℓ(t) + λr C(t) log p(choice t) - λe H(t)
        b     ← d b + (1 - d) mean ℓ                              after each batch

    Source: Xu et al. 2015, arXiv:1502.03044, section 4.1, eq. 10 to 12 (REINFORCE, Williams 1992). The mean of Σ ℓ
    over the choices is the negative of the paper's lower bound on log p(y). With λr = 1, ∂total is an unbiased estimate
    of its gradient: b comes from earlier batches, so it does not depend on these choices and only lowers the variance.

    Differences from the paper:

    - The paper's reward is log p of the whole sequence. Here the cost of a choice is that of the tokens from its own
      on, since earlier tokens cannot depend on it. The mean of the gradient is the same, and its variance is lower.
    - If a decoder has no state from step to step (`Decoder.carries`), the cost of a choice is that of its own token.
    - So b is per token: the baseline of a choice is b times the number of tokens in its cost.
    - H is the entropy of each step along the sampled choices, as in eq. 12. The cost of a choice does not include the
      entropy of later steps.
    - A row that uses the expectation (`Hard.expectation`) has log p 0: only its cross-entropy counts.

    Args:
        smoothing: of the cross-entropy, see `CrossEntropy`.
        reinforce: λr; with another number than 1 the estimate is biased.
        entropy: λe, in nats; keeps the choices from becoming certain too early. 0.002 in the authors' code.
        baseline: d, the share that b keeps at each batch; 0.9 in the paper.
        carries: whether the cost of a choice includes later tokens; True is right for every decoder, only noisier.

    Its state is the buffer `baseline`, which is in the checkpoint: 0 before the first batch.
    """

    baseline: Float[Tensor, ""]

    def __init__(
        self,
        smoothing: float = 0.0,
        *,
        reinforce: float = 1.0,
        entropy: float = 0.002,
        baseline: float = 0.9,
        carries: bool = True,
    ) -> None:
        super().__init__()
        self.smoothing = expect_smoothing("ScoreFunction", smoothing)
        if reinforce < 0 or entropy < 0:
            raise ValueError(
                f"ScoreFunction: reinforce is {reinforce} and entropy is {entropy}; expected both 0 or more. "
                "Try 1 and 0.002."
            )
        if not 0 <= baseline < 1:
            raise ValueError(f"ScoreFunction: baseline is {baseline}; expected 0 ≤ baseline < 1. Try 0.9.")
        self.reinforce = reinforce
        self.entropy = entropy
        self.decay = baseline
        self.carries = carries
        self.register_buffer("baseline", torch.zeros(()))

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch; the model must be in training mode, where it samples."""
        unrolled = model(batch, temperature)
        costs = cross_entropies(model, unrolled, batch, self.smoothing)
        choices = (self._answered(costs.losses, batch) * unrolled.log_prob)[batch.target_mask].sum()
        entropy = unrolled.entropy[batch.target_mask].sum()
        total = costs.total + self.reinforce * choices - self.entropy * entropy
        self._remember(costs.losses)
        return Loss(total, costs.nll.sum(), len(costs.nll))

    def _answered(self, losses: Float[Tensor, " tokens"], batch: Batch) -> Float[Tensor, "batch target"]:
        """C: the cost of each choice, minus its baseline."""
        costs = losses.new_zeros(batch.target_mask.shape)
        costs[batch.target_mask] = losses - self.baseline
        return costs.flip(1).cumsum(1).flip(1) if self.carries else costs

    @torch.no_grad()
    def _remember(self, losses: Float[Tensor, " tokens"]) -> None:
        """Update b, after the costs are computed: b must not depend on the choices that it is the baseline of."""
        self.baseline.lerp_(losses.mean().to(self.baseline.dtype), 1 - self.decay)
