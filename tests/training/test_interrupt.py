"""Ctrl-C and SIGTERM save and leave; what was saved goes on as if nothing had been."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import feed, make_learner, run, validate
from test_resume import assert_same
from torch import nn

from regard.training.events import Event, Trained, Validated
from regard.training.interrupt import Abandoned, Interrupted, Signals
from regard.training.loop import train
from regard.training.plan import Plan
from regard.training.stopping import Limits

BOTH = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def send(number: signal.Signals, when: Callable[[Event], bool]) -> Callable[[Event], None]:
    return lambda event: os.kill(os.getpid(), number) if when(event) else None


@pytest.mark.parametrize(("number", "exit_code"), BOTH)
@pytest.mark.parametrize(("kind", "step"), [(Trained, 2), (Validated, 6)])
def test_a_signal_saves_and_leaves(
    whole: Path, tmp_path: Path, number: signal.Signals, exit_code: int, kind: type, step: int
) -> None:
    listener = send(number, lambda event: isinstance(event, kind) and event.step == step)
    message = rf"stopped by {number.name}; step {step} is saved in .*last.safetensors; resume to go on"
    with pytest.raises(Interrupted, match=message) as caught:
        run(tmp_path / "run", resume=False, listeners=[listener])
    assert caught.value.exit_code == exit_code
    run(tmp_path / "run", resume=True)
    assert_same(whole, tmp_path / "run")


def test_a_signal_in_a_validation_gives_it_up_and_resuming_makes_up_for_it(whole: Path, tmp_path: Path) -> None:
    calls = []

    def slow(model: nn.Module) -> dict[str, float]:
        calls.append(model.training)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("validation went on")
        return validate(model)

    with pytest.raises(Interrupted, match="step 4 is saved"):
        run(tmp_path / "run", resume=False, validate=slow)
    run(tmp_path / "run", resume=True, validate=slow)
    assert_same(whole, tmp_path / "run")
    assert calls == [False] * 4


def test_without_checkpoints_nothing_is_saved() -> None:
    listener = send(signal.SIGINT, lambda event: isinstance(event, Trained))
    with pytest.raises(Interrupted, match=r"stopped by SIGINT; step 3 is not saved"):
        train(make_learner(), feed, Plan(Limits(max_epochs=1), log_every=3), listeners=[listener])


def test_a_second_signal_exits_at_once() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        with pytest.raises(SystemExit) as caught:
            os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_work_after_a_signal_is_not_begun() -> None:
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Abandoned), signals.abandonable():
            pytest.fail("begun")


def test_outside_the_main_thread_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with Signals() as signals:
            seen.append((signals.received, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, before)]
