"""Attention within one sequence: positions, self-attention, pooling."""

import math

import pytest
import torch
from mechanisms import BATCH, SOURCE
from torch import Tensor, nn

from regard.attention import POOLINGS, SCORES, SELECTIONS
from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.history import History
from regard.attention.multihead import Heads
from regard.attention.pooling import AttentionPooling, GatedPooling, MaxPooling, Pooled
from regard.attention.positions import RelativeScore, SinusoidalPositions
from regard.attention.scaled_dot import ScaledDotScore
from regard.attention.select import Softmax
from regard.attention.self_attention import SelfAttention
from regard.attention.window import CausalWindow, GlobalWindow

SIZE = 6
MASK = torch.tensor([[True] * SOURCE, [True, True, True, False, False]])


def draw(*sizes: int, seed: int = 1) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


# Positions


def test_waves_turn_by_the_same_angle_for_the_same_distance() -> None:
    """A shift is a rotation of each pair of features, whatever the position: what the paper chose the waves for."""
    waves = SinusoidalPositions(SIZE)(torch.zeros(1, 101, SIZE))[0]
    products = waves @ waves.T
    for distance in (1, 7, 31):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-4)


def test_waves_of_a_later_start_are_the_later_waves() -> None:
    positions, features = SinusoidalPositions(SIZE), torch.randn(BATCH, 13, SIZE)
    torch.testing.assert_close(positions(features[:, 5:], start=5), positions(features)[:, 5:])


def relative(causal: bool = False, num_heads: int = 1) -> Attention:
    torch.manual_seed(2)
    size = SIZE // num_heads
    heads = None if num_heads == 1 else Heads(SIZE, SIZE, SIZE, num_heads)
    score = RelativeScore(ScaledDotScore(size, size), size, max_distance=2)
    return Attention(score, Softmax(), CausalWindow() if causal else GlobalWindow(), heads).double()


