"""What a decoder returns: of one step, before and after its output layer, and of all steps of a known target."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from regard.encoders.memory import Memory


@runtime_checkable
class State(Protocol):
    """A record of batch-first tensors. `select` is all that a search needs of it."""

    def select(self, rows: Int[Tensor, " selected"]) -> "State":
        """The state of the given rows, in the given order; a row may be taken several times."""


@dataclass(frozen=True)
class Advance:
    """What one decoding step comes to before the output layer.

    Args:
        features: what the output layer reads.
        state: the state after this step.
        weights, heads: as in `Step`.
        source: what the output layer kept of the source of each row, see `Output.begin`.
    """

    features: Float[Tensor, "rows features"]
    state: State
    weights: Float[Tensor, "rows source"]
    heads: tuple[Float[Tensor, "rows heads source"], ...] = ()
    source: Any = None


@dataclass(frozen=True)
class Step:
    """Answer of one decoding step.

    Args:
        logits: log-probabilities of the next token, up to a constant of each row.
        state: the state after this step.
        weights: what this token attended to; all zeros for a decoder without attention. Of several heads they are
            the mean, of several layers the last.
        heads: the weights of each head, a tensor per layer that attends; empty without attention.
    """

    logits: Float[Tensor, "rows vocab"]
    state: State
    weights: Float[Tensor, "rows source"]
    heads: tuple[Float[Tensor, "rows heads source"], ...] = ()


@dataclass(frozen=True)
class Unrolled:
    """Answer for a whole known target.

    Args:
        features: what the output layer reads; kept apart so that a loss projects the real tokens only.
        weights: row t is what produced the features of output token t; of heads and layers as in `Step`.
        log_prob, entropy: of the choice of row t where the attention samples one, as in `Attended`; zeros elsewhere.
        heads: the weights of each head, a tensor per layer that attends; empty without attention.
        source: what the output layer kept of the source of each row, see `Output.begin`.
        memory: what was attended to, for a loss that reads it too. A decoder leaves it to the model.
    """

    features: Float[Tensor, "batch target features"]
    weights: Float[Tensor, "batch target source"]
    log_prob: Float[Tensor, "batch target"]
    entropy: Float[Tensor, "batch target"]
    heads: tuple[Float[Tensor, "batch heads target source"], ...] = ()
    source: Any = None
    memory: Memory | None = None
