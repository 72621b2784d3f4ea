"""What validation counts beside the loss: where the largest weights stand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_run import make_batch, make_model
from torch import nn

from regard.alignment.verdict import MeasureCount
from regard.data.batch import END, Batch
from regard.decoders.step import Unrolled
from regard.encoders.memory import Memory
from regard.training.measuring import counting, moved, moving
from regard.training.validation_loss import mean_loss


def test_rows_are_counted_without_padding_and_without_the_end_of_the_output() -> None:
    model = make_model().eval()
    batches = [make_batch([(9, 8), (5, 6), (7, 9)], seed) for seed in range(3)]
    count = MeasureCount()
    plain, watched = mean_loss(model, batches), mean_loss(model, batches, counting(count))
    assert plain == watched
    matrices: list[np.ndarray] = []
    expected = MeasureCount()
    for batch in batches:
        weights = model(batch).weights.detach().numpy()
        for row in range(len(weights)):
            tokens = [t for t in range(weights.shape[1]) if batch.target_mask[row, t] and batch.targets[row, t] != END]
            matrices.append(weights[row, tokens][:, batch.source_mask[row].numpy()])
    assert [matrix.shape for matrix in matrices[:3]] == [(7, 9), (5, 5), (8, 7)]
    for matrix in matrices:
        expected.add(matrix, end=True)
    found, wanted = count.result(), expected.result()
    assert found is not None
    assert wanted is not None
    assert found.to_scores() == pytest.approx(wanted.to_scores())


def test_only_the_words_are_moved() -> None:
    source = torch.tensor([[5, 6, 7, END, 0], [5, 6, 7, 8, END], [END, 0, 0, 0, 0]])
    mask = torch.tensor([[True] * 4 + [False], [True] * 5, [True] + [False] * 4])
    expected = torch.tensor([[6, 7, 5, END, 0], [6, 7, 8, 5, END], [END, 0, 0, 0, 0]])
    assert moved(source, mask).equal(expected)
    pairs = torch.stack([source, -source], -1)  # as sources are that words are copied from
    assert moved(pairs, mask).equal(torch.stack([expected, -expected], -1))


class Pointing(nn.Module):
    """Looks at the token with the number of the step, or at the position with this number."""

    def __init__(self, *, by_content: bool) -> None:
        super().__init__()
        self.by_content = by_content

    def forward(self, batch: Batch) -> Unrolled:
        rows, steps = batch.targets.shape
        wanted = torch.arange(steps).view(1, -1, 1)
        numbers = torch.arange(batch.source.size(1)).expand_as(batch.source)
        at = batch.source - 10 if self.by_content else numbers
        weights = (at.unsqueeze(1) == wanted).float()
        spans = torch.stack([numbers, numbers + 1], -1)
        values = batch.source.float().unsqueeze(-1)
        memory = Memory(values, values, batch.source_mask, values[:, 0], spans, batch.source)
        nothing = torch.zeros(rows, steps)
        return Unrolled(weights, weights, nothing, nothing, memory=memory)


@pytest.mark.parametrize(("by_content", "still"), [(True, 0), (False, 1)])
def test_weights_that_follow_the_words_are_told_from_such_that_count(by_content: bool, still: float) -> None:
    batch, model = make_batch([(11, 10)] * 7, 1), Pointing(by_content=by_content)
    source = torch.cat([torch.arange(10, 10 + batch.source.size(1) - 1), torch.tensor([END])]).expand_as(batch.source)
    batch = replace(batch, source=source)
    count = MeasureCount()
    for watch in (counting(count), moving(count, model, most=60)):
        watch(model(batch), batch)
        watch(model(batch), batch)
    found = count.result()
    assert found is not None
    assert found.diagonal == 1  # so that it does not tell them apart
    assert found.still == still


def test_few_pairs_are_run_twice() -> None:
    calls = []
    batch, inner = make_batch([(11, 10)] * 7, 1), Pointing(by_content=False)

    def model(few: Batch) -> Unrolled:
        calls.append(len(few.source))
        return inner(few)

    watch = moving(MeasureCount(), model, most=15)
    for _ in range(3):
        watch(inner(batch), batch)
    assert calls == [2]
