"""The transformer encoder against torch's, and its promises."""

import pytest
import torch
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.build import build_self_attention
from regard.encoders.sublayers import TransformerInput
from regard.encoders.transformer import TransformerEncoder, TransformerEncoderLayer

LENGTHS = torch.tensor([7, 3, 5, 1])
SIZE, INNER, HEADS, EMBEDDING = 14, 17, 7, 11
every_norm = pytest.mark.parametrize("norm", ["pre", "post"])
every_position = pytest.mark.parametrize("positions", ["sinusoidal", "relative"])


def encoder(
    norm: str = "pre", positions: str = "sinusoidal", *, dropouts=(0.0, 0.0, 0.0), embedding_size: int = EMBEDDING
) -> TransformerEncoder:
    torch.manual_seed(0)
    distance = 2 if positions == "relative" else None
    layers = [
        TransformerEncoderLayer(
            build_self_attention(SIZE, num_heads=HEADS, max_distance=distance),
            hidden_size=SIZE,
            feed_forward_size=INNER,
            norm=norm,
            dropout=dropouts[1],
        )
        for _ in range(2)
    ]
    return TransformerEncoder(
        nn.Embedding(23, embedding_size),
        layers,
        hidden_size=SIZE,
        positions=positions,
        norm=norm,
        embedding_dropout=dropouts[0],
        output_dropout=dropouts[2],
    )


def tokens_and_mask() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randint(3, 23, (4, 7)), torch.arange(7) < LENGTHS.unsqueeze(1)


def copy_attention(theirs: nn.MultiheadAttention, ours: Attention) -> None:
    """Ours has no biases, as in the paper; theirs are zero from the start."""
    parts = (ours.heads.project_query, ours.heads.project_key, ours.heads.project_value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.out_proj.weight.copy_(ours.heads.project_output.weight)


@every_norm
def test_a_layer_is_that_of_torch(norm: str) -> None:
    ours = encoder(norm).double().layers[0]
    theirs = nn.TransformerEncoderLayer(
        SIZE, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=norm == "pre"
    ).double()
    copy_attention(theirs.self_attn, ours.self_attention.attention)
    pairs = [
        (ours.feed_forward.expand, theirs.linear1),
        (ours.feed_forward.contract, theirs.linear2),
        (ours.around_attention.normalize, theirs.norm1),
        (ours.around_feed_forward.normalize, theirs.norm2),
    ]
    for mine, other in pairs:
        nn.init.normal_(mine.weight)
        nn.init.normal_(mine.bias)
        other.load_state_dict(mine.state_dict())
    _, mask = tokens_and_mask()
    states = torch.randn(4, 7, SIZE, dtype=torch.double, requires_grad=True)
    toward = torch.randn(4, 7, SIZE, dtype=torch.double)
    one, two = ours(states, mask), theirs(states, src_key_padding_mask=~mask)
    torch.testing.assert_close(one[mask], two[mask])
    heads = ours.self_attention.attention.heads
    leaves = [states, heads.project_output.weight, *(part for pair in pairs for part in pair[0].parameters())]
    others = [states, theirs.self_attn.out_proj.weight, *(part for pair in pairs for part in pair[1].parameters())]
    expected = torch.autograd.grad((two * toward)[mask].sum(), [*others, theirs.self_attn.in_proj_weight])
    mixed = [heads.project_query.weight, heads.project_key.weight, heads.project_value.weight]
    found = torch.autograd.grad((one * toward)[mask].sum(), [*leaves, *mixed])
    for mine, other in zip([*found[:-3], torch.cat(found[-3:])], expected, strict=True):
        torch.testing.assert_close(mine, other)


@every_norm
@every_position
def test_padding_does_not_matter(norm: str, positions: str) -> None:
    ours, (source, mask) = encoder(norm, positions).eval(), tokens_and_mask()
    memory = ours(source, mask)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = ours(source[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone.values[0], memory.values[row, :length], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.summary[0], memory.summary[row], atol=1e-5, rtol=0)
    assert (memory.values[~mask] == 0).all()


@every_norm
def test_the_summary_is_the_mean_of_the_real_positions(norm: str) -> None:
    memory = encoder(norm)(*tokens_and_mask())
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(memory.summary[row], memory.values[row, :length].mean(0))


@every_norm
@every_position
def test_a_row_without_real_positions_is_zero_and_finite(norm: str, positions: str) -> None:
    ours, (source, mask) = encoder(norm, positions), tokens_and_mask()
    memory = ours(source, mask & (torch.arange(4) != 1).unsqueeze(1))
    assert (memory.values[1] == 0).all()
    assert (memory.summary[1] == 0).all()
    memory.values.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in ours.parameters())


@every_position
def test_order_is_known(positions: str) -> None:
    """Without positions, a source read backwards would be the memory read backwards."""
    ours, (source, mask) = encoder(positions=positions).eval(), tokens_and_mask()
    forwards, backwards = ours(source[:1], mask[:1]).values, ours(source[:1].flip(1), mask[:1]).values
    assert (forwards - backwards.flip(1)).abs().max() > 0.01


@pytest.mark.parametrize("which", range(3))
def test_every_dropout_drops_in_training_alone(which: int) -> None:
    dropouts = tuple(0.5 if number == which else 0.0 for number in range(3))
    ours, given = encoder(dropouts=dropouts), tokens_and_mask()
    assert not torch.equal(ours(*given).values, ours(*given).values)
    ours.eval()
    assert torch.equal(ours(*given).values, ours(*given).values)


def test_embeddings_are_scaled_and_have_positions() -> None:
    """√d E + PE, with PE of position 0 being 0, 1, 0, 1, …"""
    embedded = torch.randn(1, 3, SIZE)
    entered = TransformerInput(SIZE, SIZE)(embedded)
    torch.testing.assert_close(entered[0, 0], embedded[0, 0] * SIZE**0.5 + torch.arange(SIZE) % 2)
    torch.testing.assert_close(TransformerInput(SIZE, SIZE)(embedded[:, 2:], start=2), entered[:, 2:])
    assert torch.equal(TransformerInput(SIZE, SIZE, positions="relative")(embedded), embedded * SIZE**0.5)
    assert TransformerInput(EMBEDDING, SIZE)(torch.randn(1, 3, EMBEDDING)).shape == (1, 3, SIZE)


def test_spans_cover_the_input_in_order() -> None:
    memory = encoder()(*tokens_and_mask())
    assert memory.spans[0].tolist() == [[i, i + 1] for i in range(7)]


def test_an_empty_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"source has shape \(2, 0\); expected at least one position"):
        encoder()(torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool))
