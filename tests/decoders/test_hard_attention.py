"""Exact hard attention: its sums against all alignments one by one, its gradients, and what it refuses."""

from itertools import product
from typing import Any

import models
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard.config import parse
from regard.data.batch import Batch
from regard.decoders import hard_attention
from regard.errors import UsageError
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.forced import force
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader
from regard.training.objective import CrossEntropy

LENGTHS = [(3, 3), (2, 1), (0, 2)]  # the last source is its end mark alone, which is looked at in none of these
EACH = pytest.mark.parametrize("name", models.HARD)


def small(name: str, **attention: Any) -> tuple[EncoderDecoder, Batch]:
    """A model in float64 with scores that differ, and a batch."""
    torch.manual_seed(3)
    model = models.small_model(models.recipe(models.HARD[name], attention={"score": "general", **attention}), 5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.5)
    return model.double(), models.batch_of(LENGTHS, seed=1)


def by_hand(model: EncoderDecoder, batch: Batch, row: int) -> tuple[Tensor, Tensor]:
    """log p(y(1..t) | x) for each t, and p(a(t) = j | y(<t), x), from every alignment of one pair on its own."""
    decoder, positions, tokens = model.decoder, LENGTHS[row][0], LENGTHS[row][1] + 1
    memory = model.encode(batch.source, batch.source_mask)
    keys = memory.values[row, :positions]
    start = decoder.recurrence.begin(decoder.bridge(memory.summary))
    states = decoder.recurrence.unroll(decoder.tokens.embedding(batch.inputs), start)[row, :tokens]
    size = decoder.linear.feature_size
    joined = decoder.project_state(states).unsqueeze(1) + keys @ decoder.project_source.weight.t()
    answers = decoder.linear(torch.tanh(joined[..., :size])).log_softmax(-1)
    scores = states @ decoder.attention.score.project_key(keys).t()

    def move(step: int, before: int, to: int) -> Tensor:
        logits = scores[step].clone()
        for place in range(positions):
            if decoder.favoured is not None:
                number = min(max(place - before, decoder.first_move), decoder.last_move) - decoder.first_move
                logits[place] = logits[place] + joined[step, before, size + number] + decoder.favoured[number]
            if decoder.monotonic and place < before:
                logits[place] = -torch.inf
        return logits.log_softmax(0)[to]

    totals, looks = [], []
    for step in range(tokens):
        whole, seen = [], [[] for _ in range(positions)]
        for alignment in product(range(positions), repeat=step + 1):
            before = (0, *alignment[:-1])
            ways = [move(t, i, j) for t, (i, j) in enumerate(zip(before, alignment, strict=True))]
            answered = [answers[t, j, batch.targets[row, t]] for t, j in enumerate(alignment)]
            whole.append(sum(ways) + sum(answered))
            seen[alignment[-1]].append(sum(ways) + sum(answered[:-1]))
        totals.append(torch.stack(whole).logsumexp(0))
        looks.append(torch.stack([torch.stack(each).logsumexp(0) for each in seen]).softmax(0))
    return torch.stack(totals), torch.stack(looks)


@EACH
def test_sums_are_those_over_all_alignments(name: str) -> None:
    model, batch = small(name)
    unrolled = model(batch)
    found = unrolled.features.gather(2, batch.targets.unsqueeze(2)).squeeze(2).cumsum(1)
    for row, (positions, tokens) in enumerate(LENGTHS[:2]):
        totals, looks = by_hand(model, batch, row)
        torch.testing.assert_close(found[row, : tokens + 1], totals)
        torch.testing.assert_close(unrolled.weights[row, : tokens + 1, :positions], looks)
    # What cannot be looked at: padding, and all of a source that is its end mark alone.
    assert (unrolled.weights[1, :, 2:] == 0).all()
    assert (unrolled.weights[2] == 0).all()
    torch.testing.assert_close(unrolled.features.exp().sum(2), torch.ones_like(found))


