"""First weights: the distributions that the papers state."""

import math

import models
import pytest
import torch
from torch import nn

from regard.config import parse
from regard.data.text import Vocabulary
from regard.model.build import assemble, build_model
from regard.model.initialize import INITIALIZATIONS, Unset


def built(name: str, **decoder: object) -> nn.Module:
    torch.manual_seed(0)
    config = parse(
        {
            "model": {
                "initialization": name,
                "embedding_size": 97,
                "encoder": {"hidden_size": 61, "layer_norm": True},
                "decoder": {"kind": "bahdanau", "hidden_size": 61, **decoder},
            }
        },
        "test",
    )
    return build_model(config.model, Vocabulary(101), 103)


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_layer_norm_is_left_alone(name: str) -> None:
    normalize = built(name).encoder.normalize
    assert (normalize.weight == 1).all()
    assert (normalize.bias == 0).all()


@pytest.mark.parametrize("name", ["default", "bahdanau"])
def test_recurrent_blocks_are_orthogonal(name: str) -> None:
    for block in built(name).encoder.forwards[0].weight_hh_l0.detach().split(61):
        torch.testing.assert_close(block @ block.T, torch.eye(61), atol=1e-5, rtol=0)


def test_default_widths() -> None:
    model = built("default", cell="lstm")
    assert model.decoder.tokens.embedding.weight.std().item() == pytest.approx(1 / math.sqrt(97), rel=0.05)
    assert model.decoder.tokens.output.weight.abs().max().item() <= math.sqrt(6 / (97 + 103))
    forget = model.decoder.recurrence.rnn.bias_ih_l0.detach().chunk(4)[1]
    assert (forget == 1).all()
    assert (model.decoder.recurrence.rnn.bias_hh_l0 == 0).all()


def test_bahdanau_widths() -> None:
    model = built("bahdanau")
    score = model.decoder.attention.score
    assert (score.energy.weight == 0).all()
    assert score.project_query.weight.std().item() == pytest.approx(0.001, rel=0.1)
    assert model.decoder.deep.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert (model.decoder.tokens.output.bias == 0).all()


@pytest.mark.parametrize(("name", "width"), [("luong", 0.1), ("sutskever", 0.08)])
def test_uniform_widths(name: str, width: float) -> None:
    weights = torch.cat(
        [weight.detach().flatten() for key, weight in built(name).named_parameters() if "norm" not in key]
    )
    assert weights.abs().max().item() <= width
    assert weights.std().item() == pytest.approx(width / math.sqrt(3), rel=0.05)


def test_the_seed_decides() -> None:
    config = models.recipe({"kind": "luong"})
    one, two, other = (models.small_model(config, seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", [*models.DECODERS, *models.FIXED])
def test_unset_weights_are_not_drawn(name: str) -> None:
    config = models.recipe((models.DECODERS | models.FIXED)[name]).model
    drawn = assemble(config, Vocabulary(11), 13)
    before = torch.get_rng_state()
    with Unset():
        unset = assemble(config, Vocabulary(11), 13)
    assert torch.equal(torch.get_rng_state(), before)
    assert unset.state_dict().keys() == drawn.state_dict().keys()
    for one, other in zip(unset.buffers(), drawn.buffers(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_an_energy_whose_direction_counts_has_one(name: str) -> None:
    attention = {"options": {"additive": {"normalized": True}}}
    config = models.recipe({"kind": "bahdanau"}, attention=attention, initialization=name)
    torch.manual_seed(0)
    model = build_model(config.model, Vocabulary(models.SOURCE_VOCABULARY), models.TARGET_VOCABULARY)
    score = model.decoder.attention.score
    assert score.vector.norm().item() == pytest.approx(score.gain.item())
    assert score.gain.item() == pytest.approx(14**-0.5)
