"""All that was looked at is shown: rows with the end mark sum to what the mechanism says."""

import models
import numpy as np
import pytest
import torch

from regard.attention import SELECTIONS
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.search.options import SearchOptions
from regard.translator import Translator
from regard.views.labels import cells, nothing_to_draw

TEXTS = ["the cat saw the dog.", "a dog", "the small cat and the dog and the bird sang.", "猫 bird"]
SOURCE = Tokenizer.train("bpe", TEXTS * 3, 290)
TARGET = Tokenizer.train("symbols", ["A B C D E F G"], 40)
CHOICES = [({"kind": kind}, select, "global") for kind in ("bahdanau", "luong", "conditional") for select in SELECTIONS]
CHOICES += [({"kind": "transformer", "num_heads": 2}, select, "global") for select in ("softmax", "sparsemax")]
CHOICES += [({"kind": "luong"}, "softmax", window) for window in ("local_m", "local_p")]


def translator(decoder: dict, **attention: str | bool) -> Translator:
    torch.manual_seed(3)
    config = models.recipe(decoder, attention=attention) if attention else models.recipe(decoder)
    model = build_model(config.model, Vocabulary(SOURCE.size), TARGET.size)
    with torch.no_grad():
        model.decoder.tokens.output.bias[2] += 1  # outputs end, most of them
    return Translator([model], TextSource(SOURCE), TARGET, SearchOptions(beam_size=2))


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize(("decoder", "select", "window"), CHOICES, ids=str)
def test_rows_sum_to_what_the_mechanism_says(decoder: dict, select: str, window: str, end: bool) -> None:
    model = translator(decoder, score="additive", select=select, window=window, end=end)
    ended = 0
    for units in ("tokens", "words", "auto"):
        found = [best for best, *_ in model.translate(TEXTS, units=units)]
        found += model.score(TEXTS, ["A B", "C", "", "G F E D"], units=units)
        for alignment in found:
            assert (alignment.source_end is not None) == end
            sums = cells(alignment).sum(1)
            if window == "local_p" or select == "monotonic":  # these may look at less than one
                assert (sums <= 1 + 1e-5).all()
            else:
                np.testing.assert_allclose(sums, 1, atol=1e-5)
            ended += alignment.target_end is not None
    assert ended >= 12  # each of the given outputs, at the least, has the row that wrote its end


@pytest.mark.parametrize("decoder", models.FIXED.values(), ids=str)
def test_where_nothing_is_looked_at_the_views_say_so(decoder: dict) -> None:
    for alignment in translator(decoder).score(TEXTS, ["A B"] * 4):
        assert not cells(alignment).any()
        assert nothing_to_draw(alignment) == "Nothing to draw: no word of the source was looked at."


def test_python_and_the_commands_have_one_rule_for_units() -> None:
    model = translator({"kind": "luong"})
    auto, tokens, words = (
        [best for best, *_ in model.translate(["the old cat 猫猫 sang."], units=units)]
        for units in ("auto", "tokens", "words")
    )
    assert [unit.text for unit in words[0].source] == ["the", "old", "cat", "猫猫", "sang."]
    assert [unit.text for unit in auto[0].source] == ["the", "old", "cat", "猫", "猫", "sang."]
    assert len(tokens[0].source) > len(auto[0].source)
    assert [unit.text for unit in model.translate(["the old cat 猫猫 sang."])[0][0].source] == [
        unit.text for unit in auto[0].source
    ]
    with pytest.raises(ValueError, match=r"units is 'letters'; expected one of words, tokens, auto"):
        model.translate(["a"], units="letters")
