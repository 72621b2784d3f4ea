"""What several workers rest on, one worker at a time: shared batches, noise, signals, and whose restart it is."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from regard.cli.workers import again, expect_fresh_input
from regard.data.batches import BatchPlan, batches, plan
from regard.data.example import Example
from regard.data.shards import encode
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.run.resume import restarted
from regard.training.distributed import launch_name, restarts
from regard.training.interrupt import Signals
from regard.training.lock import last_launch, lock
from regard.training.randomness import reseed

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "GROUP_WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "3",
}


@pytest.fixture
def torchrun(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What torchrun tells a worker that it starts."""
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("stored", [False, True])
def test_every_pair_goes_to_one_worker_whatever_their_number(tmp_path: Path, workers: int, stored: bool) -> None:
    tokenizer = Tokenizer.train("symbols", ["a b"], 7)
    examples = [Example("a " * (number % 5 + 1), "b " * (number % 3 + 1), "x", number) for number in range(1, 54)]
    place = tmp_path / "corpus" if stored else None
    corpus = encode(examples, TextSource(tokenizer), tokenizer, max_length=11, directory=place)
    order = plan(corpus.source_lengths, corpus.target_lengths, max_sentences=5, seed=3, epoch=2)
    fed = [list(batches(corpus, order, worker=worker, workers=workers)) for worker in range(workers)]
    assert {len(own) for own in fed} == {len(order)}
    for number, together in enumerate(zip(*fed, strict=True)):
        rows = [batch.order.tolist() for batch in together]
        assert sorted(row for own in rows for row in own) == sorted(order[number].tolist())
        assert max(map(len, rows)) - min(map(len, rows)) <= 1
    assert sorted(row for own in fed for batch in own for row in batch.order.tolist()) == list(range(53))


def test_a_worker_without_a_pair_gets_a_batch_without_rows() -> None:
    tokenizer = Tokenizer.train("symbols", ["a b"], 7)
    corpus = encode([Example("a", "b", "x", 1)], TextSource(tokenizer), tokenizer, max_length=11)
    order = BatchPlan(np.array([0]), np.array([0, 1]), np.array([0]))
    (batch,) = batches(corpus, order, worker=1, workers=2)
    assert (len(batch.order), int(batch.target_mask.sum()), int(batch.source_mask.sum())) == (0, 0, 0)


def test_noise_is_a_function_of_seed_step_and_rank() -> None:
    def drawn(*numbers: int) -> list[float]:
        reseed(*numbers)
        return torch.rand(3).tolist()

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    given = [(1, 2, 3), (0, 2, 3), (1, 3, 3), (1, 2, 0), (1, 3, 2)]
    assert len({tuple(drawn(*numbers)) for numbers in given}) == len(given)


def test_a_signal_that_comes_twice_is_one_to_a_worker() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        with Signals(forwarded=True) as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.received == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)  # what comes while it says goodbye
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    with Signals(forwarded=True):
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_restart_goes_on_with_what_its_own_launch_began(torchrun: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not restarted(tmp_path)
    with lock(tmp_path, launch_name()):
        pass
    assert (restarts(), restarted(tmp_path)) == (0, False)
    torchrun.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted(tmp_path)
    assert not restarted(tmp_path / "elsewhere")
    torchrun.setenv("TORCHELASTIC_RUN_ID", "another")
    assert not restarted(tmp_path)
    with lock(tmp_path):
        assert last_launch(tmp_path) == ""


def test_how_to_go_on_names_the_launcher(torchrun: pytest.MonkeyPatch) -> None:
    assert again(["train"]) == ["torchrun", "--nproc-per-node", "3", "-m", "regard", "train"]
    torchrun.setenv("GROUP_WORLD_SIZE", "2")
    assert again(["train"])[:5] == ["torchrun", "--nnodes", "2", "--nproc-per-node", "3"]
    torchrun.delenv("TORCHELASTIC_RUN_ID")
    torchrun.setattr("sys.argv", ["regard"])
    assert again(["train"]) == ["regard", "train"]


def test_a_translation_is_not_started_twice(torchrun: pytest.MonkeyPatch) -> None:
    expect_fresh_input()
    torchrun.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    with pytest.raises(UsageError, match=r"standard input was read in part. Start anew, without --max-restarts"):
        expect_fresh_input()
