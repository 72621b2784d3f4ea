"""Exact hard attention from text to alignment: the weights of an output are the same whatever it came from."""

import models
import numpy as np
import pytest
import torch

from regard.alignment.alignment import Alignment
from regard.config import parse
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.latent import WEIGHTS
from regard.run.directory import search_options
from regard.search.options import SamplingOptions, SearchOptions
from regard.translator import Translator

TEXTS = ["a b c d", "c", "b a d c b", " ", "zzz zzz"]
SYMBOLS = Tokenizer.train("symbols", ["a b c d e f g"], 40)
KINDS = pytest.mark.parametrize("weights", WEIGHTS)


def model(kind: str = "hard-monotonic-moves", seed: int = 0) -> EncoderDecoder:
    torch.manual_seed(seed)
    decoder = models.HARD.get(kind) or models.DECODERS[kind]
    built = build_model(models.recipe(decoder).model, Vocabulary(SYMBOLS.size), SYMBOLS.size)
    with torch.no_grad():
        models.linear_of(built).weight.mul_(4)
        models.linear_of(built).bias[2] += 1
    return built


def translator(weights: str, *built: EncoderDecoder, beam_size: int = 3) -> Translator:
    options = SearchOptions(beam_size=beam_size, weights=weights)
    return Translator(list(built) or [model()], TextSource(SYMBOLS), SYMBOLS, options)


def same(one: Alignment, other: Alignment) -> None:
    assert one.target_text == other.target_text
    assert one.target_end is not None
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
    np.testing.assert_allclose(one.target_end, other.target_end, atol=1e-5)


@KINDS
def test_search_sampling_and_given_targets_say_the_same(weights: str) -> None:
    for made in (translator(weights), translator(weights, beam_size=1), translator(weights, model(), model(seed=1))):
        best = [best for best, *_ in made.translate(TEXTS)]
        drawn = made.sample(TEXTS, SamplingOptions(seed=4))
        for found in (best, drawn):
            read = [one for one in found if one.source and one.target_end is not None]
            assert len(read) > 2
            given = made.score([one.source_text for one in read], [one.target_text for one in read])
            for one, other in zip(read, given, strict=True):
                same(one, other)
                same(made.score(one.source_text, one.target_text)[0], other)  # alone, too


def test_weights_change_and_outputs_do_not() -> None:
    made = [translator(kind) for kind in WEIGHTS]
    found = [[(one.target_text, one.score) for group in each.translate(TEXTS, 2) for one in group] for each in made]
    assert found[0] == found[1] == found[2]
    posterior, viterbi, prior = (each.score("a b c d", "d c b a")[0].weights for each in made)
    assert set(np.unique(viterbi)) <= {0.0, 1.0}
    assert np.abs(posterior - prior).max() > 1e-3
    assert np.all(np.diff(viterbi.argmax(1)) >= 0)  # a monotonic decoder never goes back
    torch.testing.assert_close(torch.tensor(posterior).sum(1), torch.ones(len(posterior)))


def test_an_ensemble_has_the_mean_of_its_members() -> None:
    members = model(), model(seed=1), model("luong", seed=2)
    alone = [translator("posterior", each).score("a b c d", "d c b")[0].weights for each in members]
    together = translator("posterior", *members).score("a b c d", "d c b")[0].weights
    np.testing.assert_allclose(together, np.mean(alone, 0), atol=1e-5)


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights is 'max'; expected one of posterior, viterbi, prior"):
        translator("max")
    with pytest.raises(UsageError, match=r"search\.weights is viterbi; expected no such key for the luong decoder"):
        parse({"search": {"weights": "viterbi"}}, "recipe")
    hard = {"model": {"decoder": {"kind": "hard_attention"}}, "search": {"weights": "viterbi"}}
    assert search_options(parse(hard, "recipe")).weights == "viterbi"
