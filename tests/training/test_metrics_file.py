import json
import os
from pathlib import Path

import pytest

from regard.errors import CheckpointError, RegardError
from regard.training.events import Ended, Event, Failed, Saved, Started, Trained, Validated
from regard.training.metrics_file import MetricsFile
from regard.training.progress import Progress, Validation


def trained(step: int, loss: float = 1.5) -> Trained:
    return Trained(step, 0, loss, 0.1, 2.0, 10 * step, 99.5, 1.0, None)


def validated(step: int) -> Validated:
    return Validated(step, 0, 1.0, {"loss": 2.0, "perplexity": float("inf")}, True)


def write(path: Path, *events: Event, at: Progress | None = None) -> list[dict[str, object]]:
    listener = MetricsFile(path)
    for event in (Started(at or Progress(), 0.0), *events, Ended()):
        listener(event)

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_one_strict_json_object_a_line(tmp_path: Path) -> None:
    failed = Failed(3, "the loss is nan", (("a.tsv", 7),))
    lines = write(tmp_path / "m", trained(1), validated(1), Saved(1), trained(2, float("nan")), failed)
    assert [line["event"] for line in lines] == ["trained", "validated", "trained", "failed"]
    assert lines[0] | {"loss": 1.5, "learning_rate": 0.1, "gradient_norm": 2.0, "tokens_per_second": 99.5} == lines[0]
    assert lines[1]["scores"] == {"loss": 2.0, "perplexity": None}
    assert lines[2]["loss"] is None
    assert lines[3]["lines"] == [["a.tsv", 7]]


def test_a_new_run_starts_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "m", trained(1))
    assert [line["step"] for line in write(tmp_path / "m", trained(5))] == [5]


def test_going_on_drops_what_is_after_the_checkpoint(tmp_path: Path) -> None:
    write(tmp_path / "m", trained(1), validated(1), trained(2), validated(2), trained(3), Failed(4, "nan", ()))
    at = Progress(step=2, validations=(Validation(1, -2.0),))  # stopped before its validation
    lines = write(tmp_path / "m", validated(2), trained(3), at=at)
    assert [(line["event"], line["step"]) for line in lines] == [
        ("trained", 1),
        ("validated", 1),
        ("trained", 2),
        ("validated", 2),
        ("trained", 3),
    ]


@pytest.mark.parametrize("rest", ['{"event": "trained", "st', "\x00\x00", "[1]", '{"event": "other", "step": 1}', "3"])
def test_what_is_no_event_is_dropped(tmp_path: Path, rest: str) -> None:
    write(tmp_path / "m", trained(1))
    with open(tmp_path / "m", "a") as file:
        file.write(rest)
    assert [line["step"] for line in write(tmp_path / "m", trained(2), at=Progress(step=1))] == [1, 2]


def test_a_file_that_cannot_be_written_is_named() -> None:
    with pytest.raises(RegardError, match=r"/proc/m cannot be written"):
        write(Path("/proc/m"))
    with pytest.raises(RegardError, match=r"/dev/full cannot be written \(.*\); the checkpoints are intact"):
        _open_full()(trained(1))


def _open_full() -> MetricsFile:
    listener = MetricsFile(Path("/dev/full"))
    listener._file = open("/dev/full", "a")  # noqa: SIM115
    return listener


def test_a_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "m", trained(1))
    os.truncate(tmp_path / "m", 2**40)
    with pytest.raises(CheckpointError, match=r"m has more than 1073741824 bytes; no run writes as much. Move it away"):
        write(tmp_path / "m", at=Progress(step=1))
