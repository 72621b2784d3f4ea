"""The loss of a model on pairs that it does not learn from."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from regard.compiled.training import accelerated
from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.training.ctc import memory_costs
from regard.training.objective import cross_entropies
from regard.training.randomness import undisturbed

Watch = Callable[[Unrolled, Batch], None]
CTC = "ctc_loss"
"""The name of the second loss among the scores."""


def mean_loss(model: nn.Module, batches: Iterable[Batch], *watches: Watch) -> dict[str, float]:
    """Cross-entropy in nats per target token, without smoothing, and perplexity, its exponential; of a model with a
    CTC head also the cost of CTC, by the same count of tokens.

    Args:
        model: the model; it is in evaluation mode during the call.
        batches: pairs that it does not learn from.
        watches: receive the result of the decoder for each batch, and the batch.

    Raises ValueError if there is no target token.
    """
    total, labelling, tokens = 0.0, 0.0, 0
    device = next(model.parameters()).device
    forward: Any = accelerated(model)
    has_ctc = getattr(forward, "ctc", None) is not None
    with undisturbed(model):
        for batch in batches:
            batch = batch.to(device)
            unrolled = forward(batch)
            nll = cross_entropies(forward, unrolled, batch).nll
            if has_ctc:
                labelling += float(memory_costs(forward, unrolled, batch).sum())
            for watch in watches:
                watch(unrolled, batch)
            total += float(nll.sum())
            tokens += len(nll)
    if not tokens:
        raise ValueError("mean_loss: batches hold no target token; expected at least one. Give validation pairs.")
    loss = total / tokens
    scores = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    return scores | {CTC: labelling / tokens} if has_ctc else scores
