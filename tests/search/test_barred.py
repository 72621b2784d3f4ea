"""A token that is barred, as the unknown one is where it spells nothing, comes out of no search; it can be scored."""

from collections.abc import Callable
from typing import Any

import models
import pytest
import torch

from regard.compiled.freeze import frozen
from regard.data.batch import END
from regard.data.text import Vocabulary
from regard.marks import UNKNOWN
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.forced import force, rank
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.sampling import sample
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started

LIMIT = LengthLimit(1.0, 3)
SEARCHES: dict[str, Callable[[Started], list[list[Hypothesis]]]] = {
    "greedy": lambda begun: [[one] for one in greedy(*_given(begun), limit=LIMIT)],
    "beam": lambda begun: beam(*_given(begun), size=4, nbest=4, limit=LIMIT),
    "wider than the vocabulary": lambda begun: beam(*_given(begun), size=40, nbest=40, limit=LIMIT),
    "sampling": lambda begun: [
        [one] for one in sample(*_given(begun), seed=1, sentences=torch.arange(len(begun.lengths)), limit=LIMIT)
    ],
    "sampling the head": lambda begun: [
        [one]
        for one in sample(
            *_given(begun), seed=1, sentences=torch.arange(len(begun.lengths)), top_k=3, top_p=0.9, limit=LIMIT
        )
    ],
}


def _given(begun: Started) -> tuple[Any, Any, Any]:
    return begun.step, begun.state, begun.lengths


def built(decoder: str, barred: int | None, seed: int = 0) -> EncoderDecoder:
    """A model that would say the unknown token at every step."""
    torch.manual_seed(seed)
    recipe = models.recipe(models.DECODERS[decoder]).model
    model = build_model(recipe, Vocabulary(models.SOURCE_VOCABULARY), models.TARGET_VOCABULARY, barred=barred).eval()
    with torch.no_grad():
        model.tokens.output.bias[UNKNOWN] = 7.0
    return model


def begun(way: str, decoder: str, sentences: int, barred: int | None = UNKNOWN) -> Started:
    """What a search begins with, in each of the ways in which a search comes to its tokens."""
    made = [built(decoder, barred, seed) for seed in range(2 if way == "ensemble" else 1)]
    prepared = [model if way == "plain" else frozen(model) for model in made]
    target = torch.arange(4, models.TARGET_VOCABULARY)
    starts = torch.linspace(0, len(target), models.SOURCE_VOCABULARY + 1).long()
    shortlist = Shortlist(torch.tensor([5, 7]), starts, target, models.TARGET_VOCABULARY)
    source = models.batch_of([(2 + number % 5, 1) for number in range(sentences)])
    readers = Reader(prepared, [shortlist] if way == "listed" else [])
    (first,) = readers.read(source.source, source.source_mask, sentences)
    return first


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("sentences", [3, 20])  # few are followed by other code than many
@pytest.mark.parametrize("decoder", ["luong", "bahdanau", "transformer"])
@pytest.mark.parametrize("way", ["plain", "prepared", "ensemble", "listed"])
def test_it_comes_out_of_no_search(way: str, decoder: str, sentences: int, search: str) -> None:
    with torch.inference_mode():
        found = SEARCHES[search](begun(way, decoder, sentences))
        assert len(found) == sentences
        for hypotheses in found:
            assert hypotheses
            assert all(UNKNOWN not in one.tokens for one in hypotheses)
        if way != "listed":  # there, probabilities are those given that only listed tokens come
            first = [hypotheses[0] for hypotheses in found]
            scored = force(*_given(begun(way, decoder, sentences)), [list(one.tokens) for one in first])
            for one, again in zip(first, scored, strict=True):
                assert one.log_prob == pytest.approx(again.log_prob, abs=1e-3)


@pytest.mark.parametrize("way", ["plain", "prepared", "ensemble", "listed"])
def test_without_the_bar_it_would_come_out(way: str) -> None:
    with torch.inference_mode():
        found = SEARCHES["greedy"](begun(way, "luong", 3, barred=None))
    assert all(UNKNOWN in one.tokens for (one,) in found)


@pytest.mark.parametrize("width", [2, 100])
def test_it_is_no_alternative_to_what_came(width: int) -> None:
    with torch.inference_mode():
        (found,) = rank(*_given(begun("prepared", "luong", 1)), [[5, END]], width)
    assert UNKNOWN not in found.tokens
    assert found.tokens.shape[1] == min(width, models.TARGET_VOCABULARY - UNKNOWN)  # without padding and begin mark


def test_it_can_be_scored() -> None:
    with torch.inference_mode():
        (found,) = force(*_given(begun("prepared", "luong", 1)), [[UNKNOWN, END]])
    assert found.tokens[0] == UNKNOWN
    assert found.log_prob > -30
