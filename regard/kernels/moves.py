"""Softmax over source positions, step by step, where each step knows where the one before looked."""

from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.kernels.library import kernels
from regard.kernels.operands import expect_operand

Classes = tuple[int, ...]
"""The least distance of each class of distances, ascending from 0; the last one has no end."""


def moved_softmax(
    scores: Float[Tensor, "batch target source"],
    wanted: Float[Tensor, "batch target moves"],
    previous: Float[Tensor, "batch source"],
    mask: Bool[Tensor, "batch source"],
    classes: Classes,
) -> Float[Tensor, "batch target source"]:
    """Weights of all steps, each of which adds to its scores what it wants of a move from the step before.

        term[b, t, s]    = Σ_j weights[b, t − 1, j] · wanted[b, t, most ± class(|s − j|)]
        weights[b, t, :] = softmax(scores[b, t, :] + term[b, t, :])      over the positions of the mask

    A move on counts as + class, one back as − class, and most is the number of the last class. Single precision on the
    CPU uses compiled code, if there is any; everything else, second derivatives and tracing too, is computed as
    written. In compiled code the weights of a row do not depend on padding, nor on the rest of the batch.

    Args:
        scores: of all steps, without the term.
        wanted: a number for each move, 2 · most + 1 in all.
        previous: the weights of the step before the first one.
        mask: True where a position may have weight; a row without one gets zeros.
        classes: of distances.

    Raises ValueError for shapes that do not fit.
    """
    batch, _, source = scores.shape
    if wanted.shape != (*scores.shape[:2], 2 * len(classes) - 1) or not previous.shape == mask.shape == (batch, source):
        raise ValueError(
            f"moved_softmax: scores {tuple(scores.shape)}, wanted {tuple(wanted.shape)}, previous "
            f"{tuple(previous.shape)}, mask {tuple(mask.shape)}; expected (batch, target, source), (batch, target, "
            f"{2 * len(classes) - 1}), and (batch, source) twice."
        )
    operands = (scores, wanted, previous)
    if _is_native(*operands):
        native: Any = _MovedSoftmax.apply
        weights: Tensor = native(*operands, mask, classes)
        return weights
    return plain_softmax(*operands, mask, classes)


def plain_softmax(scores: Tensor, wanted: Tensor, previous: Tensor, mask: Tensor, classes: Classes) -> Tensor:
    """The formula of `moved_softmax`, one step after the other."""
    near, hidden, steps = between(scores.size(-1), classes).to(scores), ~mask, []
    for inner, wish in zip(scores.unbind(1), wanted.unbind(1), strict=True):
        filled = (inner + term(wish, previous, near)).masked_fill(hidden, torch.finfo(scores.dtype).min)
        previous = torch.softmax(filled, -1).masked_fill(hidden, 0.0)
        steps.append(previous)
    return torch.stack(steps, 1)


def term(
    wanted: Float[Tensor, "batch moves"],
    previous: Float[Tensor, "batch source"],
    near: Float[Tensor, "source source_moves"],
) -> Float[Tensor, "batch source"]:
    """What one step adds to its scores; `near` is `between` of the source."""
    away = (previous @ near).view(*previous.shape, -1)  # (batch, source, moves)
    return (away @ wanted.unsqueeze(-1)).squeeze(-1)


@lru_cache(maxsize=256)
def between(length: int, classes: Classes) -> Float[Tensor, "length length_moves"]:
    """1 where a move from one position to another is the move, else 0: (from, to · moves)."""
    place = torch.arange(length)
    away = place - place.unsqueeze(1)
    number = torch.bucketize(away.abs(), torch.tensor(classes), right=True) - 1
    moves = number * away.sign() + len(classes) - 1
    return nn.functional.one_hot(moves, 2 * len(classes) - 1).flatten(1).to(torch.float32)


class _MovedSoftmax(torch.autograd.Function):
    """By compiled code; second derivatives by the formula."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, wanted: Tensor, previous: Tensor, mask: Tensor, classes: Classes) -> Tensor:
        weights = torch.empty(scores.shape)
        given = [each.contiguous() for each in (scores, wanted, previous, mask)]
        _call("moves_forward", (*given, _numbers(classes)), scores.shape, classes, (weights,))
        ctx.save_for_backward(scores, wanted, previous, mask, weights)
        ctx.classes = classes
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scores, wanted, previous, mask, weights = ctx.saved_tensors
        grad = grads[0]
        if torch.is_grad_enabled():  # second derivatives are asked for

            def formula(scores: Tensor, wanted: Tensor, previous: Tensor) -> Tensor:
                return plain_softmax(scores, wanted, previous, mask, ctx.classes)

            found = torch.func.vjp(formula, scores, wanted, previous)[1](grad)
            return (*found, None, None)
        grad, wanted, previous = grad.contiguous(), wanted.contiguous(), previous.contiguous()
        expect_operand("moved_softmax", "grad", grad, tuple(weights.shape))
        found = torch.empty_like(weights), torch.empty_like(wanted), torch.empty_like(previous)
        _call(
            "moves_backward", (weights, grad, wanted, previous, _numbers(ctx.classes)), grad.shape, ctx.classes, found
        )
        return (*found, None, None)


def _call(name: str, given: tuple[Tensor, ...], shape: Any, classes: Classes, found: tuple[Tensor, ...]) -> None:
    addresses = [each.data_ptr() for each in given]
    if kernels().call(name, *addresses, *shape, len(classes) - 1, *(each.data_ptr() for each in found)):
        raise MemoryError(f"{name}: no memory to work in for sizes {tuple(shape)}. Use a smaller batch.")


@lru_cache(maxsize=64)
def _numbers(classes: Classes) -> Tensor:
    return torch.tensor(classes, dtype=torch.int64)


def _is_native(*operands: Tensor) -> bool:
    """Whether there is compiled code for these."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or kernels().library is None:  # type: ignore[attr-defined,no-untyped-call]
        return False
    return all(
        type(each) in (Tensor, nn.Parameter) and each.is_cpu and each.dtype is torch.float32 for each in operands
    )
