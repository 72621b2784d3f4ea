import re
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_run import BATCHES, feed, make_batch, make_learner, run, validate
from torch import nn

from regard.data.batch import Batch
from regard.errors import DataError, RegardError, UsageError
from regard.training.averaging import MovingAverage
from regard.training.checkpoint import Checkpoints
from regard.training.events import Ended, Event, Failed, Saved, Started, Trained, Updated, Validated
from regard.training.loop import grouped, train
from regard.training.plan import Plan
from regard.training.progress import Progress
from regard.training.stopping import Goal, Limits
from regard.training.tensorfile import read
from regard.training.weights import load_weights, weights_of

ROWS = 3  # of each batch of the small run


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_training_learns() -> None:
    events: list[Event] = []
    batch = make_batch([(3, 5), (5, 2), (2, 3)], seed=1)
    learner = make_learner(schedule=lambda step, gains: 0.05, average=None)
    plan = Plan(Limits(max_steps=60), log_every=10)
    progress = train(learner, lambda epoch, start: [batch], plan, listeners=[events.append])
    losses = [event.loss for event in events if isinstance(event, Trained)]
    assert losses[-1] < losses[0] / 2
    assert progress.step == 60
    assert progress.tokens == 60 * 10


def test_events_in_order(tmp_path: Path) -> None:
    events: list[Event] = []
    run(tmp_path, resume=False, epochs=1, listeners=[events.append])
    # updates 1, 2 and 3; a validation at 2 and at the end, each saved; and a save at 3 before that validation
    updates = [event for event in events if isinstance(event, Updated)]
    assert [event.step for event in updates] == [1, 2, 3]
    others = [kind for kind in kinds(events) if kind is not Updated]
    assert others == [Started, Trained, Validated, Saved, Saved, Validated, Saved, Ended]
    assert [event.step for event in events if isinstance(event, Saved)] == [2, 3, 3]
    trained = next(event for event in events if isinstance(event, Trained))
    assert trained.share == pytest.approx(6 / 7)
    assert trained.learning_rate == pytest.approx(0.05)
    assert trained.gradient_norm > 0


def test_logged_loss_is_the_mean_over_tokens_since_the_last() -> None:
    each: list[Event] = []
    together: list[Event] = []
    for every, events in ((1, each), (3, together)):
        train(make_learner(), feed, Plan(Limits(max_steps=3), log_every=every), listeners=[events.append])
    singles = [event for event in each if isinstance(event, Trained)]
    (mean,) = [event for event in together if isinstance(event, Trained)]
    counts = [6 for _ in singles]
    assert mean.loss == pytest.approx(sum(e.loss * n for e, n in zip(singles, counts, strict=True)) / sum(counts))


def test_validation_does_not_disturb_training() -> None:
    final = []
    for every in (1, 100):
        learner = make_learner(schedule=lambda step, gains: 0.01)
        train(learner, feed, Plan(Limits(max_epochs=2), validate_every=every), validate=validate)
        final.append(weights_of(learner.model))
    for name, tensor in final[0].items():
        assert torch.equal(tensor, final[1][name]), name


def test_validation_is_of_the_published_weights_in_evaluation_mode(tmp_path: Path) -> None:
    learner = make_learner()
    seen = []

    def look(model: nn.Module) -> dict[str, float]:
        assert not model.training
        assert not torch.is_grad_enabled()
        seen.append({name: tensor.clone() for name, tensor in weights_of(model).items()})
        return {"loss": -float(len(seen))}

    checkpoints = Checkpoints(tmp_path, average=2)
    train(learner, feed, Plan(Limits(max_epochs=3), accumulate=BATCHES), validate=look, checkpoints=checkpoints)
    assert learner.model.training
    assert isinstance(learner.average, MovingAverage)
    best, last, averaged = (load_weights(path) for path in (checkpoints.best, checkpoints.last, checkpoints.averaged))
    for name, tensor in seen[-1].items():
        assert torch.equal(tensor, learner.average.tensors[name])
        assert torch.equal(tensor, best.tensors[name])
        assert torch.equal(tensor, last.tensors[name])
        torch.testing.assert_close(averaged.tensors[name], (seen[1][name] + tensor) / 2)
    assert best.metadata == {"kind": "weights", "step": 3, "scores": {"loss": -3.0}}


def test_best_is_that_of_the_goal(tmp_path: Path) -> None:
    scores = iter([3.0, 7.0, 5.0])
    plan = Plan(Limits(max_epochs=3), goal=Goal("bleu", higher_is_better=True), accumulate=BATCHES)
    checkpoints = Checkpoints(tmp_path)
    train(make_learner(), feed, plan, validate=lambda model: {"bleu": next(scores)}, checkpoints=checkpoints)
    assert read(checkpoints.best).metadata["step"] == 2


def test_early_stopping() -> None:
    scores = iter([3.0, 2.0, 2.0, 4.0, 1.0])
    progress = train(
        make_learner(),
        feed,
        Plan(Limits(patience=2), accumulate=BATCHES),
        validate=lambda model: {"loss": next(scores)},
    )
    assert progress.epoch == 4
    assert Limits(patience=2).reached(progress) == "2 validations without a gain"


def test_time_is_a_limit() -> None:
    assert train(make_learner(), feed, Plan(Limits(max_minutes=1e-9))).step == 1


