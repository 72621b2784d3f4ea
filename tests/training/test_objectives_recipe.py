"""Every selection of a recipe is taught by what it needs, and nothing of that is lost when a run is resumed."""

import doctest
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import models
import pytest
from small_run import feed, make_learner, run
from test_resume import Killed, assert_same, stop_at

from regard.attention import SELECTIONS
from regard.config import Config, parse
from regard.data.batch import Batch
from regard.errors import UsageError
from regard.run.training_parts import build_learner, build_objective
from regard.training import temperature
from regard.training.learner import Learner
from regard.training.loop import train
from regard.training.objective import CrossEntropy, Loss
from regard.training.plan import Plan
from regard.training.score_function import ScoreFunction
from regard.training.stopping import Limits
from regard.training.temperature import Annealing
from regard.training.tensorfile import read


def training(config: Config, **keys: object) -> Config:
    return parse(config.model_dump() | {"training": keys}, "test")


@pytest.mark.parametrize("select", SELECTIONS)
@pytest.mark.parametrize("decoder", ["luong", "bahdanau", "transformer"])
def test_the_score_learns_with_every_selection(decoder: str, select: str) -> None:
    """One update from a recipe gives every parameter of the score a gradient; uniform selection alone ignores it."""
    config = models.recipe(models.DECODERS[decoder], select=select)
    model = models.small_model(config).train()
    batch = models.batch_of([(5, 3), (7, 2)])
    build_learner(config.training, model, 1).objective(model, batch).total.backward()
    attentions = [part for part in model.modules() if hasattr(part, "score")]
    assert attentions
    for name, weight in attentions[-1].score.named_parameters():
        learns = weight.grad is not None and bool(weight.grad.any())
        assert learns == (select != "uniform"), name


@pytest.mark.parametrize("select", SELECTIONS)
def test_the_objective_is_chosen_by_the_selection(select: str) -> None:
    config = models.recipe(models.DECODERS["bahdanau"], select=select)
    objective = build_objective(config.training, models.small_model(config))
    assert type(objective) is (ScoreFunction if select == "hard" else CrossEntropy)


def test_the_keys_of_a_recipe_reach_the_objective() -> None:
    config = models.recipe(models.DECODERS["luong-fed"], select="hard")
    keys = {"hard": {"reinforce": 0.5, "entropy": 0.25, "baseline": 0.75}, "label_smoothing": 0.125}
    objective = build_objective(training(config, **keys).training, models.small_model(config))
    assert isinstance(objective, ScoreFunction)
    values = (objective.reinforce, objective.entropy, objective.decay, objective.smoothing, objective.carries)
    assert values == (0.5, 0.25, 0.75, 0.125, True)


def test_without_input_feeding_a_choice_answers_for_its_own_token() -> None:
    config = models.recipe(models.DECODERS["luong"], select="hard")
    objective = build_objective(config.training, models.small_model(config))
    assert isinstance(objective, ScoreFunction)
    assert not objective.carries


def test_the_temperature_of_a_recipe_falls() -> None:
    config = models.recipe(models.DECODERS["luong"], select="gumbel_softmax")
    keys = {"temperature": {"start": 2.0, "min": 0.25, "rate": 0.5}}
    learner = build_learner(training(config, **keys).training, models.small_model(config), 1)
    assert learner.temperature(1) == 2.0
    assert learner.temperature(3) == pytest.approx(2 * math.exp(-1))
    assert learner.temperature(100) == 0.25


@pytest.mark.parametrize(
    ("decoder", "select", "keys", "message"),
    [
        ("luong", "softmax", {"hard": {"entropy": 0.1}}, r"training.hard belongs to .* selects with hard; expected no"),
        ("luong", "hard", {"temperature": {"rate": 0.1}}, r"training.temperature belongs to .* gumbel_softmax; expec"),
        ("fixed", "hard", {"hard": {"entropy": 0.1}}, r"expected no such key for fixed with hard"),
        ("luong", "hard", {"hard": {"entorpy": 0.1}}, r"unknown key training.hard.entorpy; did you mean entropy"),
        ("luong", "hard", {"hard": {"baseline": 1.0}}, r"training.hard.baseline is 1.0: input should be less than 1"),
        ("luong", "gumbel_softmax", {"temperature": {"start": 0.1}}, r"min is 0.5 and start is 0.1; expected min ≤"),
    ],
)
def test_keys_that_do_nothing_are_refused(decoder: str, select: str, keys: dict, message: str) -> None:
    values = {"model": {"decoder": {"kind": decoder}, "attention": {"select": select}}, "training": keys}
    with pytest.raises(UsageError, match=message):
        parse(values, "test")


