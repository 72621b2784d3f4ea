"""The encoder of grids: each cell alone, and what padding must not change."""

import pytest
import torch
from test_grid_encoder import pictures, same

from regard.encoders.linear import LinearEncoder


def linear(layer_norm: bool = True, coordinates: bool = False, **options: float) -> LinearEncoder:
    torch.manual_seed(0)
    return LinearEncoder(3, 7, layer_norm=layer_norm, coordinates=coordinates, **options)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("coordinates", [False, True])
def test_a_grid_alone_is_the_same_in_any_batch_with_any_padding(layer_norm: bool, coordinates: bool) -> None:
    """In training mode; grids of many sizes; padding is NaN."""
    encoder = linear(layer_norm, coordinates).train()
    sizes = [(high, 1 + 5 * high % 11) for high in range(1, 12)]
    alone = [encoder(*pictures([size], *size)) for size in sizes]
    for order, height, width in ((sizes, 11, 11), (sizes[::-1], 13, 17)):
        memory = encoder(*pictures(order, height, width, torch.nan))
        for row, size in enumerate(order):
            same(memory, row, alone[sizes.index(size)], 0)
            count = size[0] * size[1]
            assert memory.mask[row].sum() == count
            assert (memory.values[row, count:] == 0).all()


def test_a_position_is_a_cell_row_by_row() -> None:
    encoder = linear(layer_norm=False, coordinates=True)
    source, mask = pictures([(2, 3), (1, 1)], 2, 3)
    memory = encoder(source, mask)
    assert memory.spans[0].tolist() == [[x, y, x + 1, y + 1] for y in range(2) for x in range(3)]
    torch.testing.assert_close(memory.values[0, :, :7], encoder.project(source[0].flatten(0, 1)))
    torch.testing.assert_close(memory.values[0, :, 7], torch.tensor([-2 / 3, 0, 2 / 3] * 2))
    torch.testing.assert_close(memory.summary[0], memory.values[0].mean(0))
    assert memory.values.size(2) == encoder.output_size == encoder.state_size == 9


def test_one_cell_changes_one_position() -> None:
    encoder, (source, mask) = linear(), pictures([(3, 4)], 3, 4)
    changed = source.clone()
    changed[0, 1, 2] += 1
    differs = (encoder(source, mask).values != encoder(changed, mask).values).any(2)[0]
    assert differs.nonzero().tolist() == [[1 * 4 + 2]]


def test_gradcheck_and_the_gradient_of_padding() -> None:
    encoder, (source, mask) = linear().double(), pictures([(2, 3), (1, 2)], 3, 3)
    source = source.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: encoder(given, mask).values, source)
    encoder(source, mask).values.square().sum().backward()
    assert (source.grad[~mask] == 0).all()


def test_dropout_of_cells_drops_in_training_alone() -> None:
    encoder, given = linear(output_dropout=0.5), pictures([(5, 5)], 5, 5)
    assert not torch.equal(encoder(*given).values, encoder(*given).values)
    encoder.eval()
    assert torch.equal(encoder(*given).values, encoder(*given).values)


def test_wrong_grids_are_refused() -> None:
    source, mask = pictures([(3, 5)], 3, 5)
    with pytest.raises(ValueError, match=r"LinearEncoder.forward: source .* expected \(batch, height, width, 3\)"):
        linear()(source[..., :2], mask)
    mask[0, 0, 0] = False
    with pytest.raises(ValueError, match="mask is not one rectangle in the upper left corner"):
        linear()(source, mask)
