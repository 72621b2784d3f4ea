"""The gate on the context: equation, gradients, and what it leaves as it is."""

import pytest
import torch
from mechanisms import BATCH, KEY, QUERY, TARGET, VALUE, inputs, look

from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.gate import Gate

NAMES = ("additive", "softmax", "global")
SIZES: dict[Gate, int] = {"scalar": 1, "vector": VALUE}
every_gate = pytest.mark.parametrize("gate", SIZES)


def gated(gate: Gate) -> Attention:
    torch.manual_seed(0)
    return build_attention(QUERY, KEY, value_size=VALUE, gate=gate).double()


@every_gate
def test_the_context_is_weighted_by_what_the_query_says(gate: Gate) -> None:
    """Xu et al. 2015, section 4.2.1; the weights are those without a gate."""
    attention, (query, *rest) = gated(gate), inputs(NAMES)
    attended = look(attention, query, *rest)
    assert attention.gate is not None
    share = torch.sigmoid(query @ attention.gate.project.weight.T + attention.gate.project.bias)
    assert share.shape == (BATCH, TARGET, SIZES[gate])
    torch.testing.assert_close(attended.context, share * (attended.weights @ rest[1]))
    attention.gate = None
    torch.testing.assert_close(look(attention, query, *rest).weights, attended.weights)


@every_gate
def test_wide_open_it_is_no_gate_and_shut_it_lets_nothing_in(gate: Gate) -> None:
    attention, given = gated(gate), inputs(NAMES)
    assert attention.gate is not None
    torch.nn.init.zeros_(attention.gate.project.weight)
    torch.nn.init.constant_(attention.gate.project.bias, 50.0)
    opened = look(attention, *given)
    torch.nn.init.constant_(attention.gate.project.bias, -800.0)
    shut = look(attention, *given)
    torch.testing.assert_close(opened.context, opened.weights @ given[2])
    assert (shut.context == 0).all()
    torch.testing.assert_close(shut.weights, opened.weights)


@every_gate
def test_gradcheck(gate: Gate) -> None:
    attention, (query, keys, values, mask) = gated(gate), inputs(NAMES)

    def context(query: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        changed = {"gate.project.weight": weight, "gate.project.bias": bias}
        source = attention.prepare(keys, values, mask)
        answer = torch.func.functional_call(attention, changed, (query, source, attention.begin(source)))
        return answer.context

    assert attention.gate is not None
    leaves = query.requires_grad_(), attention.gate.project.weight, attention.gate.project.bias
    assert torch.autograd.gradcheck(context, leaves)


def test_heads_are_gated_where_they_are_merged() -> None:
    torch.manual_seed(0)
    attention = build_attention(8, KEY, num_heads=2, value_size=12, output_size=10, gate="vector")
    query, keys, values = torch.randn(BATCH, TARGET, 8), torch.randn(BATCH, 5, KEY), torch.randn(BATCH, 5, 12)
    attended = look(attention, query, keys, values, torch.ones(BATCH, 5, dtype=torch.bool))
    assert attended.context.shape == (BATCH, TARGET, 10)
    assert attention.gate is not None
    torch.nn.init.constant_(attention.gate.project.bias, 50.0)
    torch.nn.init.zeros_(attention.gate.project.weight)
    opened = look(attention, query, keys, values, torch.ones(BATCH, 5, dtype=torch.bool))
    assert (attended.context.abs() <= opened.context.abs()).all()
