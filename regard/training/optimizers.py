"""Optimisers over the parameters of a model, and the clipping of its gradient."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def adam(model: nn.Module, learning_rate: float = 1e-3, weight_decay: float = 0.0) -> torch.optim.Adam:
    """Adam; decay is added to the gradient. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1."""
    return torch.optim.Adam(decay_groups(model, weight_decay), lr=learning_rate, fused=True)


def adamw(model: nn.Module, learning_rate: float = 1e-3, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """Adam with decoupled decay. Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2."""
    return torch.optim.AdamW(decay_groups(model, weight_decay), lr=learning_rate, fused=True)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """The matrices with decay; biases, gains and embeddings without.

    A bias or gain of zero is not simpler, and an embedding would shrink also in batches without its token. A tied
    output layer is an embedding.
    """
    embeddings = {
        id(part) for module in model.modules() if isinstance(module, nn.Embedding) for part in module.parameters()
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.dim() > 1 and id(parameter) not in embeddings]
    chosen = {id(parameter) for parameter in decayed}
    spared = [parameter for parameter in trained if id(parameter) not in chosen]
    groups: list[dict[str, object]] = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def clip(parameters: Iterable[Tensor], limit: float | None) -> Tensor:
    """Scale the gradient so that its norm is at most the limit; None: no limit. Returns its norm before.

        g ← g · min(1, limit / ‖g‖)

    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1. A gradient below the limit
    is not written; PyTorch's function multiplies it by one.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    lengths = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    length = torch.linalg.vector_norm(torch.stack(lengths)) if lengths else torch.zeros(())
    if limit is not None and length > limit:
        torch._foreach_mul_(gradients, limit / length)
    return length
