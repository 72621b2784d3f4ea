"""One of the workers that `torchrun` starts for the tests: `distributed_worker.py NAME DIRECTORY [ARGUMENT]`.

Each function is what every worker of a world does; an assertion that fails ends it, and with it the whole world.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from small_run import feed, make_batch, make_learner, run
from torch import nn

from regard.config import Config, parse
from regard.data.batch import Batch
from regard.data.embedded.drawn import picture
from regard.data.embedded.spoken import recording
from regard.data.readers import PairFiles
from regard.errors import RegardError
from regard.run.fit import fit
from regard.run.pairs import pair_files
from regard.training.distributed import (
    ALONE,
    OtherWorkerFailed,
    World,
    add_gradients,
    average_buffers,
    join_world,
    restarts,
)
from regard.training.interrupt import Interrupted
from regard.training.loop import train, update
from regard.training.objective import CrossEntropy, Loss
from regard.training.plan import Plan
from regard.training.progress import Progress
from regard.training.score_function import ScoreFunction
from regard.training.stopping import Limits

SIDE = {"tokenizer": "characters", "vocab_size": 263}
DROPOUT = {"embedding": 0.3, "context": 0.2, "output": 0.1}

MEDIA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "spoken": (
        {"kind": "recording", "rate": 8000, "mels": 7, "augment": {"speeds": [0.9, 1.1], "time_masks": 1}},
        {"kind": "blstmp", "hidden_size": 5, "projection_size": 5, "strides": [2, 1]},
    ),
    "drawn": (
        {"kind": "picture", "size": 16},
        {"kind": "grid", "channels": [4, 6], "strides": [2, 2], "groups": 2, "coordinates": True},
    ),
}


def pairs(directory: Path) -> PairFiles:
    """83 pairs of a number and the same with its digits turned round."""
    path = directory / "pairs.tsv"
    if not path.exists():
        path.write_text("".join(f"{number}\t{str(number)[::-1]}\n" for number in range(3, 83 * 53, 53)))
    return PairFiles((str(path),))


def recipe(dropout: bool, **data: int) -> Config:
    """40 updates of a small model, validated every 7."""
    return parse(
        {
            "data": {"source": SIDE, "target": SIDE, "batch_by": "sentences", "batch_size": 7, **data},
            "model": {
                "embedding_size": 5,
                "encoder": {"hidden_size": 7},
                "decoder": {"kind": "luong", "hidden_size": 11},
                "dropout": DROPOUT if dropout else {},
            },
            "training": {"max_steps": 40, "validate_every": 7, "accumulate": 2, "max_epochs": 99, "average_last": 2},
        },
        "recipe of a test",
    )


def fit_plain(world: World, directory: Path) -> None:
    """A run without dropout."""
    fit(recipe(dropout=False), pairs(directory), None, directory / "run", world=world)


def fit_dropout(world: World, directory: Path) -> None:
    """A run with dropout."""
    fit(recipe(dropout=True), pairs(directory), None, directory / "run", world=world)


def fit_killed(world: World, directory: Path, victim: str) -> None:
    """The same; once it has saved, one of the workers is killed."""

    def kill() -> None:
        while not (directory / "run/checkpoints/last.safetensors").exists():
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    if world.rank == int(victim) and not restarts():
        threading.Thread(target=kill, daemon=True).start()
    fit_dropout(world, directory)
    if world.is_first:
        (directory / "restarts").write_text(str(restarts()))


def media_recipe(kind: str, batch_size: int, updates: int = 12) -> Config:
    """A small model over the sounds or the pictures that Regard makes itself; with CTC, and varied, over sounds."""
    source, encoder = MEDIA[kind]
    return parse(
        {
            "data": {
                "source": source,
                "target": {"tokenizer": "symbols", "vocab_size": 99},
                "batch_by": "sentences",
                "batch_size": batch_size,
            },
            "model": {
                "embedding_size": 5,
                "encoder": encoder,
                "decoder": {"kind": "luong", "hidden_size": 11},
                "attention": {"score": "location_sensitive" if kind == "spoken" else "additive"},
            },
            "training": {
                "max_steps": updates,
                "validate_every": 4,
                "max_epochs": 99,
                **({"ctc": 0.3} if kind == "spoken" else {"doubly_stochastic": 1.0}),
            },
        },
        "recipe of a test",
    )


def media_pairs(directory: Path, kind: str) -> PairFiles:
    """25 pairs to learn from, so that one worker has no row of the last batch, and one held out."""
    path = directory / f"{kind}.tsv"
    if not path.exists():
        texts = [recording("train", n).text if kind == "spoken" else picture("train", n).text for n in range(26)]
        path.write_text("".join(f"{kind}:train/{number}\t{text}\n" for number, text in enumerate(texts)))
    return pair_files([str(path)], media_recipe(kind, 3).data)


def fit_media(world: World, directory: Path, kind: str) -> None:
    """A run over sounds or pictures."""
    files = media_pairs(directory, kind)
    fit(media_recipe(kind, 3), files, None, directory / f"{kind}-together", world=world)


def says(world: World, directory: Path) -> None:
    """What workers say to each other."""
    assert world.size == 3
    assert world.sum(1.0, float(world.rank)) == [3.0, 3.0]
    assert world.max(float(world.rank), -1.0) == [2.0, -1.0]
    assert world.broadcast({"ä": [world.rank, None]}) == {"ä": [0, None]}
    assert world.gather("x" * 7 * world.rank) == (["", "x" * 7, "x" * 14] if world.is_first else [])
    layers = [nn.Linear(2, 1, bias=False) for _ in range(3)]
    layers[0].weight.grad = torch.full((1, 2), 2.0**world.rank)
    if world.rank == 1:  # one worker alone has a gradient for the second layer, and none has one for the third
        layers[1].weight.grad = torch.tensor([[3.0, 5.0]])
    add_gradients([layer.weight for layer in layers], world)
    assert [layer.weight.grad is not None for layer in layers] == [True, True, False]
    assert torch.cat([layer.weight.grad for layer in layers[:2]]).tolist() == [[7.0, 7.0], [3.0, 5.0]]
    fraction, number = torch.tensor(float(world.rank)), torch.tensor(world.rank)
    average_buffers([fraction, number], [0.5, 0.0, 0.5][world.rank], world)
    assert (float(fraction), int(number)) == (1.0, world.rank)
    end = error = None
    try:
        with world.first_before_others():
            if world.is_first:
                (directory / "first").write_text("")
                raise RegardError("a message")
            end = "reached"
    except RegardError as caught:
        error = caught
    assert end is None
    assert isinstance(error, OtherWorkerFailed) != world.is_first
    with world.first_before_others():
        assert world.is_first or (directory / "first").exists()


def learns(world: World, directory: Path) -> None:
    """An update of all workers is that of one worker on the whole batch; so is what an objective remembers of it."""
    whole = [make_batch([(3, 3), (2, 1), (1, 2), (3, 3)], seed=5), make_batch([(2, 3)], seed=7)]
    for objective in (CrossEntropy, ScoreFunction):
        together, alone = (make_learner(objective=objective(0.1)) for _ in range(2))
        for learner in (together, alone):
            learner.model.eval()  # no dropout
        for batch in whole:  # the second leaves all workers but the first without a row
            ours = update(together, [rows(batch, world)], Progress(), world)
            theirs = update(alone, [batch], Progress(), ALONE)
            assert ours.tokens == theirs.tokens
            assert abs(ours.nll - theirs.nll) < 1e-4
            assert abs(ours.gradient_norm - theirs.gradient_norm) < 1e-5
        for part in ("model", "objective"):
            mine, other = (getattr(learner, part).state_dict() for learner in (together, alone))
            for name, tensor in mine.items():
                torch.testing.assert_close(tensor, other[name], atol=1e-5, rtol=1e-5)
                assert len({str(each) for each in world.gather(tensor.tolist())}) <= 1, name
    assert float(together.objective.baseline) > 0


class Poisoned(nn.Module):
    """A loss that is not finite where row 13 is in the batch."""

    def forward(self, model: nn.Module, batch: Batch, temperature: float) -> Loss:
        total = CrossEntropy()(model, batch, temperature)
        factor = float("nan") if 13 in batch.order else 1.0
        return Loss(total.total * factor, total.nll, total.tokens)


def fails(world: World, directory: Path) -> None:
    """A loss that is not finite on one worker ends all, and the first one says which lines it was."""
    learner, error = make_learner(objective=Poisoned()), None
    try:
        train(learner, shared_feed(world), Plan(Limits(max_epochs=3)), origin=lambda row: ("a", row), world=world)
    except RegardError as caught:
        error = caught
    assert isinstance(error, OtherWorkerFailed) != world.is_first
    if world.is_first:
        # Rows 12, 13 and 14 make the fifth batch; the second of two workers has the one in the middle.
        assert str(error).startswith("the loss is nan at step 5, so training stopped")
        assert "its batch holds a: 13." in str(error)


def leaves(world: World, directory: Path) -> None:
    """A signal to one worker stops all at the same step; it is saved once, and what goes on is the same run."""
    outcomes = []
    for name, stop in (("whole", False), ("stopped", True), ("stopped", False)):
        fetched = 0

        def interrupted(epoch: int, start: int, stop: bool = stop) -> Iterator[Batch]:
            nonlocal fetched
            for batch in shared_feed(world)(epoch, start):
                fetched += 1
                if stop and fetched == 5 and not world.is_first:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield batch

        try:
            run(directory / name, resume=not stop, feed=interrupted, world=world)
        except Interrupted as error:
            outcomes.append(str(error))
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN  # what torchrun hands on comes too late
    assert len(outcomes) == 1
    assert outcomes[0].startswith("stopped by SIGTERM; step 2 is saved in ")


def rows(batch: Batch, world: World) -> Batch:
    """This worker's rows."""
    return Batch(*(getattr(batch, name)[world.rank :: world.size] for name in Batch.__dataclass_fields__))


def shared_feed(world: World) -> Callable[[int, int], Iterable[Batch]]:
    """The feed of the small run, shared."""
    return lambda epoch, start: (rows(batch, world) for batch in feed(epoch, start))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with join_world(torch.device("cpu")) as this:
        for job in sys.argv[2].split("+"):
            globals()[job](this, Path(sys.argv[1]), *sys.argv[3:])
