"""From logits to log-probabilities, and the best tokens of each row.

Tokens 0 and 1 (padding and the begin mark) are never part of an output: the searches choose from `END` on. The token
that a model has barred (the unknown token, if it stands for no text) is not either. All of them count in the
normaliser, so that log-probabilities are those of training and of forced decoding.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.errors import RegardError
from regard.marks import END


def choosable(logits: Float[Tensor, "rows vocab"], barred: int | None) -> Float[Tensor, "rows choices"]:
    """The logits that a search chooses from: those from `END` on, of which the barred one is -inf."""
    scores = logits[:, END:]
    if barred is None:
        return scores
    scores = scores.clone()
    scores[:, barred - END] = -torch.inf
    return scores


def normalizer(logits: Float[Tensor, "rows vocab"]) -> Float[Tensor, " rows"]:
    """log Σ exp(logits): a logit minus this is its log-probability. NaN if the logits are no distribution: NaN,
    infinite, or without a possible token."""
    possible = logits[:, END:].amax(1) > -torch.inf
    whole = logits.logsumexp(1)
    return whole.masked_fill(~possible | (whole == torch.inf), torch.nan)


def check(log_probs: Float[Tensor, " rows"], sentences: Int[Tensor, " rows"]) -> None:
    """Raises RegardError that names the first sentence whose logits are no distribution."""
    broken = log_probs.isnan()
    if broken.any():
        raise RegardError(
            f"The model's answer for sentence {int(sentences[broken][0])} of the batch (counted from 0) is not a "
            "distribution: its logits are NaN, infinite, or leave no token possible. The learning rate "
            "that it was trained with was too high, or its weights are damaged: lower it, or use an earlier checkpoint."
        )


def top(scores: Float[Tensor, "rows choices"], width: int) -> tuple[Tensor, Tensor]:
    """The `width` largest of each row (or all, if there are fewer) and their places, best first.

    Among equals the lower place comes first; `torch.topk` does not promise that.
    """
    choices = scores.size(1)
    if width == 1:
        first = scores.max(1, keepdim=True)
        return first.values, first.indices
    values, places = scores.topk(min(width + 1, choices))
    if width < choices:
        tied = values[:, width] == values[:, width - 1]  # equals on both sides of the cut
        if tied.any():
            exact = scores[tied].sort(dim=1, descending=True, stable=True)
            values[tied], places[tied] = exact.values[:, : width + 1], exact.indices[:, : width + 1]
    places, order = places[:, :width].sort(1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return values, places.gather(1, order)


def best_of(
    logits: Float[Tensor, "rows vocab"], width: int, barred: int | None = None
) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
    """The `width` best tokens of each row from `END` on (or all, if there are fewer), best first, and the lower among
    equals; and before them their log-probabilities, which are those over the whole vocabulary. What is barred is never
    among them, or has -inf.

    A row that is no distribution has NaN, see `normalizer`.
    """
    logits = logits.detach().float()
    values, places = top(choosable(logits, barred), width)
    log_probs = values - normalizer(logits).unsqueeze(1)
    return log_probs.masked_fill(values[:, :1] == -torch.inf, torch.nan), places + END
