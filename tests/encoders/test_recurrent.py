"""The recurrent encoder against torch's packed sequences, and its promises."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.encoders.recurrent import RecurrentEncoder, reverse

LENGTHS = torch.tensor([7, 3, 5, 1])


def encoder(cell: str = "gru", **options) -> RecurrentEncoder:
    torch.manual_seed(0)
    return RecurrentEncoder(nn.Embedding(23, 11), 13, cell=cell, **options).eval()


def tokens_and_mask() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randint(3, 23, (4, 7)), torch.arange(7) < LENGTHS.unsqueeze(1)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_matches_torch_on_packed_sequences(cell: str, num_layers: int) -> None:
    ours = encoder(cell, num_layers=num_layers)
    kind = nn.GRU if cell == "gru" else nn.LSTM
    theirs = kind(11, 13, num_layers, bidirectional=True, batch_first=True)
    for layer in range(num_layers):
        for suffix, stack in (("", ours.forwards), ("_reverse", ours.backwards)):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(theirs, f"{name}_l{layer}{suffix}").data.copy_(getattr(stack[layer], f"{name}_l0"))
    source, mask = tokens_and_mask()
    memory = ours(source, mask)
    packed = pack_padded_sequence(ours.embedding(source), LENGTHS, batch_first=True, enforce_sorted=False)
    outputs, last = theirs(packed)
    torch.testing.assert_close(memory.values, pad_packed_sequence(outputs, batch_first=True)[0])
    hidden = last if cell == "gru" else last[0]
    torch.testing.assert_close(memory.summary, torch.cat([hidden[-2], hidden[-1]], -1))


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("summary", ["last", "mean"])
def test_padding_does_not_matter(bidirectional: bool, summary: str) -> None:
    ours = encoder(bidirectional=bidirectional, summary=summary, layer_norm=True, num_layers=2)
    source, mask = tokens_and_mask()
    memory = ours(source, mask)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = ours(source[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone.values[0], memory.values[row, :length], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.summary[0], memory.summary[row], atol=1e-5, rtol=0)
    assert (memory.values[~mask] == 0).all()


def test_reverse_is_its_own_inverse() -> None:
    states = torch.randn(4, 7, 3)
    torch.testing.assert_close(reverse(reverse(states, LENGTHS), LENGTHS), states)
    assert torch.equal(reverse(states, LENGTHS)[1, :3], states[1, :3].flip(0))


def test_spans_cover_the_input_in_order() -> None:
    memory = encoder()(*tokens_and_mask())
    assert memory.spans[0].tolist() == [[i, i + 1] for i in range(7)]


def test_an_empty_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"source has shape \(2, 0\); expected at least one position"):
        encoder()(torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool))
