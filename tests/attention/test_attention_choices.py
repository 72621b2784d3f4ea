"""Options that change a formula keep every promise of the contract; each is what its paper or its code says."""

from functools import partial
from typing import Any

import pytest
import test_attention_contract as contract
import torch
from mechanisms import BATCH, KEY, QUERY, SOURCE, Combination, inputs, look, make

from regard.attention.additive import AdditiveScore
from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.location_sensitive import LocationSensitiveScore
from regard.attention.positions import RelativeScore
from regard.attention.select import Softmax
from regard.attention.window import GlobalWindow

CHOICES: list[tuple[Combination, dict[str, Any]]] = [
    *(
        (("location_sensitive", select, "global"), {"location_sensitive": {"first": first, "width": 3}})
        for first in ("position", "uniform")
        for select in ("softmax", "sparsemax", "hard")
    ),
    *(
        (("additive", select, window), {"additive": {"normalized": True}})
        for select, window in (("softmax", "global"), ("monotonic", "global"), ("entmax15", "local_p"))
    ),
]
IN_BOTH_MODES = [
    contract.test_masked_positions_get_exactly_zero_whatever_stands_there,
    contract.test_padding_and_company_do_not_matter,
    contract.test_fully_masked_row_is_zero_and_finite,
    contract.test_stepping_equals_unrolling_under_the_same_noise,
    contract.test_selecting_rows_is_the_same_as_having_given_them,
]
every_choice = pytest.mark.parametrize(
    ("names", "options"), CHOICES, ids=["-".join([*names, *map(str, options.values())]) for names, options in CHOICES]
)


@every_choice
@pytest.mark.parametrize("promise", IN_BOTH_MODES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_what_every_mechanism_promises(
    promise: Any, names: Combination, options: dict[str, Any], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "make", partial(make, **options))
    promise(names, mode)


@every_choice
def test_gradients_and_low_precision(
    names: Combination, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "make", partial(make, **options))
    contract.test_low_precision_is_finite_and_single_is_close_to_double(names, "train")
    if names[1] != "hard":
        contract.test_gradcheck(names)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("zeros", [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        ("position", [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        ("uniform", [[0.2, 0.2, 0.2, 0.2, 0.2], [1 / 3, 1 / 3, 1 / 3, 0, 0], [0, 0, 0, 0, 0]]),
    ],
)
@pytest.mark.parametrize("heads", [1, 2])
def test_the_weights_before_the_first_step(first: str, expected: list[list[float]], heads: int) -> None:
    """On a whole source, one of three positions, and one of none; the coverage that is summed up starts at zero."""
    attention = build_attention(
        6, 6, score="location_sensitive", num_heads=heads, options={"location_sensitive": {"first": first}}
    )
    mask = torch.arange(SOURCE) < torch.tensor([[5], [3], [0]])
    keys = torch.randn(3, SOURCE, 6)
    start = attention.begin(attention.prepare(keys, keys, mask))
    wanted = torch.tensor(expected, dtype=torch.float32).view(3, *[1] * (heads > 1), SOURCE).expand_as(start.previous)
    torch.testing.assert_close(start.previous, wanted)
    assert not start.total.any()


def test_a_score_inside_another_says_what_was_before() -> None:
    inside = LocationSensitiveScore(QUERY, QUERY, first="uniform")
    attention = Attention(RelativeScore(inside, QUERY), Softmax(), GlobalWindow())
    keys = torch.randn(BATCH, SOURCE, QUERY)
    start = attention.begin(attention.prepare(keys, keys, torch.ones(BATCH, SOURCE, dtype=torch.bool)))
    assert (start.previous == 1 / SOURCE).all()


def test_a_way_to_begin_that_is_unknown_names_the_nearest() -> None:
    message = r"^LocationSensitiveScore: first is 'positions'; expected one of zeros, position, uniform\. Did you mean"
    with pytest.raises(ValueError, match=message):
        build_attention(QUERY, KEY, score="location_sensitive", options={"location_sensitive": {"first": "positions"}})


def test_of_a_normalized_energy_the_direction_counts_and_the_gain() -> None:
    names: Combination = ("additive", "softmax", "global")
    attention = make(names, additive={"normalized": True})
    score = attention.score
    assert isinstance(score, AdditiveScore)
    assert score.gain is not None
    assert score.gain.item() == pytest.approx(QUERY**-0.5)
    query, keys, *_ = given = inputs(names)
    weights = look(attention, *given).weights
    with torch.no_grad():
        score.project_key.bias.add_(0.5)
        hidden = torch.tanh(score.project_query(query)[1, 2] + score.project_key(keys)[1, 1])
        direction = score.energy.weight[0] / score.energy.weight[0].square().sum().sqrt()
    source = attention.prepare(keys, keys, given[3])
    found = score(query, source.prepared, attention.begin(source))
    assert found[1, 2, 1].item() == pytest.approx((score.gain * direction @ hidden).item())
    with torch.no_grad():
        score.project_key.bias.sub_(0.5)
        score.energy.weight.mul_(7.0)
    torch.testing.assert_close(look(attention, *given).weights, weights)
    with torch.no_grad():
        score.gain.mul_(3.0)
    assert not torch.allclose(look(attention, *given).weights, weights)


def test_without_options_a_score_has_the_weights_that_it_had() -> None:
    assert set(AdditiveScore(3, 5).state_dict()) == {"project_query.weight", "project_key.weight", "energy.weight"}
