"""The encoders of recordings: what they promise whatever the batch, and where their positions lie."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.encoders.blstm import Blstm
from regard.encoders.blstmp import BlstmpEncoder, ProjectedBlstm
from regard.encoders.memory import Memory
from regard.encoders.pyramidal import PyramidalEncoder
from regard.encoders.strides import receptive_field, shortened
from regard.encoders.vgg import Vgg, VggBlstmpEncoder

SIZE, HIDDEN, PROJECTED, LONGEST = 6, 5, 7, 40


def vgg_encoder(pools: tuple[int, ...] = (2, 2), strides: tuple[int, ...] = (1,)) -> VggBlstmpEncoder:
    vgg = Vgg(SIZE, input_channels=2, channels=(3, 4)[: len(pools)], pools=pools)
    return VggBlstmpEncoder(vgg, HIDDEN, PROJECTED, strides=strides)


ENCODERS: dict[str, Callable[[], nn.Module]] = {
    "blstmp": lambda: BlstmpEncoder(SIZE, HIDDEN, PROJECTED),
    "blstmp of 2": lambda: BlstmpEncoder(SIZE, HIDDEN, PROJECTED, strides=(2,)),
    "blstmp of 3": lambda: BlstmpEncoder(SIZE, HIDDEN, PROJECTED, strides=(3, 1)),
    "blstmp of 8": lambda: BlstmpEncoder(SIZE, HIDDEN, PROJECTED, strides=(2, 2, 2)),
    "vgg": vgg_encoder,
    "vgg of 3": lambda: vgg_encoder((3,)),
    "vgg of 8": lambda: vgg_encoder((2, 2), (1, 2)),
    "pyramidal": lambda: PyramidalEncoder(SIZE, HIDDEN),
    "pyramidal of 3": lambda: PyramidalEncoder(SIZE, HIDDEN, joins=(3,)),
    "pyramidal of 8": lambda: PyramidalEncoder(SIZE, HIDDEN, joins=(1, 2, 2, 2)),
}


@pytest.fixture(params=ENCODERS)
def encoder(request) -> nn.Module:
    torch.manual_seed(0)
    return ENCODERS[request.param]().train()


def recordings(lengths: list[int], frames: int, padding: float = 0.0) -> tuple[Tensor, Tensor]:
    """The recording of a length is the same in every batch."""
    source = torch.full((len(lengths), frames, SIZE), padding)
    for row, length in enumerate(lengths):
        source[row, :length] = torch.randn(length, SIZE, generator=torch.Generator().manual_seed(length))
    return source, torch.arange(frames) < torch.tensor(lengths).unsqueeze(1)


def same(one: Memory, row: int, other: Memory, other_row: int) -> None:
    count = int(one.mask[row].sum())
    assert int(other.mask[other_row].sum()) == count
    for name in ("values", "keys", "spans"):
        torch.testing.assert_close(
            getattr(one, name)[row, :count], getattr(other, name)[other_row, :count], atol=1e-5, rtol=0
        )
    torch.testing.assert_close(one.summary[row], other.summary[other_row], atol=1e-5, rtol=0)


def test_a_recording_alone_is_the_same_in_any_batch_with_any_padding(encoder: nn.Module) -> None:
    """In training mode, at every length from 1 to 40; what stands at padding is NaN."""
    lengths = list(range(1, LONGEST + 1))
    alone = [encoder(*recordings([length], length)) for length in lengths]
    up, down = lengths, lengths[::-1]
    for order, frames in ((up, LONGEST), (down, LONGEST + 1), (up, LONGEST + 5), (down, 48)):
        memory = encoder(*recordings(order, frames, torch.nan))
        for row, length in enumerate(order):
            same(memory, row, alone[length - 1], 0)


def test_positions_are_those_of_the_length(encoder: nn.Module) -> None:
    """⌈n / stride⌉ real ones, first; zeros elsewhere; cells of one stride that tile the recording."""
    lengths = list(range(1, LONGEST + 1))
    memory = encoder(*recordings(lengths, LONGEST + 3))
    for row, length in enumerate(lengths):
        count = -(-length // encoder.stride)
        assert memory.mask[row].tolist() == [True] * count + [False] * (memory.mask.size(1) - count)
        assert (memory.values[row, count:] == 0).all()
        starts, ends = memory.spans[row, :count].unbind(1)
        assert starts.tolist() == list(range(0, length, encoder.stride))
        assert ends.tolist() == [*starts[1:].tolist(), length]
        torch.testing.assert_close(memory.summary[row], memory.values[row, :count].mean(0))
    assert memory.values.size(2) == encoder.output_size
    assert memory.summary.size(1) == encoder.state_size


def test_a_row_without_frames_is_zero_and_finite(encoder: nn.Module) -> None:
    memory = encoder(*recordings([3, 0, 5], 5))
    assert not memory.mask[1].any()
    assert (memory.values[1] == 0).all()
    assert (memory.summary[1] == 0).all()
    memory.values.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_the_gradient_of_padding_is_zero(encoder: nn.Module) -> None:
    source, mask = recordings([7, 3], 9)
    source.requires_grad_()
    memory = encoder(source, mask)
    (memory.values.square().sum() + memory.summary.square().sum()).backward()
    assert (source.grad[~mask] == 0).all()
    assert (source.grad[mask] != 0).any(1).all()


@pytest.mark.parametrize("name", ["blstmp", "vgg", "pyramidal"])
def test_gradcheck(name: str) -> None:
    torch.manual_seed(0)
    encoder = ENCODERS[name]().double()
    source, mask = recordings([5, 2], 6)

    def values(source: Tensor) -> tuple[Tensor, Tensor]:
        memory = encoder(source, mask)
        return memory.values, memory.summary

    assert torch.autograd.gradcheck(values, source.double().requires_grad_(), fast_mode=True)


def test_a_layer_is_that_of_torch_on_packed_sequences() -> None:
    torch.manual_seed(0)
    ours, theirs = Blstm(SIZE, HIDDEN), nn.LSTM(SIZE, HIDDEN, bidirectional=True, batch_first=True)
    for suffix, ours_way in (("", ours.forwards), ("_reverse", ours.backwards)):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(theirs, f"{name}_l0{suffix}").data.copy_(getattr(ours_way, f"{name}_l0"))
    source, mask = recordings([7, 3, 5, 1], 7)
    packed = pack_padded_sequence(source, mask.sum(1), batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(theirs(packed)[0], batch_first=True)[0]
    torch.testing.assert_close(ours(source, mask.sum(1))[mask], expected[mask])


def test_a_projected_layer_keeps_every_other_state() -> None:
    """Two layers by hand: the states at 0, 2, 4, projected; tanh between the layers and not behind the last."""
    torch.manual_seed(0)
    stack, lengths = ProjectedBlstm(SIZE, HIDDEN, PROJECTED, strides=(2, 1)), torch.tensor([5])
    source, _ = recordings([5], 5)
    kept = stack.projections[0](stack.layers[0](source, lengths))[:, [0, 2, 4]].tanh()
    expected = stack.projections[1](stack.layers[1](kept, torch.tensor([3])))
    torch.testing.assert_close(stack(source, lengths), expected)


def test_a_pyramid_joins_neighbours() -> None:
    torch.manual_seed(0)
    pyramid = PyramidalEncoder(SIZE, HIDDEN, joins=(1, 2))
    source, mask = recordings([3], 3)
    below = pyramid.layers[0](source, torch.tensor([3]))[0]
    joined = torch.stack([torch.cat([below[0], below[1]]), torch.cat([below[2], torch.zeros(2 * HIDDEN)])])
    torch.testing.assert_close(pyramid(source, mask).values, pyramid.layers[1](joined[None], torch.tensor([2])))


@pytest.mark.parametrize("pools", [(1,), (2,), (3,), (2, 2), (3, 2)])
def test_an_impulse_changes_the_positions_whose_field_holds_it(pools: tuple[int, ...]) -> None:
    """And every one of them: the field is no larger than it is said to be, and no smaller."""
    torch.manual_seed(0)
    vgg = Vgg(SIZE, channels=(8, 9)[: len(pools)], pools=pools).double()
    frames, lengths = 29, torch.tensor([29])
    quiet = torch.randn(1, frames, SIZE, dtype=torch.double)
    silence, (before, after) = vgg(quiet, lengths)[0], vgg.receptive_field
    assert len(silence) == int(shortened(lengths, vgg.stride))
    for at in range(frames):
        loud = quiet.clone()
        loud[0, at] = 1e3 * torch.randn(SIZE, dtype=torch.double)
        changed = (vgg(loud, lengths)[0] != silence).any(1)
        cells = torch.arange(len(silence)) * vgg.stride
        assert torch.equal(changed, (cells - before <= at) & (at < cells + vgg.stride + after))


def test_fields_by_hand() -> None:
    assert receptive_field([]) == (0, 0)
    assert receptive_field([(3, 1, 1)] * 2 + [(2, 2, 0)]) == (2, 2)
    assert receptive_field(([(3, 1, 1)] * 2 + [(2, 2, 0)]) * 2) == (6, 6)
    assert receptive_field([(3, 2, 1)]) == (1, 0)  # input 2j - 1 to 2j + 1, and the cell ends behind 2j + 1
    assert receptive_field([(3, 2, 1)] * 2) == (3, 0)


@pytest.mark.parametrize("which", range(2))
@pytest.mark.parametrize("kind", [BlstmpEncoder, PyramidalEncoder, VggBlstmpEncoder])
def test_every_dropout_of_frame_encoders_drops_in_training_alone(kind: type, which: int) -> None:
    dropouts = {
        name: 0.5 if number == which else 0.0 for number, name in enumerate(("layer_dropout", "output_dropout"))
    }
    sizes = {BlstmpEncoder: (SIZE, HIDDEN, PROJECTED), PyramidalEncoder: (SIZE, HIDDEN)}
    encoder = kind(*sizes.get(kind, (Vgg(SIZE, channels=(3, 4)), HIDDEN, PROJECTED)), **dropouts)
    given = recordings([7, 12], 12)
    assert not torch.equal(encoder(*given).values, encoder(*given).values)
    encoder.eval()
    assert torch.equal(encoder(*given).values, encoder(*given).values)


def test_wrong_frames_are_refused(encoder: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"source has shape \(2, 0, 6\); expected at least one frame"):
        encoder(torch.zeros(2, 0, SIZE), torch.zeros(2, 0, dtype=torch.bool))
    with pytest.raises(ValueError, match=rf"expected \(batch, frames, {SIZE}\). Set input_size"):
        encoder(torch.zeros(2, 3, SIZE + 1), torch.ones(2, 3, dtype=torch.bool))


def test_wrong_sizes_of_frame_encoders_are_refused() -> None:
    with pytest.raises(ValueError, match=r"strides are \[2, 0\]; expected one number of at least 1 per layer"):
        BlstmpEncoder(SIZE, HIDDEN, PROJECTED, strides=(2, 0))
    with pytest.raises(ValueError, match=r"joins are \[\]"):
        PyramidalEncoder(SIZE, HIDDEN, joins=())
    with pytest.raises(ValueError, match=r"channels are \[3\] and pools \[2, 2\]; expected as many"):
        Vgg(SIZE, channels=(3,))
    with pytest.raises(ValueError, match="input_size is 6 and input_channels is 4; expected a multiple"):
        Vgg(SIZE, input_channels=4)
