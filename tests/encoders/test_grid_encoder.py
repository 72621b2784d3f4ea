"""The encoder of pictures: its cells, its norms, and what padding must not change."""

import pytest
import torch
from torch import Tensor, nn

from regard.encoders.grid import GridEncoder, MaskedGroupNorm
from regard.encoders.memory import Memory

STRIDES = [(2,), (1, 3), (2, 2), (2, 2, 2)]
every_stride = pytest.mark.parametrize("strides", STRIDES, ids=str)


def grid(strides: tuple[int, ...] = (2, 2), channels: int = 3, coordinates: bool = False) -> GridEncoder:
    torch.manual_seed(0)
    sizes = (4, 6, 8)[: len(strides)]
    return GridEncoder(channels, channels=sizes, strides=strides, groups=2, coordinates=coordinates)


def pictures(sizes: list[tuple[int, int]], height: int, width: int, padding: float = 0.0) -> tuple[Tensor, Tensor]:
    """The picture of a size is the same in every batch."""
    source, mask = torch.full((len(sizes), height, width, 3), padding), torch.zeros(len(sizes), height, width) > 0
    for row, (high, wide) in enumerate(sizes):
        generator = torch.Generator().manual_seed(100 * high + wide)
        source[row, :high, :wide] = torch.randn(high, wide, 3, generator=generator)
        mask[row, :high, :wide] = True
    return source, mask


def same(one: Memory, row: int, other: Memory, other_row: int) -> None:
    count = int(one.mask[row].sum())
    assert int(other.mask[other_row].sum()) == count
    for name in ("values", "keys", "spans"):
        torch.testing.assert_close(
            getattr(one, name)[row, :count], getattr(other, name)[other_row, :count], atol=1e-5, rtol=0
        )
    torch.testing.assert_close(one.summary[row], other.summary[other_row], atol=1e-5, rtol=0)


@every_stride
@pytest.mark.parametrize("coordinates", [False, True])
def test_a_picture_alone_is_the_same_in_any_batch_with_any_padding(strides: tuple[int, ...], coordinates: bool) -> None:
    """In training mode; every height from 1 to 20 beside widths that run the other way; padding is NaN."""
    encoder, sizes = (
        grid(strides, coordinates=coordinates).train(),
        [(high, 1 + 7 * high % 20) for high in range(1, 21)],
    )
    alone = [encoder(*pictures([size], *size)) for size in sizes]
    up, down = list(range(20)), list(range(19, -1, -1))
    for order, height, width in ((up, 20, 20), (down, 21, 20), (up, 24, 33)):
        memory = encoder(*pictures([sizes[number] for number in order], height, width, torch.nan))
        for row, number in enumerate(order):
            same(memory, row, alone[number], 0)


@every_stride
def test_boxes_tile_the_picture(strides: tuple[int, ...]) -> None:
    """⌈height / stride⌉ rows of ⌈width / stride⌉ cells, row by row, first in the memory, and zeros elsewhere."""
    encoder, sizes = grid(strides), [(7, 12), (12, 5), (1, 1), (8, 8)]
    memory, side = encoder(*pictures(sizes, 13, 14)), encoder.stride
    for row, (high, wide) in enumerate(sizes):
        expected = [
            [left, upper, min(left + side, wide), min(upper + side, high)]
            for upper in range(0, high, side)
            for left in range(0, wide, side)
        ]
        count = len(expected)
        assert memory.spans[row, :count].tolist() == expected
        assert memory.mask[row].tolist() == [True] * count + [False] * (memory.mask.size(1) - count)
        assert (memory.values[row, count:] == 0).all()
        torch.testing.assert_close(memory.summary[row], memory.values[row, :count].mean(0))
    assert memory.values.size(2) == encoder.output_size == memory.summary.size(1) == encoder.state_size


def test_coordinates_are_the_middles_of_the_cells_over_the_size_of_the_picture() -> None:
    encoder = grid(coordinates=True)
    memory = encoder(*pictures([(7, 12), (4, 4)], 9, 12))
    assert memory.values.size(2) == encoder.output_size == encoder.state_size == 6 + 2
    right, down = memory.values[0, :6, -2:].unbind(-1)
    torch.testing.assert_close(right, torch.tensor([-2 / 3, 0, 2 / 3] * 2))
    torch.testing.assert_close(down, torch.tensor([4 / 7 - 1] * 3 + [11 / 7 - 1] * 3))
    assert memory.values[1, 0, -2:].tolist() == [0, 0]  # one cell, in the middle
    assert (memory.values[1, 1:] == 0).all()
    torch.testing.assert_close(memory.values[..., :-2], grid()(*pictures([(7, 12), (4, 4)], 9, 12)).values)


