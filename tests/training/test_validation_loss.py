"""What validation counts beside the loss: where the largest weights stand."""

import numpy as np
from small_run import make_batch, make_model

from regard.alignment.positions import PositionCount, positions
from regard.data.batch import END
from regard.training.validation_loss import counting, mean_loss


def test_rows_are_counted_without_padding_and_without_the_end_of_the_output() -> None:
    model = make_model().eval()
    batches = [make_batch([(9, 8), (5, 6), (7, 9)], seed) for seed in range(3)]
    count = PositionCount()
    plain, watched = mean_loss(model, batches), mean_loss(model, batches, counting(count))
    assert plain == watched
    matrices: list[np.ndarray] = []
    for batch in batches:
        weights = model(batch).weights.detach().numpy()
        for row in range(len(weights)):
            tokens = [t for t in range(weights.shape[1]) if batch.target_mask[row, t] and batch.targets[row, t] != END]
            matrices.append(weights[row, tokens][:, batch.source_mask[row].numpy()])
    assert [matrix.shape for matrix in matrices[:3]] == [(7, 9), (5, 5), (8, 7)]
    assert count.result() == positions(matrices)
    assert count.result() is not None
