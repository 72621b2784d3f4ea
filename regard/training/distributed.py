"""Several processes that train one model: `torchrun` starts them, `torch.distributed` sends their messages.

World        the number of this worker, and all messages between workers: sums, broadcasts, gathers
join_world   the world of the workers that torchrun started; without torchrun a world of one worker

The workers of a world call the same methods in the same order. Values go as JSON, tensors as they are; no pickle.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, distributed

from regard.errors import RegardError

LONGEST_WAIT = timedelta(days=1)
"""The other workers wait while the first one validates. If a worker ends, the others or torchrun notice it at once."""


class OtherWorkerFailed(RegardError):
    """This worker ends because another one failed; the other one has reported the error."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class World:
    """The workers that share one job, as one of them sees it.

    Args:
        rank: the number of this worker, from 0.
        size: number of workers. With one worker, every method returns its argument.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the first worker: only that one writes, validates and reports."""
        return self.rank == 0

    def all_reduce(self, tensor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sum over all workers, in place; the same bits on each of them."""
        if self.size > 1:
            with _together():
                distributed.all_reduce(tensor)
        return tensor

    def sum(self, *numbers: float) -> list[float]:
        """The sums of some numbers over all workers."""
        return self.all_reduce(torch.tensor(numbers, dtype=torch.float64)).tolist()

    def max(self, *numbers: float) -> list[float]:
        """The largest of each number over all workers."""
        tensor = torch.tensor(numbers, dtype=torch.float64)
        if self.size > 1:
            with _together():
                distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return tensor.tolist()

    def broadcast(self, value: Any) -> Any:
        """The value of the first worker, on every worker.

        Plain values that JSON keeps; those of the others are ignored.
        """
        if self.size == 1:
            return value
        with _together():
            said = _bytes(value) if self.is_first else torch.empty(0, dtype=torch.uint8)
            length = torch.tensor([len(said)])
            distributed.broadcast(length, 0)
            said = said if self.is_first else torch.empty(int(length), dtype=torch.uint8)
            distributed.broadcast(said, 0)
        return value if self.is_first else _value(said)

    def gather(self, value: Any) -> list[Any]:
        """The values of all workers, in order, on the first worker; an empty list on the others."""
        if self.size == 1:
            return [value]
        with _together():
            said = _bytes(value)
            lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
            distributed.all_gather(lengths, torch.tensor([len(said)]))
            padded = torch.zeros(max(map(int, lengths)), dtype=torch.uint8)
            padded[: len(said)] = said
            found = [torch.empty_like(padded) for _ in range(self.size)] if self.is_first else None
            distributed.gather(padded, found, 0)
        return [_value(each[: int(length)]) for each, length in zip(found or [], lengths, strict=False)]

    def barrier(self) -> None:
        """Wait until every worker has come here."""
        self.sum(0.0)

    @contextmanager
    def first_before_others(self) -> Iterator[None]:
        """Inside the `with`, the first worker runs before the others.

        If it fails, the others end with the same exit code.
        """
        if not self.is_first and (code := self.broadcast(None)):
            raise OtherWorkerFailed("the first worker failed; its message says why.", code)
        try:
            yield
        except BaseException as error:
            if self.is_first:
                self.broadcast(_exit_code(error))
            raise
        if self.is_first:
            self.broadcast(0)


ALONE = World()


@contextmanager
def join_world(device: torch.device) -> Iterator[World]:
    """The world of the workers that torchrun started, inside the `with`.

    Sums of tensors on a GPU use NCCL if each worker of this machine has its own GPU; everything else uses gloo. Raises
    OtherWorkerFailed if the others cannot be reached.
    """
    if not under_torchrun() or (size := int(os.environ["WORLD_SIZE"])) == 1:
        yield ALONE
        return
    own = device.type == "cuda" and int(os.environ["LOCAL_WORLD_SIZE"]) <= torch.cuda.device_count()
    if own:
        torch.cuda.set_device(device)
    with _together():
        _find_others("cpu:gloo,cuda:nccl" if own else "gloo")
    try:
        yield World(int(os.environ["RANK"]), size)
    finally:
        # Threads of gloo that still run when Python ends abort the process, and its exit code is lost. But after
        # Ctrl-C, or after an error with GPUs, a message may not be complete: then this call would wait for the other
        # workers.
        if not isinstance(sys.exception(), BaseException if own else KeyboardInterrupt):
            distributed.destroy_process_group()


def _find_others(backend: str) -> None:
    """Find the other workers.

    torchrun keeps one store of addresses for all restarts, where a worker finds entries of an earlier start
    (pytorch/pytorch#135712); so each start has its own prefix. Several machines count their restarts differently: there
    TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 helps.
    """
    store, rank, size = next(distributed.rendezvous("env://"))  # type: ignore[attr-defined]
    if os.environ["GROUP_WORLD_SIZE"] == "1":
        store = distributed.PrefixStore(f"start {restarts()}", store)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=LONGEST_WAIT)


def under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def restarts() -> int:
    """How often torchrun has started the workers again because one of them ended."""
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"]) if under_torchrun() else 0


def launch_name() -> str:
    """A name for this launch by torchrun, the same after a restart of its workers; empty without torchrun.

    It is the identifier of the rendezvous, which `--standalone` makes; without one, the process number of torchrun.
    """
    name = os.environ["TORCHELASTIC_RUN_ID"] if under_torchrun() else ""
    return f"process {os.getppid()}" if name == "none" else name


def worker_device(name: str) -> str:
    """The device of this worker.

    If the name does not say which GPU, the workers of a machine get different ones in turn.
    """
    if not under_torchrun() or name not in ("auto", "gpu", "cuda") or not torch.cuda.is_available():
        return name
    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"


@torch.no_grad()
def add_gradients(parameters: Iterable[Tensor], world: World) -> None:
    """Give every parameter the sum of its gradients over all workers, in one message.

    A worker may have no gradient for some or all parameters. A parameter without a gradient on any worker keeps none.
    """
    if world.size == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    pieces = [torch.zeros_like(each) if each.grad is None else each.grad for each in trained]
    present = torch.tensor([float(each.grad is not None) for each in trained]).to(pieces[0])
    message = world.all_reduce(torch.cat([*map(torch.flatten, pieces), present]))
    *sums, present = torch.split(message, [*(piece.numel() for piece in pieces), len(pieces)])
    for parameter, total, workers in zip(trained, sums, present.tolist(), strict=True):
        parameter.grad = total.view_as(parameter) if workers else None


@torch.no_grad()
def average_buffers(buffers: Iterable[Tensor], share: float, world: World) -> None:
    """Give every floating-point buffer its mean over all workers, weighted by their shares of the batch."""
    for buffer in buffers:
        if world.size > 1 and buffer.is_floating_point():
            buffer.copy_(world.all_reduce(buffer * share))


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise OtherWorkerFailed("another worker ended; its message, or torchrun's, says why.") from error


def _exit_code(error: BaseException) -> int:
    if isinstance(error, RegardError):
        return error.exit_code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _bytes(value: Any) -> UInt8[Tensor, " bytes"]:
    return torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)


def _value(said: UInt8[Tensor, " bytes"]) -> Any:
    return json.loads(said.numpy().tobytes())
