"""Several heads around every mechanism."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from mechanisms import BATCH, COMBINATIONS, SOURCE, TARGET, Combination, look
from torch import Tensor

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.rules import NOT_NORMALIZED

HEADS, QUERY, KEY, VALUE = 2, 6, 11, 14
# Every entry once at least: heads know nothing of what is inside, so that pairs add nothing.
CHOSEN = [
    names
    for names in COMBINATIONS
    if (names[1:] == ("softmax", "global")) or (names[0] in ("general", "coverage") and "softmax" not in names)
]
every_choice = pytest.mark.parametrize("names", CHOSEN, ids="-".join)


def make(names: Combination) -> Attention:
    torch.manual_seed(1)
    score, select, window = names
    built = build_attention(QUERY, KEY, score=score, select=select, window=window, num_heads=HEADS, value_size=VALUE)
    return built.double()


def inputs(seed: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((TARGET, QUERY), (SOURCE, KEY), (SOURCE, VALUE))
    query, keys, values = (torch.randn(BATCH, *shape, generator=generator, dtype=torch.double) for shape in shapes)
    mask = torch.ones(BATCH, SOURCE, dtype=torch.bool)
    mask[1, 3:] = False
    return query, keys, values, mask


def test_every_entry_is_among_the_chosen() -> None:
    assert {name for names in CHOSEN for name in names} == {*SCORES, *SELECTIONS, *WINDOWS}


@every_choice
def test_each_head_is_the_mechanism_on_its_own_projections(names: Combination) -> None:
    attention, (query, keys, values, mask) = make(names).eval(), inputs()
    attended = look(attention, query, keys, values, mask)
    parts = attention.heads
    single = Attention(attention.score, attention.select, attention.window)
    contexts = []
    for head in range(HEADS):
        narrow, wide = slice(3 * head, 3 * head + 3), slice(7 * head, 7 * head + 7)
        projected = (
            query @ parts.project_query.weight[narrow].T,
            keys @ parts.project_key.weight[narrow].T,
            values @ parts.project_value.weight[wide].T,
        )
        alone = look(single, *projected, mask)
        torch.testing.assert_close(attended.heads[:, head], alone.weights)
        contexts.append(alone.context)
    torch.testing.assert_close(attended.context, torch.cat(contexts, -1) @ parts.project_output.weight.T)
    torch.testing.assert_close(attended.weights, attended.heads.mean(1))


@every_choice
def test_padding_is_never_seen(names: Combination) -> None:
    attention, (query, keys, values, mask) = make(names), inputs()
    padding, nan = ~mask.unsqueeze(-1), float("nan")
    clean = look(attention, query, keys, values, mask)
    dirty = look(attention, query, keys.masked_fill(padding, nan), values.masked_fill(padding, nan), mask)
    assert torch.equal(clean.context, dirty.context)
    assert (dirty.heads[1, :, :, 3:] == 0).all()
    for attended in (clean, dirty):
        attention.zero_grad()
        (attended.context.square().sum() + attended.log_prob.sum()).backward()
        assert all(each.grad is None or each.grad.isfinite().all() for each in attention.parameters())


@every_choice
def test_stepping_selected_rows_equals_unrolling(names: Combination) -> None:
    attention, (query, keys, values, mask) = make(names), inputs()
    unrolled = look(attention, query, keys, values, mask)
    source, rows = attention.prepare(keys, values, mask), torch.tensor([1, 0, 1])
    history = replace(attention.begin(source), seed=torch.arange(17, 17 + BATCH)).select(rows)
    source = source.select(rows)
    for position in range(TARGET):
        attended = attention(query[rows, position : position + 1], source, history)
        history = attended.history
        torch.testing.assert_close(attended.context[:, 0], unrolled.context[rows, position])
        torch.testing.assert_close(attended.heads[:, :, 0], unrolled.heads[rows, :, position])
        torch.testing.assert_close(attended.log_prob[:, 0], unrolled.log_prob[rows, position])


@every_choice
def test_weights_of_each_head_sum_to_one(names: Combination) -> None:
    total = look(make(names), *inputs()).heads.sum(-1)
    if NOT_NORMALIZED.keys() & set(names):
        assert (total <= 1 + 1e-12).all()
    else:
        torch.testing.assert_close(total, torch.ones_like(total))


def test_heads_sample_on_their_own() -> None:
    options = {"hard": {"expectation": 0.0}}
    attention = build_attention(QUERY, KEY, select="hard", num_heads=HEADS, value_size=VALUE, options=options)
    keys, values = torch.zeros(1, 97, KEY), torch.zeros(1, 97, VALUE)
    attended = look(attention, torch.zeros(1, TARGET, QUERY), keys, values, torch.ones(1, 97, dtype=torch.bool))
    choices = attended.heads.argmax(-1)
    assert (choices[:, 0] != choices[:, 1]).any()
    torch.testing.assert_close(attended.log_prob, torch.full((1, TARGET), -HEADS * torch.tensor(97.0).log().item()))
    torch.testing.assert_close(attended.entropy, -attended.log_prob)


def test_one_head_has_no_projections() -> None:
    one, many = build_attention(QUERY, KEY), build_attention(QUERY, KEY, num_heads=HEADS, value_size=VALUE)
    assert one.heads is None
    extra = {name for name, _ in many.named_parameters()} - {name for name, _ in one.named_parameters()}
    assert extra == {f"heads.project_{each}.weight" for each in ("query", "key", "value", "output")}
    assert len(list(product(SCORES, SELECTIONS, WINDOWS))) > len(CHOSEN)
