"""Sampling: an output drawn from the model's distribution, or from the head of it."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.batch import END
from regard.kernels.logits import choosable, top
from regard.search.greedy import by_logits, walk
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.precision import precise, precision
from regard.search.refill import Group
from regard.search.step_function import StepFunction, barred


def sample(
    step: StepFunction,
    state: Any,
    source_lengths: Int[Tensor, " batch"],
    *,
    seed: int,
    sentences: Int[Tensor, " batch"],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    limit: LengthLimit = DEFAULT_LIMIT,
) -> list[Hypothesis]:
    """Draw one output per sentence.

    Each sentence has a generator of its own, made from (seed, its number in the corpus), and inverts the cumulated
    probabilities at one uniform number per step: the batch that a sentence travels in changes nothing.

    Args:
        step: a step function.
        state: its first state; row r belongs to sentence r.
        source_lengths: real source positions of each sentence.
        seed: at least 0.
        sentences: the number of each sentence in the corpus, as in `Batch.order`.
        temperature: the logits are divided by it; towards 0 this becomes greedy search.
        top_k: draw from the k most probable tokens; 0 for all.
        top_p: draw from the fewest most probable tokens that hold this much probability together
            (nucleus sampling; Holtzman et al., arXiv:1904.09751), after temperature and top_k; 1 for all.
        limit: the longest output.

    Returns one hypothesis per sentence; `log_prob` and `score` are the model's own, without temperature, cuts and
    penalties.
    Raises ValueError for arguments out of range, RegardError where the logits are NaN or infinite.
    """
    _check(seed, temperature, top_k, top_p)
    limits = limit(source_lengths)
    longest = int(limits.max()) if limits.numel() else 0
    draws = torch.zeros(limits.numel(), longest, dtype=torch.float64)
    for row, number in enumerate(sentences.tolist()):
        draws[row] = torch.from_numpy(np.random.default_rng([seed, number]).random(longest))
    draws = draws.to(source_lengths.device, precision(source_lengths.device))

    def choose(logits: Tensor, rows: Tensor, position: int) -> Tensor:
        probs, tokens = head(logits, temperature, top_k, top_p, barred(step))
        cumulated = probs.cumsum(1)
        total = cumulated[:, -1]
        # Strictly below the total: a product that rounds up must not point past the last token.
        point = torch.minimum(draws[rows, position] * total, torch.nextafter(total, torch.zeros_like(total)))
        place = torch.searchsorted(cumulated, point.unsqueeze(1), right=True)
        return tokens.gather(1, place).squeeze(1)

    return walk(by_logits(step, choose), [Group(state, source_lengths, limits)])


def head(
    logits: Float[Tensor, "rows vocab"], temperature: float, top_k: int, top_p: float, barred: int | None = None
) -> tuple[Float[Tensor, "rows kept"], Int[Tensor, "rows kept"]]:
    """The tokens to draw from, and their probabilities (zero for those cut off; they need not sum to one)."""
    scores = choosable(logits, barred)
    if top_k or top_p < 1:
        scores, places = top(scores, top_k or scores.size(1))
    else:
        places = torch.arange(scores.size(1), device=scores.device).expand_as(scores)
    probs = (precise(scores - scores.amax(1, keepdim=True)) / temperature).softmax(1)
    if top_p < 1:
        probs = probs.masked_fill(probs.cumsum(1) - probs >= top_p, 0.0)
    return probs, places + END


def _check(seed: int, temperature: float, top_k: int, top_p: float) -> None:
    faults = [
        (seed < 0, f"seed is {seed}; expected at least 0. Give a number such as 1."),
        (
            not (temperature > 0 and math.isfinite(temperature)),
            f"temperature is {temperature}; expected a finite number above 0. For the most probable output use greedy.",
        ),
        (top_k < 0, f"top_k is {top_k}; expected at least 0. Give 0 to draw from all tokens."),
        (not 0 < top_p <= 1, f"top_p is {top_p}; expected above 0 and at most 1. Give 1 to draw from all tokens."),
    ]
    for wrong, message in faults:
        if wrong:
            raise ValueError(f"sample: {message}")
