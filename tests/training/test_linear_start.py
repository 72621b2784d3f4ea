"""A linear start: the softmax is away until a validation is no gain, and what was validated before counts no more."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_run import make_learner, run
from torch import nn

from regard.attention.history import History
from regard.attention.linear_start import LinearStart
from regard.attention.select import Softmax
from regard.config import parse
from regard.errors import UsageError
from regard.training.events import Event, Saved
from regard.training.learner import Learner
from regard.training.tensorfile import read

LINEAR = "decoder.attention.select.linear"


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


def learner() -> Learner:
    made = make_learner()
    select = LinearStart(Softmax())
    made.model.decoder.attention.select = select
    return replace(made, average=None, linear=[select])


def told(losses: Iterable[float], seen: list[bool]) -> Callable[[nn.Module], dict[str, float]]:
    """A validation that says these losses, and notes whether the model was linear."""
    rest = iter(losses)

    def validate(model: nn.Module) -> dict[str, float]:
        seen.append(bool(model.get_buffer(LINEAR)))
        return {"loss": float(next(rest))}

    return validate


def test_the_scores_are_the_weights_until_softmax_is_put_back() -> None:
    select, scores = LinearStart(Softmax()), torch.tensor([[[3.0, -1.0, 7.0]]])
    visible, history = torch.tensor([[[True, True, False]]]), History.start(torch.zeros(1, 0))
    assert select(scores, visible, history).weights.tolist() == [[[3.0, -1.0, 0.0]]]
    select.linear.fill_(False)
    expected = Softmax()(scores, visible, history).weights
    assert torch.equal(select(scores, visible, history).weights, expected)


def test_it_ends_where_the_loss_falls_no_more(tmp_path: Path) -> None:
    seen: list[bool] = []
    losses = [3.0, 2.0, 2.5, 4.0, 3.5, 3.7, 3.6, 3.9, 3.8]
    progress = run(tmp_path, resume=False, epochs=6, learner=learner(), validate=told(losses, seen))
    assert seen == [True] * 3 + [False] * 6
    assert progress.gains == tuple(-loss for loss in losses[3:])
    best = read(tmp_path / "checkpoints" / "best.safetensors")
    assert best.metadata["scores"] == {"loss": 3.5}  # 2.0 was another model's
    assert not best.tensors[LINEAR]


def test_it_ends_before_the_second_half(tmp_path: Path) -> None:
    seen: list[bool] = []
    run(tmp_path, resume=False, epochs=6, learner=learner(), validate=told(range(9, 0, -1), seen))
    assert seen == [True] * 5 + [False] * 4  # the fifth is after 10 of 18 updates


@pytest.mark.parametrize("at", [3, 9], ids=["before", "behind"])
def test_a_resumed_run_is_the_same(tmp_path: Path, at: int) -> None:
    losses = [3.0, 2.0, 2.5, 4.0, 3.5, 3.7, 3.6, 3.9, 3.8]

    def kill(event: Event) -> None:
        if isinstance(event, Saved) and event.step == at:
            raise Killed

    run(tmp_path / "whole", resume=False, epochs=6, learner=learner(), validate=told(losses, []))
    validate = told(losses, [])
    with pytest.raises(Killed):
        run(tmp_path / "parts", resume=False, epochs=6, learner=learner(), validate=validate, listeners=[kill])
    run(tmp_path / "parts", resume=True, epochs=6, learner=learner(), validate=validate)
    one, other = (read(tmp_path / name / "checkpoints" / "last.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


def test_what_is_left_out_is_a_softmax() -> None:
    model = {"decoder": {"kind": "memory_network", "linear_start": True}, "attention": {"select": "sparsemax"}}
    with pytest.raises(UsageError, match=r"linear_start is true and model\.attention\.select is sparsemax; expected"):
        parse({"model": model}, "recipe")
    refused = {"model": {"decoder": {"kind": "luong", "linear_start": True}}}
    with pytest.raises(UsageError, match="linear_start belongs to the memory_network decoder"):
        parse(refused, "recipe")
