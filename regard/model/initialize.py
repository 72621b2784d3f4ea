"""First weights, as the papers have them. Other parts than these kinds keep the weights they made themselves."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from regard.decoders.output import LinearOutput


def default(model: nn.Module) -> None:
    """Glorot & Bengio 2010 for matrices, orthogonal recurrent blocks, N(0, 1/d) for embeddings.

    A width of 1/√d lets the same table serve as the output layer. Biases are zero, an LSTM's forget gate starts at
    one (Jozefowicz et al. 2015).
    """
    for linear in _of(model, nn.Linear, LinearOutput):
        nn.init.xavier_uniform_(linear.weight)
        _zero(linear.bias)
    for embedding in _of(model, nn.Embedding):
        nn.init.normal_(embedding.weight, std=1 / math.sqrt(embedding.embedding_dim))
    for rnn in _of(model, nn.RNNBase):
        for name, weight in rnn.named_parameters():
            if weight.dim() < 2:
                nn.init.zeros_(weight)
                if isinstance(rnn, nn.LSTM) and "bias_ih" in name:
                    weight[rnn.hidden_size : 2 * rnn.hidden_size] = 1.0
            else:
                _blocks(rnn, name, weight, nn.init.xavier_uniform_)


def bahdanau(model: nn.Module) -> None:
    """Bahdanau, Cho & Bengio 2015, appendix B.1: orthogonal recurrent, W_a and U_a N(0, 0.001²), V_a and biases 0,
    the rest N(0, 0.01²). A V_a that is `normalized` is N(0, 0.001²)."""
    for rnn in _of(model, nn.RNNBase):
        for name, weight in rnn.named_parameters():
            if weight.dim() < 2:
                nn.init.zeros_(weight)
            else:
                _blocks(rnn, name, weight, lambda block: nn.init.normal_(block, std=0.01))
    for name, part in model.named_modules():
        if isinstance(part, nn.Linear | LinearOutput | nn.Embedding):
            in_score = ".score." in name
            nn.init.normal_(part.weight, std=0.001 if in_score else 0.01)
            if in_score and name.endswith("energy") and not _is_direction(model, name):
                nn.init.zeros_(part.weight)
            _zero(getattr(part, "bias", None))


def luong(model: nn.Module) -> None:
    """Luong, Pham & Manning 2015, section 4.1: uniform in [-0.1, 0.1]."""
    _uniform(model, 0.1)


def sutskever(model: nn.Module) -> None:
    """Sutskever, Vinyals & Le 2014, section 3.4: uniform in [-0.08, 0.08]."""
    _uniform(model, 0.08)


INITIALIZATIONS: dict[str, Callable[[nn.Module], None]] = {
    "default": default,
    "bahdanau": bahdanau,
    "luong": luong,
    "sutskever": sutskever,
}


@torch.no_grad()
def initialize(model: nn.Module, name: str) -> None:
    """Give a new model its first weights, drawn from torch's generator."""
    INITIALIZATIONS[name](model)


class Unset(TorchFunctionMode):
    """Inside the `with`, modules draw no first weights; what they hold is arbitrary until others are loaded."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return None if func in _DRAWS else func(*args, **(kwargs or {}))


_DRAWS = (Tensor.normal_, Tensor.uniform_, nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_)


def _of(model: nn.Module, *kinds: type[nn.Module]) -> Iterator[Any]:
    return (part for part in model.modules() if isinstance(part, kinds))


def _blocks(rnn: nn.RNNBase, name: str, weight: Tensor, of_inputs: Callable[[Tensor], Tensor]) -> None:
    """Each gate has a block of its own; that of the state is orthogonal."""
    for block in torch.split(weight, rnn.hidden_size):
        if "weight_hh" in name:
            nn.init.orthogonal_(block)
        else:
            of_inputs(block)


def _uniform(model: nn.Module, width: float) -> None:
    for kinds in ((nn.Linear, LinearOutput), (nn.Embedding,), (nn.RNNBase,)):
        for part in _of(model, *kinds):
            for weight in part.parameters():
                nn.init.uniform_(weight, -width, width)


def _is_direction(model: nn.Module, name: str) -> bool:
    """Whether of this part of a score the direction alone counts, which a vector of zeros does not have."""
    return getattr(model.get_submodule(name.rpartition(".")[0]), "gain", None) is not None


def _zero(bias: Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
