"""The reference model R over a vocabulary of any size, and sentences that are made up for it."""

from copy import deepcopy

import torch
from growth_points import Point
from timing.model import recipe
from torch import Tensor

from regard.attention.source import Source
from regard.compiled.freeze import FrozenModel
from regard.data.batch import BEGIN, END, Batch
from regard.data.text import Vocabulary
from regard.model.build import build_model
from regard.run.training_parts import build_learner

NEVER = -1e9


class Reference:
    """R with its first weights: one that trains, and a copy to search with, which never ends an output.

    Args:
        vocabulary: entries of either side.
    """

    def __init__(self, vocabulary: int) -> None:
        torch.manual_seed(1)
        config = recipe()
        self.model = build_model(config.model, Vocabulary(vocabulary), vocabulary).train()
        self.learner = build_learner(config.training, self.model, total_steps=1)
        endless = deepcopy(self.model)
        with torch.no_grad():
            endless.tokens.output.bias[END] = NEVER
        self.searched = FrozenModel(endless.eval())

    @property
    def parameters(self) -> int:
        """How many weights."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def made_up(point: Point) -> Batch:
    """Random words between the marks, all sentences of one length."""
    generator = torch.Generator().manual_seed(1)

    def sentences(length: int) -> Tensor:
        words = torch.randint(END + 1, point.vocabulary, (point.batch, length), generator=generator)
        words[:, -1] = END
        return words

    source, targets = sentences(point.source), sentences(point.target)
    inputs = targets.roll(1, 1)
    inputs[:, 0] = BEGIN
    real, wanted = (torch.ones_like(side, dtype=torch.bool) for side in (source, targets))
    return Batch(source, real, inputs, targets, wanted, torch.arange(point.batch))


def first_position(source: Source) -> Source:
    """The same with nothing else to look at."""
    return Source(source.prepared[:, :1].clone(), source.values[:, :1].clone(), source.mask[:, :1])
