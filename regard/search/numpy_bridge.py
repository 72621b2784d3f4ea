"""Between a search and its model. A search keeps its books in NumPy, where small steps cost least; the model has
tensors, on any device. What passes between them at each step is here: the answer one way, the chosen rows the other."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from regard.kernels.logits import check
from regard.search.step_function import Choices, Walked


def read(
    found: Choices | Walked, sentences: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, "rows width"], Float[np.ndarray, "rows width"]]:
    """The tokens that may come next and their log-probabilities.

    Raises RegardError, naming the first sentence for which the answer is not a distribution.
    """
    tokens, log_probs = found.tokens.numpy(force=True), found.log_probs.numpy(force=True)
    if len(np.isnan(log_probs).nonzero()[0]):
        refuse(log_probs, sentences)
    return tokens, log_probs


def refuse(log_probs: Float[np.ndarray, "rows width"], sentences: Int[np.ndarray, " rows"]) -> None:
    """Raises RegardError for the first sentence that has a NaN."""
    check(torch.from_numpy(log_probs.max(1)), torch.from_numpy(sentences))


def select(state: Any, rows: Int[np.ndarray, " selected"], count: int, device: torch.device) -> Any:
    """The given rows of a state.

    Args:
        state: as the step function gave it; returned untouched where all its rows stay in place.
        rows: in their new order; None is returned where there are none.
        count: the rows that the state has.
        device: where it lives.
    """
    if len(rows) == count and (rows == np.arange(count)).all():
        return state
    return state.select(torch.from_numpy(rows).to(device)) if len(rows) else None
