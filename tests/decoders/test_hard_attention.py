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


Alignments = dict[tuple[int, ...], tuple[Tensor, Tensor]]


def all_alignments(model: EncoderDecoder, batch: Batch, row: int, tokens: int) -> Alignments:
    """Of every alignment a of one pair up to a token, each on its own: log p(a, y(1..t) | x), and the same without the
    last token itself."""
    decoder, positions = model.decoder, LENGTHS[row][0]
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

    found = {}
    for alignment in product(range(positions), repeat=tokens):
        before = (0, *alignment[:-1])
        ways = sum(move(t, i, j) for t, (i, j) in enumerate(zip(before, alignment, strict=True)))
        answered = [answers[t, j, batch.targets[row, t]] for t, j in enumerate(alignment)]
        found[alignment] = ways + sum(answered), ways + sum(answered[:-1])
    return found


def shares(logs: dict[tuple[int, ...], Tensor], positions: int, step: int) -> Tensor:
    """How much of all these alignments is at each position at this step."""
    whole = torch.stack([*logs.values()]).softmax(0)
    at = torch.tensor([alignment[step] for alignment in logs])
    return torch.stack([whole[at == position].sum() for position in range(positions)])


def by_hand(model: EncoderDecoder, batch: Batch, row: int) -> tuple[Tensor, Tensor]:
    """log p(y(1..t) | x) for each t, and p(a(t) = j | y(<t), x), from every alignment of one pair on its own."""
    totals, looks = [], []
    for step in range(LENGTHS[row][1] + 1):
        found = all_alignments(model, batch, row, step + 1)
        totals.append(torch.stack([whole for whole, _ in found.values()]).logsumexp(0))
        looks.append(shares({a: seen for a, (_, seen) in found.items()}, LENGTHS[row][0], step))
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


def known(model: EncoderDecoder, batch: Batch, weights: str) -> Tensor:
    """Posterior or Viterbi weights of a batch."""
    read = model.decoder.begin(model.encode(batch.source, batch.source_mask))
    found: Tensor = getattr(model.decoder, weights)(batch.inputs, batch.targets, batch.target_mask, *read)
    return found


@EACH
def test_posteriors_and_the_best_path_are_those_of_all_alignments(name: str) -> None:
    model, batch = small(name)
    posterior, viterbi = known(model, batch, "posterior"), known(model, batch, "viterbi")
    for row, (positions, tokens) in enumerate(LENGTHS[:2]):
        logs = {a: whole for a, (whole, _) in all_alignments(model, batch, row, tokens + 1).items()}
        by_hand = torch.stack([shares(logs, positions, step) for step in range(tokens + 1)])
        torch.testing.assert_close(posterior[row, : tokens + 1, :positions], by_hand)
        best = torch.tensor(max(logs, key=lambda alignment: logs[alignment].item()))
        assert torch.equal(viterbi[row, : tokens + 1, :positions], F.one_hot(best, positions).to(viterbi))
    for weights in (posterior, viterbi):  # padding, and a source of which nothing may be looked at
        assert (weights[1, :, 2:] == 0).all()
        assert (weights[2] == 0).all()
    own = models.batch_of(LENGTHS, seed=1, padding=3)
    torch.testing.assert_close(known(model, own, "posterior")[0, :4, :3], posterior[0, :4, :3])
    torch.testing.assert_close(known(model, own, "viterbi")[1, :2, :2], viterbi[1, :2, :2])


def test_posteriors_of_long_targets_sum_to_one() -> None:
    """Probabilities of a thousand tokens are no floats any more; each step is scaled."""
    model = models.small_model(models.recipe(models.HARD["hard-monotonic-moves"]))
    batch = models.batch_of([(40, 1000), (7, 3)])
    with torch.inference_mode():
        found = known(model, batch, "posterior")
    torch.testing.assert_close(found[0].sum(1), torch.ones(1001))
    assert found.isfinite().all()


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