def test_relative_positions_are_those_of_the_paper() -> None:
    """Every key has the vector of its distance added to it: eq. 4 as it stands, with a key per pair."""
    attention, query, keys = relative(), draw(BATCH, SOURCE, SIZE), draw(BATCH, SOURCE, SIZE, seed=2)
    scores = attention.score(query, attention.score.prepare(keys), History.start(torch.zeros(BATCH, 0)))
    for i in range(SOURCE):
        for j in range(SOURCE):
            vector = attention.score.relative.weight[min(max(j - i, -2), 2) + 2]
            expected = (query[:, i] * (keys[:, j] + vector)).sum(-1) / math.sqrt(SIZE)
            torch.testing.assert_close(scores[:, i, j], expected)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_relative_and_causal_attention_can_be_stepped(num_heads: int) -> None:
    attention, values = relative(causal=True, num_heads=num_heads), draw(BATCH, SOURCE, SIZE)
    source = attention.prepare(values, values, torch.ones(BATCH, SOURCE, dtype=torch.bool))
    unrolled, history = attention(values, source, attention.begin(source)), attention.begin(source)
    for position in range(SOURCE):
        attended = attention(values[:, position : position + 1], source, history)
        history = attended.history
        torch.testing.assert_close(attended.context[:, 0], unrolled.context[:, position])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SinusoidalPositions(7), r"^SinusoidalPositions: size is 7; expected an even number\. Each"),
        (
            lambda: RelativeScore(ScaledDotScore(3, 3), 3, max_distance=0),
            r"^RelativeScore: max_distance is 0; expected 1 or more\.",
        ),
    ],
)
def test_options_out_of_range(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# Self-attention


def test_matches_a_causal_torch_layer() -> None:
    torch.manual_seed(3)
    attention = Attention(ScaledDotScore(3, 3), Softmax(), CausalWindow(), Heads(SIZE, SIZE, SIZE, 2)).double()
    theirs = nn.MultiheadAttention(SIZE, 2, bias=False, batch_first=True).double()
    with torch.no_grad():
        parts = (attention.heads.project_query, attention.heads.project_key, attention.heads.project_value)
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.out_proj.weight.copy_(attention.heads.project_output.weight)
    values = draw(BATCH, SOURCE, SIZE)
    ours = SelfAttention(attention)(values, MASK)
    hidden = torch.ones(SOURCE, SOURCE, dtype=torch.bool).triu(1)
    context, weights = theirs(
        values, values, values, key_padding_mask=~MASK, attn_mask=hidden, average_attn_weights=False
    )
    torch.testing.assert_close(ours.context[MASK], context[MASK])
    torch.testing.assert_close(ours.heads.transpose(1, 2)[MASK], weights.transpose(1, 2)[MASK])


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("select", SELECTIONS)
def test_a_causal_position_knows_nothing_of_what_follows(score: str, select: str) -> None:
    torch.manual_seed(4)
    built = build_attention(SIZE, SIZE, score=score, select=select).double().eval()
    attention = SelfAttention(Attention(built.score, built.select, CausalWindow()))
    values = draw(1, SOURCE, SIZE)
    whole = attention(values, torch.ones(1, SOURCE, dtype=torch.bool))
    part = attention(values[:, :3], torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(part.context, whole.context[:, :3])


@pytest.mark.parametrize("causal", [True, False])
def test_padding_neither_looks_nor_is_looked_at(causal: bool) -> None:
    attention, values = SelfAttention(relative(causal)), draw(BATCH, SOURCE, SIZE)
    clean, dirty = (attention(values.masked_fill(~MASK.unsqueeze(-1), each), MASK) for each in (0.0, float("nan")))
    assert torch.equal(clean.context, dirty.context)
    assert (clean.context[~MASK] == 0).all()
    assert (clean.weights[~MASK] == 0).all()
    dirty.context.sum().backward()
    assert all(each.grad.isfinite().all() for each in attention.parameters() if each.grad is not None)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("num_heads", [1, 2])
def test_self_attention_in_low_precision_is_finite_and_close(dtype: torch.dtype, num_heads: int) -> None:
    exact, values = SelfAttention(relative(causal=True, num_heads=num_heads)), draw(BATCH, SOURCE, SIZE)
    rough = SelfAttention(relative(causal=True, num_heads=num_heads)).to(dtype)
    found = rough(values.to(dtype), MASK)
    assert found.context.dtype == found.weights.dtype == dtype
    torch.testing.assert_close(found.context.double(), exact(values, MASK).context, rtol=0.05, atol=0.05)
    large = (1e4 * values.sign()).to(dtype)
    scores = rough(large / large.abs().max().sqrt(), MASK)
    assert scores.context.isfinite().all()


# Pooling

every_pooling = pytest.mark.parametrize("name", POOLINGS)


def pool(name: str) -> nn.Module:
    torch.manual_seed(5)
    return POOLINGS[name](SIZE).double()


def same(first: Pooled, second: Pooled) -> None:
    torch.testing.assert_close(first.vector, second.vector)
    shared = min(first.weights.size(1), second.weights.size(1))
    torch.testing.assert_close(first.weights[:, :shared], second.weights[:, :shared])


@every_pooling
def test_padding_says_nothing_in_a_pool(name: str) -> None:
    pooling, values = pool(name), draw(BATCH, SOURCE, SIZE).requires_grad_()
    dirty = values.masked_fill(~MASK.unsqueeze(-1), float("nan"))
    pooled = pooling(dirty, MASK)
    same(Pooled(pooled.vector[1:], pooled.weights[1:]), pooling(values[1:, :3], MASK[1:, :3]))
    assert (pooled.weights[~MASK] == 0).all()
    pooled.vector.sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert (values.grad[~MASK] == 0).all()


@every_pooling
def test_an_empty_pool_is_zero(name: str) -> None:
    pooled = pool(name)(draw(BATCH, SOURCE, SIZE), torch.zeros(BATCH, SOURCE, dtype=torch.bool))
    assert (pooled.vector == 0).all()
    assert (pooled.weights == 0).all()


@every_pooling
def test_order_does_not_matter_to_a_pool(name: str) -> None:
    pooling, values, order = pool(name), draw(BATCH, SOURCE, SIZE), torch.tensor([3, 0, 4, 1, 2])
    mask = torch.ones(BATCH, SOURCE, dtype=torch.bool)
    before, after = pooling(values, mask), pooling(values[:, order], mask)
    same(after, Pooled(before.vector, before.weights[:, order]))


@every_pooling
def test_pooling_gradcheck(name: str) -> None:
    pooling, values = pool(name), draw(BATCH, SOURCE, SIZE).requires_grad_()
    assert torch.autograd.gradcheck(lambda *given: pooling(given[0], MASK).vector, (values, *pooling.parameters()))


@every_pooling
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_pool_of_large_values_in_low_precision_is_finite(name: str, dtype: torch.dtype) -> None:
    pooling = pool(name).to(dtype)
    values = (1e4 * draw(BATCH, SOURCE, SIZE).sign()).to(dtype).requires_grad_()
    pooled = pooling(values, MASK)
    assert pooled.vector.dtype == pooled.weights.dtype == dtype
    (1e-3 * pooled.vector.float()).sum().backward()
    assert values.grad is not None
    for tensor in (pooled.vector, pooled.weights, values.grad):
        assert tensor.isfinite().all()


def test_attention_pooling_is_that_of_hierarchical_attention_networks() -> None:
    pooling, values = pool("attention"), draw(BATCH, SOURCE, SIZE)
    score = pooling.attention.score
    bias = score.project_query.weight @ pooling.question
    hidden = torch.tanh(values @ score.project_key.weight.T + bias)
    weights = torch.softmax((hidden @ score.energy.weight[0]).masked_fill(~MASK, -math.inf), -1)
    expected = Pooled((weights.unsqueeze(-1) * values).sum(1), weights)
    same(pooling(values, MASK), expected)


def test_attention_pooling_takes_any_attention() -> None:
    pooling = AttentionPooling(SIZE, build_attention(SIZE, SIZE, score="dot", select="sparsemax")).double()
    torch.testing.assert_close(pooling(draw(BATCH, SOURCE, SIZE), MASK).weights.sum(-1), torch.ones(BATCH).double())


def test_max_pooling_counts_votes() -> None:
    values = draw(BATCH, SOURCE, SIZE)
    pooled = MaxPooling(SIZE)(values, torch.ones(BATCH, SOURCE, dtype=torch.bool))
    torch.testing.assert_close(pooled.vector, values.amax(1))
    torch.testing.assert_close(pooled.weights.sum(-1), torch.ones(BATCH).double())


def test_gates_do_not_compete() -> None:
    pooling, values = GatedPooling(SIZE).double(), draw(BATCH, SOURCE, SIZE)
    changed = values.clone()
    changed[:, 0] += 1
    mask = torch.ones(BATCH, SOURCE, dtype=torch.bool)
    assert torch.equal(pooling(values, mask).weights[:, 1:], pooling(changed, mask).weights[:, 1:])
