import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from regard.errors import UsageError
from regard.training.events import Ended, Event, Started, Trained, Updated, Validated
from regard.training.progress import Progress, Validation
from regard.training.progress_bar import ProgressBar, duration
from regard.training.tensorboard import TensorBoard

EVENTS: list[Event] = [
    Started(Progress(step=40), 0.1),
    Updated(50, 2, 123.4, 100, 0.5, 10.0, 0.5),
    Trained(50, 2, 1.234, 0.001, 2.0, 5000, 1234.5, 10.0, 0.5),
    Validated(50, 2, 11.0, {"loss": 2.5, "bleu": 31.25}, True),
    Ended(),
]


def drawn(
    events: list[Event] = EVENTS, *, terminal: bool, quiet: bool = False, metric: str = "bleu", width: int = 150
) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=width, color_system=None)
    bar = ProgressBar(quiet=quiet, console=console, metric=metric)
    for event in events:
        bar(event)
    return stream.getvalue()


def updates(count: int, seconds: float) -> list[Event]:
    """So many updates, each of so many seconds and with a loss of 2 nats a token."""
    return [Updated(step, 0, 20.0, 10, seconds, step * seconds, step / count) for step in range(1, count + 1)]


def test_lines_say_where_the_run_is_and_what_was_best() -> None:
    assert drawn(terminal=False).splitlines() == [
        "epoch 3 step 50: loss 1.234, 200 tokens/s, 0:10 left",
        "epoch 3 step 50: validation loss 2.5, bleu 31.25 (best so far)",
    ]


def test_a_line_comes_every_half_minute_also_from_slow_updates() -> None:
    for seconds, expected in ((1.0, [1, 31, 61, 91]), (40.0, [1, 2, 3])):
        text = drawn([Started(Progress(), 0.0), *updates(100 if seconds == 1 else 3, seconds), Ended()], terminal=False)
        assert [int(re.search(r"step (\d+)", line)[1]) for line in text.splitlines()] == expected  # type: ignore[index]
        assert "loss 2.000, 10 tokens/s" in text or "loss 2.000, 0 tokens/s" in text


def test_lines_after_a_validation_name_the_best_score_also_that_of_an_earlier_sitting() -> None:
    before = Progress(step=3, validations=(Validation(1, -14.5), Validation(3, -21.0)))
    worse = Validated(2, 0, 2.0, {"loss": 2.5, "wer": 20.0}, False)
    events = [Started(before, 0.0), *updates(1, 1.0), worse, Ended()]
    assert drawn(events, terminal=False, metric="wer").splitlines()[0].endswith("best wer 14.5")
    assert "wer 20 (best 14.5 at step 1)" in drawn(events, terminal=False, metric="wer")


@pytest.mark.parametrize("width", [150, 80, 40, 11])
def test_the_bar_fits_the_terminal_and_the_lines_stay(width: int) -> None:
    text = drawn(terminal=True, width=width)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    bars = [line for part in plain.splitlines() for line in part.split("\r") if "━" in line]
    assert bars
    assert max(map(len, bars)) <= width
    assert "epoch 3 step 50: validation loss 2.5, bleu 31.25 (best so far)\n" in plain
    if width >= 80:
        assert "epoch 3 step 50  loss 1.234  200 tokens/s  0:10 left" in plain


@pytest.mark.parametrize("terminal", [False, True])
def test_silent_when_asked(terminal: bool) -> None:
    assert not drawn(terminal=terminal, quiet=True).strip()


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.4, 59.6, 3599.0, 3600.0, 90061.0)] == [
        *("0:00", "1:00", "59:59", "1:00:00", "25:01:01")
    ]


def test_a_run_without_a_known_end() -> None:
    events = [Started(Progress(), None), Updated(1, 0, 1.0, 10, 1.0, 1.0, None), Ended()]
    assert "left" not in drawn(events, terminal=True)


def test_ending_before_starting_is_fine(tmp_path: Path) -> None:
    ProgressBar()(Ended())


def test_tensorboard_gets_the_scalars(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    listener = TensorBoard(tmp_path)
    for event in EVENTS:
        listener(event)
    found = accumulator.EventAccumulator(str(tmp_path))
    found.Reload()
    assert set(found.Tags()["scalars"]) == {
        *(f"train/{name}" for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second")),
        *("validation/loss", "validation/bleu"),
    }
    assert [(scalar.step, scalar.value) for scalar in found.Scalars("validation/bleu")] == [(50, 31.25)]


def test_without_tensorboard_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"TensorBoard is not installed. Run: pip install 'regard\[log\]'"):
        TensorBoard(tmp_path)
