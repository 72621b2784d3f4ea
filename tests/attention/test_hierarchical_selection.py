"""Attention over several memories against its equations, and that nothing else of a source has a say."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from regard.attention.attention import Attended, Attention
from regard.attention.build import build_attention

QUERY, VALUE, TARGET, MEMORIES = 5, 7, 3, 3
NUMBERS = [[0, 0, 1, 1, 1, 2], [1, 1, 2, 2, 2, 2]]  # the second source has nothing in the first memory
MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


def make(select: str = "softmax") -> Attention:
    torch.manual_seed(2)
    return build_attention(QUERY, VALUE, score="general", select=select, memories=MEMORIES).double()


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(2, 6, VALUE, generator=generator, dtype=torch.double)
    marks = torch.nn.functional.one_hot(torch.tensor(NUMBERS), MEMORIES).double()
    query = torch.randn(2, TARGET, QUERY, generator=generator, dtype=torch.double)
    return query, torch.cat([values, marks], -1), values


def look(attention: Attention, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Attended:
    source = attention.prepare(keys, values, mask)
    return attention(query, source, attention.begin(source))


@pytest.mark.parametrize("select", ["softmax", "sparsemax", "entmax15", "hard_argmax", "uniform"])
def test_it_is_a_look_at_each_memory_and_one_at_what_was_found(select: str) -> None:
    attention, (query, keys, values) = make(select), inputs()
    found = look(attention, query, keys, values, MASK)
    alone = build_attention(QUERY, VALUE, score="general", select=select).double()
    alone.score.load_state_dict(attention.score.score.state_dict())
    for row, numbers in enumerate(NUMBERS):
        contexts, alphas, there = [], [], []
        for memory in range(MEMORIES):
            places = [place for place, number in enumerate(numbers) if number == memory and MASK[row, place]]
            if places:
                own = values[row : row + 1, places]
                source = alone.prepare(own, own, torch.ones(1, len(places), dtype=torch.bool))
                seen = alone(query[row : row + 1], source, alone.begin(source))
                contexts.append(seen.context[0])
                alphas.append((places, seen.weights[0]))
                there.append(memory)
        blocks = attention.hierarchy.compare.weight.chunk(MEMORIES)
        asked = query[row] @ attention.hierarchy.ask.weight.t()
        energies = [
            torch.tanh(asked + context @ blocks[memory].t()) @ attention.hierarchy.energy.weight[0]
            for context, memory in zip(contexts, there, strict=True)
        ]
        beta = torch.stack(energies, -1).softmax(-1)
        expected = torch.zeros(TARGET, 6, dtype=torch.double)
        for number, (places, alpha) in enumerate(alphas):
            expected[:, places] = beta[:, number : number + 1] * alpha
        torch.testing.assert_close(found.weights[row], expected)
        torch.testing.assert_close(
            found.context[row], sum(beta[:, number, None] * each for number, each in enumerate(contexts))
        )
    assert found.history.step.tolist() == [TARGET] * 2


def test_padding_and_company_have_no_say() -> None:
    attention, (query, keys, values) = make(), inputs()
    found = look(attention, query, keys, values, MASK)
    alone = look(attention, query[1:], keys[1:, :4], values[1:, :4], MASK[1:, :4])
    torch.testing.assert_close(alone.context, found.context[1:])
    dirty = [torch.where(MASK.unsqueeze(-1), each, torch.nan) for each in (keys, values)]
    torch.testing.assert_close(look(attention, query, *dirty, MASK).weights, found.weights)
    assert (found.weights[1, :, 4:] == 0).all()
    nothing = look(attention, query, keys, values, torch.zeros_like(MASK))
    assert not nothing.context.any()
    assert not nothing.weights.any()


def test_gradients() -> None:
    attention, (query, keys, values) = make(), inputs()

    def context(query: Tensor, values: Tensor) -> Tensor:
        return look(attention, query, torch.cat([values, keys[..., VALUE:]], -1), values, MASK).context

    assert torch.autograd.gradcheck(context, [query.requires_grad_(), values.requires_grad_()])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"window": "local_m"}, "the window local_m"),
        ({"score": "coverage"}, "a part that remembers earlier steps"),
        ({"select": "hard"}, "a selection that draws"),
        ({"num_heads": 5}, "several heads"),
    ],
    ids=str,
)
def test_what_remembers_or_draws_is_refused(parts: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"and attention has .*{message}.*combination: flat"):
        build_attention(QUERY, QUERY, **({"score": "general"} | parts), memories=2)


def test_the_history_of_a_step_is_that_of_the_steps_before() -> None:
    attention, (query, keys, values) = make(), inputs()
    source = attention.prepare(keys, values, MASK)
    begun = attention.begin(source)
    assert attention(query, source, replace(begun, step=begun.step + 4)).history.step.tolist() == [7, 7]
