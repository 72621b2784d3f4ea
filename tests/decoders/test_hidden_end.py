"""The end mark of the source can be hidden from every decoder: as if the memory had no such position, on every path."""

from dataclasses import replace
from typing import Any

import models
import numpy as np
import pytest
import torch
from torch import Tensor

from regard.compiled.freeze import frozen
from regard.compiled.training import accelerated
from regard.config import Config
from regard.data.batch import END, Batch
from regard.encoders.memory import Memory
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader

MECHANISMS: dict[str, dict[str, Any]] = {
    "additive": {},
    "normalized": {"options": {"additive": {"normalized": True}}},
    "location_sensitive": {"score": "location_sensitive", "options": {"location_sensitive": {"first": "uniform"}}},
    "coverage": {"score": "coverage"},
    "heads": {"score": "general", "num_heads": 2},
    "sparsemax": {"score": "dot", "select": "sparsemax"},
    "hard": {"select": "hard"},
    "monotonic": {"select": "monotonic"},
    "local_m": {"window": "local_m", "options": {"local_m": {"radius": 1}}},
    "local_p": {"window": "local_p", "options": {"local_p": {"radius": 2}}},
}
PLAIN = [name for name in models.DECODERS if "-deep-" not in name] + ["fixed-every", *models.HARD]
ADDITIVE = [(name, "additive") for name in PLAIN]
NORMALIZED = [(name, "normalized") for name in ("luong-fed", "bahdanau", "conditional")]
COMBINATIONS = [
    *ADDITIVE,
    *((name, each) for name in ("luong-fed", "conditional", "transformer") for each in MECHANISMS),
]
LENGTHS = [(5, 3), (0, 7), (3, 1), (7, 5), (1, 2)]  # one source is its end mark alone
LIMIT = LengthLimit(1.0, 6)


def config_of(decoder: str, mechanism: str = "additive", **model: Any) -> Config:
    known = models.DECODERS | models.FIXED | models.HARD
    return models.recipe(known[decoder], attention={"end": False} | MECHANISMS[mechanism], **model)


def model_of(config: Config, seed: int = 0) -> EncoderDecoder:
    model = models.small_model(config, seed)
    linear = models.linear_of(model)
    with torch.no_grad():
        linear.weight.mul_(4)
        linear.bias[END] += 1.0  # so that outputs end at different times
    return model


def without_position(model: EncoderDecoder, batch: Batch, row: int, source: int, target: int) -> tuple[Tensor, Tensor]:
    """Logits and weights of one row over a memory from which the end mark was cut."""
    tokens = batch.source[row : row + 1, : source + 1]
    whole = model.encoder(tokens, torch.ones_like(tokens, dtype=torch.bool))
    parts = {name: getattr(whole, name)[:, :source] for name in ("values", "keys", "mask", "spans")}
    prepared, state = model.begin(replace(whole, **parts))
    found = model.decoder(batch.inputs[row : row + 1, : target + 1], prepared, state)
    return model.logits(found)[0], found.weights[0]


@pytest.mark.parametrize(("name", "mechanism"), dict.fromkeys(COMBINATIONS))
def test_it_is_as_if_the_memory_had_no_such_position(name: str, mechanism: str) -> None:
    """In a batch with padding; so windows, lengths and what is remembered know of no end mark either."""
    model, batch = model_of(config_of(name, mechanism)), models.batch_of(LENGTHS, padding=2)
    with torch.inference_mode():
        unrolled = model(batch)
        logits = model.logits(unrolled)
    for row, (source, target) in enumerate(LENGTHS):
        assert (unrolled.weights[row, :, source:] == 0).all()
        assert logits[row, : target + 1].isfinite().all()
        if source:
            alone, weights = without_position(model, batch, row, source, target)
            torch.testing.assert_close(logits[row, : target + 1], alone, atol=1e-5, rtol=0)
            torch.testing.assert_close(unrolled.weights[row, : target + 1, :source], weights, atol=1e-6, rtol=0)


@pytest.mark.parametrize("encoder", [{"hidden_size": 7}, {"hidden_size": 7, "summary": "mean"}, models.TRANSFORMER])
def test_the_encoder_reads_it_all_the_same(encoder: dict[str, Any]) -> None:
    model, batch = models.small_model(config_of("luong", encoder=encoder)), models.batch_of(LENGTHS)
    with torch.inference_mode():
        hidden, whole = (each(batch.source, batch.source_mask) for each in (model.encode, model.encoder))
    assert isinstance(hidden, Memory)
    assert hidden.mask.sum(1).tolist() == [source for source, _ in LENGTHS]
    assert torch.equal(hidden.summary, whole.summary)
    assert torch.equal(hidden.values, whole.values)


