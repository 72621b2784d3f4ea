"""Workers under torchrun, as real processes: they learn what one worker learns, and survive what one survives."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from distributed_worker import MEDIA, media_pairs, media_recipe, pairs, recipe
from test_resume import assert_same

from regard.config import dump
from regard.run.directory import Run
from regard.run.fit import fit
from regard.training.distributed import ALONE, launch_name, restarts, worker_device
from regard.training.weights import load_weights

SCRIPT = Path(__file__).with_name("distributed_worker.py")
PATIENCE_SECONDS = 600  # on a machine that others keep busy


def torchrun(workers: int, *program: object, max_restarts: int = 0) -> subprocess.Popen[str]:
    """The workers, each of them `program`."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(workers)]
    command = [*launcher, "--max-restarts", str(max_restarts), *map(str, program)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def worked(workers: int, directory: Path, jobs: str, *arguments: object, max_restarts: int = 0) -> None:
    """Let workers do some jobs of `distributed_worker.py`."""
    process = torchrun(workers, SCRIPT, directory, jobs, *arguments, max_restarts=max_restarts)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors


def events(run: Path, kind: str) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two workers with dropout, never stopped."""
    directory = tmp_path_factory.mktemp("undisturbed")
    worked(2, directory, "fit_dropout")
    return directory / "run"


def test_a_world_of_one_says_nothing() -> None:
    assert (ALONE.sum(2.0, 3.0), ALONE.max(5.0), ALONE.broadcast("a"), ALONE.gather(7)) == ([2, 3], [5], "a", [7])
    with ALONE.first_before_others():
        ALONE.barrier()
    assert (restarts(), launch_name(), worker_device("auto")) == (0, "", "auto")
    assert not torch.distributed.is_initialized()


def test_three_workers_sum_share_and_learn_as_one(tmp_path: Path) -> None:
    worked(3, tmp_path, "says+learns")


@pytest.mark.slow
def test_two_workers_stop_together(tmp_path: Path) -> None:
    worked(2, tmp_path, "fails+leaves")
    assert_same(tmp_path / "whole", tmp_path / "stopped")


def assert_learned_the_same(run: Path, other: Path) -> None:
    """Losses, gradients and weights of the two runs, but for the order of sums."""
    for kind, names in (("trained", ("loss", "gradient_norm")), ("validated", ("loss",))):
        ours, theirs = events(run, kind), events(other, kind)
        assert [event["step"] for event in ours] == [event["step"] for event in theirs]
        for one, other_one in zip(ours, theirs, strict=True):
            assert one.get("tokens") == other_one.get("tokens")
            for name in names:
                values = [(event.get("scores") or event)[name] for event in (one, other_one)]
                assert values[0] == pytest.approx(values[1], rel=1e-4)
    ours, theirs = (load_weights(path / "model.safetensors").tensors for path in (run, other))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_two_workers_train_as_one_with_the_doubled_batch(tmp_path: Path) -> None:
    worked(2, tmp_path, "fit_plain")
    fit(recipe(dropout=False, batch_size=14), pairs(tmp_path), None, tmp_path / "one")
    assert_learned_the_same(tmp_path / "run", tmp_path / "one")
    assert Run(tmp_path / "run").config.data.workers == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", MEDIA)
def test_two_workers_train_as_one_on_sounds_and_pictures(kind: str, tmp_path: Path) -> None:
    worked(2, tmp_path, "fit_media", kind)
    fit(media_recipe(kind, 6), media_pairs(tmp_path, kind), None, tmp_path / "one")
    assert_learned_the_same(tmp_path / f"{kind}-together", tmp_path / "one")


@pytest.mark.slow
def test_one_worker_goes_on_with_the_run_of_two(undisturbed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", undisturbed, copy], check=True)
    longer = recipe(dropout=True)
    longer = longer.model_copy(update={"training": longer.training.model_copy(update={"max_steps": 43})})
    assert fit(longer, pairs(undisturbed.parent), None, copy, resume=True).step == 43
    assert Run(copy).config.data.workers == 2


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_changes_nothing(undisturbed: Path, tmp_path: Path, victim: int) -> None:
    worked(2, tmp_path, "fit_killed", victim, max_restarts=1)
    assert (tmp_path / "restarts").read_text() == "1"
    assert_same(undisturbed, tmp_path / "run")


@pytest.mark.slow
def test_a_restart_does_not_go_on_with_the_run_of_another_launch(undisturbed: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", undisturbed, tmp_path / "run"], check=True)
    process = torchrun(2, SCRIPT, tmp_path, "fit_dropout", max_restarts=1)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0
    assert len(re.findall(r"UsageError: .*run holds a run already\. Resume it with --resume", errors)) == 2


@pytest.mark.slow
def test_a_signal_to_torchrun_saves_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    endless = recipe(dropout=True)
    changes = {"max_steps": None, "max_epochs": 10**6}
    endless = endless.model_copy(update={"training": endless.training.model_copy(update=changes)})
    (tmp_path / "recipe.yaml").write_text(dump(endless))
    given = ["train", tmp_path / "recipe.yaml", *pairs(tmp_path).paths, "--out", tmp_path / "run"]
    process = torchrun(2, "-m", "regard", *given, "--threads", 1, "--device", "cpu")
    last = tmp_path / "run/checkpoints/last.safetensors"
    while not last.exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert out == ""
    assert len(re.findall(r"regard: stopped by SIGTERM; step \d+ is saved in ", errors)) == 1, errors
    again = r"regard: go on with: torchrun --nproc-per-node 2 -m regard train --resume .*\n"
    assert len(re.findall(again, errors)) == 1, errors
    assert errors.count("pairs to learn from") == 1