def test_a_picture_turned_over_its_diagonal_turns_its_cells_and_boxes() -> None:
    """With kernels that are turned too: rows and columns are treated alike, and nowhere taken for each other."""
    encoder, turned = grid(), grid()
    for convolution in turned.convolutions:
        convolution.weight.data = convolution.weight.data.transpose(2, 3).contiguous()
    source, mask = pictures([(7, 12)], 7, 12)
    one, other = encoder(source, mask), turned(source.transpose(1, 2), mask.transpose(1, 2))
    order = torch.arange(2 * 3).view(2, 3).t().flatten()
    torch.testing.assert_close(other.values[0], one.values[0, order], atol=1e-5, rtol=0)
    assert torch.equal(other.spans[0], one.spans[0, order][:, [1, 0, 3, 2]])


@every_stride
def test_an_impulse_changes_the_cells_whose_field_holds_it(strides: tuple[int, ...]) -> None:
    """And every one of them. Without the norms, which look at the whole picture."""
    encoder = grid(strides).double()
    encoder.norms = nn.ModuleList(Unnormalized() for _ in strides)
    for convolution in encoder.convolutions:
        convolution.weight.data.abs_()  # else the ReLU could hide a change
    source, mask = pictures([(23, 19)], 23, 19)
    source, (before, after) = source.double().abs(), encoder.receptive_field
    quiet = encoder(source, mask)
    left, upper = quiet.spans[0, :, :2].unbind(1)
    for row, column in [(0, 0), (0, 18), (22, 0), (11, 9), (12, 10), (13, 7), (22, 18)]:
        loud = source.clone()
        loud[0, row, column] += 1e3
        changed = (encoder(loud, mask).values != quiet.values)[0].any(1)
        down = (upper - before <= row) & (row < upper + encoder.stride + after)
        across = (left - before <= column) & (column < left + encoder.stride + after)
        assert torch.equal(changed, down & across)


class Unnormalized(nn.Module):
    def forward(self, pixels: Tensor, mask: Tensor) -> Tensor:
        return pixels


def test_the_norm_is_that_of_torch_on_the_real_pixels() -> None:
    torch.manual_seed(0)
    ours, theirs = MaskedGroupNorm(2, 6), nn.GroupNorm(2, 6)
    nn.init.normal_(ours.weight)
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    pixels, mask = torch.randn(2, 6, 7, 5) + 3, torch.zeros(2, 1, 7, 5) > 0
    mask[0, :, :4, :3], mask[1] = True, True
    found = ours(pixels, mask)
    torch.testing.assert_close(found[:1, :, :4, :3], theirs(pixels[:1, :, :4, :3]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[1:], theirs(pixels[1:]), atol=1e-5, rtol=1e-5)


def test_a_single_pixel_is_a_picture() -> None:
    """Each group has one value, whose mean it is: nothing is left of it but the bias."""
    encoder = GridEncoder(3, channels=(4,), strides=(2,), groups=4)
    nn.init.ones_(encoder.norms[0].bias)
    torch.testing.assert_close(encoder(*pictures([(1, 1)], 1, 1)).values, torch.ones(1, 1, 4), atol=1e-4, rtol=0)


def test_a_picture_without_pixels_is_zero_and_finite() -> None:
    encoder = grid()
    memory = encoder(*pictures([(5, 4), (0, 0)], 5, 6))
    assert not memory.mask[1].any()
    assert (memory.values[1] == 0).all()
    assert (memory.summary[1] == 0).all()
    memory.values.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_gradcheck_and_the_gradient_of_padding() -> None:
    encoder = grid().double()
    source, mask = pictures([(3, 5), (2, 2)], 4, 5)
    source = source.double().requires_grad_()

    def values(source: Tensor) -> tuple[Tensor, Tensor]:
        memory = encoder(source, mask)
        return memory.values, memory.summary

    assert torch.autograd.gradcheck(values, source)
    values(source)[0].square().sum().backward()
    assert (source.grad[~mask] == 0).all()
    assert (source.grad[mask] != 0).any()


def test_dropout_of_cells_drops_in_training_alone() -> None:
    torch.manual_seed(0)
    encoder, given = GridEncoder(3, channels=(8,), strides=(2,), output_dropout=0.5), pictures([(5, 5)], 5, 5)
    assert not torch.equal(encoder(*given).values, encoder(*given).values)
    encoder.eval()
    assert torch.equal(encoder(*given).values, encoder(*given).values)


def test_wrong_pictures_are_refused() -> None:
    source, mask = pictures([(3, 5), (2, 2)], 4, 5)
    mask[0, 0, 0] = False
    with pytest.raises(ValueError, match="mask is not one rectangle in the upper left corner of each picture"):
        grid()(source, mask)
    with pytest.raises(ValueError, match=r"expected \(batch, height, width, 3\). Put the channels last"):
        grid()(torch.zeros(2, 3, 4, 5), torch.ones(2, 3, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"source has shape \(2, 0, 5, 3\); expected at least one pixel"):
        grid()(torch.zeros(2, 0, 5, 3), torch.zeros(2, 0, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"channels are \[4\] and strides \[2, 2\]; expected as many"):
        GridEncoder(3, channels=(4,), strides=(2, 2))
    with pytest.raises(ValueError, match="channels is 6 and groups is 4; expected a multiple"):
        MaskedGroupNorm(4, 6)
