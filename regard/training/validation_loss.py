"""The loss of a model on pairs that it does not learn from."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from regard.alignment.positions import PositionCount
from regard.compiled.training import accelerated
from regard.data.batch import END, Batch
from regard.decoders.step import Unrolled
from regard.training.ctc import memory_costs
from regard.training.objective import cross_entropies
from regard.training.randomness import undisturbed

Watch = Callable[[Unrolled, Batch], None]
CTC = "ctc_loss"
"""The name of the second loss among the scores."""


def mean_loss(model: nn.Module, batches: Iterable[Batch], watch: Watch | None = None) -> dict[str, float]:
    """Cross-entropy in nats per target token, without smoothing, and perplexity, its exponential; of a model with a
    CTC head also the cost of CTC, by the same count of tokens.

    Args:
        model: the model; it is in evaluation mode during the call.
        batches: pairs that it does not learn from.
        watch: receives the result of the decoder for each batch, and the batch.

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
            if watch is not None:
                watch(unrolled, batch)
            total += float(nll.sum())
            tokens += len(nll)
    if not tokens:
        raise ValueError("mean_loss: batches hold no target token; expected at least one. Give validation pairs.")
    loss = total / tokens
    scores = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    return scores | {CTC: labelling / tokens} if has_ctc else scores


def counting(count: PositionCount) -> Watch:
    """A `watch` that adds the position of each target token's largest weight to the count, without end marks."""

    def watch(unrolled: Unrolled, batch: Batch) -> None:
        weights = unrolled.weights.numpy(force=True)
        rows = (batch.target_mask & (batch.targets != END)).sum(1).tolist()
        assert unrolled.memory is not None
        places = unrolled.memory.mask.sum(1).tolist()
        for row, (units, width) in enumerate(zip(rows, places, strict=True)):
            count.add(weights[row, :units, :width])

    return watch
