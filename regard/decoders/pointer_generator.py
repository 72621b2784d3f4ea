"""The output layer that generates from the vocabulary and copies from the source: a pointer-generator."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from regard.decoders.output import LinearOutput, Readout, real_rows
from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies, two_passes
from regard.kernels.logits import best_of
from regard.marks import PAD

LEAST = 1e-30
"""Added to what is copied of a token that the source has, so that a weight of exactly 0 has a logarithm."""


@dataclass(frozen=True)
class Copies:
    """What each source position would be as a target token; one row for each row of the state.

    Args:
        numbers: the target token of each position; PAD for padding.
        firsts: the first position with the same token.
        context: w_c · value of each position.
    """

    numbers: Int[Tensor, "*rows source"]
    firsts: Int[Tensor, "*rows source"]
    context: Float[Tensor, "*rows source"]

    def select(self, rows: Int[Tensor, " selected"]) -> "Copies":
        """The given rows."""
        return Copies(*(each.index_select(0, rows) for each in (self.numbers, self.firsts, self.context)))

    def join(self, other: "Copies") -> "Copies":
        """The rows of another behind these, padded to the longer source."""
        width = max(self.numbers.size(1), other.numbers.size(1))
        padded = zip(self._padded(width), other._padded(width), strict=True)
        return Copies(*(torch.cat(pair) for pair in padded))

    def narrow(self, width: int) -> "Copies":
        """The first positions alone: search leaves out those that are real in no row."""
        return Copies(*(each[:, :width] for each in (self.numbers, self.firsts, self.context)))

    def _padded(self, width: int) -> list[Tensor]:
        more = (0, width - self.numbers.size(1))
        return [F.pad(each, more, value=PAD) for each in (self.numbers, self.firsts, self.context)]


@dataclass(frozen=True)
class Origins:
    """Where given target tokens come from.

    Args:
        p_gen: the probability to generate, of each step.
        copied: of each token and source position, the probability that the token comes and is copied from there.
        total: the probability of each token, generated or copied.
    """

    p_gen: Float[Tensor, "batch target"]
    copied: Float[Tensor, "batch target source"]
    total: Float[Tensor, "batch target"]


class PointerGenerator(nn.Module):
    """A mixture of generating a token and copying one from the source.

        p(y)      = p_gen P_vocab(y) + (1 - p_gen) Σ over positions i with x(i) = y: α(i)
        P_vocab   = softmax(W f + b)
        p_gen     = sigmoid(w_f · f + w_c · Σ over i: α(i) value(i) + b_g)

    Source: See, Liu & Manning 2017, "Get To The Point", arXiv:1704.04368, eq. 8-9. There p_gen reads the context, the
    state and the input of the decoder; here the features f stand for the last two, which they are made of. α are the
    attention weights of the decoder, the mean of its heads. w_c · value is computed once for each source, as the
    context is linear in the values.

    Tokens from `size` on are words of the source that the vocabulary does not have: `size + k` is the word at position
    k of the sentence, see `data.copying`. P_vocab of them is 0. The two ways are mixed as logarithms.

    Args:
        generate: W and b, with the dropout of f.
        memory_size: features of the memory's values.
    """

    def __init__(self, generate: LinearOutput, memory_size: int) -> None:
        super().__init__()
        self.generate = generate
        self.gate = nn.Linear(generate.feature_size, 1)
        self.gate_context = nn.Linear(memory_size, 1, bias=False)

    @property
    def feature_size(self) -> int:
        """Features that it reads."""
        return self.generate.feature_size

    @property
    def size(self) -> int:
        """Entries of the vocabulary, without the words of the source."""
        return self.generate.size

    def begin(self, memory: Memory) -> Copies:
        """What each position would be as a target token: the second number of the source position that it covers.

        Raises ValueError for a memory whose source has not two numbers at each position, or fewer positions.
        """
        source, (rows, width) = memory.source, memory.mask.shape
        fits = source is not None and source.dim() == 3 and source.size(0) == rows and source.size(2) == 2
        if not fits or source.size(1) < width:
            shape = None if source is None else tuple(source.shape)
            raise ValueError(
                f"PointerGenerator.begin: memory.source has shape {shape}; expected {(rows, width, 2)}, a token "
                "and its number as a target for each position. Use a source that can be copied, and an encoder that "
                "has one position for each token."
            )
        real = memory.mask if memory.real is None else memory.real
        numbers = source[..., 1].gather(1, memory.spans[..., 0].clamp(max=source.size(1) - 1)).masked_fill(~real, PAD)
        firsts = (numbers.unsqueeze(2) == numbers.unsqueeze(1)).byte().argmax(2)
        values = memory.values.masked_fill(~memory.mask.unsqueeze(-1), 0.0)
        return Copies(numbers, firsts, self.gate_context(values).squeeze(-1))

    def logits(self, read: Readout) -> Float[Tensor, "*axes vocab"]:
        """Log-probabilities of the vocabulary and, behind it, of a word at each source position; -inf where there is
        none."""
        weights, copies = _looked(read)
        numbers, firsts = copies.numbers, copies.firsts
        generating, copying = self._gates(read.features, weights, copies.context)
        generated = _floats(self.generate.logits(read)).log_softmax(-1) + generating.unsqueeze(-1)
        # One column more, for what is not there: padding, and all but the first position of a token.
        known, unused = read.source.numbers.size(1), self.size + read.source.numbers.size(1)
        whole = F.pad(generated, (0, known + 1), value=-torch.inf)
        mass = torch.zeros_like(weights).scatter_add(-1, firsts, weights)
        mixed = torch.logaddexp(whole.gather(-1, numbers), copying.unsqueeze(-1) + (mass + LEAST).log())
        places = numbers.masked_fill(_repeated(copies), unused)
        return whole.scatter(-1, places, mixed)[..., :unused]

    def topk(
        self, read: Readout, width: int, barred: int | None = None
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """From all logits."""
        return best_of(self.logits(read), width, barred)

    def loss(
        self,
        read: Readout,
        targets: Int[Tensor, "batch target"],
        mask: Bool[Tensor, "batch target"],
        smoothing: float = 0.0,
        agreement: float = 0.0,
    ) -> CrossEntropies:
        """From the logits of the vocabulary and the weights of the source words; `smoothing` is spread over the
        vocabulary, without the words of the source."""
        own, vocabulary = self._log_probs(read, targets, mask, whole=bool(smoothing))
        losses = -own
        if vocabulary is not None:
            losses = -(1 - smoothing) * own - smoothing * vocabulary
        if agreement:
            (log_probs,) = real_rows(mask, self.logits(read))
            losses = two_passes(losses, log_probs, agreement)
        return CrossEntropies(losses.sum(), losses.detach(), -own.detach())

    def origins(
        self, read: Readout, targets: Int[Tensor, "batch target"], mask: Bool[Tensor, "batch target"]
    ) -> Origins:
        """Where given tokens come from; zeros at padding."""
        weights, copies = _looked(read)
        generating, copying = (each.exp() for each in self._gates(read.features, weights, copies.context))
        copied = copying.unsqueeze(-1) * weights * (copies.numbers == targets.unsqueeze(-1))
        total = torch.zeros_like(generating)
        total[mask] = self._log_probs(read, targets, mask)[0].exp()
        return Origins(generating.masked_fill(~mask, 0.0), copied.masked_fill(~mask.unsqueeze(-1), 0.0), total)

    def _gates(self, features: Tensor, weights: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """log p_gen and log (1 - p_gen)."""
        score = _floats(self.gate(features).squeeze(-1) + (weights * context).sum(-1))
        return F.logsigmoid(score), F.logsigmoid(-score)

    def _log_probs(
        self, read: Readout, targets: Tensor, mask: Tensor, *, whole: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """log p of the real targets, row by row, and with `whole` the mean of log p over the vocabulary."""
        features, right, weights = real_rows(mask, read.features, targets, _floats(read.weights))
        copies: Copies = read.source.select(mask.nonzero()[:, 0]).narrow(weights.size(1))
        generating, copying = self._gates(features, weights, copies.context)
        logits, known = _floats(self.generate(features)), right < self.size
        normalizers = logits.logsumexp(1) - generating
        generated = logits.gather(1, right.masked_fill(~known, PAD).unsqueeze(1)).squeeze(1) - normalizers
        same = copies.numbers == right.unsqueeze(1)
        copied = copying + ((weights * same).sum(1) + LEAST).log()
        own = torch.logaddexp(generated.masked_fill(~known, -torch.inf), copied.masked_fill(~same.any(1), -torch.inf))
        if not whole:
            return own, None
        # What the source has is more probable than it is generated; each such token is counted once.
        left_out = _repeated(copies) | (copies.numbers >= self.size)
        mass = torch.zeros_like(weights).scatter_add(1, copies.firsts, weights)
        at = logits.gather(1, copies.numbers.masked_fill(left_out, PAD)) - normalizers.unsqueeze(1)
        more = torch.logaddexp(at, copying.unsqueeze(1) + (mass + LEAST).log()) - at
        total = logits.sum(1) - self.size * normalizers + more.masked_fill(left_out, 0.0).sum(1)
        return own, total / self.size


def _looked(read: Readout) -> tuple[Tensor, Copies]:
    """The weights, and what is known of each source position over their axes."""
    weights = _floats(read.weights)
    copies: Copies = read.source.narrow(weights.size(-1))
    if weights.dim() == 3:
        several = (each.unsqueeze(1).expand_as(weights) for each in (copies.numbers, copies.firsts, copies.context))
        copies = Copies(*several)
    return weights, copies


def _repeated(copies: Copies) -> Tensor:
    """Where a token stands that stood before, and padding."""
    places = torch.arange(copies.numbers.size(-1), device=copies.numbers.device)
    return (copies.firsts != places) | (copies.numbers == PAD)


def _floats(tensor: Tensor) -> Tensor:
    """In single precision at least."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