def test_time_counts_over_sittings(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    first = train(make_learner(), feed, Plan(Limits(max_steps=2)), checkpoints=checkpoints)
    second = train(make_learner(), feed, Plan(Limits(max_steps=3)), checkpoints=checkpoints, resume=True)
    assert 0 < first.seconds < second.seconds


@pytest.mark.parametrize("where", ["weight", "gradient"])
def test_what_is_not_finite_stops_with_step_and_lines(tmp_path: Path, where: str) -> None:
    learner = make_learner()
    output = learner.model.decoder.tokens.output
    events: list[Event] = []

    def poisoned(epoch: int, start: int) -> Iterator[Batch]:
        for number, batch in enumerate(feed(epoch, start), start):
            if number == 4:  # in the second update
                if where == "weight":
                    output.bias.data[3] = float("nan")
                else:
                    output.bias.register_hook(lambda gradient: gradient * float("inf"))
            yield batch

    finding, lines = {
        "weight": ("the loss is nan", "10, 11, 12"),  # batch 3 alone, the first of the update
        "gradient": ("the gradient's norm is (inf|nan)", "10, 11, 12, 13, 14, 15, 16, 17, 18"),  # batches 3, 4, 5
    }[where]
    message = rf"^{finding} at step 2, so training stopped .* its batch holds train.tsv: {lines}\. Lower the learning"
    with pytest.raises(RegardError, match=message):
        run(tmp_path, resume=False, learner=learner, feed=poisoned, listeners=[events.append])
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.step == 2
    assert ("train.tsv", 10) in failed.lines
    assert not (tmp_path / "checkpoints" / "last.safetensors").exists()
    assert type(events[-1]) is Ended


def test_after_a_failure_the_last_checkpoint_is_finite_and_goes_on(tmp_path: Path) -> None:
    def poisoned(epoch: int, start: int) -> Iterator[Batch]:
        for batch in feed(epoch, start):
            if epoch == 1:
                learner.model.encoder.embedding.weight.data.fill_(float("inf"))
            yield batch

    learner = make_learner()
    with pytest.raises(RegardError, match="the loss is nan at step 4"):
        run(tmp_path, resume=False, learner=learner, feed=poisoned)
    read(tmp_path / "checkpoints" / "last.safetensors")  # refuses what is not finite
    assert run(tmp_path, resume=True).step == 6


def test_a_long_batch_is_named_by_its_first_lines() -> None:
    learner = make_learner()
    learner.model.decoder.tokens.output.bias.data[3] = float("nan")
    batch = make_batch([(2, 2)] * 23, seed=1)
    with pytest.raises(RegardError, match=rf"row: {', '.join(map(str, range(20)))} and 3 more\. Lower"):
        train(learner, lambda epoch, start: [batch], Plan(Limits(max_steps=1)))


@pytest.mark.parametrize("room", [100, 3000, 20_000])
def test_a_full_disk_stops_and_the_last_checkpoint_goes_on(tmp_path: Path, room: int) -> None:
    run(tmp_path, resume=False, epochs=1)
    before = (tmp_path / "checkpoints" / "last.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(RegardError, match=r"cannot be written \(.*\); .*\. Make room"):
            run(tmp_path, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoints" / "last.safetensors").read_bytes() == before
    assert run(tmp_path, resume=True).epoch == 2


def test_an_epoch_without_batches_is_refused() -> None:
    with pytest.raises(DataError, match=r"epoch 0 has no batches. Give at least one pair to learn from"):
        train(make_learner(), lambda epoch, start: [], Plan(Limits(max_epochs=2)))


def test_resuming_without_checkpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="resume is True and checkpoints is None; expected Checkpoints"):
        train(make_learner(), feed, Plan(Limits(max_epochs=2)), resume=True)


def test_averaging_without_validation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"checkpoints.average is set and validate is None; expected a validation"):
        train(make_learner(), feed, Plan(Limits(max_epochs=2)), checkpoints=Checkpoints(tmp_path, average=3))


def test_a_goal_that_validation_does_not_give_is_refused() -> None:
    plan = Plan(Limits(max_epochs=2), goal=Goal("bleu", higher_is_better=True))
    with pytest.raises(UsageError, match=r"metric to train for is 'bleu'; validation gives loss, perplexity"):
        train(make_learner(), feed, plan, validate=validate)


def test_a_directory_that_cannot_be_made_is_named() -> None:
    with pytest.raises(RegardError, match=r"/proc/x cannot be written \(.*\). Choose another directory"):
        train(make_learner(), feed, Plan(Limits(max_steps=1)), checkpoints=Checkpoints(Path("/proc/x")))


def test_weights_are_no_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    checkpoints = tmp_path / "checkpoints"
    (checkpoints / "best.safetensors").replace(checkpoints / "last.safetensors")
    with pytest.raises(RegardError, match=r"last.safetensors is no checkpoint to go on from. Start the run anew"):
        run(tmp_path, resume=True)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    learner = make_learner()
    other = replace(learner, model=nn.Sequential(learner.model))
    with pytest.raises(RegardError, match=re.escape("last.safetensors: these weights belong to another model: ")):
        run(tmp_path, resume=True, learner=other)


@pytest.mark.parametrize("name", ["objective", "optimizer"])
def test_what_an_objective_or_optimizer_remembers_is_saved(tmp_path: Path, name: str) -> None:
    learner = make_learner()
    learner.objective.register_buffer("baseline", torch.tensor(0.5))
    train(learner, feed, Plan(Limits(max_steps=2)), checkpoints=Checkpoints(tmp_path))
    saved = {key: tensor for key, tensor in read(tmp_path / "last.safetensors").tensors.items() if key.startswith(name)}
    assert saved
    fresh = make_learner(seed=2)
    fresh.objective.register_buffer("baseline", torch.tensor(0.0))
    assert Checkpoints(tmp_path).resume(fresh) != Progress()
    for key, tensor in fresh.tensors().items():
        if key.startswith(name):
            assert torch.equal(tensor, saved[key])


def test_grouped_keeps_the_rest() -> None:
    batches = [make_batch([(1, 1)], seed=seed) for seed in range(5)]
    assert [len(group) for group in grouped(batches, 2)] == [2, 2, 1]
