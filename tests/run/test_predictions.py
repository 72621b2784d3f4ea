"""The probability of each token of an output: together they are what the search reports, however it was found."""

import math

import models
import pytest
import torch

from regard.alignment.predictions import spelling
from regard.data.batch import END
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.search.options import SamplingOptions, SearchOptions
from regard.search.shortlist import Shortlist
from regard.search.start import Reader
from regard.translator import Translator

TEXTS = ["the cat saw the dog .", "a dog", "the small cat and the dog and the bird sang .", "  ", "bird"]
SOURCE = Tokenizer.train("bpe", TEXTS * 3, 300)
SYMBOLS = Tokenizer.train("symbols", ["A B C D E F G"], 40)
BYTES = Tokenizer.train("characters", ["猫猫A"], 261)  # one character, and the 256 bytes
WIDTH = 4


def translator(
    decoder: dict, beam_size: int, seeds: tuple[int, ...] = (0,), *, listed: bool = False, fast: bool = False
) -> Translator:
    """Of models whose outputs differ from source to source and end in time, most of them."""
    built = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = build_model(models.recipe(decoder).model, Vocabulary(SOURCE.size), SYMBOLS.size).eval()
        with torch.no_grad():
            model.decoder.tokens.output.weight.mul_(4)
            model.decoder.tokens.output.bias[END] += 2
        built.append(model)
    starts = torch.zeros(SOURCE.size + 1, dtype=torch.long)
    some = Shortlist(torch.tensor([5, 7, 8]), starts, starts[:0], SYMBOLS.size)
    shortlists = [some] if listed else []
    made = Translator(built, TextSource(SOURCE), SYMBOLS, SearchOptions(beam_size=beam_size), shortlists)
    if not fast:
        made._reader = Reader(made.models, shortlists)  # the models as they were built
    return made


ONE, TWO = (0,), (0, 1)
DECODERS = models.DECODERS | models.FIXED
CASES = [(name, ONE, False, True) for name in DECODERS if "-deep" not in name]
CASES += [("luong", TWO, False, True), ("luong", ONE, True, True), ("bahdanau", TWO, True, True)]
CASES += [("luong-fed", ONE, False, False), ("luong-fed", TWO, True, False)]


@pytest.mark.parametrize(("name", "seeds", "listed", "fast"), CASES, ids=str)
def test_probabilities_multiply_to_that_of_the_output(
    name: str, seeds: tuple[int, ...], listed: bool, fast: bool
) -> None:
    for beam_size in (1, 3):
        model = translator(DECODERS[name], beam_size, seeds, listed=listed, fast=fast)
        plain = model.translate(TEXTS, beam_size)
        for group, others in zip(model.translate(TEXTS, beam_size, alternatives=WIDTH), plain, strict=True):
            for found, other in zip(group, others, strict=True):
                assert (found.target_text, found.score, other.predictions) == (other.target_text, other.score, ())
                assert len(found.predictions) == len(found.target) + (found.target_end is not None)
                total = sum(math.log(each.probability) for each in found.predictions)
                assert total == pytest.approx(found.score, abs=2e-5 * max(1, len(found.predictions)))
                for place, each in enumerate(found.predictions):
                    assert each.unit == place
                    assert each.text == (found.target[place].text if place < len(found.target) else "")
                    probs = [probability for _, probability in each.alternatives]
                    assert probs == sorted(probs, reverse=True)
                    assert len(probs) == WIDTH
                    assert sum(probs) <= 1 + 1e-5
                    if beam_size == 1:
                        assert each.alternatives[0] == (each.text, each.probability)
                    if listed:
                        names = {"", *SYMBOLS.tokens([3, 5, 7, 8])}
                        assert {text for text, _ in each.alternatives} <= names


def test_given_and_drawn_outputs_have_them_too() -> None:
    model = translator({"kind": "luong"}, 1)
    drawn = model.sample(TEXTS, SamplingOptions(seed=3), alternatives=2)
    scored = model.score(["a dog", "", "bird"], ["C A B", "D", ""], alternatives=2)
    assert [each.text for each in scored[0].predictions] == ["C", "A", "B", ""]
    assert len(scored[2].predictions) == 1
    for found in (*drawn, *scored):
        assert sum(math.log(each.probability) for each in found.predictions) == pytest.approx(found.score, abs=1e-3)
    with pytest.raises(ValueError, match="alternatives is -1; expected at least 0"):
        model.translate(["a dog"], alternatives=-1)


def test_bytes_of_one_character_are_parts_of_one_unit() -> None:
    torch.manual_seed(0)
    built = build_model(models.recipe({"kind": "luong"}).model, Vocabulary(SOURCE.size), BYTES.size)
    (found,) = Translator([built], TextSource(SOURCE), BYTES, SearchOptions()).score(
        ["a dog"], ["猫é猫A"], alternatives=1
    )
    assert [unit.text for unit in found.target] == ["猫", "é", "猫", "A"]
    assert [(each.text, each.unit) for each in found.predictions] == [
        ("猫", 0), ("<0xC3>", 1), ("<0xA9>", 1), ("猫", 2), ("A", 3), ("", 4),
    ]  # fmt: skip
    assert spelling(3, BYTES) == spelling(3, SYMBOLS) == "<unk>"
