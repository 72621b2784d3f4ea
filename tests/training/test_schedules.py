import math

import pytest

from regard.training import SCHEDULES
from regard.training.schedules import Constant, Cosine, InverseSquareRoot, Linear, Plateau

TOTALS = {"cosine": {"total_steps": 97}, "linear": {"total_steps": 97}}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rate_is_positive_bounded_and_reached_at_the_end_of_the_warm_up(name: str) -> None:
    schedule = SCHEDULES[name](rate=0.3, warmup_steps=11, **TOTALS.get(name, {}))
    rates = [schedule(step, ()) for step in range(1, 97)]
    assert all(0 < rate <= 0.3 for rate in rates)
    assert rates[10] == pytest.approx(0.3)
    assert rates[:11] == pytest.approx([0.3 * step / 11 for step in range(1, 12)])
    assert rates[10:] == sorted(rates[10:], reverse=True)


@pytest.mark.parametrize("name", SCHEDULES)
def test_first_step_of_a_run_without_warm_up(name: str) -> None:
    assert SCHEDULES[name](rate=0.3, warmup_steps=0, **TOTALS.get(name, {}))(1, ()) == pytest.approx(0.3, rel=0.02)


def test_inverse_square_root_is_that_of_vaswani() -> None:
    model_size, warmup = 512, 4000
    schedule = InverseSquareRoot(rate=(model_size * warmup) ** -0.5, warmup_steps=warmup)
    for step in (1, 1000, 4000, 4001, 100_000):
        paper = model_size**-0.5 * min(step**-0.5, step * warmup**-1.5)
        assert schedule(step, ()) == pytest.approx(paper)
    assert schedule(4000, ()) == pytest.approx(7e-4, rel=0.01)


def test_cosine_is_that_of_loshchilov_and_hutter() -> None:
    schedule = Cosine(rate=0.05, total_steps=100, min_rate=0.01)
    for step in (1, 37, 100):
        assert schedule(step, ()) == pytest.approx(0.01 + 0.5 * 0.04 * (1 + math.cos(step / 100 * math.pi)))
    assert schedule(50, ()) == pytest.approx(0.03)
    assert schedule(1000, ()) == pytest.approx(0.01)


def test_linear_is_a_line() -> None:
    schedule = Linear(rate=1.0, total_steps=110, warmup_steps=10, min_rate=0.5)
    assert [schedule(step, ()) for step in (10, 60, 110, 500)] == pytest.approx([1.0, 0.75, 0.5, 0.5])


def test_constant_is_constant() -> None:
    assert {Constant(0.2)(step, (0.1, 0.0)) for step in (1, 10, 1000)} == {0.2}


@pytest.mark.parametrize(
    ("gains", "cuts"),
    [
        ((), 0),
        ((1.0, 2.0, 3.0), 0),
        ((3.0, 2.0), 0),
        ((3.0, 2.0, 3.0), 1),
        ((3.0, 2.0, 1.0, 2.0), 1),
        ((3.0, 2.0, 1.0, 2.0, 2.5), 2),
        ((3.0, 2.0, 4.0, 3.0), 0),
    ],
)
def test_plateau_halves_after_two_validations_without_a_gain(gains: tuple[float, ...], cuts: int) -> None:
    assert Plateau(rate=0.8, patience=2)(100, gains) == pytest.approx(0.8 / 2**cuts)


def test_plateau_without_patience_is_refused() -> None:
    assert Plateau(rate=0.8, patience=1)(100, (3.0, 2.0)) == pytest.approx(0.4)
    with pytest.raises(ValueError, match=r"patience is 0; expected at least 1\. Give 1"):
        Plateau(rate=0.8, patience=0)


def test_plateau_keeps_its_floor() -> None:
    assert Plateau(rate=0.8, patience=1, min_rate=0.3)(100, (0.0,) * 10) == 0.3
