"""What the bound on a shortlist rests on: the calls that a search makes of its output layer, the counts, their sum."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch

from regard.compiled.freeze import frozen
from regard.search.beam import beam
from regard.search.greedy import greedy
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from shortlist import BOUND_HEAD, Round, Spent, bound_row
from timing.layer import LISTED, WHOLE, Asked, watched
from timing.limit import Cost, Lengths

LENGTHS = Lengths.of(np.array([3, 5]), np.array([2, 7]))
COST = Cost(
    encoder=11,
    encoder_table=2,
    bridge=3,
    decoder=31,
    decoder_table=5,
    decoder_past=13,
    decoder_context=4,
    compared=7,
    look=17,
    output=1900,
)
SENTENCES = [7, 20]  # more than a loop that reads a part of the layer takes; and those that compiled code searches


def searched(layer: type[Any], size: int, sentences: int) -> tuple[Asked, int]:
    """What a search without an end asks, and the steps that it takes for each sentence."""
    nothing = torch.zeros(models.SOURCE_VOCABULARY + 1, dtype=torch.long)
    some = Shortlist(torch.arange(4, 20), nothing, nothing[:0], models.TARGET_VOCABULARY)
    model = frozen(models.small_model(models.recipe(models.DECODERS["luong-fed"])))
    with torch.no_grad():
        model.tokens.output.bias[2] = -1e3
    batch, steps = models.batch_of([(5, 3)] * sentences), 4
    [begun] = Reader([model], [some] if layer is LISTED else []).read(batch.source, batch.source_mask, sentences)
    with watched(layer) as asked, torch.inference_mode():
        given = (begun.step, begun.state, begun.lengths)
        limit = LengthLimit(0.0, steps)
        found = [greedy(*given, limit=limit)] if size == 1 else beam(*given, size=size, limit=limit)
    assert found
    return asked, steps


@pytest.mark.parametrize("layer", [WHOLE, LISTED])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("sentences", SENTENCES)
def test_every_hypothesis_is_seen_at_the_layer_that_is_used(layer: type[Any], size: int, sentences: int) -> None:
    asked, steps = searched(layer, size, sentences)
    assert asked.rows == sentences * (1 + size * (steps - 1))  # the beam is full after a step
    assert (asked.shared > 0) == (size > 1)
    assert asked.shared <= sentences * (size - 1) * (steps - 1)


def test_nothing_is_watched_afterwards() -> None:
    before = LISTED.best
    with watched(LISTED) as asked, watched(WHOLE) as other:
        assert LISTED.best is not before
    assert LISTED.best is before
    assert asked == other == Asked()


def test_past_and_all_else_make_up_the_cost_of_decoding() -> None:
    output = 2 * 5 * COST.output
    assert COST.beside_output(LENGTHS, 5, 5) == pytest.approx(COST.decoding(LENGTHS, 5) - output)
    saved = COST.beside_output(LENGTHS, 4.5, 4.5) - COST.beside_output(LENGTHS, 4.5, 3)
    assert saved == pytest.approx(2 * 1.5 * COST.decoder_past)
    assert COST.tangents(LENGTHS, 4) == pytest.approx(4 * 7 * LENGTHS.looks / LENGTHS.target)


def test_the_past_is_what_the_recurrence_reads_beside_the_token() -> None:
    config = models.recipe(models.DECODERS["luong-fed"])
    recurrence = models.small_model(config).decoder.recurrence
    weights = sum(each.numel() for each in recurrence.parameters() if each.dim() == 2)
    cost = Cost.of(config.model, models.TARGET_VOCABULARY)
    assert weights == cost.decoder_past + cost.decoder_table
    assert cost.compared == config.model.decoder.hidden_size


def test_the_bound_is_a_ratio_of_sums() -> None:
    asked = Asked(seconds=9e-3, rows=400, shared=150)
    whole = Spent.of(asked, seconds=20e-3, tokens=100)
    assert (whole.output, whole.rest) == pytest.approx((90e-6, 110e-6))
    assert (whole.hypotheses, whole.pasts) == pytest.approx((4, 2.5))
    assert whole.rate == pytest.approx(5000)
    one = Round(whole, replace(whole, output=10e-6), sgemm=1e-2, tangents=1e7)
    products = COST.beside_output(LENGTHS, 4, 2.5) / 1e7
    rest = products + COST.tangents(LENGTHS, 4) / 1e7
    assert one.products(COST, LENGTHS) == pytest.approx(products)
    assert one.with_tangents(COST, LENGTHS) == pytest.approx(rest)
    assert one.ratio(30e-6) == pytest.approx(120 / 40)
    cells = bound_row("beam 5", [one], COST, LENGTHS)
    assert len(cells) == len(BOUND_HEAD)
    assert cells[:5] == ["beam 5", "90", "10", "110", "110"]
    assert cells[-1] == f"{(rest + 90e-6) / (rest + 10e-6):.2f} ×"
