"""Several processes as one: `torchrun` starts them, `torch.distributed` carries what they say to each other.

World    who this worker is, and all that workers ever say: sums, what the first one has, what each one has
joined   the world that torchrun started this process into; anywhere else a world of one, free of torch.distributed

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
"""The others wait while the first validates; that a worker is dead shows at once, or torchrun says so."""


class Elsewhere(RegardError):
    """What ended this worker happened in another one, which has said what it was."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class World:
    """The workers that do one job together, as seen by one of them.

    Args:
        rank: the number of this worker, from 0.
        size: how many there are. In a world of one, every method gives back what it was given.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the first worker: the one that writes, validates and speaks."""
        return self.rank == 0

    def add(self, tensor: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The sum over all workers, in place; the same bits on each of them."""
        if self.size > 1:
            with _together():
                distributed.all_reduce(tensor)
        return tensor

    def total(self, *numbers: float) -> list[float]:
        """The sums of some numbers over all workers."""
        return self.add(torch.tensor(numbers, dtype=torch.float64)).tolist()

    def largest(self, *numbers: float) -> list[float]:
        """The largest of each number over all workers."""
        tensor = torch.tensor(numbers, dtype=torch.float64)
        if self.size > 1:
            with _together():
                distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return tensor.tolist()

    def share(self, value: Any) -> Any:
        """What the first worker gives, on every worker; plain values that JSON keeps. The others' are ignored."""
        if self.size == 1:
            return value
        with _together():
            said = _bytes(value) if self.leads else torch.empty(0, dtype=torch.uint8)
            length = torch.tensor([len(said)])
            distributed.broadcast(length, 0)
            said = said if self.leads else torch.empty(int(length), dtype=torch.uint8)
            distributed.broadcast(said, 0)
        return value if self.leads else _value(said)

    def gather(self, value: Any) -> list[Any]:
        """What each worker gives, on the first, in the order of their numbers; on the others nothing."""
        if self.size == 1:
            return [value]
        with _together():
            said = _bytes(value)
            lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
            distributed.all_gather(lengths, torch.tensor([len(said)]))
            padded = torch.zeros(max(map(int, lengths)), dtype=torch.uint8)
            padded[: len(said)] = said
            found = [torch.empty_like(padded) for _ in range(self.size)] if self.leads else None
            distributed.gather(padded, found, 0)
        return [_value(each[: int(length)]) for each, length in zip(found or [], lengths, strict=False)]

    def meet(self) -> None:
        """Nobody goes on before everybody is here."""
        self.total(0.0)

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """Inside, the first worker goes before the others; an error of its own ends them, with the same exit code."""
        if not self.leads and (code := self.share(None)):
            raise Elsewhere("the first worker failed; its message says why.", code)
        try:
            yield
        except BaseException as error:
            if self.leads:
                self.share(_exit_code(error))
            raise
        if self.leads:
            self.share(0)


ALONE = World()


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The world that torchrun started this process into, inside the `with`.

    Sums of tensors on a GPU go through NCCL where each worker of this machine has a GPU of its own, everything else
    through gloo. Raises Elsewhere where the others cannot be reached.
    """
    if not launched() or (size := int(os.environ["WORLD_SIZE"])) == 1:
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
        # Threads of gloo that outlive Python abort the process, and its exit code is lost. Where a message may be under
        # way, after a break or with a GPU that works behind an error, leaving would wait for the others.
        if not isinstance(sys.exception(), BaseException if own else KeyboardInterrupt):
            distributed.destroy_process_group()


def _find_others(backend: str) -> None:
    """Find the other workers.

    torchrun keeps one store of addresses for all restarts, in which a worker finds what an earlier one has left there
    (pytorch/pytorch#135712), so each start has names of its own. Several machines do not count their restarts alike:
    there TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 helps.
    """
    store, rank, size = next(distributed.rendezvous("env://"))  # type: ignore[attr-defined]
    if os.environ["GROUP_WORLD_SIZE"] == "1":
        store = distributed.PrefixStore(f"start {restarts()}", store)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=LONGEST_WAIT)


def launched() -> bool:
    """Whether torchrun started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def restarts() -> int:
    """How often torchrun has started the workers again because one of them ended."""
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"]) if launched() else 0


def launch() -> str:
    """A name for this start of torchrun, the same for the workers that it starts again; empty without torchrun.

    Without an identifier of the rendezvous, which `--standalone` makes up, torchrun itself has to do: our parent.
    """
    name = os.environ["TORCHELASTIC_RUN_ID"] if launched() else ""
    return f"process {os.getppid()}" if name == "none" else name


def own_device(name: str) -> str:
    """The device of this worker; where the name leaves open which GPU, the workers of a machine take turns."""
    if not launched() or name not in ("auto", "gpu", "cuda") or not torch.cuda.is_available():
        return name
    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}"


@torch.no_grad()
def add_gradients(parameters: Iterable[Tensor], world: World) -> None:
    """Give every parameter the sum of its gradients over all workers, in one message.

    A worker may have none, for a parameter or at all; what no worker has a gradient for keeps none.
    """
    if world.size == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    pieces = [torch.zeros_like(each) if each.grad is None else each.grad for each in trained]
    present = torch.tensor([float(each.grad is not None) for each in trained]).to(pieces[0])
    message = world.add(torch.cat([*map(torch.flatten, pieces), present]))
    *sums, present = torch.split(message, [*(piece.numel() for piece in pieces), len(pieces)])
    for parameter, total, workers in zip(trained, sums, present.tolist(), strict=True):
        parameter.grad = total.view_as(parameter) if workers else None


@torch.no_grad()
def blend(buffers: Iterable[Tensor], share: float, world: World) -> None:
    """Give every buffer that is a fraction the mean over all workers, each weighted by its share of the whole."""
    for buffer in buffers:
        if world.size > 1 and buffer.is_floating_point():
            buffer.copy_(world.add(buffer * share))


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise Elsewhere("another worker is gone; its message, or torchrun's, says why.") from error


def _exit_code(error: BaseException) -> int:
    if isinstance(error, RegardError):
        return error.exit_code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _bytes(value: Any) -> UInt8[Tensor, " bytes"]:
    return torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)


def _value(said: UInt8[Tensor, " bytes"]) -> Any:
    return json.loads(said.numpy().tobytes())
