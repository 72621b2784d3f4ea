"""A run that was stopped anywhere and resumed is the run that was never stopped, bit by bit."""

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import torch
from small_run import BATCHES, feed, make_learner, run

from regard import files
from regard.data.batch import Batch
from regard.training.tensorfile import read

TIMES = ("tokens_per_second", "seconds")


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


def outcome(directory: Path) -> tuple[list[dict[str, object]], dict[str, dict[str, torch.Tensor]]]:
    """All that a run leaves behind, but for how long it took."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        for name in TIMES:
            line.pop(name, None)
    files = sorted((directory / "checkpoints").iterdir())
    return lines, {path.name: read(path).tensors for path in files}


def assert_same(first: Path, second: Path) -> None:
    lines, files = outcome(first)
    other_lines, other_files = outcome(second)
    assert lines == other_lines
    assert files.keys() == other_files.keys()
    for name, tensors in files.items():
        assert tensors.keys() == other_files[name].keys()
        for key, tensor in tensors.items():
            assert torch.equal(tensor, other_files[name][key]), (name, key)


def test_the_run_has_all_that_could_differ(whole: Path) -> None:
    lines, files = outcome(whole)
    assert files.keys() == {"last.safetensors", "best.safetensors", "averaged.safetensors", *states(files)}
    assert len(states(files)) == 2
    assert [line["step"] for line in lines if line["event"] == "trained"] == [2, 4, 6]
    assert [line["step"] for line in lines if line["event"] == "validated"] == [2, 4, 6]


def states(files: dict[str, object]) -> list[str]:
    return [name for name in files if name.startswith("state-")]


def test_a_run_is_repeatable(whole: Path, tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    assert_same(whole, tmp_path)


def stop_at(point: int) -> Callable[..., None]:
    """A function that raises Killed when it is called for the point-th time."""
    calls = count()

    def maybe(*_: object) -> None:
        if next(calls) == point:
            raise Killed

    return maybe


@pytest.mark.parametrize("point", range(2 * BATCHES))
def test_stopped_while_a_batch_is_fetched(whole: Path, tmp_path: Path, point: int) -> None:
    maybe = stop_at(point)

    def mortal(epoch: int, start: int) -> Iterator[Batch]:
        for batch in feed(epoch, start):
            maybe()
            yield batch

    with pytest.raises(Killed):
        run(tmp_path, resume=False, feed=mortal)
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


@pytest.mark.parametrize("point", range(11))
def test_stopped_at_an_event(whole: Path, tmp_path: Path, point: int) -> None:
    with pytest.raises(Killed):
        run(tmp_path, resume=False, listeners=[stop_at(point)])
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


@pytest.mark.parametrize(("call", "calls"), [("fsync", 26), ("replace", 11)])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 0.99])
def test_stopped_while_a_file_is_written(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, calls: int, share: float
) -> None:
    maybe, real = stop_at(int(share * calls)), getattr(os, call)

    def mortal(*args: object) -> None:
        maybe()
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, mortal)
        with pytest.raises(Killed):
            run(tmp_path, resume=False)
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_stopped_at_every_update_in_turn(whole: Path, tmp_path: Path) -> None:
    fetched: list[int] = []

    def mortal(epoch: int, start: int) -> Iterator[Batch]:
        for number, batch in enumerate(feed(epoch, start)):
            fetched.append(number)
            if number == 4 and len(fetched) < 40:
                raise Killed
            yield batch

    for _ in range(8):
        try:
            run(tmp_path, resume=True, feed=mortal)
        except Killed:
            continue
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_a_finished_run_that_is_resumed_stays_as_it_is(whole: Path, tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_resuming_without_a_checkpoint_starts_from_the_beginning(whole: Path, tmp_path: Path) -> None:
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_leftovers_of_a_killed_save_are_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    leftover = tmp_path / "checkpoints" / f".last.safetensors.1{files.PARTIAL}"
    leftover.write_bytes(b"half a file")
    run(tmp_path, resume=True)
    assert not leftover.exists()


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path: Path) -> None:
    run(tmp_path, resume=False, epochs=1)
    assert run(tmp_path, resume=True, epochs=2).epoch == 2


def test_a_directory_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    with pytest.raises(Exception, match=r"holds a run already. Resume it, or choose another directory"):
        run(tmp_path, resume=False)


def test_a_cut_line_of_metrics_is_dropped(whole: Path, tmp_path: Path) -> None:
    run(tmp_path, resume=False)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"event": "trained", "step": 8, "lo')
    run(tmp_path, resume=True)
    assert_same(whole, tmp_path)


def test_a_checkpoint_of_a_run_without_an_average_is_refused(tmp_path: Path) -> None:
    run(tmp_path, resume=False, learner=make_learner(average=None))
    with pytest.raises(
        Exception, match=r"last.safetensors: the checkpoint has no moving average; this run is set up w"
    ):
        run(tmp_path, resume=True)
