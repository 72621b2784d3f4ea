"""The plan covers every pair once under its budget and depends on its arguments alone; batches are its padded pairs."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data import batches as room
from regard.data import shards
from regard.data.batch import BEGIN, END, PAD
from regard.data.batches import batches, collate, plan
from regard.data.example import Example
from regard.data.shards import encode
from regard.data.sources import batch_of
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train("symbols", ["a b c d e f g"], 11)
PAIRS = [("a " * (7 * n % 13 + 1), "b " * (5 * n % 11 + 1)) for n in range(211)]
BUDGETS = [{"max_tokens": 53}, {"max_sentences": 7}, {"max_tokens": 53, "max_sentences": 7}]


def corpus(directory=None):
    examples = [Example(source, target, "a", number) for number, (source, target) in enumerate(PAIRS, 1)]
    return encode(examples, TextSource(TOKENIZER), TOKENIZER, max_length=101, directory=directory)


def lengths(count: int = 1009) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    return generator.integers(1, 37, count), generator.integers(1, 31, count)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WINDOW_PAIRS", 211)


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("budget", BUDGETS)
def test_plan_covers_every_pair_once_within_the_budget(budget: dict[str, int]) -> None:
    source, target = lengths()
    order = plan(source, target, **budget, seed=5, epoch=0)
    assert sorted(np.concatenate(list(order)).tolist()) == list(range(1009))
    for pairs in order:
        assert 1 <= len(pairs) <= budget.get("max_sentences", 1009)
        width = 1 + max(source[pairs].max(), target[pairs].max())
        assert width * len(pairs) <= budget.get("max_tokens", 10**9)


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), min_size=1, max_size=41),
    st.integers(30, 97),
    st.integers(0, 2**40),
)
def test_plan_of_any_lengths(pairs: list[tuple[int, int]], max_tokens: int, seed: int) -> None:
    source, target = np.array(pairs).T
    order = plan(source, target, max_tokens=max_tokens, seed=seed, epoch=1)
    assert sorted(np.concatenate(list(order)).tolist()) == list(range(len(pairs)))
    assert all((1 + max(source[rows].max(), target[rows].max())) * len(rows) <= max_tokens for rows in order)


def test_budget_is_used() -> None:
    source, target = lengths(10007)
    order = plan(source, target, max_tokens=1009, seed=5, epoch=0)
    filled = [(1 + np.maximum(source[rows], target[rows])).sum() for rows in order]
    assert np.mean(filled) > 0.9 * 1009


@pytest.mark.usefixtures("small_windows")
def test_plan_depends_on_its_arguments_alone() -> None:
    source, target = lengths()

    def made(seed: int, epoch: int) -> list[list[int]]:
        return [rows.tolist() for rows in plan(source, target, max_tokens=101, seed=seed, epoch=epoch)]

    first = made(5, 0)
    np.random.seed(7)
    torch.manual_seed(7)
    assert made(5, 0) == first
    assert made(5, 1) != first
    assert made(0, 5) != first
    assert {frozenset(rows) for rows in made(5, 1)} != {frozenset(rows) for rows in first}


def test_batches_do_not_come_by_length() -> None:
    source, target = lengths()
    order = plan(source, target, max_sentences=13, seed=5, epoch=0)
    means = [target[rows].mean() for rows in order]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.5


def test_plan_holds_four_bytes_a_pair() -> None:
    source, target = lengths(100_003)
    order = plan(source, target, max_sentences=67, seed=5, epoch=0)
    held = sum(array.nbytes for array in (order.pairs, order.starts, order.turn))
    assert held < 5 * 100_003


@pytest.mark.usefixtures("small_windows")
def test_memory_grows_by_less_than_16_bytes_a_pair(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "CHUNK_PAIRS", 101)

    def peak(pairs: int) -> int:
        examples = (Example("a b c d e", "f g", "a", number) for number in range(pairs))
        tracemalloc.start()
        whole = encode(examples, TextSource(TOKENIZER), TOKENIZER, max_length=101, directory=tmp_path / str(pairs))
        order = plan(whole.source_lengths, whole.target_lengths, max_sentences=67, seed=5, epoch=0)
        for _ in batches(whole, order, start=len(order) - 7):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak(211)  # what is allocated once
    fewer, more = 503, 2_503
    assert (peak(more) - peak(fewer)) / (more - fewer) < 16


def test_plan_refuses() -> None:
    source, target = lengths(7)
    with pytest.raises(ValueError, match="max_tokens and max_sentences are None; expected a budget"):
        plan(source, target, seed=0, epoch=0)
    with pytest.raises(ValueError, match="lengths are of 7 sources and 6 targets"):
        plan(source, target[:6], max_tokens=101, seed=0, epoch=0)
    with pytest.raises(ValueError, match="lengths are of 0 sources and 0 targets"):
        plan(source[:0], target[:0], max_tokens=101, seed=0, epoch=0)
    with pytest.raises(ValueError, match="max_sentences is 0; expected at least 1"):
        plan(source, target, max_sentences=0, seed=0, epoch=0)
    longest = 1 + max(source.max(), target.max())
    with pytest.raises(ValueError, match=f"max_tokens is {longest - 1}; expected at least {longest}, the longest pair"):
        plan(source, target, max_tokens=int(longest) - 1, seed=0, epoch=0)


def test_collate_pads_and_marks() -> None:
    whole = corpus()
    numbers = np.array([11, 3, 3, 200])
    batch = collate(whole, numbers)
    assert batch.order.tolist() == numbers.tolist()
    for row, number in enumerate(numbers):
        source, target = whole.source[number].tolist(), whole.target[number].tolist()
        assert batch.source[row][batch.source_mask[row]].tolist() == [*source, END]
        assert batch.inputs[row][batch.target_mask[row]].tolist() == [BEGIN, *target]
        assert batch.targets[row][batch.target_mask[row]].tolist() == [*target, END]
    for tokens, mask in (
        (batch.source, batch.source_mask),
        (batch.inputs, batch.target_mask),
        (batch.targets, batch.target_mask),
    ):
        assert (tokens[~mask] == PAD).all()
        assert mask.any(1).all()
        assert mask.any(0).all()  # no wider than the longest
        assert tokens.dtype == torch.int64


def test_an_empty_side_is_its_mark_alone() -> None:
    whole = encode([Example("", "b", "a", 1), Example("a", "", "a", 2)], TextSource(TOKENIZER), TOKENIZER, max_length=3)
    batch = collate(whole, np.array([0, 1]))
    assert batch.source[0].tolist() == [END, PAD]
    assert batch.inputs[1].tolist() == [BEGIN, PAD]
    assert batch.targets[1].tolist() == [END, PAD]


@pytest.mark.parametrize("start", [0, 1, 5, 13])
def test_an_epoch_goes_on_from_any_batch(start: int) -> None:
    whole = corpus()
    order = plan(whole.source_lengths, whole.target_lengths, max_tokens=101, seed=5, epoch=2)
    assert len(order) > 13
    rest = list(batches(whole, order, start=start))
    for left, right in zip(list(batches(whole, order))[start:], rest, strict=True):
        assert torch.equal(left.source, right.source)
        assert torch.equal(left.targets, right.targets)
        assert torch.equal(left.order, right.order)


def test_mapped_and_held_corpora_give_the_same_batches(tmp_path) -> None:
    held, mapped = corpus(), corpus(tmp_path / "corpus")
    plans = [plan(c.source_lengths, c.target_lengths, max_tokens=53, seed=5, epoch=0) for c in (held, mapped)]
    for left, right in zip(batches(held, plans[0]), batches(mapped, plans[1]), strict=True):
        assert torch.equal(left.source, right.source)
        assert torch.equal(left.inputs, right.inputs)
        assert torch.equal(left.order, right.order)


def test_a_batch_of_sources_agrees_with_collate() -> None:
    whole, kind = corpus(), TextSource(TOKENIZER)
    numbers = np.array([11, 3, 200])
    source, mask = batch_of(kind, [whole.source[number].tolist() for number in numbers])
    batch = collate(whole, numbers)
    assert torch.equal(source, batch.source)
    assert torch.equal(mask, batch.source_mask)
    source, mask = batch_of(kind, [[], [5, 7]])
    assert source.tolist() == [[END, PAD, PAD], [5, 7, END]]
    assert mask.tolist() == [[True, False, False], [True, True, True]]
    with pytest.raises(ValueError, match="values is empty; expected at least one source"):
        batch_of(kind, [])
