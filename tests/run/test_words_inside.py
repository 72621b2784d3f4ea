"""The weights of words inside their sentences reach the alignment, whatever decoder reads them and whatever finds the
output."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import regard
from regard.alignment import Alignment
from regard.config import parse
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.length_limit import LengthLimit
from regard.search.options import SamplingOptions, SearchOptions
from regard.translator import Translator

STORIES = [
    "Mary went to the garden. John took the milk. Where is Mary?",
    "John took it. Where?",
    "Mary.",
    "A bee, Zoë. b. went took. d! 他在花园里。milk e f. Is it?",
]
SOURCE = TextSource(Tokenizer.train("bpe", STORIES[:2], 300), "punctuation")
TARGET = Tokenizer.train("symbols", ["garden kitchen milk John"], 20)
DECODERS: dict[str, dict[str, Any]] = {
    "memory_network": {"decoder": {"kind": "memory_network", "hidden_size": 5}, "attention": {"score": "dot"}},
    "luong": {"decoder": {"kind": "luong", "hidden_size": 6}},
    "bahdanau": {"decoder": {"kind": "bahdanau", "hidden_size": 6}},
    "transformer": {"decoder": {"kind": "transformer", "hidden_size": 8, "num_heads": 2, "num_layers": 1}},
}
EACH = pytest.mark.parametrize("decoder", DECODERS)


def model(seed: int, decoder: str = "luong", **encoder: Any) -> EncoderDecoder:
    torch.manual_seed(seed)
    sections = {"embedding_size": 8, "encoder": {"kind": "hierarchical", "hidden_size": 4, **encoder}}
    values = {"data": {"source": {"sentences": "punctuation"}}, "model": sections | DECODERS[decoder]}
    return build_model(parse(values, "recipe of a test").model, SOURCE, TARGET.size)


def translator(*models: EncoderDecoder, beam: int = 1) -> Translator:
    return Translator(
        list(models), SOURCE, TARGET, SearchOptions(beam_size=beam, batch_size=3, limit=LengthLimit(0.0, 3))
    )


def same(found: Iterable[Alignment], expected: Sequence[Alignment]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert [word[:4] for word in one.inside] == [word[:4] for word in other.inside]
        assert [word.weight for word in one.inside] == pytest.approx([word.weight for word in other.inside], abs=1e-6)


@EACH
def test_they_are_there_however_the_output_is_found_and_in_any_company(decoder: str) -> None:
    made = model(1, decoder)
    one_by_one = [translator(made).translate(story)[0][0] for story in STORIES]
    same([group[0] for group in translator(made).translate(STORIES)], one_by_one)
    for group, expected in zip(translator(made, beam=3).translate(STORIES, nbest=3), one_by_one, strict=True):
        same(group, [expected] * len(group))
    same(translator(made).score(STORIES, ["milk garden"] * len(STORIES)), one_by_one)
    same(translator(made).sample(STORIES, SamplingOptions(seed=2)), one_by_one)


@pytest.mark.parametrize("units", ["tokens", "auto"])
def test_words_stand_in_their_sentences_and_weigh_one(units: str) -> None:
    for story, (found,) in zip(STORIES, translator(model(1)).translate(STORIES, units=units), strict=True):
        totals = np.zeros(len(found.source))
        for word in found.inside:
            unit = found.source[word.unit]
            assert unit.start <= word.start < word.end <= unit.end
            assert story[word.start : word.end].strip() == word.text.strip()
            totals[word.unit] += word.weight
        np.testing.assert_allclose(totals, 1, atol=1e-5)
        assert "".join(word.text.strip() for word in found.inside) == "".join(story.split())
        np.testing.assert_allclose(found.word_weights.sum(1), found.weights.sum(1), atol=1e-5)


def test_words_are_those_of_the_text_and_without_spaces_the_tokens() -> None:
    (found,) = translator(model(1)).translate(STORIES[3])[0]
    assert [word.text for word in found.inside if word.unit == 0] == ["A", "bee,", "Zoë."]
    assert [word.text for word in found.inside if word.unit == 4] == list("他在花园里。")


def test_a_question_is_no_unit_and_has_no_words_here() -> None:
    found = translator(model(1, "memory_network", question=True)).translate(STORIES[0])[0][0]
    assert len(found.source) == 2
    assert found.inside[-1].text == "milk."
    assert {word.unit for word in found.inside} == {0, 1}
    assert all(layer.weights.shape == (len(found.target), 2) for layer in found.layers)


def test_those_of_an_ensemble_are_the_means_of_all_its_models() -> None:
    first, second = model(1), model(2)
    alone = [translator(each).score(STORIES, [""] * 4) for each in (first, second)]
    assert alone[0][0].inside != alone[1][0].inside
    together = translator(first, second).score(STORIES, [""] * 4)
    for found, one, other in zip(together, *alone, strict=True):
        mean = [(a.weight + b.weight) / 2 for a, b in zip(one.inside, other.inside, strict=True)]
        same([found], [replace(one, inside=tuple(w._replace(weight=m) for w, m in zip(one.inside, mean, strict=True)))])
    mixed = translator(first, model(2, words="positions")).score(STORIES[:1], [""])
    assert mixed[0].inside == ()  # one of the two has none


def test_an_encoder_that_does_not_pool_has_none() -> None:
    for found in translator(model(1, words="positions")).translate(STORIES):
        assert found[0].inside == ()


def test_the_example_of_the_docs_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if ".inside" in code]
    monkeypatch.setattr(regard, "load", lambda path: translator(model(1)))
    exec(example, {})
    said = capsys.readouterr().out.splitlines()
    assert [line.split(".")[0] for line in said][:3] == ["Nobody knew", "Nobody knew", "We saw the violin"]
    assert len(said) == 9
