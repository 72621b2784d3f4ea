from typing import Any

import models
import pytest
import torch
from small_run import TARGET_VOCAB, join, make_batch, make_learner, make_model
from torch import Tensor
from torch.nn import functional as F

from regard.decoders import output
from regard.decoders.output import real_rows
from regard.kernels.linear_cross_entropy import CrossEntropies, linear_cross_entropy
from regard.training.loop import update
from regard.training.objective import CrossEntropy
from regard.training.progress import Progress
from regard.training.validation_loss import mean_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_total_is_the_formula(smoothing: float) -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    loss = CrossEntropy(smoothing)(model, batch)
    log_probs = model.logits(model(batch)).log_softmax(-1)
    right = log_probs.gather(-1, batch.targets.unsqueeze(-1)).squeeze(-1)
    per_token = -(1 - smoothing) * right - smoothing / TARGET_VOCAB * log_probs.sum(-1)
    torch.testing.assert_close(loss.total, per_token[batch.target_mask].sum())
    torch.testing.assert_close(loss.nll, -right[batch.target_mask].sum())
    assert loss.tokens == 7
    assert not loss.nll.requires_grad


def test_total_matches_torch_over_padding() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    logits = model.logits(model(batch))
    expected = F.cross_entropy(
        logits.flatten(0, 1), batch.targets.flatten(), ignore_index=0, label_smoothing=0.1, reduction="sum"
    )
    torch.testing.assert_close(CrossEntropy(0.1)(model, batch).total, expected)


def test_only_real_tokens_are_projected(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = make_model(), make_batch([(3, 5), (5, 2)], seed=1)
    seen = []

    def spy(features: Tensor, *others: Any) -> CrossEntropies:
        seen.append(features.shape)
        return linear_cross_entropy(features, *others)

    monkeypatch.setattr(output, "linear_cross_entropy", spy)
    CrossEntropy(0.1)(model, batch)
    assert seen == [(7, 5)]


@pytest.mark.parametrize("training", [True, False])
def test_features_are_dropped_as_before_a_projection(training: bool) -> None:
    model, batch = make_model(dropout=0.5).train(training), make_batch([(3, 5), (5, 2)], seed=1)
    torch.manual_seed(3)
    loss = CrossEntropy()(model, batch)
    torch.manual_seed(3)
    features, targets = real_rows(batch.target_mask, model(batch).features, batch.targets)
    torch.testing.assert_close(loss.total, F.cross_entropy(model.tokens.output(features), targets, reduction="sum"))


@pytest.mark.parametrize("decoder", models.DECODERS | models.FIXED)
def test_every_decoder_shows_its_output_layer(decoder: str) -> None:
    model = models.small_model(models.recipe((models.DECODERS | models.FIXED)[decoder]))
    batch = models.batch_of([(5, 3), (1, 7)])
    features, targets = real_rows(batch.target_mask, model(batch).features, batch.targets)
    expected = F.cross_entropy(model.decoder.tokens.output(features), targets, reduction="sum")
    torch.testing.assert_close(CrossEntropy()(model, batch).total, expected)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match=rf"smoothing is {smoothing}; expected 0 ≤ smoothing < 1"):
        CrossEntropy(smoothing)


def test_accumulation_equals_one_large_batch() -> None:
    parts = [make_batch(lengths, seed) for seed, lengths in enumerate(([(5, 5), (2, 1)], [(1, 2), (5, 5), (3, 3)]))]
    gradients = []
    for batches in (parts, [join(parts)]):
        learner = make_learner(clip=None)
        learner.model.eval()  # dropout would draw other masks
        done = update(learner, batches, Progress())
        gradients.append([parameter.grad for parameter in learner.model.parameters()])
        assert done.tokens == 16
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_mean_loss_is_over_tokens_and_leaves_the_model_alone() -> None:
    model = make_model(dropout=0.5)
    batches = [make_batch([(3, 5)], seed=1), make_batch([(2, 2), (4, 1)], seed=2)]
    before = torch.get_rng_state()
    scores = mean_loss(model, iter(batches))
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)
    model.eval()
    expected = sum(float(CrossEntropy()(model, batch).nll) for batch in batches) / 8
    assert scores["loss"] == pytest.approx(expected)
    assert scores["perplexity"] == pytest.approx(2.718281828**expected)


def test_mean_loss_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="batches hold no target token; expected at least one"):
        mean_loss(make_model(), [])
