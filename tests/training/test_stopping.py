import json

import pytest

from regard.errors import RegardError, UsageError
from regard.training.progress import Progress, Validation
from regard.training.stopping import Goal, Limits


def after(*gains: float) -> Progress:
    return Progress(validations=tuple(Validation(step, gain) for step, gain in enumerate(gains)))


@pytest.mark.parametrize(("higher", "gain"), [(True, 31.0), (False, -31.0)])
def test_gain_is_better_when_it_is_more(higher: bool, gain: float) -> None:
    assert Goal("bleu", higher_is_better=higher).gain({"loss": 2.0, "bleu": 31.0}) == gain


def test_unknown_metric_is_refused() -> None:
    with pytest.raises(UsageError, match=r"metric to train for is 'blue'; validation gives loss, bleu. Choose one"):
        Goal("blue").gain({"loss": 2.0, "bleu": 31.0})


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_stops(score: float) -> None:
    with pytest.raises(RegardError, match=rf"the validation's loss is {score}. Lower the learning rate"):
        Goal().gain({"loss": score})


@pytest.mark.parametrize(
    ("limits", "progress", "reason"),
    [
        (Limits(max_epochs=3), Progress(epoch=2, batch=5), None),
        (Limits(max_epochs=3), Progress(epoch=3), "3 epochs"),
        (Limits(max_steps=7), Progress(step=6), None),
        (Limits(max_steps=7), Progress(step=7), "7 steps"),
        (Limits(max_minutes=2.0), Progress(seconds=119.0), None),
        (Limits(max_minutes=2.0), Progress(seconds=120.0), "2 minutes"),
        (Limits(patience=2), after(1.0, 2.0, 1.0), None),
        (Limits(patience=2), after(1.0, 2.0, 1.0, 2.0), "2 validations without a gain"),
        (Limits(patience=2), after(1.0, 2.0, 1.0, 3.0), None),
        (Limits(), Progress(step=10**6), None),
    ],
)
def test_limits(limits: Limits, progress: Progress, reason: str | None) -> None:
    assert limits.reached(progress) == reason


def test_share_is_that_of_the_nearest_end() -> None:
    limits = Limits(max_epochs=5, max_steps=100, max_minutes=1.0)
    progress = Progress(step=30, epoch=2, batch=5, seconds=6.0)
    assert limits.share(progress, lambda epoch: 10) == pytest.approx(0.5)
    assert limits.share(progress, None) == pytest.approx(0.3)
    assert Limits(patience=3).share(progress, None) is None


def test_progress_survives_json() -> None:
    progress = after(0.1, 1 / 3).after_update(3, 0.1 + 0.2, 7, 1e-9)
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


def test_improved_means_better_than_all_before() -> None:
    assert after(1.0).improved
    assert after(1.0, 2.0).improved
    assert not after(2.0, 1.0, 2.0).improved
