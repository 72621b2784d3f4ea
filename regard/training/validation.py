"""How well a model does on pairs that it does not learn from, by the likelihood of the target."""

import math
from collections.abc import Iterable

from torch import nn

from regard.data.batch import Batch
from regard.training.objective import cross_entropies
from regard.training.randomness import undisturbed


def mean_loss(model: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
    """Cross-entropy in nats per target token, without smoothing, and perplexity, its exponential.

    Raises ValueError when there is no token.
    """
    total, tokens = 0.0, 0
    device = next(model.parameters()).device
    with undisturbed(model):
        for batch in batches:
            batch = batch.to(device)
            nll = cross_entropies(model, model(batch).features, batch).nll
            total += float(nll.sum())
            tokens += len(nll)
    if not tokens:
        raise ValueError("mean_loss: batches hold no target token; expected at least one. Give validation pairs.")
    loss = total / tokens
    return {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
