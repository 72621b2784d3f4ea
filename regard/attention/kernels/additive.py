"""Additive comparison of every query with every key, linear in memory."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention.check import expect_device, expect_floating, expect_shape
from regard.attention.kernels import blocks, native


def additive_scores(
    query: Float[Tensor, "batch target hidden"],
    keys: Float[Tensor, "batch source hidden"],
    vector: Float[Tensor, " hidden"],
) -> Float[Tensor, "batch target source"]:
    """Compare every query with every key by a layer of tanh.

        scores[b, i, j] = Σ_h vector[h] · tanh(query[b, i, h] + keys[b, j, h])

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.1.2, after its projections.

    Nothing of size batch × target × source × hidden is held, forward or backward: the backward computes tanh again.
    Single precision on the CPU runs in compiled code where that is in use (`native.kernels`), everything else in
    blocks of PyTorch. Half precision is computed in single precision and returned in its own. Tracing (`torch.export`,
    `torch.compile`, `torch.jit.trace`), transforms (`torch.func`, forward mode) and second derivatives get the plain
    expression, whose memory grows with all four sizes.

    Args:
        query: projected queries.
        keys: projected keys, and whatever else a score adds to them.
        vector: the weights of the sum.

    Errors against double precision, relative to the largest magnitude of a result, are below 1e-6, gradients too.
    A NaN makes NaN of the scores of its row, and of no other. In compiled code the scores and gradients of a row do
    not depend, to the last bit, on the rest of the batch, on padding, or on the number of threads.

    Raises ValueError for sizes or devices that do not fit, TypeError for integers.
    """
    _check(query, keys, vector)
    dtype = torch.promote_types(query.dtype, keys.dtype)
    inner = torch.promote_types(dtype, torch.float32)
    operands = (query.to(inner), keys.to(inner), vector.to(inner))
    scores = plain_scores(*operands) if _is_traced(*operands) else _AdditiveScores.apply(*operands)
    return scores.to(dtype)


def plain_scores(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """The formula itself, which holds batch × target × source × hidden numbers."""
    return (torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) * vector).sum(-1)


class _AdditiveScores(torch.autograd.Function):
    """Ties forward and backward together; the static methods are those that PyTorch asks for."""

    @staticmethod
    def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
        return _engine(query).forward(query, keys, vector)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        operands, grad = ctx.saved_tensors, grads[0]
        # Gradients are recorded only where a second derivative is wanted.
        backward = _plain_backward if torch.is_grad_enabled() else _engine(grad).backward
        found = backward(grad, *operands)
        return tuple(each if needed else None for each, needed in zip(found, ctx.needs_input_grad, strict=True))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *operands: Tensor) -> tuple[Tensor, int]:
        return torch.vmap(plain_scores, in_dims=in_dims, randomness=info.randomness)(*operands), 0

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        query, keys, vector = ctx.saved_tensors
        hidden = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))
        moved = (1 - hidden.square()) * (tangents[0].unsqueeze(2) + tangents[1].unsqueeze(1))
        return (hidden * tangents[2] + moved * vector).sum(-1)


def _plain_backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients by an expression that can be differentiated again."""
    hidden = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))
    slope = grad.unsqueeze(-1) * (1 - hidden.square()) * vector
    return slope.sum(2), slope.sum(1), (grad.unsqueeze(-1) * hidden).sum((0, 1, 2))


def _engine(tensor: Tensor) -> Any:
    """The module that computes for tensors of this kind."""
    single = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return native if single and native.kernels().library is not None else blocks


def _is_traced(*tensors: Tensor) -> bool:
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return True
    return any(type(each) not in (Tensor, nn.Parameter) or each.device.type == "meta" for each in tensors)


def _check(query: Tensor, keys: Tensor, vector: Tensor) -> None:
    place, advice = "additive_scores", "Project queries and keys to the same size, batch first."
    expect_shape(place, "query", query, ("batch", "target", "hidden"), advice)
    expect_shape(place, "keys", keys, (query.size(0), "source", query.size(2)), advice)
    expect_shape(place, "vector", vector, (query.size(2),), "Give one weight per feature.")
    for name, tensor in (("query", query), ("keys", keys), ("vector", vector)):
        expect_floating(place, name, tensor)
        expect_device(place, name, tensor, "query", query)
