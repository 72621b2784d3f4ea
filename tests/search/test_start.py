"""What models have read can be searched with what they read later, whatever the mechanism."""

from collections.abc import Callable
from functools import partial
from typing import Any

import models
import numpy as np
import pytest
import torch

from regard.compiled.freeze import frozen
from regard.config import Config
from regard.data.batch import END, Batch
from regard.decoders.sourced_state import SourcedState
from regard.search.beam import beam
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started

BATCHES = [[(2, 1), (1, 3), (3, 2)], [(4, 2), (4, 4), (5, 1)], [(7, 3), (2, 5)]]
LIMIT = LengthLimit(1.0, 4)
Make = Callable[[list[tuple[int, int]], int], Batch]


def model_of(config: Config, seed: int = 0) -> models.EncoderDecoder:
    model = models.small_model(config, seed)
    with torch.no_grad():
        output = model.decoder.tokens.output
        layer = getattr(output, "linear", output)
        layer.weight.mul_(4)
        layer.bias[END] += 1.0  # so that outputs end at different times
    return model


def begun(readers: Reader, count: int, make: Make = models.batch_of) -> list[Started]:
    """All batches, with so many sentences at a time."""
    batches = [make(lengths, seed) for seed, lengths in enumerate(BATCHES)]
    return [each for batch in batches for each in readers.read(batch.source, batch.source_mask, count)]


def searched(first: Started, later: list[Started], size: int) -> list[Hypothesis]:
    entering: Any = ((each.state, each.lengths) for each in later)
    with torch.inference_mode():
        if size == 1:
            return greedy(first.step, first.state, first.lengths, limit=LIMIT, later=entering)
        found = beam(
            first.step, first.state, first.lengths, size=size, coverage_penalty=0.2, limit=LIMIT, later=entering
        )
        return [best for best, *_ in found]


def agree(readers: Reader, size: int, make: Make = models.batch_of, *, longest_first: bool = False) -> None:
    first, *later = begun(readers, 3, make)[:1] + begun(readers, 2, make)[2:]
    if longest_first:
        first, *later = [*reversed(later), first]
    assert first.joins
    apart = [one for each in (first, *later) for one in searched(each, [], size)]
    for one, other in zip(searched(first, later, size), apart, strict=True):
        assert one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize("config", models.combinations())
@pytest.mark.parametrize("prepared", [False, True], ids=["as-built", "prepared"])
def test_entering_later_changes_nothing(config: Config, prepared: bool) -> None:
    model = model_of(config)
    readers = Reader([frozen(model) if prepared else model], ())
    make = partial(models.batch_for, config)
    if not begun(readers, 3, make)[0].joins:
        assert config.model.decoder.kind in ("transformer", "fixed", "memory_network", "hard_attention")
        return
    agree(readers, 3 if prepared else 1, make, longest_first=prepared)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("count", [1, 2])
def test_shortlists_and_ensembles_enter_later_too(size: int, count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    starts = torch.arange(0, 3 * models.SOURCE_VOCABULARY + 1, 3)
    targets = torch.randint(4, models.TARGET_VOCABULARY, (int(starts[-1]),), generator=generator)
    shortlist = Shortlist(torch.tensor([7, 11]), starts, targets, models.TARGET_VOCABULARY)
    config = models.recipe(models.DECODERS["luong-fed"])
    agree(Reader([frozen(model_of(config, seed)) for seed in range(count)], [shortlist]), size)


def test_sources_at_which_nobody_looks_are_left_out() -> None:
    readers = Reader([model_of(models.recipe({"kind": "luong"}))], ())
    first, second = begun(readers, 3)[:2]
    state = first.state.select(torch.tensor([2, 2, 0])).join(second.state.select(torch.tensor([1])))
    assert isinstance(state, SourcedState)
    assert state.state.rows.numbers.tolist() == [1, 1, 0, 2]
    assert state.source.mask.sum(1).tolist() == [*first.lengths[[0, 2]].tolist(), int(second.lengths[1])]
    assert state.source.values.shape[:2] == state.source.mask.shape
    assert state.source.mask.size(1) == int(state.source.mask.sum(1).max())  # and no wider than what is looked at


def test_what_cannot_be_joined_is_not() -> None:
    transformer = model_of(models.recipe(models.DECODERS["transformer"]))
    attentive = model_of(models.recipe({"kind": "luong"}))
    assert not begun(Reader([transformer], ()), 3)[0].joins
    assert not begun(Reader([attentive, transformer], ()), 3)[0].joins
    assert begun(Reader([attentive], ()), 3)[0].joins
