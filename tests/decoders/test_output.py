"""Any layer that keeps to `Output` serves training and every search: here one that copies from the source, which no
fast way knows, put into models from outside and checked against its formula."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import models
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regard.compiled.freeze import frozen
from regard.data.batch import BEGIN, END, PAD, Batch
from regard.decoders.output import LinearOutput, Output, Readout, loss_of_logits
from regard.encoders.memory import Memory
from regard.kernels.linear_cross_entropy import CrossEntropies
from regard.kernels.logits import best_of
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.forced import force, rank
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started
from regard.training.objective import CrossEntropy

SIZE = models.TARGET_VOCABULARY
LENGTHS = [(5, 3), (1, 7), (3, 1), (7, 5), (2, 2), (9, 1), (4, 1)]
ENTERING = 3
"""Sentences at a time."""
LIMIT = LengthLimit(1.0, 7)
ALL = pytest.mark.parametrize("name", ["luong", "bahdanau-deep-lstm", "conditional", "transformer"])


@dataclass(frozen=True)
class Copies:
    """The target token that each source position can be copied as; one row for each row of the state."""

    tokens: Tensor

    def select(self, rows: Tensor) -> "Copies":
        """The given rows."""
        return Copies(self.tokens[rows])

    def join(self, other: "Copies") -> "Copies":
        """The rows of another behind these."""
        width = max(self.tokens.size(1), other.tokens.size(1))
        return Copies(torch.cat([as_wide(each.tokens, width) for each in (self, other)]))


class Pointer(nn.Module):
    """p(y) = g softmax(O f)(y) + (1-g) Σ(i: x(i) = y) weights(i),  g = sigmoid(w · f)"""

    def __init__(self, feature_size: int) -> None:
        super().__init__()
        self.generate, self.gate = nn.Linear(feature_size, SIZE), nn.Linear(feature_size, 1)
        self.feature_size, self.size = feature_size, SIZE

    def begin(self, memory: Memory) -> Copies:
        """A source token stands for the target token of the same number."""
        return Copies(memory.source)

    def logits(self, read: Readout) -> Tensor:
        """Log-probabilities."""
        tokens = as_wide(read.source.tokens, read.weights.size(-1))
        tokens = tokens if read.weights.dim() == 2 else tokens.unsqueeze(1).expand_as(read.weights)
        generated, gate = self.generate(read.features).softmax(-1), torch.sigmoid(self.gate(read.features))
        copied = torch.zeros_like(generated).scatter_add(-1, tokens, read.weights)
        return (gate * generated + (1 - gate) * copied).log()

    def topk(self, read: Readout, width: int, barred: int | None = None) -> tuple[Tensor, Tensor]:
        """From all."""
        return best_of(self.logits(read), width, barred)

    def loss(
        self, read: Readout, targets: Tensor, mask: Tensor, smoothing: float = 0.0, agreement: float = 0.0
    ) -> CrossEntropies:
        """From all."""
        return loss_of_logits(self.logits(read), targets, mask, smoothing, agreement)


def as_wide(tokens: Tensor, width: int) -> Tensor:
    """With so many positions: search leaves out those that are real in no row."""
    return F.pad(tokens[:, :width], (0, max(0, width - tokens.size(1))), value=PAD)


def copying(name: str, seed: int = 0) -> EncoderDecoder:
    """A small model with such a layer, which copies about half the time."""
    model = models.small_model(models.recipe(models.DECODERS[name]), seed)
    layer = Pointer(model.tokens.feature_size)
    assert isinstance(layer, Output)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.7)
        layer.generate.bias[END] += 1.0  # so that outputs end at different times
    model.decoder.tokens.output = layer
    return model.eval()


def by_hand(model: EncoderDecoder, batch: Batch) -> Tensor:
    """The formula, one source position after the other: probabilities (batch, target, vocab)."""
    unrolled, layer = model(batch), model.tokens.output
    gate = 1 / (1 + torch.exp(-unrolled.features @ layer.gate.weight[0] - layer.gate.bias)).unsqueeze(-1)
    scores = torch.exp(unrolled.features @ layer.generate.weight.T + layer.generate.bias)
    probs = gate * scores / scores.sum(-1, keepdim=True)
    for position, weights in enumerate(unrolled.weights.unbind(-1)):
        at = F.one_hot(batch.source[:, position], SIZE).unsqueeze(1)
        probs = probs + (1 - gate) * weights.unsqueeze(-1) * at
    return probs


def answered(batch: Batch, answers: list[tuple[int, ...]]) -> Batch:
    """The sources with these targets."""
    width = max(map(len, answers))
    targets = torch.tensor([[*each, *[PAD] * (width - len(each))] for each in answers])
    begins = torch.full((len(answers), 1), BEGIN)
    return Batch(
        batch.source, batch.source_mask, torch.cat([begins, targets[:, :-1]], 1), targets, targets != PAD, batch.order
    )


def read(chosen: list[EncoderDecoder], batch: Batch, shortlists: Any = (), count: int = ENTERING) -> list[Started]:
    """The groups of sentences that models prepared for inference begin with."""
    readers = Reader([frozen(model) for model in chosen], shortlists)
    return list(readers.read(batch.source, batch.source_mask, count))


def searched(begun: list[Started], size: int) -> list[list[Hypothesis]]:
    """Greedy for 1, else all that a beam of so many found. Where they can, further groups enter as others end."""
    found: list[list[Hypothesis]] = []
    several = [begun] if begun[0].joins else [[each] for each in begun]
    with torch.inference_mode():
        for first, *others in several:
            later = ((each.state, each.lengths) for each in others)
            given = (first.step, first.state, first.lengths)
            if size == 1:
                found += [[each] for each in greedy(*given, limit=LIMIT, later=later)]
            else:
                found += beam(*given, size=size, nbest=size, limit=LIMIT, later=later)
    return found


def check(found: list[list[Hypothesis]], batch: Batch, probs: Any) -> None:
    """Tokens and their probabilities; `probs(batch)` is what should be."""
    for place in range(min(map(len, found))):
        answers = [each[place].tokens for each in found]
        given = answered(batch, answers)
        logs = probs(given).log()
        own = logs.gather(-1, given.targets.unsqueeze(-1)).squeeze(-1).masked_fill(~given.target_mask, 0.0).sum(1)
        torch.testing.assert_close(torch.tensor([each[place].log_prob for each in found]), own, atol=1e-4, rtol=0)


@ALL
def test_the_loss_and_its_gradient_are_those_of_the_formula(name: str) -> None:
    model, batch = copying(name), models.batch_of(LENGTHS)
    probs = by_hand(model, batch)
    torch.testing.assert_close(probs.sum(-1), torch.ones_like(probs[..., 0]))
    logs = probs.log()[batch.target_mask]
    right = logs.gather(1, batch.targets[batch.target_mask].unsqueeze(1)).sum()
    expected = -0.9 * right - 0.1 / SIZE * logs.sum()
    loss = CrossEntropy(0.1)(model, batch)
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.nll, -right.detach())
    parameters = [each for each in model.parameters() if each.requires_grad]
    found, wanted = (torch.autograd.grad(each, parameters, allow_unused=True) for each in (loss.total, expected))
    for ours, theirs in zip(found, wanted, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_updates_lower_the_loss() -> None:
    model, batch = copying("luong").train(), models.batch_of(LENGTHS)
    optimizer, losses = torch.optim.Adam(model.parameters(), 0.02), []
    for _ in range(8):
        loss = CrossEntropy()(model, batch)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        losses.append(loss.total.item())
    assert losses[-1] < 0.8 * losses[0]


@ALL
@torch.inference_mode()
def test_searches_find_what_is_probable(name: str) -> None:
    model, batch = copying(name), models.batch_of(LENGTHS)
    best, several = searched(read([model], batch), 1), searched(read([model], batch), 3)
    given = answered(batch, [each[0].tokens for each in best])
    real = given.target_mask
    assert torch.equal(by_hand(model, given)[..., END:].argmax(-1)[real] + END, given.targets[real])
    assert {len(each[0].tokens) for each in best} != {1}
    for found in (best, several):
        check(found, batch, lambda given: by_hand(model, given))
    assert all(a.score >= b.score for each in several for a, b in pairwise(each))
    for row, each in enumerate(several):  # alone as in company
        one = Batch(*(getattr(batch, part)[row : row + 1] for part in Batch.__dataclass_fields__))
        alone = searched(read([model], one), 3)
        assert [found.tokens for found in alone[0]] == [found.tokens for found in each]


@ALL
@torch.inference_mode()
def test_given_targets_are_scored_and_ranked(name: str) -> None:
    model, batch = copying(name), models.batch_of(LENGTHS)
    targets = [row[real].tolist() for row, real in zip(batch.targets, batch.target_mask, strict=True)]
    (begun,) = read([model], batch, count=len(targets))
    given = (begun.step, begun.state, begun.lengths, targets)
    check([[each] for each in force(*given)], batch, lambda given: by_hand(model, given))
    for row, (ranked, probs) in enumerate(zip(rank(*given, 4), by_hand(model, batch), strict=True)):
        top = probs[: len(targets[row]), END:].topk(4)
        assert ranked.tokens.tolist() == (top.indices + END).tolist()
        torch.testing.assert_close(torch.from_numpy(ranked.best), top.values.log(), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_it_joins_an_ensemble_with_a_linear_layer() -> None:
    batch, linear = models.batch_of(LENGTHS), models.small_model(models.recipe(models.DECODERS["bahdanau"]), 3)
    assert isinstance(linear.tokens.output, LinearOutput)
    members = [copying("luong"), linear]

    def mean(given: Batch) -> Tensor:
        return (by_hand(members[0], given) + linear.logits(linear(given)).softmax(-1)) / 2

    for size in (1, 3):
        check(searched(read(members, batch), size), batch, mean)


@ALL
@torch.inference_mode()
def test_a_shortlist_hides_all_else(name: str) -> None:
    model, batch = copying(name), models.batch_of(LENGTHS)
    targets = torch.randint(4, SIZE, (5 * models.SOURCE_VOCABULARY,), generator=torch.Generator().manual_seed(1))
    some = Shortlist(torch.tensor([7, 11]), torch.arange(models.SOURCE_VOCABULARY + 1) * 5, targets, SIZE)

    def given_allowed(given: Batch) -> Tensor:
        allowed = some.allowed(given.source, given.source_mask).unsqueeze(1)
        probs = by_hand(model, given) * allowed
        return probs / probs.sum(-1, keepdim=True)

    for size in (1, 3):
        check(searched(read([model], batch, [some]), size), batch, given_allowed)


def test_a_tied_embedding_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^LinearOutput: tied has 7 vectors of 5; expected 7 of 3\. Give readout and"):
        LinearOutput(3, 7, tied=nn.Embedding(7, 5))
