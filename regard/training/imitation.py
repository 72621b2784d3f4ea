"""The loss of an edit transducer: imitation of an expert, also where the model has gone wrong."""

from dataclasses import dataclass
from math import exp
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regard.data.batch import BEGIN, END, PAD, Batch
from regard.decoders.edit_transducer import EditState, EditTransducerDecoder, Letters
from regard.encoders.memory import Memory
from regard.training.edit_expert import Expert
from regard.training.objective import Loss

MOST_MORE = 10
"""Edits beyond the longest script of the batch, after which the model is followed no further."""


@dataclass(frozen=True)
class Followed:
    """Scripts that were followed, and what would have been best at each step.

    Args:
        inputs: the edit before each step.
        best: the best edits.
        mask: the steps up to the end mark.
    """

    inputs: Int[Tensor, "batch steps"]
    best: Bool[Tensor, "batch steps edits"]
    mask: Bool[Tensor, "batch steps"]


class Imitation(nn.Module):
    """The negative marginal log-likelihood of all best edits, along edits that the expert or the model chose.

        total = Σ over steps t: -log Σ over best edits a at step t: p(a | a(<t), x)
        a(t)  ~ p restricted to the best edits, with probability ε; else p itself
        ε(u)  = k / (k + exp(u / k))                                                        at update u

    Source: Makarov & Clematide 2018, arXiv:1808.10701, section 3 (roll-in and loss); ε is the inverse sigmoid decay of
    Bengio et al. 2015, arXiv:1506.03099, section 2.4. No aligner is needed: where several edits are as good, such as
    DELETE before or after INSERT, the model may choose. It also learns what to do after an edit of its own that was
    wrong. The goal is the text that `batch.targets` write, which are one of its scripts.

    Args:
        k: of the decay, in updates; half of the choices are the model's after k log k of them.
        update: the number of the update; before the first the expert alone chooses nearly everything.

    `nll` is the loss, and `tokens` the number of the steps.
    """

    def __init__(self, k: float, update: int = 0) -> None:
        super().__init__()
        if not k >= 1:
            raise ValueError(f"Imitation: k is {k}; expected at least 1. Try 200.")
        self.k, self.update = k, update

    def at(self, step: int) -> nn.Module:
        """The objective of an update."""
        return Imitation(self.k, step)

    @property
    def expert_share(self) -> float:
        """ε: how often the expert chooses."""
        return self.k / (self.k + exp(min(self.update / self.k, 700.0)))

    def forward(self, model: Any, batch: Batch, temperature: float = 1.0) -> Loss:
        """The loss of a batch. `model.encode` reads it, and `model.unroll` scores scripts over what was read."""
        memory = model.encode(batch.source, batch.source_mask)
        followed = follow(model.decoder, memory, batch, self.expert_share)
        logits = model.unroll(followed.inputs, memory, temperature).features[followed.mask]
        best = logits.masked_fill(~followed.best[followed.mask], -torch.inf)
        losses = logits.logsumexp(1) - best.logsumexp(1)
        return Loss(losses.sum(), losses.detach().sum(), len(losses))


@torch.no_grad()
def follow(decoder: EditTransducerDecoder, memory: Memory, batch: Batch, expert_share: float) -> Followed:
    """Choose edits one after another, from torch's generator."""
    letters = Letters.of(memory)
    expert = Expert(letters.numbers, letters.copied, letters.there, *goals(decoder, letters, batch), decoder.copy)
    source, state = decoder.begin(memory)
    distance, tokens = expert.start(), torch.full_like(batch.order, BEGIN)
    going, found = torch.ones_like(tokens, dtype=torch.bool), list[tuple[Tensor, Tensor, Tensor]]()
    while not found or (going.any() and len(found) < batch.targets.size(1) + MOST_MORE):
        moved = decoder.advance(tokens, state, source)
        state = cast(EditState, moved.state)
        best = expert.best(state.places, distance)
        found.append((tokens, best, going))
        own = torch.rand(len(tokens), 1, device=tokens.device) >= expert_share
        allowed = moved.features.masked_fill(~(best | own), -torch.inf)
        chosen = _drawn(allowed)
        place = state.places.clamp(max=letters.numbers.size(1) - 1).unsqueeze(1)
        written = torch.where(chosen == decoder.copy, letters.numbers.gather(1, place).squeeze(1), chosen)
        silent = (chosen == decoder.delete) | (chosen == END)
        distance = torch.where(silent.unsqueeze(1), distance, expert.after(distance, written))
        going = going & (chosen != END)
        tokens = chosen.masked_fill(~going, PAD)
    return Followed(*(torch.stack(each, 1) for each in zip(*found, strict=True)))


def _drawn(logits: Float[Tensor, "batch edits"]) -> Int[Tensor, " batch"]:
    """One edit of each row by its probability: the first whose sum with those before is above a random number. Faster
    than `torch.multinomial`."""
    sums = logits.double().softmax(1).cumsum(1)
    return (sums > torch.rand_like(sums[:, :1]) * sums[:, -1:]).byte().argmax(1)


def goals(
    decoder: EditTransducerDecoder, letters: Letters, batch: Batch
) -> tuple[Int[Tensor, "batch goal"], Bool[Tensor, "batch goal"]]:
    """The letters that the scripts of a batch write, and which of them are real."""
    targets = batch.targets
    moves = decoder.moves(targets).long()
    places = (moves.cumsum(1) - moves).clamp(max=letters.numbers.size(1) - 1)
    written = torch.where(targets == decoder.copy, letters.numbers.gather(1, places), targets)
    mask = batch.target_mask & (targets != decoder.delete) & (targets != END)
    order = (~mask).long().argsort(dim=1, stable=True)[:, : int(mask.any(0).sum())]  # as many as the longest, or more
    return written.gather(1, order), mask.gather(1, order)
