"""The expert against all scripts one by one, and the loss along what it and the model choose."""

from itertools import product

import models
import pytest
import torch
from torch import Tensor

from regard.compiled.training import accelerated
from regard.data.batch import BEGIN, END, Batch
from regard.data.edits import costs, script
from regard.decoders.edit_transducer import Letters
from regard.model.encoder_decoder import EncoderDecoder
from regard.training.edit_expert import ERROR, Expert
from regard.training.imitation import Imitation, follow, goals

SIZE = 7
"""Letters from 4 on; COPY is 7, DELETE is 8."""
A, B, C, COPY, DELETE = 4, 5, 6, 7, 8
PAIRS = [([A, B], [B, C]), ([A, A], [A]), ([], [C, C]), ([B, A], []), ([C, B], [B, C])]
MOST = 5
"""Edits that are tried from a place on."""


def batch_of_pairs(pairs: list[tuple[list[int], list[int]]]) -> list[Tensor]:
    """Letters, which of them are copied and are there, the goal and its mask, padded by one more than needed."""
    width = [1 + max(len(pair[side]) for pair in pairs) for side in (0, 1)]
    padded = [torch.tensor([pair[side] + [A] * (width[side] - len(pair[side])) for pair in pairs]) for side in (0, 1)]
    masks = [torch.tensor([[j < len(p[side]) for j in range(width[side])] for p in pairs]) for side in (0, 1)]
    return [padded[0], masks[0], masks[0], padded[1], masks[1]]


def levenshtein(one: list[int], other: list[int]) -> int:
    if not one or not other:
        return len(one) + len(other)
    same = levenshtein(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, levenshtein(one[1:], other) + 1, levenshtein(one, other[1:]) + 1)


def loss_of(source: list[int], goal: list[int], edits: tuple[int, ...], place: int, said: list[int]) -> float:
    """What a script costs from here to its end mark, and what is wrong then; infinite for one that cannot be."""
    said, cost = list(said), 0
    for number, edit in enumerate(edits):
        if edit == END:
            last = number == len(edits) - 1 and place == len(source)
            return cost + ERROR * levenshtein(said, goal) if last else torch.inf
        if edit in (COPY, DELETE):
            if place == len(source):
                return torch.inf
            said += [source[place]] if edit == COPY else []
            place += 1
        else:
            said.append(edit)
        cost += edit != COPY
    return torch.inf


@pytest.mark.parametrize(("source", "goal"), PAIRS)
@pytest.mark.parametrize("said", [[], [B], [C, A], [A, B, C]])
def test_the_best_edits_are_the_first_of_the_best_scripts(source: list[int], goal: list[int], said: list[int]) -> None:
    """Of all scripts of up to five edits, whatever was written before, also what is wrong."""
    # In a batch with others: they and the padding change nothing.
    expert = Expert(*batch_of_pairs([(source, goal), *PAIRS]), SIZE)
    distance = expert.start()
    for letter in said:
        distance = expert.after(distance, torch.full((len(distance),), letter))
    for j in range(len(goal) + 1):
        assert distance[0, j] == levenshtein(said, goal[:j])
    for place in range(len(source) + 1):
        at = torch.full((len(distance),), place).minimum(expert.lengths)
        edits = [END, A, B, C, COPY, DELETE]
        tried = [
            each for length in range(MOST) for before in product(edits[1:], repeat=length) for each in [(*before, END)]
        ]
        losses = {each: loss_of(source, goal, each, place, said) for each in tried}
        least = min(losses.values())
        best = {each[0] for each, loss in losses.items() if loss == least}
        found = {int(edit) for edit in expert.best(at, distance)[0].nonzero()}
        assert found == best


def test_costs_are_those_of_scripts() -> None:
    expert = Expert(*batch_of_pairs(PAIRS), SIZE)
    for row, (source, goal) in enumerate(PAIRS):
        found = expert.cost[row, : len(source) + 1, : len(goal) + 1]
        assert found.tolist() == costs(source, goal).tolist()


def test_what_the_vocabulary_lacks_is_copied() -> None:
    """A word of the source, 7 + k, is no edit to insert."""
    expert = Expert(*batch_of_pairs([([A, SIZE + 1], [SIZE + 1])]), SIZE)
    first = expert.best(torch.tensor([0]), expert.start())
    then = expert.best(torch.tensor([1]), expert.start())
    assert [each.nonzero().flatten().tolist() for each in (first[0], then[0])] == [[DELETE], [COPY]]


