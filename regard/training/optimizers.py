"""Optimisers over the parameters of a model."""

import torch
from torch import nn


def adam(model: nn.Module, learning_rate: float = 1e-3, weight_decay: float = 0.0) -> torch.optim.Adam:
    """Adam; decay is added to the gradient. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1."""
    return torch.optim.Adam(decay_groups(model, weight_decay), lr=learning_rate, fused=True)


def adamw(model: nn.Module, learning_rate: float = 1e-3, weight_decay: float = 0.01) -> torch.optim.AdamW:
    """Adam with decoupled decay. Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2."""
    return torch.optim.AdamW(decay_groups(model, weight_decay), lr=learning_rate, fused=True)


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Two groups of parameters: matrices with weight decay; biases, gains and embeddings without.

    A bias or gain of zero does not make a model simpler. An embedding would also decay in batches without its token. A
    tied output layer is an embedding.
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
