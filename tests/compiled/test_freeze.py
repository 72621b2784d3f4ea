"""A decoder prepared for searching answers as the one it was made from."""

import models
import pytest
import torch
from torch import Tensor

from regard.compiled import decoder, freeze, state, vocabulary
from regard.compiled.decoder import CompiledDecoder
from regard.compiled.freeze import FrozenModel, frozen
from regard.config import Config
from regard.data.batch import Batch
from regard.model.encoder_decoder import EncoderDecoder

LENGTHS = [(5, 3), (1, 7), (3, 5)]
ALL = pytest.mark.parametrize("config", models.combinations())
EACH = pytest.mark.parametrize("name", [*models.DECODERS, *models.FIXED])


def named(name: str) -> EncoderDecoder:
    return models.small_model(models.recipe((models.DECODERS | models.FIXED)[name]))


def stepped(model: EncoderDecoder | FrozenModel, batch: Batch, beam: int) -> tuple[Tensor, Tensor]:
    """Logits and weights of all steps of a beam; after the second the sentence in the middle leaves."""
    logits, weights = [], []
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        rows = torch.arange(len(LENGTHS)).repeat_interleave(beam)
        state = state.select(rows)
        for position, tokens in enumerate(batch.inputs.unbind(1)):
            if position == 2:
                staying = (rows != 1).nonzero().squeeze(1)
                rows, state = rows[staying], state.select(staying)
            step = model.step(tokens[rows], state, source)
            state = step.state
            logits.append(step.logits.flatten())
            weights.append(step.weights.flatten())
    return torch.cat(logits), torch.cat(weights)


@ALL
@pytest.mark.parametrize("beam", [1, 3])
def test_prepared_answers_are_the_same(config: Config, beam: int) -> None:
    model, batch = models.small_model(config), models.batch_for(config, LENGTHS)
    for found, expected in zip(stepped(frozen(model), batch, beam), stepped(model, batch, beam), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@EACH
@pytest.mark.parametrize("beam", [1, 40])
def test_without_compiled_code_too(name: str, beam: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few rows and with many: the weight of the output layer lies differently for each."""
    model, batch = named(name), models.batch_of(LENGTHS)
    for module in (decoder, freeze, vocabulary):
        monkeypatch.setattr(module, "steps_serve", lambda *tensors: False)
    prepared = frozen(model)
    assert prepared.tokens.compiled is None
    assert not isinstance(prepared.decoder, CompiledDecoder)
    torch.testing.assert_close(stepped(prepared, batch, beam)[0], stepped(model, batch, beam)[0], atol=1e-5, rtol=0)


@EACH
def test_exponentials_of_keys_are_computed_once_for_all_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, exp_keys = list[Tensor](), state.exp_keys
    monkeypatch.setattr(state, "exp_keys", lambda keys: taken.append(keys) or exp_keys(keys))
    prepared = frozen(named(name))
    stepped(prepared, models.batch_of(LENGTHS), 3)
    assert len(taken) == isinstance(prepared.decoder, CompiledDecoder)


@EACH
@pytest.mark.parametrize("rows", [0, 3])
def test_logits_of_features_in_any_layout(name: str, rows: int) -> None:
    """Those of a whole target are often a transposed view."""
    model = named(name)
    features = torch.randn(5, rows, model.tokens.feature_size).transpose(0, 1)
    with torch.inference_mode():
        found = FrozenModel(model).tokens.project(features)
        torch.testing.assert_close(found, model.tokens.output(features), atol=1e-5, rtol=0)


@EACH
def test_the_model_goes_on_as_it_was(name: str) -> None:
    model, batch = named(name), models.batch_of(LENGTHS)
    before = stepped(model, batch, 1)[0]
    frozen(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    assert not torch.allclose(stepped(model, batch, 1)[0], before, atol=1e-2)
