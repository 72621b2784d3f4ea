"""The output layer and its loss in one pass over the tokens, without the logits of the whole batch."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.check import expect_device, expect_floating, expect_shape
from regard.kernels.agreement import agree, disagreement
from regard.kernels.library import kernels
from regard.kernels.matmul import add_product
from regard.kernels.softmax import OutputSoftmax

# The gradients' products pack the weight anew for every chunk, so that fewer rows cost more a row; from 500 on they do
# not.
CHUNK_ROWS, CHUNK_LOGITS = 512, 2**21


@dataclass(frozen=True)
class CrossEntropies:
    """What the tokens cost, in nats.

    Args:
        total: Σ of `losses`; what to go backward from.
        losses: of each token, with label smoothing; no gradient.
        nll: negative log-probability of each target, without smoothing; no gradient.
    """

    total: Float[Tensor, ""]
    losses: Float[Tensor, " tokens"]
    nll: Float[Tensor, " tokens"]


def linear_cross_entropy(
    features: Float[Tensor, "tokens features"],
    weight: Float[Tensor, "vocab features"],
    bias: Float[Tensor, " vocab"] | None,
    targets: Int[Tensor, " tokens"],
    smoothing: float = 0.0,
    agreement: float = 0.0,
) -> CrossEntropies:
    """Cross-entropy of W x + b with label smoothing, and its gradients, a chunk of tokens at a time.

        z(i)   = W x(i) + b
        nll    = logsumexp z - z[y]
        losses = (1-ε) nll + ε (logsumexp z - mean z)
        ∂/∂z   = softmax z - (1-ε) onehot y - ε/V

    Source: Szegedy et al. 2016, arXiv:1512.00567, section 7, over an output layer.

    One buffer holds the gradient of a chunk's logits, which is multiplied into the gradients of x, W and b at once;
    backward scales these. The smoothing costs no pass over the logits: mean z is the product of
    x with the mean row of W, and the constant ε/V is of rank one in every gradient. Without a gradient nothing is kept.

    With `agreement` the rows are two passes of the same tokens, one half after the other, that are to agree (R-Drop).
    Each then also costs half of α times the `disagreement` of both; a chunk has the rows of both passes.

    Half precision is computed in single precision, and the results are in it. Tracing (`torch.export`,
    `torch.compile`, `torch.jit.trace`), transforms (`torch.func`, forward mode) and second derivatives get the plain
    expression, which holds all logits. A second backward through the same graph sweeps again.

    Args:
        features: x, of real tokens alone: every row counts.
        weight: W; may be an embedding.
        bias: b; None for none.
        targets: y, numbers below vocab.
        smoothing: ε, the share of the probability that is spread over the whole vocabulary.
        agreement: α; 0 for rows of one pass.

    Raises ValueError for sizes or devices that do not fit, and for two passes of unequal lengths, TypeError for
    features that are integers.
    """
    _check(features, weight, bias, targets)
    if agreement and len(targets) % 2:
        raise ValueError(f"linear_cross_entropy: given {len(targets)} rows; expected an even number, of two passes.")
    dtype = torch.promote_types(torch.promote_types(features.dtype, weight.dtype), torch.float32)
    operands = [each.to(dtype) for each in (features, weight, bias) if each is not None]
    if _is_foreign(*operands):
        return CrossEntropies(*plain_cross_entropies(targets, smoothing, *operands, agreement=agreement))
    if torch.is_grad_enabled() and any(each.requires_grad for each in operands):
        swept: Any = _LinearCrossEntropy.apply
        return CrossEntropies(*swept(targets, smoothing, agreement, *operands))
    losses, nll = _Sweep(operands, (False,) * len(operands), smoothing, agreement).run(targets)
    return CrossEntropies(losses.sum(), losses, nll)


def plain_cross_entropies(
    targets: Tensor,
    smoothing: float,
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    agreement: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """The formula itself, which holds the logits of all tokens: total, losses, nll."""
    return _costs(F.linear(features, weight, bias), targets, smoothing, agreement)


def cross_entropies(
    logits: Float[Tensor, "tokens vocab"],
    targets: Int[Tensor, " tokens"],
    smoothing: float = 0.0,
    agreement: float = 0.0,
) -> CrossEntropies:
    """The same costs from given logits: log-probabilities, up to a constant of each token. Half precision is computed
    in single precision."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return CrossEntropies(*_costs(logits, targets, smoothing, agreement))


