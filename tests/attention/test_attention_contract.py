"""What holds for every score × selection × window that makes sense."""

import math
from dataclasses import replace

import pytest
import torch
from mechanisms import (
    BATCH,
    COMBINATIONS,
    KEY,
    QUERY,
    SOURCE,
    TARGET,
    VALUE,
    Combination,
    every_combination,
    every_entry,
    every_mode,
    inputs,
    look,
    make,
)
from torch import Tensor

from regard.attention.attention import Attended, Attention
from regard.attention.rules import NOT_NORMALIZED, POSITIONAL, SURROGATE_GRADIENT


def gradients(
    attention: Attention, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, scale: float = 1.0
) -> tuple[Attended, list[Tensor]]:
    """The record, and the gradient of a scalar that reads all of it with respect to inputs and parameters."""
    leaves = [tensor.clone().requires_grad_() for tensor in (query, keys, values)]
    attended = look(attention, *leaves, mask)
    loss = attended.context.square().sum() + attended.weights.square().sum()
    loss = loss + attended.log_prob.sum() + attended.entropy.sum()
    found = torch.autograd.grad(
        scale * loss, leaves + list(attention.parameters()), materialize_grads=True, allow_unused=True
    )
    return attended, list(found)


@every_mode
def test_shapes_and_record(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    attended = look(make(names, mode), query, keys, values, mask)
    torch.testing.assert_close(attended.context, attended.weights @ values)
    assert attended.context.shape == (BATCH, TARGET, VALUE)
    assert attended.weights.shape == (BATCH, TARGET, SOURCE)
    assert attended.log_prob.shape == attended.entropy.shape == (BATCH, TARGET)
    assert attended.history.step.tolist() == [TARGET] * BATCH
    assert (attended.weights >= 0).all()


@every_mode
def test_weights_sum_to_one(names: Combination, mode: str) -> None:
    total = look(make(names, mode), *inputs(names)).weights.sum(-1)
    if NOT_NORMALIZED.keys() & set(names):
        assert (total <= 1 + 1e-12).all()
    else:
        torch.testing.assert_close(total, torch.ones_like(total))


@every_mode
def test_masked_positions_get_exactly_zero_whatever_stands_there(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    padding = ~mask.unsqueeze(-1)
    attention = make(names, mode)
    clean, clean_gradients = gradients(attention, query, keys, values, mask)
    assert (clean.weights.masked_select(~mask.unsqueeze(1).expand_as(clean.weights)) == 0).all()
    for garbage in (1e6, float("nan")):
        dirty_keys, dirty_values = keys.masked_fill(padding, garbage), values.masked_fill(padding, garbage)
        dirty, dirty_gradients = gradients(attention, query, dirty_keys, dirty_values, mask)
        assert torch.equal(clean.weights, dirty.weights)
        assert torch.equal(clean.context, dirty.context)
        assert all(map(torch.equal, clean_gradients, dirty_gradients))


@every_mode
def test_padding_and_company_do_not_matter(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    attention = make(names, mode)
    together = look(attention, query, keys, values, mask)
    source = attention.prepare(keys[1:, :3], values[1:, :3], mask[1:, :3])
    alone = attention(query[1:], source, replace(attention.begin(source), seed=torch.tensor([18])))
    torch.testing.assert_close(alone.context, together.context[1:])
    torch.testing.assert_close(alone.weights, together.weights[1:, :, :3])
    torch.testing.assert_close(alone.log_prob, together.log_prob[1:])


@every_mode
def test_fully_masked_row_is_zero_and_finite(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    mask[1] = False
    attention = make(names, mode)
    attended, found = gradients(attention, query, keys, values, mask)
    for given in (attended.weights, attended.context, attended.log_prob, attended.entropy):
        assert (given[1] == 0).all()
    assert all(gradient.isfinite().all() for gradient in found)


@pytest.mark.parametrize("names", [names for names in COMBINATIONS if not POSITIONAL & set(names)], ids="-".join)
def test_permuting_source_permutes_weights(names: Combination) -> None:
    query, keys, values, _ = inputs(names)
    mask = torch.ones(BATCH, SOURCE, dtype=torch.bool)
    order = torch.tensor([3, 0, 4, 1, 2])
    attention = make(names)
    before = look(attention, query, keys, values, mask)
    after = look(attention, query, keys[:, order], values[:, order], mask)
    torch.testing.assert_close(after.weights, before.weights[:, :, order])
    torch.testing.assert_close(after.context, before.context)


@every_mode
def test_stepping_equals_unrolling_under_the_same_noise(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    attention = make(names, mode)
    unrolled = look(attention, query, keys, values, mask)
    source = attention.prepare(keys, values, mask)
    history = replace(attention.begin(source), seed=torch.arange(17, 17 + BATCH))
    for position in range(TARGET):
        attended = attention(query[:, position : position + 1], source, history)
        history = attended.history
        for name in ("context", "weights", "log_prob", "entropy"):
            torch.testing.assert_close(getattr(attended, name)[:, 0], getattr(unrolled, name)[:, position])


@every_mode
def test_selecting_rows_is_the_same_as_having_given_them(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    attention = make(names, mode)
    source = attention.prepare(keys, values, mask)
    first = attention(query[:, :1], source, replace(attention.begin(source), seed=torch.arange(17, 17 + BATCH)))
    rows = torch.tensor([1, 0, 1])
    chosen = attention(query[rows, 1:2], source.select(rows), first.history.select(rows))
    whole = attention(query[:, 1:2], source, first.history)
    torch.testing.assert_close(chosen.context, whole.context[rows])


@pytest.mark.parametrize("names", [names for names in COMBINATIONS if names[1] not in SURROGATE_GRADIENT], ids="-".join)
def test_gradcheck(names: Combination) -> None:
    query, keys, values, mask = inputs(names)
    attention = make(names, "train")
    parameters = list(attention.parameters())

    def run(query: Tensor, keys: Tensor, values: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        attended = look(attention, query, keys, values, mask)
        return attended.context, attended.weights

    leaves = [tensor.requires_grad_() for tensor in (query, keys, values)]
    assert torch.autograd.gradcheck(run, (*leaves, *parameters), fast_mode=True)


@pytest.mark.parametrize("names", [names for names in COMBINATIONS if names[0] == "dot"], ids="-".join)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [1.0, -1.0])
def test_large_scores_stay_finite(names: Combination, dtype: torch.dtype, size: float) -> None:
    """Scores of ±1e4, handed to window and selection as they are: what a score makes of its inputs is its own."""
    query, keys, values, mask = inputs(names)
    mask[0] = False
    attention = make(names, "train").to(dtype)
    signs = torch.tensor([1.0, -1.0, 1.0, 0.0, -1.0], dtype=dtype)
    scores = (size * 1e4 * signs).expand(BATCH, 1, SOURCE).clone().requires_grad_()
    source = attention.prepare(keys.to(dtype), values.to(dtype), mask)
    history = attention.begin(source)
    visible, gain = attention.window(query[:, :1].to(dtype), source, history)
    selected = attention.select(scores, visible, history)
    weights = selected.weights if gain is None else selected.weights * gain
    assert weights.dtype == dtype
    total = weights.float().square().sum() + selected.log_prob.float().sum() + selected.entropy.float().sum()
    total.backward() if total.requires_grad else None
    for tensor in (weights, selected.log_prob, selected.entropy):
        assert tensor.isfinite().all()
    assert scores.grad is None or scores.grad.isfinite().all()


@every_combination
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scores_of_ten_thousand_stay_finite_from_query_to_gradient(names: Combination, dtype: torch.dtype) -> None:
    """Scores of ±1e4 as the score itself makes them: by a large query, or where it is bounded by what comes last."""
    query, keys, values, mask = inputs(names)
    attention = make(names, "train")
    source = attention.prepare(keys, values, mask)
    score, start = attention.score, attention.begin(source)

    def missing(query: Tensor) -> float:
        return 1e4 / float(score(query[:, :1], source.prepared, start).detach().abs().max())

    with torch.no_grad():
        if hasattr(score, "energy"):
            score.energy.weight.mul_(missing(query))
        elif hasattr(score, "log_strength"):
            score.log_strength.add_(math.log(missing(query)))
        else:
            for _ in range(9):  # closes in on the size, whether scores grow as the query or as its square
                query = query * missing(query) ** 0.7
    attention = attention.to(dtype)
    leaves = [tensor.to(dtype).requires_grad_() for tensor in (query, keys, values)]
    source = attention.prepare(leaves[1], leaves[2], mask)
    assert attention.score(leaves[0][:, :1], source.prepared, attention.begin(source)).abs().max() > 9e3
    attended, found = gradients(attention, *leaves, mask, scale=1e-3)
    assert all(tensor.isfinite().all() for tensor in (attended.context, attended.weights, attended.log_prob, *found))


@every_entry
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_low_precision_is_finite_and_single_is_close_to_double(names: Combination, mode: str) -> None:
    query, keys, values, mask = inputs(names)
    exact = look(make(names, mode), query, keys, values, mask)
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        attention = make(names, mode).to(dtype)
        leaves = [tensor.to(dtype).requires_grad_() for tensor in (query, keys, values)]
        attended = look(attention, *leaves, mask)
        assert {attended.context.dtype, attended.weights.dtype, attended.log_prob.dtype} == {dtype}
        assert attended.context.isfinite().all()
        (attended.context.float().sum() + attended.log_prob.float().sum()).backward()
        for leaf in (*leaves, *attention.parameters()):
            assert leaf.grad is None or leaf.grad.isfinite().all()
    torch.testing.assert_close(attended.context.double(), exact.context, rtol=1e-4, atol=1e-4)


@every_entry
def test_save_and_load_gives_the_same(names: Combination) -> None:
    attention, other = make(names, seed=3), make(names, seed=5)
    other.load_state_dict(attention.state_dict())
    assert torch.equal(look(attention, *inputs(names)).context, look(other, *inputs(names)).context)


def test_sizes_are_told_apart() -> None:
    assert len({BATCH, TARGET, SOURCE, QUERY, KEY, VALUE}) == 6
