"""Decoders over several parts, each looked at by itself: training, stepping and search see the same."""

from typing import Any

import numpy as np
import pytest
import torch

from regard.alignment.io import from_record, to_record
from regard.alignment.parts import part_weights
from regard.compiled.programs import has_program
from regard.config import parse
from regard.data.several import SeveralTexts
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.options import SearchOptions
from regard.translator import Translator

SIDES = {"words": "a b c d e", "tags": "x y z"}
SOURCE = SeveralTexts({name: Tokenizer.train("symbols", [text], 20) for name, text in SIDES.items()})
TARGET = Tokenizer.train("symbols", ["f g h i"], 20)
TEXTS = ["a b c\tx y", "\tz", "d\t", "e d c b a\tz y x"]
each_decoder = pytest.mark.parametrize(
    "decoder",
    [{"kind": "bahdanau"}, {"kind": "luong"}, {"kind": "luong", "input_feeding": True}, {"kind": "conditional"}],
)


def recipe(decoder: dict[str, Any], **encoder: Any) -> dict[str, Any]:
    data = {"sources": [*SIDES], "columns": [*SIDES, "output"], "target_column": "output"}
    model = {"embedding_size": 11, "decoder": {"hidden_size": 13, **decoder}}
    return {"data": data, "model": model | {"encoder": {"hidden_size": 7, "combination": "hierarchical", **encoder}}}


def model(decoder: dict[str, Any], seed: int = 0) -> EncoderDecoder:
    torch.manual_seed(seed)
    built = build_model(parse(recipe(decoder), "recipe of a test").model, SOURCE, TARGET.size).eval()
    with torch.no_grad():
        built.tokens.output.weight.mul_(4)
        built.tokens.output.bias[2] += 1
    return built


@each_decoder
def test_search_and_given_targets_look_the_same(decoder: dict[str, Any]) -> None:
    built = model(decoder)
    assert not has_program(built.decoder)
    for beam_size in (1, 3):
        translator = Translator([built], SOURCE, TARGET, SearchOptions(beam_size=beam_size))
        for (found, *_), text in zip(translator.translate(TEXTS), TEXTS, strict=True):
            (given,) = translator.score(text, found.target_text)
            np.testing.assert_allclose(found.weights, given.weights, atol=1e-5)
            if found.target_end is not None:  # else it was cut
                assert found.score == pytest.approx(given.score, abs=1e-4)


def test_both_looks_are_in_the_alignment() -> None:
    translator = Translator([model({"kind": "bahdanau"})], SOURCE, TARGET, SearchOptions())
    found = translator.score(TEXTS[0], "f g h", units="tokens")[0]
    shares = part_weights(found)
    assert shares.shape == (3, 2)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(shares[:, 1], found.weights[:, 3:].sum(1), atol=1e-6)
    record = to_record(found)
    np.testing.assert_allclose(record["part_weights"], shares, atol=1e-6)
    assert from_record(record).source_parts == ("words", "tags")
    empty = part_weights(translator.score(TEXTS[1], "f")[0])
    assert empty[0, 0] == 0  # a part without a word is looked at in no way


@pytest.mark.parametrize("kind", ["transformer", "memory_network", "hard_attention", "fixed"])
def test_decoders_that_cannot_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=f"hierarchical and model.decoder.kind is {kind}; expected bahdanau, luong"):
        parse(recipe({"kind": kind, "hidden_size": 12}), "recipe")


def test_one_part_has_no_hierarchy() -> None:
    values = recipe({"kind": "luong"})
    values["data"] = {"features": ["tags"], "columns": ["source", "output", "tags"], "target_column": "output"}
    with pytest.raises(UsageError, match="combination is hierarchical, and one part is looked at; expected flat"):
        parse(values, "recipe")
    values["model"]["encoder"]["combination"] = "flatt"
    with pytest.raises(UsageError, match=r"combination is 'flatt'.*did you mean flat"):
        parse(values, "recipe")