def two_passes(costs: Float[Tensor, " tokens"], log_probs: Float[Tensor, "tokens vocab"], agreement: float) -> Tensor:
    """Costs of two passes of the same tokens, one half after the other, each with half of α D."""
    return costs + agreement / 2 * disagreement(*log_probs.chunk(2)).repeat(2)


def _costs(logits: Tensor, targets: Tensor, smoothing: float, agreement: float) -> tuple[Tensor, Tensor, Tensor]:
    losses = F.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
    nll = F.cross_entropy(logits.detach(), targets, reduction="none") if smoothing else losses.detach()
    if agreement:
        losses = two_passes(losses, logits.log_softmax(1), agreement)
    return losses.sum(), losses.detach(), nll


class _LinearCrossEntropy(torch.autograd.Function):
    """Value and gradients by one sweep. The static methods are those that PyTorch asks for."""

    @staticmethod
    def forward(
        ctx: Any, targets: Tensor, smoothing: float, agreement: float, *operands: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        sweep = _Sweep(operands, ctx.needs_input_grad[3:], smoothing, agreement)
        losses, nll = sweep.run(targets)
        ctx.mark_non_differentiable(losses, nll)
        ctx.save_for_backward(targets, *operands)
        ctx.options, ctx.gradients = (smoothing, agreement), sweep.gradients
        return losses.sum(), losses, nll

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            return None, None, None, *_plain_gradients(ctx, grad)
        gradients, ctx.gradients = ctx.gradients, None  # scaled in place, so good for once
        if gradients is None:
            targets, *operands = ctx.saved_tensors
            sweep = _Sweep(operands, ctx.needs_input_grad[3:], *ctx.options)
            sweep.run(targets)
            gradients = sweep.gradients
        return None, None, None, *(each if each is None else each.mul_(grad) for each in gradients)


def _plain_gradients(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients of the plain expression, which can be differentiated again."""
    targets, *operands = ctx.saved_tensors
    smoothing, agreement = ctx.options
    vjp: Any = torch.func.vjp
    total = lambda *given: plain_cross_entropies(targets, smoothing, *given, agreement=agreement)[0]  # noqa: E731
    found = vjp(total, *operands)[1](grad)
    return tuple(each if needed else None for each, needed in zip(found, ctx.needs_input_grad[3:], strict=True))


class _Sweep:
    """The chunks of one batch, one after another, and the gradients as they grow.

    Args:
        operands: x, W, and b where there is one.
        needed: which of these need a gradient; the others have None in `gradients`.
        smoothing: ε.
        agreement: α, of rows of two passes; 0 for rows of one.
    """

    def __init__(self, operands: Any, needed: tuple[bool, ...], smoothing: float, agreement: float) -> None:
        self.features, self.weight, *biases = operands
        self.bias = biases[0] if biases else None
        self.smoothing, self.agreement = smoothing, agreement
        self.mean_row = smoothing * self.weight.mean(0) if smoothing else self.weight.new_zeros(self.weight.size(1))
        self.gradients: list[Tensor | None] = [
            start() if need else None
            for start, need in zip((self._for_features, self._for_weight, self._for_bias), needed, strict=False)
        ]

    def run(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Losses and nll of every token; the gradients are then in `gradients`."""
        (tokens, _), vocab, passes = self.features.shape, len(self.weight), 2 if self.agreement else 1
        size = _even_chunk(tokens // passes, vocab)
        softmax = OutputSoftmax(self.weight, self.bias, size)
        slopes = self.features.new_empty(passes, size, vocab)
        whole, right, apart = self.features.new_zeros(3, tokens)
        for first in range(0, tokens // passes, size):
            last = min(first + size, tokens // passes)
            places = [slice(first + begin, last + begin) for begin in (0, tokens // 2)[:passes]]
            both = slopes[:, : last - first]
            for chosen, slope in zip(places, both, strict=True):
                whole[chosen], right[chosen] = softmax(self.features[chosen], targets[chosen], slope)
            if self.agreement:
                apart[places[0]] = apart[places[1]] = agree(both[0], both[1], self.agreement)
            if any(each is not None for each in self.gradients):
                for chosen, slope in zip(places, both, strict=True):
                    self._accumulate(chosen, targets[chosen].unsqueeze(1), slope)
        nll = whole - right
        losses = nll.clone()
        if self.smoothing:
            mean = self.features @ self.mean_row + (0 if self.bias is None else self.smoothing * self.bias.mean())
            losses = (1 - self.smoothing) * nll + self.smoothing * whole - mean
        return losses.add_(apart, alpha=self.agreement / 2), nll

    def _accumulate(self, chosen: slice, answers: Tensor, slope: Tensor) -> None:
        """Make of the softmax the gradient of a chunk's logits, but for ε/V, and multiply it into the gradients."""
        slope.scatter_add_(1, answers, slope.new_full((1, 1), self.smoothing - 1).expand_as(answers))
        chunk = self.features[chosen]
        features, weight, bias = (*self.gradients, None)[:3]
        if features is not None:
            add_product(features[chosen], slope, self.weight)
        if weight is not None:
            add_product(weight, slope.t(), chunk)
        if bias is not None:
            bias.addmv_(slope.t(), chunk.new_ones(len(chunk)))

    def _for_features(self) -> Tensor:
        return -self.mean_row.repeat(len(self.features), 1)

    def _for_weight(self) -> Tensor:
        vocab = len(self.weight)
        return (-self.smoothing / vocab * self.features.sum(0)).repeat(vocab, 1)

    def _for_bias(self) -> Tensor:
        vocab = len(self.weight)
        return self.features.new_full((vocab,), -self.smoothing * len(self.features) / vocab)


def _even_chunk(tokens: int, vocab: int) -> int:
    """Rows of a chunk, so that all are of about the same size: a small last one would pack the weight for little."""
    most = max(CHUNK_ROWS, CHUNK_LOGITS // vocab)
    chunks = max(1, -(-tokens // most))
    return max(1, -(-tokens // chunks))


def _is_foreign(*tensors: Tensor) -> bool:
    """Whether something watches or transforms what is computed, or the definition is asked for."""
    if kernels().off or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return True
    if torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0:
        return True
    return any(type(each) not in (Tensor, nn.Parameter) or each.device.type == "meta" for each in tensors)


def _check(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> None:
    place = "linear_cross_entropy"
    expect_shape(place, "features", features, ("tokens", "features"), "Give the real tokens alone, one a row.")
    expect_shape(place, "weight", weight, ("vocab", features.size(1)), "Give the weight of the output layer.")
    expect_shape(place, "targets", targets, (features.size(0),), "Give one target per row of features.")
    for name, tensor in (("features", features), ("weight", weight), ("bias term", bias)):
        if tensor is not None:
            expect_floating(place, name, tensor)
    if weight.size(0) == 0:
        raise ValueError(f"{place}: weight has shape {tuple(weight.shape)}; expected a vocabulary that is not empty.")
    given = {"weight": weight, "targets": targets}
    if bias is not None:
        expect_shape(place, "bias term", bias, (weight.size(0),), "Give one number per entry of the vocabulary.")
        given["bias term"] = bias
    for name, tensor in given.items():
        expect_device(place, name, tensor, "features", features)
