"""Steps that follow each other in compiled code are those taken one by one."""

from functools import partial
from typing import Any

import models
import pytest
import torch

from regard.data.batch import BEGIN, END
from regard.decoders import inference
from regard.decoders.following import Several, comes_to_features, follow_one_by_one
from regard.decoders.looking import Looking, advance
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.search.greedy import greedy
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import ListedState, ListedStep
from regard.search.step_function import ProjectedStep

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
    if not inference.steps_serve():
        pytest.skip("nothing is compiled")


def begun(decoder: dict[str, Any], rows: int, eager: float = 1.0) -> tuple[Any, Looking, torch.Tensor]:
    """A prepared decoder, its first state, and the tokens before the first."""
    model, batch = models.small_model(models.recipe(decoder)), models.batch_of(LENGTHS[:rows])
    with torch.no_grad():
        model.decoder.tokens.output.weight.mul_(4)
        model.decoder.tokens.output.bias[END] += eager
    model = model.for_inference()
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
    return model.decoder, Looking(state, source), torch.full((rows,), BEGIN)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("most", [1, 2, 30])
def test_they_are_the_same(name: str, rows: int, most: int) -> None:
    decoder, looking, tokens = begun(KNOWN[name], rows)
    assert comes_to_features(decoder)
    with torch.inference_mode():
        argmax = decoder.tokens.argmax(rows)
        one = Several(decoder).follow(argmax, tokens, looking, most)
        other = follow_one_by_one(partial(advance, decoder), argmax, tokens, looking, most)
        assert one is not None
        assert other is not None
        assert 0 < one.tokens.size(1) <= most
        for part in ("tokens", "features", "weights"):
            assert torch.equal(getattr(one, part), getattr(other, part))
        first, second = one.state.state, other.state.state
        pairs = [(getattr(first.history, name), each) for name, each in vars(second.history).items()]
        pairs += [(first.fed, second.fed), (first.cells.hidden, second.cells.hidden)]
        assert all(torch.equal(*pair) for pair in [*pairs, (first.cells.memory, second.cells.memory)])


@pytest.mark.parametrize("name", KNOWN)
def test_they_stop_where_a_row_ends(name: str) -> None:
    decoder, looking, tokens = begun(KNOWN[name], 3)
    with torch.inference_mode():
        found = Several(decoder).follow(decoder.tokens.argmax(3), tokens, looking, 100)
    assert found is not None
    ended = (found.tokens == END).any(0)
    assert found.tokens.size(1) == 100 or ended[-1]
    assert not ended[:-1].any()


def agree(step: Any, state: Any, lengths: torch.Tensor) -> None:
    """To the last bit, although probabilities are worked out behind."""
    limit = LengthLimit(1.0, 12)
    assert step.walk(torch.full_like(lengths, BEGIN), state, 5) is not None
    quick, slow = (greedy(each, state, lengths, limit=limit) for each in (step, models.Single(step)))
    for one, other in zip(quick, slow, strict=True):
        assert (one.tokens, one.log_prob, one.score) == (other.tokens, other.log_prob, other.score)
        assert (one.weights == other.weights).all()


@pytest.mark.parametrize("name", [*KNOWN, *OTHERS])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("listed", [False, True], ids=["whole", "listed"])
def test_a_greedy_search_finds_what_it_finds_step_by_step(name: str, rows: int, listed: bool) -> None:
    decoder, looking, _ = begun((KNOWN | OTHERS)[name], rows)
    moving = partial(advance, decoder)
    several = Several(decoder) if comes_to_features(decoder) else None
    lengths = looking.source.mask.sum(1)
    with torch.inference_mode():
        if not listed:
            agree(ProjectedStep(moving, decoder.tokens, several), looking, lengths)
            return
        layer, common = decoder.tokens.output, torch.tensor([END, 5, 9])
        allowed = torch.rand(rows, layer.size, generator=torch.Generator().manual_seed(0)) < 0.5
        allowed |= torch.arange(layer.size) == END
        lists = Lists.of(*allowed.numpy().nonzero(), rows, common)
        step = ListedStep(moving, ListedOutput(layer.weight, layer.bias, common), several)
        agree(step, ListedState.start(looking, lists), lengths)


def test_a_decoder_that_bends_what_its_program_makes_is_followed_step_by_step() -> None:
    assert not comes_to_features(begun(OTHERS["bahdanau"], 1)[0])
    assert not comes_to_features(begun(OTHERS["deep"], 1)[0])


def test_what_is_not_finite_is_not_followed() -> None:
    decoder, looking, tokens = begun(KNOWN["luong"], 2)
    with torch.inference_mode():
        argmax = decoder.tokens.argmax(2)
        broken = Looking(looking.state, type(looking.source)(**vars(looking.source)))
        broken.source.values.fill_(torch.nan)
        assert Several(decoder).follow(argmax, tokens, broken, 5) is None
        assert follow_one_by_one(partial(advance, decoder), argmax, tokens, broken, 5) is None


def test_many_rows_are_not_followed() -> None:
    decoder, *_ = begun(KNOWN["luong"], 1)
    with torch.inference_mode():
        assert decoder.tokens.argmax(argmax_rows := inference.MOST_ROWS) is not None
        assert decoder.tokens.argmax(argmax_rows + 1) is None
