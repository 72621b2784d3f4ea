"""The same numbers as software that is not ours: torch, Keras, entmax."""

import importlib.util
import math
import os

import pytest
import torch
from mechanisms import BATCH, KEY, QUERY, SOURCE, TARGET, VALUE, inputs
from torch import Tensor, nn

from regard.attention import SELECTIONS
from regard.attention.build import build_attention
from regard.attention.history import History

MASK = torch.tensor([[True] * SOURCE, [True, True, True, False, False]])
START = History.start(torch.zeros(BATCH, 0, dtype=torch.double))


def gradients(output: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output.square().sum(), leaves, retain_graph=True)


def test_matches_torch_scaled_dot_product_attention() -> None:
    query, keys, values, _ = (each.requires_grad_(each.is_floating_point()) for each in inputs(("dot", "", "")))
    attention = build_attention(QUERY, QUERY, score="scaled_dot")
    source = attention.prepare(keys, values, MASK)
    ours = attention(query, source, attention.begin(source)).context
    theirs = nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=MASK.unsqueeze(1))
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(gradients(ours, query, keys, values), gradients(theirs, query, keys, values), strict=True):
        torch.testing.assert_close(mine, other)


def test_matches_torch_multihead_attention() -> None:
    size, heads = 6, 2
    torch.manual_seed(1)
    attention = build_attention(size, KEY, score="scaled_dot", num_heads=heads, value_size=size).double()
    theirs = nn.MultiheadAttention(size, heads, bias=False, kdim=KEY, vdim=size, batch_first=True).double()
    with torch.no_grad():
        theirs.q_proj_weight.copy_(attention.heads.project_query.weight)
        theirs.k_proj_weight.copy_(attention.heads.project_key.weight)
        theirs.v_proj_weight.copy_(attention.heads.project_value.weight)
        theirs.out_proj.weight.copy_(attention.heads.project_output.weight)
    query, keys, values = (
        torch.randn(BATCH, n, d).double().requires_grad_() for n, d in ((TARGET, size), (SOURCE, KEY), (SOURCE, size))
    )
    source = attention.prepare(keys, values, MASK)
    attended = attention(query, source, attention.begin(source))
    context, weights = theirs(query, keys, values, key_padding_mask=~MASK, average_attn_weights=False)
    torch.testing.assert_close(attended.context, context)
    torch.testing.assert_close(attended.heads, weights)
    torch.testing.assert_close(attended.weights, weights.mean(1))
    ours = gradients(attended.context, query, keys, values, attention.heads.project_query.weight)
    for mine, other in zip(ours, gradients(context, query, keys, values, theirs.q_proj_weight), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.fixture(scope="module")
def keras():
    """Keras on torch. It reads the backend when it is first imported."""
    if importlib.util.find_spec("keras") is None:
        pytest.skip("keras is not installed")
    os.environ["KERAS_BACKEND"] = "torch"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("keras was imported with another backend")
    return keras


def compare_with_keras(attention: nn.Module, layer: object, *given: Tensor) -> None:
    query, keys, values = (each.float() for each in given)
    source = attention.prepare(keys, values, MASK)
    ours = attention(query, source, attention.begin(source))
    context, weights = layer([query, values, keys], mask=[None, MASK], return_attention_scores=True)
    torch.testing.assert_close(ours.context, context)
    torch.testing.assert_close(ours.weights, weights)


def test_matches_keras_attention(keras) -> None:
    query, keys, values, _ = inputs(("dot", "", ""))
    compare_with_keras(build_attention(QUERY, QUERY, score="dot"), keras.layers.Attention(), query, keys, values)


def test_matches_keras_additive_attention(keras) -> None:
    """It has no projections: ours are identities, and the energy is its scale."""
    query, keys, values, _ = inputs(("dot", "", ""))
    layer = keras.layers.AdditiveAttention()
    layer([query.float(), values.float(), keys.float()])
    scale = torch.randn(QUERY, generator=torch.Generator().manual_seed(2))
    layer.set_weights([scale.numpy()])
    attention = build_attention(QUERY, QUERY, score="additive")
    with torch.no_grad():
        attention.score.project_query.weight.copy_(torch.eye(QUERY))
        attention.score.project_key.weight.copy_(torch.eye(QUERY))
        attention.score.energy.weight.copy_(scale.unsqueeze(0))
    compare_with_keras(attention, layer, query, keys, values)


def test_matches_keras_multihead_attention(keras) -> None:
    size, heads = 6, 2
    sizes = ((TARGET, size), (SOURCE, KEY), (SOURCE, size))
    query, keys, values = (torch.randn(BATCH, length, features) for length, features in sizes)
    layer = keras.layers.MultiHeadAttention(heads, size // heads, use_bias=False)
    layer(query, values, key=keys)
    attention = build_attention(size, KEY, score="scaled_dot", num_heads=heads, value_size=size)
    parts = attention.heads
    layer.set_weights(
        [
            parts.project_query.weight.T.reshape(size, heads, -1).detach().numpy(),
            parts.project_key.weight.T.reshape(KEY, heads, -1).detach().numpy(),
            parts.project_value.weight.T.reshape(size, heads, -1).detach().numpy(),
            parts.project_output.weight.T.reshape(heads, -1, size).detach().numpy(),
        ]
    )
    source = attention.prepare(keys, values, MASK)
    ours = attention(query, source, attention.begin(source))
    context, weights = layer(query, values, key=keys, value_mask=MASK, return_attention_scores=True)
    torch.testing.assert_close(ours.context, context)
    torch.testing.assert_close(ours.heads, weights)


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("length", [1, 2, 97])
def test_matches_the_entmax_package(name: str, spread: float, length: int) -> None:
    entmax = pytest.importorskip("entmax")
    generator = torch.Generator().manual_seed(length)
    scores = (spread * torch.randn(BATCH, TARGET, length, generator=generator, dtype=torch.double)).requires_grad_()
    toward = torch.randn(BATCH, TARGET, length, generator=generator, dtype=torch.double)
    ours = SELECTIONS[name]()(scores, torch.ones(BATCH, 1, length, dtype=torch.bool), START).weights
    theirs = getattr(entmax, name)(scores, dim=-1)
    torch.testing.assert_close(ours, theirs)
    ours_gradient, theirs_gradient = (torch.autograd.grad((each * toward).sum(), scores)[0] for each in (ours, theirs))
    torch.testing.assert_close(ours_gradient, theirs_gradient)


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_sparse_selections_of_a_hidden_row_unlike_the_entmax_package(name: str) -> None:
    scores = torch.randn(BATCH, TARGET, SOURCE, requires_grad=True)
    hidden = torch.zeros(BATCH, 1, SOURCE, dtype=torch.bool)
    weights = SELECTIONS[name]()(scores, hidden, START).weights
    weights.sum().backward()
    assert (weights == 0).all()
    assert scores.grad is not None
    assert (scores.grad == 0).all()


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_second_derivative_of_sparse_selections(name: str) -> None:
    scores = torch.randn(BATCH, TARGET, SOURCE, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda each: SELECTIONS[name]()(each, MASK.unsqueeze(1), START).weights, scores, fast_mode=True
    )


def test_worked_example_of_the_three_keys() -> None:
    """Scores 60, 15, 15: softmax gives e⁴⁵ to 1 to 1."""
    attention = build_attention(3, 3, score="dot")
    keys = torch.tensor([[[5.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]]).double()
    query = torch.tensor([[[10.0, 5.0, 10.0]]]).double()
    source = attention.prepare(keys, keys, torch.ones(1, 3, dtype=torch.bool))
    history = attention.begin(source)
    assert attention.score(query, source.prepared, history).tolist() == [[[60.0, 15.0, 15.0]]]
    small = math.exp(-45) / (1 + 2 * math.exp(-45))
    weights = attention(query, source, history).weights
    torch.testing.assert_close(weights, torch.tensor([[[1 - 2 * small, small, small]]]).double(), rtol=1e-7, atol=0)


def test_values_may_have_another_size_than_keys() -> None:
    assert len({QUERY, KEY, VALUE}) == 3
    attention = build_attention(QUERY, KEY)
    source = attention.prepare(torch.zeros(BATCH, SOURCE, KEY), torch.zeros(BATCH, SOURCE, VALUE), MASK)
    assert attention(torch.zeros(BATCH, TARGET, QUERY), source, attention.begin(source)).context.size(-1) == VALUE
