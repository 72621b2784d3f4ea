import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from regard.errors import UsageError
from regard.training.events import Ended, Event, Started, Trained, Validated
from regard.training.progress import Progress
from regard.training.progress_bar import ProgressBar
from regard.training.tensorboard import TensorBoard

EVENTS: list[Event] = [
    Started(Progress(step=40), 0.1),
    Trained(50, 2, 1.234, 0.001, 2.0, 5000, 1234.5, 10.0, 0.5),
    Validated(50, 2, 11.0, {"loss": 2.5, "bleu": 31.25}, True),
    Ended(),
]


def drawn(*, terminal: bool, quiet: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=150, color_system=None)
    bar = ProgressBar(quiet=quiet, console=console)
    for event in EVENTS:
        bar(event)
    return stream.getvalue()


def test_bar_shows_numbers_and_the_last_validation() -> None:
    text = drawn(terminal=True)
    for part in ("epoch 3 step 50", "loss 1.234", "1,234 tokens/s", "validation loss 2.5 bleu 31.25 (best)"):
        assert part in text


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True)])
def test_bar_is_silent_off_a_terminal_and_when_asked(terminal: bool, quiet: bool) -> None:
    assert not drawn(terminal=terminal, quiet=quiet).strip()


def test_bar_of_a_run_without_a_known_end() -> None:
    bar = ProgressBar(console=Console(file=io.StringIO(), force_terminal=True))
    for event in (Started(Progress(), None), Trained(1, 0, 1.0, 0.1, 1.0, 10, 1.0, 1.0, None), Ended()):
        bar(event)


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