@pytest.mark.parametrize(("name", "mechanism"), ADDITIVE + NORMALIZED)
def test_compiled_loops_have_the_gradients_of_the_plain_ones(name: str, mechanism: str) -> None:
    model, batch = models.small_model(config_of(name, mechanism)), models.batch_of(LENGTHS, padding=1)

    def gradients(forward: Any) -> tuple[Tensor, list[Tensor]]:
        unrolled = forward(batch)
        loss = model.logits(unrolled)[batch.target_mask].square().mean() + unrolled.weights.square().sum()
        return unrolled.weights, list(
            torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True, allow_unused=True)
        )

    weights, compiled = gradients(accelerated(model))
    expected, plain = gradients(model)
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)
    largest = max(float(gradient.abs().max()) for gradient in plain)
    for one, other in zip(compiled, plain, strict=True):
        assert one.isfinite().all()
        assert float((one - other).abs().max()) <= 1e-5 * largest


def searched(readers: Reader, size: int) -> list[Hypothesis]:
    """Two sentences at a time, the others entering where these have ended."""
    batch = models.batch_of(LENGTHS)
    begun = list(readers.read(batch.source, batch.source_mask, 2 if readers_join(readers) else 9))
    later = ((each.state, each.lengths) for each in begun[1:])
    first = begun[0]
    with torch.inference_mode():
        if size == 1:
            return greedy(first.step, first.state, first.lengths, limit=LIMIT, later=later)
        found = beam(first.step, first.state, first.lengths, size=size, coverage_penalty=0.2, limit=LIMIT, later=later)
        return [best for best, *_ in found]


def readers_join(readers: Reader) -> bool:
    """Whether its sentences can be searched beside others."""
    batch = models.batch_of(LENGTHS[:1])
    return next(readers.read(batch.source, batch.source_mask, 1)).joins


def same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.tokens == other.tokens
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize(("name", "mechanism"), ADDITIVE + NORMALIZED)
@pytest.mark.parametrize("size", [1, 3])
def test_searches_find_the_same_prepared_or_not_and_have_no_column_for_it(name: str, mechanism: str, size: int) -> None:
    model = model_of(config_of(name, mechanism))
    plain, prepared = (searched(Reader([each], ()), size) for each in (model, frozen(model)))
    same(prepared, plain)
    for found, (source, _) in zip(plain, LENGTHS, strict=True):
        assert found.weights.shape == (len(found.tokens), source)
        if source and name != "fixed-every":
            np.testing.assert_allclose(found.weights.sum(1), 1, atol=1e-5)
    batch = models.batch_of(LENGTHS)
    begun = next(Reader([frozen(model)], ()).read(batch.source, batch.source_mask, len(LENGTHS)))
    with torch.inference_mode():
        forced = force(begun.step, begun.state, begun.lengths, [found.tokens for found in plain])
    for one, other in zip(forced, plain, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("listed", [False, True], ids=["whole", "listed"])
@pytest.mark.parametrize("other", ["luong-fed", "transformer"])
def test_members_of_an_ensemble_may_differ(size: int, listed: bool, other: str) -> None:
    """The mean of the weights has a column for the end mark, with half of what the one that may look there gave it."""
    open_to_it = models.recipe(models.DECODERS[other], attention={"end": True})
    members = [model_of(config_of("luong-fed"), 1), model_of(open_to_it, 2)]
    starts = torch.arange(0, 5 * models.SOURCE_VOCABULARY + 1, 5)
    targets = torch.randint(4, models.TARGET_VOCABULARY, (int(starts[-1]),), generator=torch.Generator().manual_seed(0))
    lists = [Shortlist(torch.tensor([7, 11]), starts, targets, models.TARGET_VOCABULARY)] if listed else []
    together = searched(Reader([frozen(each) for each in members], lists), size)
    same(together, searched(Reader(members, lists), size))
    for found, (source, _) in zip(together, LENGTHS, strict=True):
        assert found.weights.shape == (len(found.tokens), source + 1)
        assert (found.weights[:, -1] > 0).all()
        np.testing.assert_allclose(found.weights.sum(1), 1 if source else 0.5, atol=1e-5)