@EACH
def test_gradients(name: str) -> None:
    model, batch = small(name)
    names = [
        "decoder.project_source.weight",
        "decoder.attention.score.project_key.weight",
        "decoder.bridge.project.bias",
    ]
    given = {key: dict(model.named_parameters())[key][:2] for key in names}

    def loss(*parts: Tensor) -> Tensor:
        weights = {
            key: torch.cat([part, dict(model.named_parameters())[key][2:].detach()])
            for key, part in zip(names, parts, strict=True)
        }
        features = torch.func.functional_call(model, weights, (batch,)).features
        return F.nll_loss(features[batch.target_mask], batch.targets[batch.target_mask])

    assert torch.autograd.gradcheck(loss, [part.detach().requires_grad_() for part in given.values()])


@EACH
def test_parts_of_a_target_are_the_same_as_all_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is computed twice; loss and gradients are the same, with dropout too."""
    model, batch = small(name)
    model.train()
    found = []
    for most in (2**24, 1):
        monkeypatch.setattr(hard_attention, "MOST_ANSWERS", most)
        model.zero_grad()
        model.decoder.linear.dropout = 0.0  # drawn part by part, so in another order
        torch.manual_seed(11)
        loss = CrossEntropy(0.1)(model, batch)
        loss.total.backward()
        found.append([loss.total, *(weight.grad.clone() for weight in model.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@EACH
def test_extreme_scores_stay_finite(name: str) -> None:
    model, batch = small(name)
    model.float()
    with torch.no_grad():
        model.decoder.attention.score.project_key.weight.mul_(1e4)
        model.decoder.linear.weight.mul_(1e3)
    loss = CrossEntropy()(model, batch)
    loss.total.backward()
    assert loss.total.isfinite()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@EACH
def test_what_an_ensemble_finds_scores_the_same_when_it_is_given(name: str) -> None:
    batch, seeds = models.batch_of([(5, 1), (1, 1), (3, 1)]), (0, 1)
    with torch.inference_mode():
        begun = [
            next(
                Reader([models.small_model(models.recipe(models.HARD[name]), seed)]).read(
                    batch.source, batch.source_mask, 3
                )
            )
            for seed in seeds
        ]
        step, state = Ensemble([each.step for each in begun]), EnsembleState(tuple(each.state for each in begun))
        limit = LengthLimit(1.0, 3)
        found = [best for best, *_ in beam(step, state, batch.source_mask.sum(1), size=3, limit=limit)]
        given = force(step, state, batch.source_mask.sum(1), [one.tokens for one in found])
    for one, other in zip(found, given, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-5)
        torch.testing.assert_close(torch.tensor(one.weights), torch.tensor(other.weights))


def test_a_shortlist_allows_what_it_holds() -> None:
    model, batch = models.small_model(models.recipe(models.HARD["hard-monotonic-moves"])), models.batch_of([(5, 1)] * 2)
    nothing = torch.zeros(models.SOURCE_VOCABULARY + 1, dtype=torch.long)
    listed = Shortlist(torch.tensor([2, 7, 11]), nothing, nothing[:0], models.TARGET_VOCABULARY)
    with torch.inference_mode():
        begun = next(Reader([model], [listed]).read(batch.source, batch.source_mask, 2))
        found = beam(begun.step, begun.state, begun.lengths, size=2, limit=LengthLimit(1.0, 3))
    assert {token for best, *_ in found for token in best.tokens} <= {2, 7, 11}


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        ({"select": "sparsemax"}, "another select than softmax"),
        ({"window": "local_m"}, "another window than global"),
        ({"score": "coverage"}, "a score that remembers"),
        ({"score": "location_sensitive"}, "a score that remembers"),
        ({"num_heads": 2}, "several heads"),
        ({"gate": "scalar"}, "a gate"),
    ],
    ids=str,
)
def test_refuses_more_than_a_score(attention: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"model.decoder: .*{message}.*expected a score without a memory"):
        models.small_model(models.recipe(models.HARD["hard"], attention=attention))


def test_refuses_another_output_layer() -> None:
    with pytest.raises(ValueError, match="output layer is a Identity; expected a linear one"):
        hard_attention.expect_linear(torch.nn.Identity())


def test_keys_are_those_of_the_papers() -> None:
    with pytest.raises(UsageError, match="order"):
        parse({"model": {"decoder": {"kind": "hard_attention", "order": 2}}}, "recipe")
