"""What every decoder promises, over every decoder × score × selection that a recipe can name."""

import models
import pytest
import torch

from regard.config import Config
from regard.data.batch import Batch
from regard.model.encoder_decoder import EncoderDecoder

LENGTHS = [(5, 3), (1, 7), (3, 1), (7, 5)]
LEARNING = models.DECODERS | models.HARD | models.EDITS
ALL = pytest.mark.parametrize("config", models.combinations())


def forced(model: EncoderDecoder, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and weights of all steps at once."""
    with torch.inference_mode():
        unrolled = model(batch)
        return model.logits(unrolled), unrolled.weights


def stepped(model: EncoderDecoder, batch: Batch, beam: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and weights of one step after another, every row `beam` times."""
    rows = torch.arange(len(batch.source)).repeat_interleave(beam)
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        state = state.select(rows)
        steps = []
        for tokens in batch.inputs[rows].unbind(1):
            steps.append(model.step(tokens, state, source))
            state = steps[-1].state
    return torch.stack([step.logits for step in steps], 1), torch.stack([step.weights for step in steps], 1)


@ALL
@pytest.mark.parametrize("beam", [1, 3])
def test_stepping_equals_teacher_forcing(config: Config, beam: int) -> None:
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS)
    logits, weights = forced(model, batch)
    step_logits, step_weights = stepped(model, batch, beam)
    torch.testing.assert_close(step_logits, logits.repeat_interleave(beam, 0), atol=1e-5, rtol=0)
    torch.testing.assert_close(step_weights, weights.repeat_interleave(beam, 0), atol=1e-5, rtol=0)


@ALL
def test_batch_and_padding_do_not_matter(config: Config) -> None:
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS, padding=3)
    logits, weights = forced(model, batch)
    lengths = ((mask.sum(1) - 1).tolist() for mask in (batch.source_mask, batch.target_mask))
    for row, (source, target) in enumerate(zip(*lengths, strict=True)):
        alone = Batch(
            batch.source[row : row + 1, : source + 1],
            batch.source_mask[row : row + 1, : source + 1],
            batch.inputs[row : row + 1, : target + 1],
            batch.targets[row : row + 1, : target + 1],
            batch.target_mask[row : row + 1, : target + 1],
            batch.order[row : row + 1],
        )
        one_logits, one_weights = forced(model, alone)
        torch.testing.assert_close(one_logits[0], logits[row, : target + 1], atol=1e-5, rtol=0)
        torch.testing.assert_close(one_weights[0], weights[row, : target + 1, : source + 1], atol=1e-5, rtol=0)
        assert (weights[row, :, source + 1 :] == 0).all()


@ALL
def test_rows_may_leave_a_batch(config: Config) -> None:
    """A search drops finished sentences; those that stay do not notice."""
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS)
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        first = model.step(batch.inputs[:, 0], state, source)
        for rows in ([1, 3], [2, 2, 0, 0], [3, 1, 1], [0]):
            kept = torch.tensor(rows)
            whole = model.step(batch.inputs[:, 1], first.state, source)
            part = model.step(batch.inputs[kept, 1], first.state.select(kept), source)
            torch.testing.assert_close(part.logits, whole.logits[kept], atol=1e-5, rtol=0)
            torch.testing.assert_close(part.weights, whole.weights[kept], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", models.FIXED)
def test_fixed_looks_at_nothing(name: str) -> None:
    model = models.small_model(models.recipe(models.FIXED[name]))
    assert (forced(model, models.batch_of(LENGTHS))[1] == 0).all()


@pytest.mark.parametrize("name", LEARNING)
def test_every_parameter_learns(name: str) -> None:
    config = models.recipe(LEARNING[name])
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS)
    logits = model.logits(model(batch))[batch.target_mask]
    torch.nn.functional.cross_entropy(logits, batch.targets[batch.target_mask]).backward()
    still = [key for key, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not still


@pytest.mark.parametrize("name", LEARNING | models.FIXED)
def test_padding_gets_no_gradient(name: str) -> None:
    """What stands at padded positions changes no gradient: those tokens could be anything."""
    config = models.recipe((LEARNING | models.FIXED)[name])
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS)
    padded = ~batch.source_mask.view(*batch.source_mask.shape, *[1] * (batch.source.dim() - 2))
    noisy = Batch(
        batch.source.masked_fill(padded, 13),
        batch.source_mask,
        batch.inputs.masked_fill(batch.inputs == 0, 17),
        batch.targets,
        batch.target_mask,
        batch.order,
    )
    gradients = []
    for given in (batch, noisy):
        model.zero_grad()
        logits = model.logits(model(given))[given.target_mask]
        torch.nn.functional.cross_entropy(logits, given.targets[given.target_mask]).backward()
        gradients.append({key: weight.grad.clone() for key, weight in model.named_parameters()})
    for key, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], gradient, atol=1e-6, rtol=0, msg=key)
