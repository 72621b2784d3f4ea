"""Steps that follow each other in compiled code are those taken one by one."""

from dataclasses import replace
from functools import partial
from typing import Any

import models
import pytest
import torch

from regard.compiled.decoder import CompiledDecoder
from regard.compiled.freeze import FrozenModel
from regard.compiled.greedy_steps import in_one_call, one_by_one
from regard.compiled.output_step import OutputStep
from regard.compiled.shortlist_step import CompiledShortlistStep
from regard.compiled.step import steps_serve
from regard.data.batch import BEGIN, END
from regard.decoders.sourced_state import SourcedState
from regard.kernels.argmax_int8 import MAX_ROWS
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.search.greedy import greedy
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import ShortlistState
from regard.search.step_function import advance

KNOWN: dict[str, dict[str, Any]] = {
    "luong": {"kind": "luong"},
    "unfed": {"kind": "luong", "input_feeding": False},
    "lstm": {"kind": "luong", "cell": "lstm"},
    "conditional": {"kind": "conditional"},
}
OTHERS: dict[str, dict[str, Any]] = {"bahdanau": {"kind": "bahdanau"}, "deep": {"kind": "luong", "num_layers": 2}}
LENGTHS = [(5, 1), (1, 1), (3, 1), (7, 1)]


@pytest.fixture(autouse=True)
def _compiled() -> None:
    if not steps_serve():
        pytest.skip("nothing is compiled")


def begun(decoder: dict[str, Any], rows: int, eager: float = 1.0) -> tuple[FrozenModel, SourcedState, torch.Tensor]:
    """A frozen model, its first state, and the tokens before the first."""
    model, batch = models.small_model(models.recipe(decoder)), models.batch_of(LENGTHS[:rows])
    with torch.no_grad():
        model.decoder.tokens.output.weight.mul_(4)
        model.decoder.tokens.output.bias[END] += eager
    model = FrozenModel(model)
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
    return model, SourcedState(state, source), torch.full((rows,), BEGIN)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("most", [1, 2, 30])
def test_they_are_the_same(name: str, rows: int, most: int) -> None:
    model, state, tokens = begun(KNOWN[name], rows)
    assert finds_features(model)
    with torch.inference_mode():
        argmax = model.tokens.argmax(rows)
        one = in_one_call(model.decoder, argmax, tokens, state, most)
        other = one_by_one(partial(advance, model.decoder), argmax, tokens, state, most)
        assert one is not None
        assert other is not None
        assert 0 < one.tokens.size(1) <= most
        for part in ("tokens", "features", "weights"):
            assert torch.equal(getattr(one, part), getattr(other, part))
        for name in ("hidden", "memory", "fed"):
            assert torch.equal(getattr(one.state.state, name), getattr(other.state.state, name))


@pytest.mark.parametrize("name", KNOWN)
def test_they_stop_where_a_row_ends(name: str) -> None:
    model, state, tokens = begun(KNOWN[name], 3)
    with torch.inference_mode():
        found = in_one_call(model.decoder, model.tokens.argmax(3), tokens, state, 100)
    assert found is not None
    ended = (found.tokens == END).any(0)
    assert found.tokens.size(1) == 100 or ended[-1]
    assert not ended[:-1].any()


def agree(step: Any, state: Any, lengths: torch.Tensor) -> None:
    """To the last bit, although probabilities are worked out behind."""
    limit = LengthLimit(1.0, 12)
    assert step.greedy_steps(torch.full_like(lengths, BEGIN), state, 5) is not None
    quick, slow = (greedy(each, state, lengths, limit=limit) for each in (step, models.Single(step)))
    for one, other in zip(quick, slow, strict=True):
        assert (one.tokens, one.log_prob, one.score) == (other.tokens, other.log_prob, other.score)
        assert (one.weights == other.weights).all()


@pytest.mark.parametrize("name", [*KNOWN, *OTHERS])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("listed", [False, True], ids=["whole", "listed"])
def test_a_greedy_search_finds_what_it_finds_step_by_step(name: str, rows: int, listed: bool) -> None:
    model, state, _ = begun((KNOWN | OTHERS)[name], rows)
    lengths = state.source.mask.sum(1)
    with torch.inference_mode():
        if not listed:
            agree(OutputStep(model.decoder, model.tokens), state, lengths)
            return
        layer, common = model.tokens.output, torch.tensor([END, 5, 9])
        allowed = torch.rand(rows, layer.size, generator=torch.Generator().manual_seed(0)) < 0.5
        allowed |= torch.arange(layer.size) == END
        lists = Lists.of(*allowed.numpy().nonzero(), rows, common)
        step = CompiledShortlistStep(model.decoder, ListedOutput(layer.weight, layer.bias, common))
        agree(step, ShortlistState.start(state, lists), lengths)


def finds_features(model: FrozenModel) -> bool:
    return isinstance(model.decoder, CompiledDecoder) and model.decoder.finds_features


def test_a_decoder_that_computes_more_than_its_program_takes_one_step_a_call() -> None:
    assert not finds_features(begun(OTHERS["bahdanau"], 1)[0])
    assert not finds_features(begun(OTHERS["deep"], 1)[0])


def test_what_is_not_finite_is_not_followed() -> None:
    model, state, tokens = begun(KNOWN["luong"], 2)
    with torch.inference_mode():
        argmax = model.tokens.argmax(2)
        broken = replace(state, source=replace(state.source))
        broken.source.values.fill_(torch.nan)
        assert in_one_call(model.decoder, argmax, tokens, broken, 5) is None
        assert one_by_one(partial(advance, model.decoder), argmax, tokens, broken, 5) is None


def test_many_rows_are_not_followed() -> None:
    model, *_ = begun(KNOWN["luong"], 1)
    with torch.inference_mode():
        assert model.tokens.argmax(MAX_ROWS) is not None
        assert model.tokens.argmax(MAX_ROWS + 1) is None
