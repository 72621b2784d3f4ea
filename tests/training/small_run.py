"""A whole small run of a small model of Regard, with everything on that could make a resumed run differ.

As a script it makes one sitting of that run: `python small_run.py DIRECTORY`.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import nn

from regard.attention.build import build_attention
from regard.data.batch import BEGIN, END, PAD, Batch
from regard.decoders.bahdanau import BahdanauDecoder
from regard.decoders.output import LinearOutput
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.recurrent import RecurrentEncoder
from regard.model.encoder_decoder import EncoderDecoder
from regard.training.averaging import MovingAverage
from regard.training.checkpoint import Checkpoints
from regard.training.distributed import ALONE, World
from regard.training.events import Event, Listener, Saved
from regard.training.learner import Learner
from regard.training.lock import lock
from regard.training.loop import train
from regard.training.metrics_file import MetricsFile
from regard.training.objective import CrossEntropy
from regard.training.optimizers import adamw
from regard.training.plan import Feed, Plan, Validate
from regard.training.progress import Progress
from regard.training.schedules import Plateau
from regard.training.stopping import Limits
from regard.training.validation_loss import mean_loss

SOURCE_VOCAB, TARGET_VOCAB, BATCHES = 13, 11, 7


def make_batch(lengths: list[tuple[int, int]], seed: int, first_row: int = 0) -> Batch:
    """Random tokens; each row has so many source and target tokens, end marks included."""
    generator = torch.Generator().manual_seed(seed)
    sources, targets = zip(*lengths, strict=True)

    def tokens(counts: tuple[int, ...], vocab: int) -> tuple[torch.Tensor, torch.Tensor]:
        mask = torch.arange(max(counts)) < torch.tensor(counts).unsqueeze(1)
        drawn = torch.randint(END + 1, vocab, mask.shape, generator=generator)
        drawn[torch.arange(len(counts)), torch.tensor(counts) - 1] = END
        return drawn.masked_fill(~mask, PAD), mask

    source, source_mask = tokens(sources, SOURCE_VOCAB)
    target, target_mask = tokens(targets, TARGET_VOCAB)
    inputs = torch.cat([torch.full((len(targets), 1), BEGIN), target[:, :-1]], 1)
    inputs = inputs.masked_fill((inputs == END) | ~target_mask, PAD)
    order = torch.arange(first_row, first_row + len(lengths))
    return Batch(source, source_mask, inputs, target, target_mask, order)


def join(batches: list[Batch]) -> Batch:
    """One batch of all rows; every batch must be padded alike."""
    return Batch(*(torch.cat([getattr(batch, name) for batch in batches]) for name in Batch.__dataclass_fields__))


def feed(epoch: int, start: int) -> Iterator[Batch]:
    """Seven batches, other ones in each epoch."""
    for number in range(start, BATCHES):
        yield make_batch([(3, 3), (2, 1), (1, 2)], seed=100 * epoch + number, first_row=3 * number)


def make_model(dropout: float = 0.3, select: str = "softmax") -> EncoderDecoder:
    """A tied model of a few hundred weights."""
    embedding = nn.Embedding(TARGET_VOCAB, 5)
    output = LinearOutput(5, TARGET_VOCAB, dropout=dropout, tied=embedding)
    encoder = RecurrentEncoder(nn.Embedding(SOURCE_VOCAB, 5), 3, embedding_dropout=dropout, output_dropout=dropout)
    tokens = TargetTokens(embedding, output, embedding_dropout=dropout)
    sizes = {"memory_size": encoder.output_size, "summary_size": encoder.state_size, "hidden_size": 7}
    attention = build_attention(7, encoder.output_size, score="additive", select=select)
    return EncoderDecoder(encoder, BahdanauDecoder(tokens, attention, **sizes))


def make_learner(seed: int = 1, select: str = "softmax", **choices: object) -> Learner:
    """Model and optimiser with dropout, label smoothing, decay, a plateau after a warm-up, and a moving average."""
    torch.manual_seed(seed)
    model = make_model(select=select)
    parts = {
        "objective": CrossEntropy(smoothing=0.1),
        "optimizer": adamw(model, weight_decay=0.1),
        "schedule": Plateau(rate=0.05, patience=1, warmup_steps=2),
        "clip": 1.0,
        "average": MovingAverage(model, decay=0.9),
    }
    return Learner(model, **(parts | choices))  # type: ignore[arg-type]


def validate(model: nn.Module) -> dict[str, float]:
    """The loss on one batch, after drawing random numbers as a search that samples would."""
    torch.rand(3)
    return mean_loss(model, [make_batch([(3, 2), (2, 3)], seed=99)])


def run(
    directory: Path,
    *,
    resume: bool,
    epochs: int = 2,
    listeners: Iterable[Listener] = (),
    learner: Learner | None = None,
    feed: Feed = feed,
    validate: Validate = validate,
    world: World = ALONE,
) -> Progress:
    """One sitting: seven batches an epoch, three to an update, checkpoints and validations out of step."""
    return train(
        learner or make_learner(),
        feed,
        Plan(Limits(max_epochs=epochs), accumulate=3, log_every=2, validate_every=2),
        validate=validate,
        checkpoints=Checkpoints(directory / "checkpoints", every_steps=3, every_minutes=None, average=2),
        resume=resume,
        listeners=[MetricsFile(directory / "metrics.jsonl"), *listeners] if world.is_first else [],
        batches_per_epoch=lambda epoch: BATCHES,
        origin=lambda row: ("train.tsv", row + 1),
        world=world,
    )


def say(event: Event) -> None:
    """Print the number of each step that is saved."""
    if isinstance(event, Saved):
        print(event.step, flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    with lock(place):
        print("started", flush=True)
        run(place, resume=True, epochs=int(sys.argv[2]), listeners=[say])
