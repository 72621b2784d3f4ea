"""The loop: epochs, batches, forward, backward, step. What happens between two updates is in `session.py`."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from regard.compiled.training import accelerated
from regard.data.batch import Batch
from regard.training.checkpoint import Checkpoints
from regard.training.distributed import ALONE, World, add_gradients, average_buffers
from regard.training.events import Listener
from regard.training.interrupt import Signals
from regard.training.learner import Learner
from regard.training.plan import Feed, Origin, Plan, Validate
from regard.training.progress import Progress
from regard.training.randomness import reseed
from regard.training.session import NotFinite, Session, Update


def train(
    learner: Learner,
    feed: Feed,
    plan: Plan,
    *,
    validate: Validate | None = None,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    listeners: Sequence[Listener] = (),
    batches_per_epoch: Callable[[int], int] | None = None,
    origin: Origin | None = None,
    world: World = ALONE,
) -> Progress:
    """Train until a limit is reached, and return how far that was.

    The updates are a function of the learner, the feed and torch's generator at the start. So a run that was killed at
    any moment and resumed ends with the same weights, bit for bit, on the same machine with the same number of threads.
    Seed torch before you build the learner.

    Several workers call this with the same arguments and end with the same weights. Only the first one validates and
    saves. Dropout and sampling differ between workers: with several, noise is a function of seed, step and rank.

    Args:
        learner: what an update reads and changes.
        feed: `feed(epoch, start)`, the batches of an epoch from number `start` on; empty at the end of the epoch. With
            several workers, each gets its own rows of every batch, possibly none.
        plan: when things happen.
        validate: scores of a model, in evaluation mode and without gradients; it may draw random numbers.
        checkpoints: where the run is saved; None for nowhere.
        resume: continue from the last checkpoint, if there is one.
        listeners: functions that receive the events of the run.
        batches_per_epoch: number of batches of an epoch, for the finished fraction of the run.
        origin: file and line of a row of the corpus, for messages.
        world: the workers that train together.

    Raises:
        Interrupted: after a SIGINT, SIGTERM or SIGHUP, once the step is finished and saved.
        RegardError: a loss or gradient is not finite (nothing of it is saved), or the disk is full.
        OtherWorkerFailed: another worker ended.
        CheckpointError: the checkpoint to resume from is not whole, or is not this learner's.
        DataError: an epoch without batches.
    """
    seed = torch.initial_seed()
    with Signals(forwarded=world.size > 1) as signals:
        session = Session(learner, plan, validate, checkpoints, listeners, batches_per_epoch, signals, world)
        try:
            progress = session.begin(resume)
            while not plan.limits.reached(progress):
                for batches in grouped(feed(progress.epoch, progress.batch), plan.accumulate):
                    if world.size > 1:
                        reseed(seed, progress.step, world.rank)
                    done = update(learner, batches, progress, world)
                    progress = session.count(progress, done, len(batches))
                    progress = session.pause(progress)
                    if plan.limits.reached(progress):
                        break
                else:
                    progress = session.end_epoch(progress)
            return session.finish(progress)
        except NotFinite as error:
            raise session.failure(error, origin) from error
        finally:
            session.close()


def grouped(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """Groups of batches, one group for each update; the last may be smaller."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


def update(learner: Learner, batches: Sequence[Batch], progress: Progress, world: World = ALONE) -> Update:
    """Forward, backward, clip, step: one update over all the batches of all workers, as if they were one.

    The loss is the sum over the target tokens of all of them, divided by the number of those tokens. Raises
    NotFinite, on every worker, before the weights change.
    """
    step = progress.step + 1
    rate = learner.schedule(step, progress.gains)
    own = sum(int(batch.target_mask.sum()) for batch in batches)
    tokens = int(world.sum(float(own))[0])
    learner.optimizer.zero_grad(set_to_none=True)
    nll, fault = backward(learner, batches, step, tokens)
    if world.size > 1:
        nll, faults = world.sum(nll, float(fault is not None))
        if faults and fault is None:
            fault = NotFinite(step, "", [])
    if fault is not None:
        raise fault
    if world.size > 1:
        add_gradients(learner.model.parameters(), world)
        average_buffers(learner.objective.buffers(), own / tokens, world)
    norm = float(clip(learner.model.parameters(), learner.clip))
    if not math.isfinite(norm):
        raise NotFinite(step, f"the gradient's norm is {norm}", batches)
    for group in learner.optimizer.param_groups:
        group["lr"] = rate
    learner.optimizer.step()
    if learner.average is not None:
        learner.average.update(learner.model, step)
    return Update(nll, tokens, rate, norm)


def backward(learner: Learner, batches: Sequence[Batch], step: int, tokens: int) -> tuple[float, NotFinite | None]:
    """Compute this worker's part of the gradient. Returns the unsmoothed loss; and the fault if it is not finite."""
    nll, model, objective = 0.0, accelerated(learner.model), learner.objective_at(step)
    for batch in batches:
        if not len(batch.order):
            continue
        loss = objective(model, batch.to(learner.device), learner.temperature(step))
        if not math.isfinite(total := float(loss.total.detach())):
            return nll, NotFinite(step, f"the loss is {total}", [batch])
        nll += float(loss.nll)
        (loss.total / tokens).backward()
    return nll, None


def clip(parameters: Iterable[Tensor], limit: float | None) -> Tensor:
    """Scale the whole gradient down to the norm `limit` if its norm is larger; None changes nothing. Returns its norm.

        g ← g · min(1, limit / ‖g‖)

    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1. The norm is that before scaling. A gradient
    below the limit is only read; PyTorch's own function multiplies it by one.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    lengths = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    length = torch.linalg.vector_norm(torch.stack(lengths)) if lengths else torch.zeros(())
    if limit is not None and length > limit:
        torch._foreach_mul_(gradients, limit / length)
    return length
