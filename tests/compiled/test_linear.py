"""What is computed once per source is the same for a sentence, whatever stands beside it."""

import models
import pytest
import torch
from torch import nn

from regard.compiled import linear
from regard.compiled.freeze import frozen
from regard.compiled.linear import PackedLinear
from regard.compiled.step import steps_serve

LENGTHS = [(5, 3), (1, 7), (3, 5)]


@pytest.fixture(autouse=True)
def _compiled() -> None:
    if not steps_serve():
        pytest.skip("no compiled code")


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("width", [1, 16, 37])
def test_a_row_of_a_packed_layer_knows_no_other(width: int, bias: bool) -> None:
    plain = nn.Linear(50, width, bias)
    packed, inputs = PackedLinear(plain.weight, plain.bias), torch.randn(3, 7, 50).transpose(0, 1)
    with torch.inference_mode():
        together = packed(inputs)
        torch.testing.assert_close(together, plain(inputs), atol=1e-5, rtol=0)
        for place in range(7):
            assert torch.equal(packed(inputs[place]), together[place])


def test_a_packed_layer_has_gradients() -> None:
    plain, inputs = nn.Linear(5, 4), torch.randn(2, 5, requires_grad=True)
    (slope,) = torch.autograd.grad(PackedLinear(plain.weight, plain.bias)(inputs).sum(), inputs)
    torch.testing.assert_close(slope, plain.weight.sum(0).expand(2, 5))


@pytest.mark.parametrize("name", ["bahdanau", "luong-fed", "conditional"])
def test_a_sentence_begins_alike_in_any_batch(name: str) -> None:
    model = frozen(models.small_model(models.recipe(models.DECODERS[name])))
    batch = models.batch_of(LENGTHS)
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        for row, (length, _) in enumerate(LENGTHS):
            tokens, mask = (part[row : row + 1, : length + 1] for part in (batch.source, batch.source_mask))
            own, alone = model.begin(model.encode(tokens, mask))
            assert torch.equal(own.prepared[0], source.prepared[row, : length + 1])
            assert torch.equal(own.values[0], source.values[row, : length + 1])
            assert torch.equal(alone.hidden[0], state.hidden[row])


def test_the_given_decoder_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = models.small_model(models.recipe(models.DECODERS["bahdanau"])).decoder
    packed = linear.with_packed_layers(decoder)
    assert type(packed.attention.score.project_key) is type(packed.bridge.project) is PackedLinear
    assert type(decoder.attention.score.project_key) is type(decoder.bridge.project) is nn.Linear
    monkeypatch.setattr(linear, "steps_serve", lambda *tensors: False)
    assert linear.with_packed_layers(decoder) is decoder