def small(name: str = "edits") -> tuple[EncoderDecoder, Batch]:
    model = models.small_model(models.recipe(models.EDITS[name], attention={"end": True}), 3).double()
    return model, models.edits_of([(3, 4), (2, 2), (0, 2), (5, 3)], seed=1)


def test_the_goal_is_what_the_scripts_write() -> None:
    model, batch = small()
    letters = Letters.of(model.encode(batch.source, batch.source_mask))
    goal, mask = goals(model.decoder, letters, batch)
    size = models.TARGET_VOCABULARY
    for row, (own, real) in enumerate(zip(batch.targets.tolist(), batch.target_mask.sum(1).tolist(), strict=True)):
        said, place = [], 0
        for edit in own[: real - 1]:
            said += [] if edit == size + 1 else [int(batch.source[row, place, 1])] if edit == size else [edit]
            place += edit >= size
        assert goal[row][mask[row]].tolist() == said


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_what_is_followed_is_a_script_and_the_best_are_those_of_the_expert(share: float) -> None:
    model, batch = small()
    model.train()
    memory = model.encode(batch.source, batch.source_mask)
    letters = Letters.of(memory)
    torch.manual_seed(5)
    followed = follow(model.decoder, memory, batch, share)
    goal, mask = goals(model.decoder, letters, batch)
    copy = model.decoder.copy
    assert (followed.inputs[:, 0] == BEGIN).all()
    for row in range(len(goal)):
        source = letters.numbers[row][letters.there[row]].tolist()
        numbers = [number if can else -1 for number, can in zip(source, letters.copied[row].tolist(), strict=False)]
        wanted, steps = goal[row][mask[row]].tolist(), int(followed.mask[row].sum())
        edits = followed.inputs[row, 1:steps].tolist()
        assert sum(edit >= copy for edit in edits) <= len(source)
        if share == 1.0:  # nothing but best edits: as many as the cheapest script has
            assert len(edits) == len(script(numbers, wanted))
            assert sum(edit != copy for edit in edits) == costs(numbers, wanted)[0, 0]
            chosen = [followed.best[row, step, edit] for step, edit in enumerate([*edits, END])]
            assert all(chosen)
        assert followed.best[row, :steps].any(1).all()


@pytest.mark.parametrize("update", [0, 10**6])
@pytest.mark.parametrize("name", models.EDITS)
def test_the_loss_is_that_of_all_best_edits_and_has_its_gradient(name: str, update: int) -> None:
    """In float64, for the plain and the compiled loops."""
    model, batch = small(name)
    objective = Imitation(200.0).at(update)
    torch.manual_seed(7)
    followed = follow(model.decoder, model.encode(batch.source, batch.source_mask), batch, objective.expert_share)
    torch.manual_seed(7)
    loss = objective(model, batch)
    unrolled = model.unroll(followed.inputs, model.encode(batch.source, batch.source_mask))
    probs = model.logits(unrolled).softmax(2)
    by_hand = -(probs * followed.best).sum(2)[followed.mask].log().sum()
    torch.testing.assert_close(loss.total, by_hand)
    assert loss.tokens == int(followed.mask.sum())
    assert loss.nll == loss.total
    bias = model.decoder.tokens.output.linear.bias
    (gradient,) = torch.autograd.grad(loss.total, bias)
    for place in (END, model.decoder.copy, model.decoder.delete, 11):
        with torch.no_grad():
            around = []
            for step in (1e-6, -2e-6):
                bias[place] += step
                torch.manual_seed(7)
                around.append(objective(model, batch).total)
            bias[place] += 1e-6
        torch.testing.assert_close((around[0] - around[1]) / 2e-6, gradient[place], atol=1e-6, rtol=1e-6)
    torch.manual_seed(7)
    other = Imitation(200.0).at(update)(accelerated(model.float()), batch)
    torch.testing.assert_close(other.total.double(), loss.total, atol=1e-4, rtol=1e-5)


def test_the_expert_chooses_less_and_less() -> None:
    shares = [Imitation(200.0).at(update).expert_share for update in (0, 1060, 2000, 10**9)]
    assert shares[0] == pytest.approx(200 / 201)
    assert shares[1] == pytest.approx(0.5, abs=0.01)
    assert shares[2] < 0.01
    assert shares[3] < 1e-300
    with pytest.raises(ValueError, match=r"Imitation: k is 0.5; expected at least 1"):
        Imitation(0.5)
