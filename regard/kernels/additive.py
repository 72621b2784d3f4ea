"""Additive comparison of every query with every key, linear in memory."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.check import expect_device, expect_floating, expect_shape
from regard.kernels import additive_blocks as blocks
from regard.kernels import additive_native as native
from regard.kernels.library import kernels


def additive_scores(
    query: Float[Tensor, "batch target hidden"],
    keys: Float[Tensor, "batch source hidden"],
    vector: Float[Tensor, " hidden"],
) -> Float[Tensor, "batch target source"]:
    """Compare every query with every key by a layer of tanh.

        scores[b, i, j] = Σ_h vector[h] · tanh(query[b, i, h] + keys[b, j, h])

    Source: Bahdanau, Cho & Bengio 2015, arXiv:1409.0473, appendix A.1.2, after its projections.

    No array of size batch × target × source × hidden is stored, forward or backward: the backward computes tanh again.
    Single precision on the CPU uses compiled code, if there is any (`library.kernels`). Everything else uses blocks of
    PyTorch, or the plain expression if there are at most twice as many pairs as rows. Half precision is computed in
    single precision and returned in half. Tracing (`torch.export`, `torch.compile`, `torch.jit.trace`), transforms
    (`torch.func`, forward mode) and second derivatives use the plain expression, whose memory grows with all four
    sizes.

    Args:
        query: projected queries.
        keys: projected keys, with all that a score adds to them.
        vector: the weights of the sum.

    Errors against double precision are below 1e-6 of the largest result, also of gradients; but in PyTorch gradients
    lose digits if every tanh is saturated. A NaN makes the scores of its own row NaN, and no others. In compiled code
    the scores and gradients of a row do not depend on the rest of the batch, on padding, or on the number of threads:
    they are the same bit for bit. A single target row is computed in another way, with the same bound on its errors.

    Raises ValueError for sizes or devices that do not fit, TypeError for integers.
    """
    _check(query, keys, vector)
    dtype = torch.promote_types(query.dtype, keys.dtype)
    inner = torch.promote_types(dtype, torch.float32)
    operands = (query.to(inner), keys.to(inner), vector.to(inner))
    is_plain = _is_traced(*operands) or (_engine(operands[0]) is blocks and _is_small(*operands))
    scores: Any = plain_scores if is_plain else _AdditiveScores.apply
    return scores(*operands).to(dtype)


def plain_scores(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """The formula itself; it stores batch × target × source × hidden numbers."""
    return torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ vector


def plain_gradients(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of `plain_scores`, given that of the scores."""
    hidden = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))
    slope = grad.unsqueeze(-1) * (1 - hidden.square()) * vector
    return slope.sum(2), slope.sum(1), (grad.unsqueeze(-1) * hidden).sum((0, 1, 2))


class _AdditiveScores(torch.autograd.Function):
    """Scores by a kernel. Transforms use the plain expression."""

    @staticmethod
    def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
        return _engine(query).forward(query, keys, vector)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gradients: Any = _AdditiveGradients.apply
        return _needed(ctx, gradients(*grads, *ctx.saved_tensors))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *operands: Tensor) -> tuple[Tensor, int]:
        return torch.vmap(plain_scores, in_dims=in_dims, randomness=info.randomness)(*operands), 0

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return _push(plain_scores, ctx.saved_tensors, tangents)


class _AdditiveGradients(torch.autograd.Function):
    """Gradients by a kernel; second derivatives by the plain expression."""

    @staticmethod
    def forward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _engine(query).backward(grad, query, keys, vector)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return _needed(ctx, torch.func.vjp(plain_gradients, *ctx.saved_tensors)[1](grads))

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], *operands: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        return torch.vmap(plain_gradients, in_dims=in_dims, randomness=info.randomness)(*operands), (0, 0, 0)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> tuple[Tensor, ...]:
        return _push(plain_gradients, ctx.saved_tensors, tangents)


def _push(function: Any, operands: tuple[Tensor, ...], tangents: tuple[Tensor, ...]) -> Any:
    """The derivative along tangents, by reverse mode twice: forward mode, which calls this, cannot be nested."""
    vjp: Any = torch.func.vjp
    output, pull = vjp(function, *operands)
    zeros = torch.zeros_like(output) if isinstance(output, Tensor) else tuple(torch.zeros_like(each) for each in output)
    return vjp(pull, zeros)[1](tangents)[0]


def _needed(ctx: Any, gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    return tuple(each if needed else None for each, needed in zip(gradients, ctx.needs_input_grad, strict=True))


def _engine(tensor: Tensor) -> Any:
    """The module that computes for tensors of this kind."""
    single = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return native if single and kernels().library is not None else blocks


def _is_small(query: Tensor, keys: Tensor, vector: Tensor) -> bool:
    """Whether the pairs are few enough that storing them takes linear memory, as for a single step."""
    target, source = query.size(1), keys.size(1)
    return target * source <= 2 * (target + source)


def _is_traced(*tensors: Tensor) -> bool:
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
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
