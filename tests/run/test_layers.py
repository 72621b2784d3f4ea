"""Every look of a decoder that looks several times reaches the alignment, whatever found the output."""

import numpy as np
import pytest
import torch

from regard.config import Config, parse
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.options import SamplingOptions, SearchOptions
from regard.translator import Translator

STORIES = [
    "Mary went to the garden. John took the milk. Where is Mary?",
    "John took it. Where?",
    "A. b. c. d. e f. Is it a?",
    "Where is John?",  # a question without a story: there is nothing to look at
]
SOURCE = TextSource(Tokenizer.train("symbols", STORIES, 60), "punctuation")
TARGET = Tokenizer.train("symbols", ["garden kitchen milk John"], 20)
HOPS = ["hop 1", "hop 2", "hop 3"]


def recipe(**encoder: object) -> Config:
    model = {
        "embedding_size": 7,
        "encoder": {"kind": "hierarchical", "words": "positions", "sentences": "places", "question": True, **encoder},
        "decoder": {"kind": "memory_network", "hidden_size": 5},
        "attention": {"score": "dot"},
    }
    return parse({"data": {"source": {"sentences": "punctuation"}}, "model": model}, "recipe of a test")


def model(seed: int) -> EncoderDecoder:
    torch.manual_seed(seed)
    return build_model(recipe().model, SOURCE, TARGET.size)


def translator(*seeds: int, beam: int = 1) -> Translator:
    return Translator([model(seed) for seed in seeds], SOURCE, TARGET, SearchOptions(beam_size=beam, batch_size=2))


@pytest.mark.parametrize("seeds", [(1,), (1, 2)], ids=["one", "ensemble"])
@pytest.mark.parametrize("beam", [1, 3])
def test_every_hop_is_there_and_the_last_is_the_weights(seeds: tuple[int, ...], beam: int) -> None:
    found = translator(*seeds, beam=beam).translate(STORIES, nbest=beam)
    for story, group in zip(STORIES, found, strict=True):
        for one in group:
            assert [layer.name for layer in one.layers] == HOPS
            assert [story[unit.start : unit.end] for unit in one.source] == [unit.text for unit in one.source]
            assert len(one.source) == story.count(".")
            np.testing.assert_allclose(one.layers[-1].weights, one.weights, atol=1e-6)
            for layer in one.layers if one.source else ():
                np.testing.assert_allclose(layer.weights.sum(1), 1, atol=1e-5)
        forced = translator(*seeds).score([story] * len(group), [one.target_text for one in group])
        for one, other in zip(group, forced, strict=True):
            for layer, same in zip(one.layers, other.layers, strict=True):
                np.testing.assert_allclose(layer.weights, same.weights, atol=1e-6)


def test_hops_differ_and_those_of_an_ensemble_are_the_means() -> None:
    together, *alone = (translator(*seeds).score(STORIES[:1], ["milk garden"])[0] for seeds in ((1, 2), (1,), (2,)))
    for number, layer in enumerate(together.layers):
        mean = (alone[0].layers[number].weights + alone[1].layers[number].weights) / 2
        np.testing.assert_allclose(layer.weights, mean, atol=1e-6)
    assert not np.allclose(together.layers[0].weights, together.layers[1].weights, atol=1e-4)


def test_what_is_drawn_has_its_hops() -> None:
    drawn = translator(1).sample(STORIES[:2], SamplingOptions(seed=3))
    assert [[layer.name for layer in one.layers] for one in drawn] == [HOPS, HOPS]


def test_an_encoder_of_sentences_has_to_know_them() -> None:
    values = {"model": {"encoder": {"kind": "hierarchical"}}}
    for source in ({}, {"kind": "recording"}):
        with pytest.raises(
            UsageError, match=r"reads sentences, and data.source says of none; expected data.source.sent"
        ):
            parse(values | {"data": {"source": source}}, "recipe")
    with pytest.raises(UsageError, match="hops belongs to the memory_network decoder; expected no such key for luong"):
        parse({"model": {"decoder": {"hops": 2}}}, "recipe")
    with pytest.raises(UsageError, match=r"model.decoder.hops is 0: input should be greater than or equal to 1"):
        parse({"model": {"decoder": {"kind": "memory_network", "hops": 0}}}, "recipe")