def sampling_learner(select: str) -> Learner:
    """The learner of the small run, with an attention that samples and what teaches it."""
    objective = ScoreFunction(0.1, entropy=0.3) if select == "hard" else CrossEntropy(0.1)
    return make_learner(select=select, objective=objective, temperature=Annealing(1.0, 0.1, 0.2))


@pytest.mark.parametrize(("select", "point"), [("hard", 5), ("gumbel_softmax", 11)])
def test_stopped_and_resumed_is_the_run_that_was_never_stopped(tmp_path: Path, select: str, point: int) -> None:
    """Bit by bit: baseline, noise and temperature too."""
    maybe = stop_at(point)

    def mortal(epoch: int, start: int) -> Iterator[Batch]:
        for batch in feed(epoch, start):
            maybe()
            yield batch

    run(tmp_path / "whole", resume=False, learner=sampling_learner(select))
    with pytest.raises(Killed):
        run(tmp_path / "killed", resume=False, learner=sampling_learner(select), feed=mortal)
    run(tmp_path / "killed", resume=True, learner=sampling_learner(select))
    assert_same(tmp_path / "whole", tmp_path / "killed")
    saved = read(tmp_path / "whole" / "checkpoints" / "last.safetensors").tensors
    assert ("objective/baseline" in saved) == (select == "hard")


def test_each_update_is_given_its_temperature() -> None:
    """The batches of one update share one, and the last update of the epoch has a part of them."""
    given: list[float] = []

    class Noting(CrossEntropy):
        def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
            given.append(temperature)
            return super().forward(model, batch, temperature)

    learner = make_learner(objective=Noting(), temperature=lambda step: 1 / step)
    train(learner, feed, Plan(Limits(max_epochs=1), accumulate=3))
    assert given == [1, 1, 1, 1 / 2, 1 / 2, 1 / 2, 1 / 3]


@pytest.mark.parametrize("decoder", models.DECODERS)
def test_the_temperature_reaches_the_selection(decoder: str) -> None:
    model = models.small_model(models.recipe(models.DECODERS[decoder], select="gumbel_softmax")).train()
    batch = models.batch_of([(5, 3), (5, 2)])
    cold, hot = (model(batch, temperature).weights.amax(-1) for temperature in (1e-6, 1e3))
    assert cold.mean() > 0.99
    assert hot.max() < 0.21  # of five positions: the end mark is hidden


@pytest.mark.parametrize("select", ["hard", "gumbel_softmax"])
@pytest.mark.parametrize("decoder", models.DECODERS | models.FIXED)
def test_what_was_sampled_is_handed_on(decoder: str, select: str) -> None:
    """In training mode the log-probability of each choice and the entropy of each step; zeros where none is made."""
    attention = {"select": select, "options": {"hard": {"expectation": 0.0}}}
    model = models.small_model(models.recipe((models.DECODERS | models.FIXED)[decoder], attention=attention))
    batch = models.batch_of([(5, 3), (5, 2)])
    samples = select == "hard" and decoder in models.DECODERS
    for training_mode in (True, False):
        unrolled = model.train(training_mode)(batch)
        assert unrolled.log_prob.shape == unrolled.entropy.shape == batch.targets.shape
        assert bool((unrolled.log_prob < 0).all()) == (samples and training_mode)
        assert bool((unrolled.entropy > 0).all()) == (samples and training_mode)
        if not (samples and training_mode):
            assert not unrolled.log_prob.any()
            assert not unrolled.entropy.any()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"start": 0.5, "least": 0.7}, r"Annealing: least is 0.7 and start is 0.5; expected 0 < least ≤ start"),
        ({"least": 0.0}, r"Annealing: least is 0.0 and start is 1.0; expected 0 < least"),
        ({"rate": -1.0}, r"Annealing: rate is -1.0; expected 0 or more. Try 1e-4"),
    ],
)
def test_a_temperature_that_does_not_fall_is_refused(choices: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Annealing(**choices)


def test_a_temperature_without_a_rate_stays() -> None:
    assert {Annealing()(step) for step in (1, 10, 10**6)} == {1.0}


def test_examples_on_paper() -> None:
    assert doctest.testmod(temperature).failed == 0
